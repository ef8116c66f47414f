#pragma once
// Version vectors: what they count where a stream forked, and their digests.
#include <map>

#include "model/entry.hpp"
#include "sync/log_view.hpp"
#include "sync/message.hpp"

namespace airbridge::sync {

// A stream of which two contents are held for one number counts only up to before it: from there on its branches stand
// for it. Every node that holds both cuts alike, whatever it stored first. A single branch cuts nothing and does not
// count: anybody could relabel a good stream as one. Nor does a branch that begins elsewhere than at the first fork.
model::VersionVector cut_at_forks(model::VersionVector held, const LogView& log);

// Of each base stream that forked: the first number of which two contents are held. The fold leaves out the same.
std::map<model::StreamId, std::uint64_t> proven_forks(const model::VersionVector& held, const LogView& log);

// The last number of the base stream before its first proven fork; nothing when there is none.
std::optional<std::uint64_t> fork_cut(const model::VersionVector& held, const model::StreamId& stream,
                                      const LogView& log);

// How far a stream is held, and the beginning of the chain value there, so that equal numbers with different contents
// do not look equal.
struct Held {
  std::uint64_t seq = 0;
  std::optional<Head4> head{};  // none: not said, and not known here
  friend bool operator==(const Held&, const Held&) = default;
};
using HeldVector = std::map<model::StreamId, Held>;
Digest digest_of(const HeldVector& vector);
Digest numbers_digest_of(const HeldVector& vector);  // the same without heads

inline std::uint64_t held_of(const model::VersionVector& vector, const model::StreamId& stream) {
  const auto found = vector.find(stream);
  return found == vector.end() ? 0 : found->second;
}
inline std::uint64_t held_of(const HeldVector& vector, const model::StreamId& stream) {
  const auto found = vector.find(stream);
  return found == vector.end() ? 0 : found->second.seq;
}

template <std::size_t N>
std::array<std::uint8_t, N> head_start(const model::Hash& head) {
  std::array<std::uint8_t, N> out;
  std::copy(head.value.begin(), head.value.begin() + N, out.begin());
  return out;
}

}  // namespace airbridge::sync
