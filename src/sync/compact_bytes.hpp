#pragma once
// Bytes and bits of the compact forms (docs/protocol/compact.md): short numbers, bit-packed columns, and writers,
// streams and dots by their place in a table.
//
// A message has two parts: a plain one, which compresses well because it keeps texts and small numbers together, and a
// dense one behind it of what looks random (times, coordinates, signatures, ciphertexts), which would only spoil the
// compression of the rest.
#include <optional>
#include <vector>

#include "model/event.hpp"
#include "model/ids.hpp"
#include "sync/compact.hpp"

namespace airbridge::sync::compact {

// Numbers of 1 to 9 bytes: up to 240 in one, to 2,287 in two, to 67,823 in three; then 250..255 and 3..8 bytes.
void put_number(Bytes& out, std::uint64_t value);
std::size_t number_size(std::uint64_t value);

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Reads forward; the first fault sticks, and every later read gives zeros.
class In {
 public:
  explicit In(ByteView bytes) : bytes_(bytes) {}
  bool ok() const { return !fault_; }
  std::size_t left() const { return bytes_.size() - at_; }
  void fail(model::DecodeFault fault) {
    if (!fault_) fault_ = model::DecodeError{fault, at_};
  }
  std::optional<model::DecodeError> fault() const { return fault_; }
  std::uint8_t byte();
  std::uint64_t number(std::uint64_t max = UINT64_MAX);
  std::uint64_t big_endian(std::size_t bytes);
  ByteView bytes(std::uint64_t count);
  template <class Array>
  Array array() {
    Array out{};
    const auto view = bytes(out.size());
    if (ok()) std::copy(view.begin(), view.end(), out.begin());
    return out;
  }
  void end() {
    if (left() != 0) fail(model::DecodeFault::TrailingBytes);
  }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
  std::optional<model::DecodeError> fault_;
};
void put_big_endian(Bytes& out, std::uint64_t value, std::size_t bytes);
void put_bytes(Bytes& out, ByteView bytes);

// Four lengths by the two high bits of the first byte; the last stands for absolute values by convention of its users.
struct Lengths {
  std::uint8_t bytes[4];
  constexpr std::uint64_t limit(std::size_t form) const { return std::uint64_t{1} << (bytes[form] * 8 - 2); }
};
inline constexpr Lengths time_lengths{{2, 3, 4, 6}};
inline constexpr Lengths coordinate_lengths{{1, 2, 3, 5}};
struct Prefixed {
  std::size_t form = 0;  // 0..3
  std::uint64_t value = 0;
};
void put_prefixed(Bytes& out, const Lengths& lengths, Prefixed number);
Prefixed get_prefixed(In& in, const Lengths& lengths);
// The shortest of the first three forms that holds the value; nothing when none does.
std::optional<std::size_t> short_form(const Lengths& lengths, std::uint64_t value);

class BitWriter {
 public:
  explicit BitWriter(Bytes& out) : out_(out) {}
  void bits(std::uint64_t value, unsigned count);  // high bit first
  void exp_golomb(std::uint64_t value, unsigned order);

 private:
  Bytes& out_;
  unsigned free_ = 0;  // low bits of the last byte not yet used
};
class BitReader {
 public:
  explicit BitReader(In& in) : in_(in) {}
  std::uint64_t bits(unsigned count);
  std::uint64_t exp_golomb(unsigned order);

 private:
  In& in_;
  std::uint8_t byte_ = 0;
  unsigned left_ = 0;
};

// A column of numbers, in the shorter of two ways: all in one width, or in exponential Golomb code of one order. A byte
// in `plain` tells which: the width, 0..64, or 128 + order.
void put_column(Bytes& plain, BitWriter& bits, const std::vector<std::uint64_t>& values);
std::vector<std::uint64_t> get_column(In& plain, BitReader& bits, std::size_t count);

// Streams by their place in the table: 1 + 3 * index + class. 0: the long form, with whole writers and branches.
void put_stream(Bytes& out, const WriterTable* table, const model::StreamId& stream);
model::StreamId get_stream(In& in, const WriterTable* table);
void put_writer(Bytes& out, const model::Writer& writer);
model::Writer get_writer(In& in);

}  // namespace airbridge::sync::compact
