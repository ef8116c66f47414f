#include "model/cbor.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace airbridge;
using namespace airbridge::model;

namespace {
Bytes hex(std::string_view text) { return *from_hex(text); }

std::optional<DecodeFault> fault_of(std::string_view bytes, const std::function<void(cbor::Reader&)>& read) {
  const auto in = hex(bytes);
  cbor::Reader reader(in);
  read(reader);
  reader.end();
  if (reader.ok()) return std::nullopt;
  return reader.fault()->fault;
}
}  // namespace

TEST_CASE("integers take the shortest head and come back") {
  const struct {
    std::int64_t value;
    std::string_view bytes;
  } rows[] = {{0, "00"},
              {23, "17"},
              {24, "1818"},
              {255, "18ff"},
              {256, "190100"},
              {65535, "19ffff"},
              {65536, "1a00010000"},
              {4294967295, "1affffffff"},
              {4294967296, "1b0000000100000000"},
              {INT64_MAX, "1b7fffffffffffffff"},
              {-1, "20"},
              {-24, "37"},
              {-25, "3818"},
              {INT64_MIN, "3b7fffffffffffffff"}};
  for (const auto& row : rows) {
    CAPTURE(row.bytes);
    Bytes out;
    cbor::Writer(out).integer(row.value);
    CHECK(to_hex(out) == row.bytes);
    cbor::Reader in(out);
    CHECK(in.integer() == row.value);
    CHECK(in.at_end());
  }
}

TEST_CASE("integers beyond 64 bits with a sign are out of range, not wrapped") {
  const auto integer = [](cbor::Reader& in) { in.integer(); };
  CHECK(fault_of("1b8000000000000000", integer) == DecodeFault::OutOfRange);
  CHECK(fault_of("3b8000000000000000", integer) == DecodeFault::OutOfRange);
  CHECK(fault_of("1818", [](cbor::Reader& in) { in.uint(23); }) == DecodeFault::OutOfRange);
  CHECK_FALSE(fault_of("1bffffffffffffffff", [](cbor::Reader& in) { CHECK(in.uint() == UINT64_MAX); }));
}

TEST_CASE("every longer form of a head is refused, in every kind") {
  for (int major = 0; major < 7; ++major) {
    for (const std::string_view argument :
         {"1800", "1817", "190000", "1900ff", "1a00000000", "1a0000ffff", "1b0000000000000000", "1b00000000ffffffff"}) {
      auto bytes = hex(argument);
      bytes[0] = static_cast<std::uint8_t>(bytes[0] | major << 5);
      bytes.resize(bytes.size() + 64);  // enough for whatever it announces
      CAPTURE(to_hex(bytes));
      cbor::Reader in(bytes);
      in.skip();
      REQUIRE_FALSE(in.ok());
      CHECK(in.fault()->fault == DecodeFault::NotCanonical);
    }
  }
}

TEST_CASE("indefinite lengths, reserved heads, floats and other simple values are refused") {
  const auto skip = [](cbor::Reader& in) { in.skip(); };
  for (const std::string_view bytes : {"5f4100ff", "7f6161ff", "9f00ff", "bf0000ff", "1c", "1d", "1e", "1f"}) {
    CAPTURE(bytes);
    CHECK(fault_of(bytes, skip) == DecodeFault::NotCanonical);
  }
  for (const std::string_view bytes : {"f90000", "fa00000000", "fb0000000000000000", "f7", "f820", "e0", "ff", "f3"}) {
    CAPTURE(bytes);
    CHECK(fault_of(bytes, skip) == DecodeFault::WrongType);
  }
}

