#include "sync/vector.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "model/cbor.hpp"

namespace airbridge::sync {

std::optional<std::uint64_t> fork_cut(const model::VersionVector& held, const model::StreamId& stream,
                                      const LogView& log) {
  // In the order of the map a base stream stands before its branches, and these by where they begin.
  const auto base = stream.base();
  std::uint64_t from = 0;
  std::optional<Head8> first;
  for (auto it = held.upper_bound(base); it != held.end() && it->first.base() == base; ++it) {
    const auto& branch = it->first.branch;
    if (branch.from != from) {
      from = branch.from;
      first = branch.head;
      if (held_of(held, base) >= from) {
        const auto own = log.chain_at(base, from);
        if (own && head_start<8>(*own) != branch.head) return from - 1;
      }
    } else if (branch.head != *first) {
      return from - 1;
    }
  }
  return std::nullopt;
}

model::VersionVector cut_at_forks(model::VersionVector held, const LogView& log) {
  const auto forks = proven_forks(held, log);
  for (auto& [stream, seq] : held) {
    const auto fork = forks.find(stream.base());
    if (stream.is_branch()) {
      if (fork == forks.end() || stream.branch.from != fork->second) seq = 0;
    } else if (fork != forks.end()) {
      seq = std::min(seq, fork->second - 1);
    }
  }
  std::erase_if(held, [](const auto& item) { return item.second == 0; });
  return held;
}

std::map<model::StreamId, std::uint64_t> proven_forks(const model::VersionVector& held, const LogView& log) {
  std::map<model::StreamId, std::uint64_t> out;
  const model::StreamId* asked = nullptr;
  for (const auto& [stream, seq] : held) {
    if (!stream.is_branch() || (asked != nullptr && asked->base() == stream.base())) continue;
    asked = &stream;  // one branch asks for all of its stream
    if (const auto cut = fork_cut(held, stream, log)) out[stream.base()] = *cut + 1;
  }
  return out;
}

namespace {
Digest digest(const HeldVector& vector, bool with_heads) {
  Bytes bytes;
  bytes.reserve(vector.size() * 40);
  model::cbor::Writer out(bytes);
  for (const auto& [stream, held] : vector) {
    model::put_stream(bytes, stream);
    out.uint(held.seq);
    if (with_heads) out.bytes(held.head.value_or(Head4{}));
  }
  return blake2b<8>({bytes});
}
}  // namespace

Digest digest_of(const HeldVector& vector) { return digest(vector, true); }
Digest numbers_digest_of(const HeldVector& vector) { return digest(vector, false); }

}  // namespace airbridge::sync
