#pragma once
// Integers of the disk format, little-endian whatever the machine.
#include <concepts>

#include "base/bytes.hpp"

namespace airbridge::store {

template <std::integral Number>
void put_le(std::uint8_t* out, Number value) {
  auto bits = static_cast<std::make_unsigned_t<Number>>(value);
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(bits) >> (8 * i));
  }
}
template <std::integral Number>
void append_le(Bytes& out, Number value) {
  out.resize(out.size() + sizeof(Number));
  put_le(out.data() + out.size() - sizeof(Number), value);
}
template <std::integral Number>
Number get_le(const std::uint8_t* in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) value |= static_cast<std::uint64_t>(in[i]) << (8 * i);
  return static_cast<Number>(value);
}

// Reads numbers and byte strings in order; past the end everything is zero and ok() is false.
class LeReader {
 public:
  explicit LeReader(ByteView bytes) : rest_(bytes) {}
  template <std::integral Number>
  Number number() {
    const auto part = bytes(sizeof(Number));
    return part.empty() ? Number{} : get_le<Number>(part.data());
  }
  ByteView bytes(std::size_t count) {
    if (count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto out = rest_.first(count);
    rest_ = rest_.subspan(count);
    return out;
  }
  template <class Fixed>
  Fixed fixed() {
    return Fixed::from(bytes(Fixed::size)).value_or(Fixed{});
  }
  // A count of things of at least `each` bytes; more than can follow is a fault.
  std::size_t count(std::size_t each) {
    const auto value = number<std::uint64_t>();
    if (value > rest_.size() / each) {
      ok_ = false;
      return 0;
    }
    return static_cast<std::size_t>(value);
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  ByteView rest_;
  bool ok_ = true;
};

}  // namespace airbridge::store