TEST_CASE("map keys ascend and stand once") {
  const auto read = [](cbor::Reader& in) {
    cbor::read_map(in, 8, [&](std::uint64_t key) {
      if (key > 2) return false;
      in.uint();
      return true;
    });
  };
  CHECK_FALSE(fault_of("a3000101020903", read));
  CHECK(fault_of("a200010002", read) == DecodeFault::NotCanonical);  // twice
  CHECK(fault_of("a201000001", read) == DecodeFault::NotCanonical);  // descending
  CHECK(fault_of("a12001", read) == DecodeFault::WrongType);         // a negative key
  CHECK(fault_of("a9", read) == DecodeFault::TooLong);
  // Inside a value nobody knows, order is by the bytes of the key.
  const auto skip = [](cbor::Reader& in) { in.skip(); };
  CHECK_FALSE(fault_of("a3010018180061610a", skip));
  CHECK(fault_of("a201000100", skip) == DecodeFault::NotCanonical);
  CHECK(fault_of("a26161000100", skip) == DecodeFault::NotCanonical);
}

TEST_CASE("what is cut, over-long, too deep or of another kind is named with its place") {
  const auto in = hex("8201ff");
  cbor::Reader reader(in);
  reader.array(2);
  reader.uint();
  reader.uint();
  REQUIRE(reader.fault());
  CHECK(*reader.fault() == DecodeError{DecodeFault::WrongType, 2});
  CHECK(reader.uint() == 0);  // the first fault sticks
  CHECK(*reader.fault() == DecodeError{DecodeFault::WrongType, 2});

  CHECK(fault_of("", [](cbor::Reader& r) { r.uint(); }) == DecodeFault::Truncated);
  CHECK(fault_of("5a00010000", [](cbor::Reader& r) { r.bytes(1 << 20); }) == DecodeFault::Truncated);
  CHECK(fault_of("5bffffffffffffffff", [](cbor::Reader& r) { r.bytes(SIZE_MAX); }) == DecodeFault::Truncated);
  CHECK(fault_of("430102", [](cbor::Reader& r) { r.bytes(2); }) == DecodeFault::TooLong);
  CHECK(fault_of("9bffffffffffffffff", [](cbor::Reader& r) { r.skip(); }) == DecodeFault::Truncated);
  CHECK(fault_of("0000", [](cbor::Reader& r) { r.uint(); }) == DecodeFault::TrailingBytes);
  CHECK(fault_of("818181818181818180", [](cbor::Reader& r) { r.skip(); }) == DecodeFault::TooDeep);
  CHECK_FALSE(fault_of("8181818181818180", [](cbor::Reader& r) { r.skip(); }));
  CHECK(fault_of("f6", [](cbor::Reader& r) { r.boolean(); }) == DecodeFault::WrongType);
  CHECK(fault_of("f4", [](cbor::Reader& r) { r.null(); }) == DecodeFault::WrongType);
}

TEST_CASE("text is UTF-8 in its one form") {
  for (const std::string_view good : {"", "a", "\u00e9", "\u0800", "\ud7ff", "\uffff", "\U00010000", "\U0010ffff"}) {
    CHECK(cbor::is_utf8(good));
  }
  using namespace std::string_view_literals;
  for (const auto bad : {"\x80"sv, "\xc0\xaf"sv, "\xc1\xbf"sv, "\xe0\x80\xaf"sv, "\xed\xa0\x80"sv, "\xf0\x80\x80\x80"sv,
                         "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\xff"sv, "\xc3"sv, "\xe2\x82"sv, "\xc3("sv}) {
    CHECK_FALSE(cbor::is_utf8(bad));
  }
  CHECK(fault_of("62c328", [](cbor::Reader& in) { in.text(9); }) == DecodeFault::WrongType);
  CHECK(fault_of("62c328", [](cbor::Reader& in) { in.skip(); }) == DecodeFault::WrongType);
}

TEST_CASE("clean_text cuts between characters and replaces broken bytes") {
  CHECK(cbor::clean_text("Z\u00fcrich", 2) == "Z");
  CHECK(cbor::clean_text("Z\u00fcrich", 3) == "Z\u00fc");
  CHECK(cbor::clean_text("a\xff\xe4\xb8z", 9) == "a???z");
  CHECK(cbor::clean_text("\U0001F681\U0001F681", 7) == "\U0001F681");
  CHECK(cbor::clean_text("\xf0\x9f\x9a", 9) == "???");
  CHECK(cbor::clean_text("", 0).empty());
}
