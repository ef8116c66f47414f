#pragma once
// What the protocol may know of the log: only what would survive a power cut at this moment. Everything a peer is told
// or sent comes from here, so a view that shows less (because the disk is slow) is safe and one that shows more is a
// lie.
#include <optional>
#include <vector>

#include "model/entry.hpp"

namespace airbridge::sync {

class LogView {
 public:
  virtual ~LogView() = default;
  // Per stream, branches included, the last contiguous sealed event on disk.
  virtual model::VersionVector vector() const = 0;
  // The chain value after event `seq`; at 0 chain_start(). Of a branch, `from - 1` and before is the base stream's.
  // Nothing when that event is not held.
  virtual std::optional<model::Hash> chain_at(const model::StreamId& stream, std::uint64_t seq) const = 0;
  // Consecutive runs beginning with the event after `seq` (the first may begin in the middle of what was sealed
  // together), in all about `bytes_max` bytes but at least one run when there is any.
  virtual std::vector<model::SealedRun> runs_after(const model::StreamId& stream, std::uint64_t seq,
                                                   std::size_t bytes_max) const = 0;
  virtual std::optional<model::PublicKey> author_key(const model::KeyId& author) const = 0;
  // Who acts through nodes, as far as is known here: narrow links name them by their place among the writers.
  virtual std::vector<model::KeyId> persons() const { return {}; }
  // Under which name this node writes now. Nobody else may know more of it than this log does.
  virtual model::Writer own_writer() const = 0;
};

}  // namespace airbridge::sync
