#include <doctest/doctest.h>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"

using namespace airbridge;

TEST_CASE("hexadecimal goes there and back and refuses what is not hexadecimal") {
  CHECK(to_hex(Bytes{0x00, 0xAF, 0x10}) == "00af10");
  CHECK(from_hex("00AF10") == Bytes{0x00, 0xAF, 0x10});
  CHECK_FALSE(from_hex("abc"));
  CHECK_FALSE(from_hex("zz"));
}

TEST_CASE("crc32c gives the check value of RFC 3720 and continues from a part") {
  CHECK(crc32c(as_bytes("123456789")) == 0xE3069283U);
  CHECK(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))) == 0xE3069283U);
  CHECK(crc32c(Bytes(32, 0)) == 0x8A9136AAU);
}

TEST_CASE("blake2b hashes parts as one text") {
  CHECK(blake2b<32>({as_bytes("ab"), as_bytes("c")}) == blake2b<32>({as_bytes("abc")}));
  // RFC 7693 appendix A gives BLAKE2b-512; this 256-bit value of "abc" is from Python's hashlib.
  CHECK(to_hex(blake2b<32>({as_bytes("abc")})) == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST_CASE("times are read with offset and fraction, and absurd ones are refused") {
  CHECK(format_utc(parse_utc("2026-03-14T09:30:00.5Z").value()) == "2026-03-14T09:30:00.500Z");
  CHECK(format_utc(parse_utc("2026-03-14T09:30:00+01:30").value()) == "2026-03-14T08:00:00.000Z");
  CHECK(format_utc(parse_utc("2016-12-31T23:59:60Z").value()) == "2016-12-31T23:59:59.999Z");
  CHECK(parse_utc("10196-01-01T00:00:00Z").error().fault == TimeFault::Malformed);
  CHECK(parse_utc("2026-02-30T00:00:00Z").error().fault == TimeFault::OutOfRange);
  CHECK(parse_utc("1960-01-01T00:00:00Z").error().fault == TimeFault::OutOfRange);
  CHECK(parse_utc("2026-03-14T09:30:00").error() == TimeError{TimeFault::Malformed, 19});
  CHECK_FALSE(parse_utc(""));
  CHECK_FALSE(parse_utc("2026-03-14T09:30:00.Z"));
}

TEST_CASE("the generator repeats from its seed") {
  Rng a(7), b(7), c(8);
  CHECK(a() == b());
  CHECK(a() != c());
  for (int i = 0; i < 1000; ++i) CHECK(a.below(10) < 10);
}

TEST_CASE("a hostile value cannot break a log line") {
  std::vector<std::string> lines;
  log::set_sink([&](std::string_view line) { lines.emplace_back(line); });
  log::warn("test", "hello", {{"name", "a\nb\x1b[31m"}});
  log::set_sink({});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find('\n') == std::string::npos);
  CHECK(lines[0].find('\x1b') == std::string::npos);
  CHECK(lines[0].find("a\\u000ab\\u001b[31m") != std::string::npos);
}
