#pragma once
// Bytes as they cross our borders, and fixed-size identifiers that cannot be mixed up.
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace airbridge {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);
// Reads hexadecimal in either case; nothing when the length is odd or a digit is not one.
std::optional<Bytes> from_hex(std::string_view hex);

// N bytes that name a thing of kind Tag. Ordered by bytes; two kinds do not convert into each other.
template <std::size_t N, class Tag>
struct FixedBytes {
  static constexpr std::size_t size = N;
  std::array<std::uint8_t, N> value{};

  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
  ByteView view() const { return value; }
  std::string hex() const { return to_hex(value); }
  bool is_zero() const {
    for (const auto byte : value) {
      if (byte != 0) return false;
    }
    return true;
  }
  // Exactly N bytes, else nothing.
  static std::optional<FixedBytes> from(ByteView bytes) {
    if (bytes.size() != N) return std::nullopt;
    FixedBytes out;
    std::memcpy(out.value.data(), bytes.data(), N);
    return out;
  }
  static std::optional<FixedBytes> from_hex(std::string_view hex) {
    const auto bytes = airbridge::from_hex(hex);
    return bytes ? from(*bytes) : std::nullopt;
  }
};

}  // namespace airbridge

template <std::size_t N, class Tag>
struct std::hash<airbridge::FixedBytes<N, Tag>> {
  std::size_t operator()(const airbridge::FixedBytes<N, Tag>& id) const noexcept {
    // The identifiers are themselves hashes or random: the first bytes spread well enough.
    std::uint64_t out = 0;
    std::memcpy(&out, id.value.data(), N < sizeof out ? N : sizeof out);
    return static_cast<std::size_t>(out);
  }
};
