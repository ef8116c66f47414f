#include "base/quantity_text.hpp"

#include <doctest/doctest.h>

using namespace airbridge;

TEST_CASE("rates, times, sizes and shares are read with their units") {
  CHECK(parse_rate_bps("2400") == 2'400u);
  CHECK(parse_rate_bps("9600bps") == 9'600u);
  CHECK(parse_rate_bps("64k") == 64'000u);
  CHECK(parse_rate_bps("1.5M") == 1'500'000u);
  CHECK(parse_rate_bps("1Gbit/s") == 1'000'000'000u);
  CHECK(parse_span("350ms") == Milliseconds(350));
  CHECK(parse_span("1.5s") == Milliseconds(1'500));
  CHECK(parse_span("5min") == Milliseconds(300'000));
  CHECK(parse_span("24h") == Milliseconds(86'400'000));
  CHECK(parse_span("0") == Milliseconds(0));
  CHECK(parse_byte_count("200") == 200u);
  CHECK(parse_byte_count("20MB") == 20'000'000u);
  CHECK(parse_share("10%") == doctest::Approx(0.1));
  CHECK(parse_share("0.25") == doctest::Approx(0.25));
  CHECK(parse_share("100%") == doctest::Approx(1.0));
  CHECK(parse_yes_no("yes") == true);
  CHECK(parse_yes_no("off") == false);
  CHECK(parse_whole("-3", -5, 5) == -3);
}

TEST_CASE("a quantity that is none is refused with one that would be") {
  for (const auto* const bad : {"", "k", "-1", "64 k", "64kk", "1e3", "nan", "inf", "0x10", "64K", "99999999G"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_rate_bps(bad));
    CHECK_FALSE(parse_byte_count(bad));
  }
  for (const auto* const bad : {"", "350", "2 s", "ms", "-2s", "2m", "1e99d"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_span(bad));
  }
  for (const auto* const bad : {"", "101%", "1.1", "-1%", "%"}) CHECK_FALSE(parse_share(bad));
  for (const auto* const bad : {"", "6", "-6", "1.0", "1 "}) CHECK_FALSE(parse_whole(bad, -5, 5));
  CHECK(parse_span("350").error() == "must be a time with its unit such as 350ms, 2s, 5min or 24h, is \"350\"");
  CHECK(parse_whole("16", 0, 15).error() == "must be a whole number in 0..15, is \"16\"");
}
