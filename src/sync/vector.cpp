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
  model::VersionVector out = held;
  for (auto it = held.begin(); it != held.end(); ++it) {
    if (!it->first.is_branch() ||
        (it != held.begin() && std::prev(it)->first.base() == it->first.base() && std::prev(it)->first.is_branch())) {
      continue;  // only the first branch of each stream asks
    }
    const auto cut = fork_cut(held, it->first, log);
    if (const auto base = out.find(it->first.base()); cut && base != out.end()) {
      base->second = std::min(base->second, *cut);
    }
  }
  std::erase_if(out, [](const auto& item) { return item.second == 0; });
  return out;
}

Digest digest_of(const HeldVector& vector) {
  Bytes bytes;
  bytes.reserve(vector.size() * 32);
  model::cbor::Writer out(bytes);
  for (const auto& [stream, held] : vector) {
    model::put_stream(bytes, stream);
    out.uint(held.seq);
    out.bytes(held.head);
  }
  return blake2b<8>({bytes});
}

}  // namespace airbridge::sync
