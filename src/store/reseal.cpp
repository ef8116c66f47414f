#include "store/reseal.hpp"

namespace airbridge::store {

StoreResult<std::size_t> seal_own_events(Log& log, const trust::SigningKey& key, UtcTime now) {
  std::size_t sealed = 0;
  for (const auto& [stream, head] : log.heads()) {
    if (stream.writer.author != key.id() || stream.is_branch() || head.sealed_seq >= head.contiguous) continue;
    const auto chain = log.chain_at(stream, head.contiguous);
    if (!chain) continue;  // damaged just now
    const auto seal = trust::make_seal(key, log.meta().incident, stream, head.contiguous, *chain);
    if (auto appended = log.append_seal(seal, now); !appended) return failure(appended.error());
    ++sealed;
  }
  if (auto synced = log.sync(now); !synced) return failure(synced.error());
  return sealed;
}

}  // namespace airbridge::store
