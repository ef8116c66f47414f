#include "store/tar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace airbridge::store {
namespace {

// Offsets of the ustar header (IEEE Std 1003.1, pax, "ustar Interchange Format").
constexpr std::size_t name_at = 0, name_size = 100, mode_at = 100, size_at = 124, time_at = 136, check_at = 148;
constexpr std::size_t type_at = 156, magic_at = 257;

void put_text(TarHeader& header, std::size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
}

std::uint32_t sum_of(ByteView header) {
  // The checksum field itself counts as eight blanks.
  const auto all = std::accumulate(header.begin(), header.end(), std::uint32_t{0});
  const auto field = header.subspan(check_at, 8);
  return all - std::accumulate(field.begin(), field.end(), std::uint32_t{0}) + 8 * ' ';
}

std::optional<std::uint64_t> octal(ByteView field) {
  std::uint64_t value = 0;
  for (const auto byte : field) {
    if (byte == 0 || byte == ' ') break;
    if (byte < '0' || byte > '7') return std::nullopt;
    value = value * 8 + (byte - '0');
  }
  return value;
}

}  // namespace

TarHeader encode_tar(const TarEntry& entry, UtcTime time) {
  TarHeader header{};
  put_text(header, name_at, std::string_view(entry.name).substr(0, name_size - 1));
  put_text(header, mode_at, "0000600");
  put_text(header, mode_at + 8, "0000000");
  put_text(header, mode_at + 16, "0000000");
  put_text(header, size_at, fmt::format("{:011o}", entry.size));
  put_text(header, time_at, fmt::format("{:011o}", std::max<std::int64_t>(0, ms_of(time) / 1000)));
  header[type_at] = '0';
  put_text(header, magic_at,
           std::string_view("ustar\0"
                            "00",
                            8));
  put_text(header, check_at, fmt::format("{:06o}", sum_of(header)));
  header[check_at + 7] = ' ';
  return header;
}

std::optional<TarEntry> decode_tar(ByteView header) {
  if (header.size() != tar_block || header[type_at] != '0') return std::nullopt;
  const auto sum = octal(header.subspan(check_at, 8));
  const auto size = octal(header.subspan(size_at, 12));
  if (!sum || *sum != sum_of(header) || !size) return std::nullopt;
  const auto name = as_text(header.subspan(name_at, name_size));
  return TarEntry{std::string(name.substr(0, std::min(name.find('\0'), name.size()))), *size};
}

}  // namespace airbridge::store
