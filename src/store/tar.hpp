#pragma once
// The POSIX ustar header: name, mode, size, time; regular files only.
#include <array>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace airbridge::store {

inline constexpr std::size_t tar_block = 512;
using TarHeader = std::array<std::uint8_t, tar_block>;

struct TarEntry {
  std::string name;        // below 100 bytes
  std::uint64_t size = 0;  // below 8 GiB
};
TarHeader encode_tar(const TarEntry& entry, UtcTime time);
// Nothing when the header's checksum does not fit or it is no regular file.
std::optional<TarEntry> decode_tar(ByteView header);
constexpr std::uint64_t tar_padding(std::uint64_t size) { return (tar_block - size % tar_block) % tar_block; }

}  // namespace airbridge::store
