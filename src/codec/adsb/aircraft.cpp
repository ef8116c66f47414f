#include "codec/adsb/aircraft.hpp"

#include <fmt/format.h>

#include <charconv>

namespace airbridge::codec::adsb {

std::optional<Address> Address::parse(std::string_view text) {
  Address out;
  if (!text.empty() && text.front() == '~') {
    out.is_icao = false;
    text.remove_prefix(1);
  }
  if (text.size() != 6) return std::nullopt;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out.value, 16);
  if (error != std::errc{} || stop != end || out.value == 0) return std::nullopt;
  return out;
}

std::string Address::text() const { return fmt::format("{}{:06x}", is_icao ? "" : "~", value); }

std::string_view name_of(Emergency emergency) {
  switch (emergency) {
    case Emergency::None:
      return "none";
    case Emergency::General:
      return "general";
    case Emergency::Lifeguard:
      return "lifeguard";
    case Emergency::MinimumFuel:
      return "minfuel";
    case Emergency::NoRadio:
      return "nordo";
    case Emergency::Unlawful:
      return "unlawful";
    case Emergency::Downed:
      return "downed";
  }
  return "none";
}

Emergency emergency_of_squawk(std::string_view squawk) {
  if (squawk == "7700") return Emergency::General;
  if (squawk == "7600") return Emergency::NoRadio;
  if (squawk == "7500") return Emergency::Unlawful;
  return Emergency::None;
}

std::optional<std::string> parse_callsign(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.size() > callsign_max) return std::nullopt;
  for (const char c : text) {
    if (c < ' ' || c > '~') return std::nullopt;
  }
  return std::string(text);
}

std::optional<std::string> parse_squawk(std::string_view text) {
  if (text.empty() || text.size() > 4 || text.find_first_not_of("01234567") != text.npos) return std::nullopt;
  return std::string(4 - text.size(), '0').append(text);
}

}  // namespace airbridge::codec::adsb
