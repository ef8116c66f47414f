#pragma once
// A backup is one plain tar file (`tar tvf` lists it): VERSION, the segments up to a durable position, extra files the
// caller adds, and last MANIFEST with the BLAKE2b-256 of each. Made while the node runs: what is durable in a segment
// never changes. Snapshots and the index are left out; they are made again. Secret keys are not in it unless the caller
// adds them as extra files.
#include "store/log.hpp"

namespace airbridge::store {

inline constexpr std::size_t extra_bytes_max = 1024 * 1024;  // each
inline constexpr std::size_t extra_files_max = 64;

struct ExtraFile {
  std::string name;  // letters, digits, dot, dash, underscore; at most 64, no leading dot
  Bytes content;
};

// What to copy; taken in one moment, under the writer's lock (Writer::read).
struct BackupPlan {
  Meta meta;
  std::uint64_t arrival = 0;
  std::vector<Log::SegmentExtent> extents;
};
BackupPlan plan_backup(const Log& log);

struct BackupReport {
  std::uint64_t arrival = 0;
  std::uint64_t bytes = 0;
};
// Copies from `disk`, the directory of the running store, to the new file `path` (mode 0600; made under another name
// and renamed when whole and durable). An existing file is refused.
StoreResult<BackupReport> write_backup(Disk& disk, const BackupPlan& plan, const std::vector<ExtraFile>& extra,
                                       const std::string& path, UtcTime now);

struct RestoreReport {
  Meta meta;
  std::uint64_t arrival = 0;
  std::uint64_t entries = 0;
  std::vector<DamagedRange> damaged;  // damage the store had when it was backed up
  std::vector<ExtraFile> extra;       // for the caller to put where they belong
};
// Makes the store directory `directory`, which must not exist or be empty, from the backup. Every checksum is verified
// and the log is read once whole before the directory appears under its name. It is marked as restored: the node begins
// a new incarnation, because others may have seen what was written after the backup.
StoreResult<RestoreReport> restore(const std::string& path, const std::string& directory, UtcTime now);

}  // namespace airbridge::store
