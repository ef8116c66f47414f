#include "base/quantity_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <system_error>
#include <utility>

namespace airbridge {
namespace {

constexpr double number_max = 1e15;  // far above any rate or size, and exact in a double

struct Unit {
  std::string_view text;
  double factor;
};

// The number before one of `units`; nothing when it is none, negative, or the unit is another.
std::optional<double> read(std::string_view text, std::initializer_list<Unit> units) {
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !(number >= 0) || number > number_max) return std::nullopt;
  const std::string_view rest(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  for (const auto& unit : units) {
    if (rest == unit.text && number * unit.factor <= number_max) return number * unit.factor;
  }
  return std::nullopt;
}

auto wanted(std::string_view what, std::string_view text) {
  return failure(fmt::format("must be {}, is \"{}\"", what, text.substr(0, 100)));
}

std::uint64_t whole(double value) { return static_cast<std::uint64_t>(std::llround(value)); }

}  // namespace

Result<std::uint64_t, TextFault> parse_rate_bps(std::string_view text) {
  const auto value = read(text, {{"", 1},
                                 {"bps", 1},
                                 {"bit/s", 1},
                                 {"k", 1e3},
                                 {"kbit/s", 1e3},
                                 {"M", 1e6},
                                 {"Mbit/s", 1e6},
                                 {"G", 1e9},
                                 {"Gbit/s", 1e9}});
  if (!value) return wanted("a rate in bit/s such as 2400, 64k or 1.5M", text);
  return whole(*value);
}

Result<Milliseconds, TextFault> parse_span(std::string_view text) {
  if (text == "0") return Milliseconds(0);
  const auto value = read(text, {{"ms", 1}, {"s", 1e3}, {"min", 60e3}, {"h", 3600e3}, {"d", 86400e3}});
  if (!value) return wanted("a time with its unit such as 350ms, 2s, 5min or 24h", text);
  return Milliseconds(static_cast<std::int64_t>(whole(*value)));
}

Result<std::uint64_t, TextFault> parse_byte_count(std::string_view text) {
  const auto value =
      read(text, {{"", 1}, {"B", 1}, {"kB", 1e3}, {"k", 1e3}, {"MB", 1e6}, {"M", 1e6}, {"GB", 1e9}, {"G", 1e9}});
  if (!value) return wanted("a number of bytes such as 200, 64kB or 20MB", text);
  return whole(*value);
}

Result<double, TextFault> parse_share(std::string_view text) {
  const auto value = read(text, {{"", 1}, {"%", 0.01}});
  if (!value || *value > 1) return wanted("a share such as 10% or 0.1", text);
  return *value;
}

Result<bool, TextFault> parse_yes_no(std::string_view text) {
  for (const auto* const yes : {"yes", "true", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const auto* const no : {"no", "false", "off", "0"}) {
    if (text == no) return false;
  }
  return wanted("yes or no", text);
}

Result<std::int64_t, TextFault> parse_whole(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size() || number < low || number > high)
    return wanted(fmt::format("a whole number in {}..{}", low, high), text);
  return number;
}

}  // namespace airbridge
