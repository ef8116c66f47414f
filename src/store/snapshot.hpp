#pragma once
// The file snapshot-<arrival>.snap: the log's tables and the caller's picture as of one arrival number, so that a start
// need not read the whole log. A convenience, never the truth: it is checked against its checksum and the segments'
// sizes, and ignored when anything does not fit. Bytes: docs/protocol/store.md.
#include "store/log.hpp"

namespace airbridge::store {

inline constexpr std::size_t snapshots_kept = 2;
inline constexpr std::size_t snapshot_bytes_max = std::size_t{2} * 1024 * 1024 * 1024;
std::string snapshot_name(std::uint64_t arrival);
std::optional<std::uint64_t> snapshot_arrival(std::string_view name);

class SnapshotCodec {
 public:
  static Bytes encode(const Log& log);  // all that stands before the picture
  // Fills an empty log's tables; false and an untouched log when the bytes do not carry their checksum or do not fit.
  static bool decode(Bytes file, Log& log);
};

}  // namespace airbridge::store
