#pragma once
// Deterministic CBOR (RFC 8949 section 4.2.1): shortest heads, definite lengths, ascending integer map keys, no floats.
// A subset that has exactly one encoding per value, because events are hashed and signed as bytes.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "model/event.hpp"

namespace airbridge::model::cbor {

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}
  void uint(std::uint64_t value) { head(0, value); }
  void integer(std::int64_t value) {
    value >= 0 ? head(0, static_cast<std::uint64_t>(value)) : head(1, static_cast<std::uint64_t>(-(value + 1)));
  }
  void bytes(ByteView value) {
    head(2, value.size());
    out_.insert(out_.end(), value.begin(), value.end());
  }
  void text(std::string_view value) {
    head(3, value.size());
    const auto view = as_bytes(value);
    out_.insert(out_.end(), view.begin(), view.end());
  }
  void array(std::size_t count) { head(4, count); }
  void map(std::size_t count) { head(5, count); }
  void tag(std::uint64_t number) { head(6, number); }
  void boolean(bool value) { out_.push_back(value ? 0xF5 : 0xF4); }
  void null() { out_.push_back(0xF6); }

 private:
  void head(std::uint8_t major, std::uint64_t value);
  Bytes& out_;
};

enum class Kind : std::uint8_t { Uint, Negative, Bytes, Text, Array, Map, Tag, Simple };

// Reads forward; the first fault sticks, every later read gives nothing, and fault() tells what and where.
class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}
  bool ok() const { return !fault_; }
  bool at_end() const { return ok() && at_ == in_.size(); }
  std::size_t offset() const { return at_; }
  std::size_t left() const { return in_.size() - at_; }
  std::optional<DecodeError> fault() const { return fault_; }
  void fail(DecodeFault fault) { fail_at(fault, at_); }
  void fail_at(DecodeFault fault, std::size_t offset) {
    if (!fault_) fault_ = DecodeError{fault, offset};
  }

  std::optional<Kind> peek();  // nothing at the end of the input or after a fault; no fault is set at the end
  bool next_is_null() const { return ok() && at_ < in_.size() && in_[at_] == 0xF6; }
  std::uint64_t uint(std::uint64_t max = UINT64_MAX);
  std::int64_t integer();  // -2^63 .. 2^63-1
  ByteView bytes(std::size_t max);
  // A byte string of exactly the size of a FixedBytes; all zero after a fault.
  template <class Fixed>
  Fixed fixed() {
    const auto at = offset();
    const auto out = Fixed::from(bytes(Fixed::size));
    if (ok() && !out) fail_at(DecodeFault::WrongType, at);
    return out.value_or(Fixed{});
  }
  std::string_view text(std::size_t max);  // valid UTF-8, else WrongType
  std::size_t array(std::size_t max);
  std::size_t map(std::size_t max);
  std::uint64_t tag();
  bool boolean();
  void null();
  void skip(std::size_t depth = value_depth_max);  // one item of any kind, checked for canonical form
  void end() {
    if (ok() && at_ != in_.size()) fail(DecodeFault::TrailingBytes);
  }

 private:
  std::uint64_t head(Kind wanted);
  std::optional<std::uint64_t> read_head(Kind& kind);
  ByteView take(std::uint64_t count);
  ByteView in_;
  std::size_t at_ = 0;
  std::optional<DecodeError> fault_;
};

// Helps reading a map with ascending integer keys: calls `field(key)` for each; it must read exactly one item, or
// return false for a key it does not know, which is then skipped and counted.
template <class F>
std::uint32_t read_map(Reader& reader, std::size_t max, F&& field) {
  const auto count = reader.map(max);
  std::uint64_t last = 0;
  std::uint32_t unknown = 0;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const auto at = reader.offset();
    const auto key = reader.uint();
    if (i > 0 && key <= last) reader.fail_at(DecodeFault::NotCanonical, at);
    last = key;
    if (reader.ok() && !field(key)) {
      ++unknown;
      reader.skip();
    }
  }
  return unknown;
}

bool is_utf8(std::string_view text);
// What fits into `max` bytes, cut at a character's border; each byte of broken UTF-8 becomes "?". What it gives can
// always be written with Writer::text and read back.
std::string clean_text(std::string_view text, std::size_t max);

}  // namespace airbridge::model::cbor
