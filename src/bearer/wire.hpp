#pragma once
// Big-endian numbers and lengths in frames.
#include "base/bytes.hpp"

namespace airbridge::bearer {

inline void put_uint(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * (bytes - 1 - i))));
}
// Seven bits a byte, the low ones first; the highest bit says that more follow.
inline void put_length(Bytes& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80U));
  out.push_back(static_cast<std::uint8_t>(value));
}
inline std::size_t length_bytes(std::size_t value) { return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3; }

// Reads what was sent; past the end it gives zeros and nothing, and says that it failed.
class WireReader {
 public:
  explicit WireReader(ByteView bytes) : bytes_(bytes) {}
  bool failed() const { return failed_; }
  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }
  std::uint64_t uint(std::size_t count) {
    std::uint64_t value = 0;
    for (const auto byte : bytes(count)) value = value << 8 | byte;
    return value;
  }
  // At most 21 bits: more than any frame or block holds.
  std::size_t length() {
    std::size_t value = 0;
    for (unsigned shift = 0; shift < 21; shift += 7) {
      const auto byte = uint(1);
      value |= static_cast<std::size_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    failed_ = true;
    return 0;
  }
  ByteView bytes(std::size_t count) {
    if (failed_ || count > left()) {
      failed_ = true;
      return {};
    }
    const ByteView out = bytes_.subspan(position_, count);
    position_ += count;
    return out;
  }
  ByteView rest() { return bytes(left()); }

 private:
  ByteView bytes_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace airbridge::bearer
