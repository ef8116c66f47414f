#include "store/disk.hpp"

#include <fmt/format.h>

namespace airbridge::store {

std::string_view name_of(DiskFault fault) {
  switch (fault) {
    case DiskFault::Full:
      return "disk full";
    case DiskFault::Io:
      return "input/output error";
    case DiskFault::ReadOnly:
      return "read-only";
    case DiskFault::NotFound:
      return "not found";
    case DiskFault::Busy:
      return "in use";
  }
  return "unknown";
}

DiskResult<Bytes> read_file(Disk& disk, std::string_view name, std::size_t bytes_max) {
  const auto file = disk.open(name, OpenMode::Read);
  if (!file) return failure(file.error());
  const auto size = (*file)->size();
  if (!size) return failure(size.error());
  if (*size > bytes_max) {
    return failure(DiskError{DiskFault::Io, fmt::format("{} has {} bytes, more than {}", name, *size, bytes_max)});
  }
  Bytes bytes(static_cast<std::size_t>(*size));
  const auto got = (*file)->read_at(0, bytes);
  if (!got) return failure(got.error());
  bytes.resize(*got);
  return bytes;
}

DiskResult<void> write_file_atomically(Disk& disk, std::string_view name, std::span<const ByteView> parts) {
  const std::string temporary = std::string(name) + ".tmp";
  const auto write = [&]() -> DiskResult<void> {
    auto file = disk.open(temporary, OpenMode::Create);
    if (!file) return failure(file.error());
    if (auto done = (*file)->truncate(0); !done) return done;
    std::uint64_t at = 0;
    for (const auto& part : parts) {
      if (auto done = (*file)->write_at(at, part); !done) return done;
      at += part.size();
    }
    return (*file)->fdatasync();
  };
  if (auto done = write(); !done) {
    (void)disk.remove(temporary);  // best effort: it only takes room, and the next call truncates it
    return done;
  }
  if (auto done = disk.rename(temporary, name); !done) return done;
  return disk.sync_directory();
}

DiskResult<void> write_file_atomically(Disk& disk, std::string_view name, ByteView bytes) {
  return write_file_atomically(disk, name, std::span(&bytes, 1));
}

}  // namespace airbridge::store
