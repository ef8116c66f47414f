#pragma once
// The few things the store asks of a file system, so that tests and simulations can make it forget, tear, flip, fill
// and fail. One Disk is one directory; names are plain file names in it.
//
// PosixDisk (posix_disk.hpp) is the real one, SimDisk (sim_disk.hpp) lives in memory. Calls on different File objects
// may come from different threads, as may read_at() beside write_at() on one File.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace airbridge::store {

enum class DiskFault { Full, Io, ReadOnly, NotFound, Busy };
struct DiskError {
  DiskFault kind = DiskFault::Io;
  std::string what;  // a sentence for the diagnostics log, with the file's name
};
std::string_view name_of(DiskFault fault);

template <class T>
using DiskResult = Result<T, DiskError>;

class File {
 public:
  virtual ~File() = default;
  // Reads up to out.size() bytes; fewer only at the end of the file.
  virtual DiskResult<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
  // Writes all or fails; after a failure any prefix may have been written.
  virtual DiskResult<void> write_at(std::uint64_t offset, ByteView bytes) = 0;
  virtual DiskResult<std::uint64_t> size() const = 0;
  virtual DiskResult<void> truncate(std::uint64_t size) = 0;
  // Makes the file at least `size` long, the new part reading as zeros and its space reserved. A file system that
  // cannot reserve only makes it longer.
  virtual DiskResult<void> allocate(std::uint64_t size) = 0;
  // Returns when everything written is durable. After a failure nobody knows what of it is: calling again proves
  // nothing, because the kernel may have dropped the dirty pages ("fsyncgate").
  virtual DiskResult<void> fdatasync() = 0;
};

enum class OpenMode { Read, Write, Create };  // Write: must exist. Create: made when missing, kept when there.

class Disk {
 public:
  virtual ~Disk() = default;
  virtual DiskResult<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) = 0;
  // Atomically takes the place of `to`; durable after sync_directory().
  virtual DiskResult<void> rename(std::string_view from, std::string_view to) = 0;
  virtual DiskResult<void> remove(std::string_view name) = 0;
  virtual DiskResult<std::vector<std::string>> list() const = 0;  // sorted
  virtual DiskResult<void> sync_directory() = 0;
  virtual DiskResult<std::uint64_t> free_bytes() const = 0;
  // Where it is, for words to people.
  virtual std::string where() const = 0;
};

// A whole small file; refuses one above `bytes_max` as Io.
DiskResult<Bytes> read_file(Disk& disk, std::string_view name, std::size_t bytes_max);
// Writes `name` so that after a crash either the old or the new content is there: name.tmp, sync, rename, sync.
DiskResult<void> write_file_atomically(Disk& disk, std::string_view name, ByteView bytes);
// The content in parts, one behind the other.
DiskResult<void> write_file_atomically(Disk& disk, std::string_view name, std::span<const ByteView> parts);

}  // namespace airbridge::store
