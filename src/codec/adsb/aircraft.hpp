#pragma once
// One aircraft as heard by radio (ADS-B, MLAT, Mode S), whatever the feed's format. Nothing in it is authenticated.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "geo/position.hpp"
#include "geo/quantity.hpp"

namespace airbridge::codec::adsb {

// The 24-bit address of a transponder. "~" marks one that is not from ICAO's list (TIS-B track files, anonymous mode):
// it is unique near one ground station only.
struct Address {
  std::uint32_t value = 0;
  bool is_icao = true;
  // Six hexadecimal digits in either case, not all zero, after an optional "~"; else nothing.
  static std::optional<Address> parse(std::string_view text);
  std::string text() const;  // "4d2023", "~2a0001": lower case, the form that external ids are hashed from
  friend auto operator<=>(const Address&, const Address&) = default;
};

// What a crew says about itself. Lifeguard is a medical flight, not an aircraft in trouble.
enum class Emergency : std::uint8_t { None, General, Lifeguard, MinimumFuel, NoRadio, Unlawful, Downed };
std::string_view name_of(Emergency emergency);  // the word readsb uses: "none", "general", "lifeguard", "minfuel", ...

struct Aircraft {
  Address address;
  std::string callsign;  // at most 8 printable ASCII characters, trimmed; empty: not heard
  std::string category;  // emitter category of DO-260B ("A7" is a rotorcraft); empty: not heard
  std::string squawk;    // four octal digits; empty: not heard
  Emergency emergency = Emergency::None;
  bool ident = false;  // the crew pressed IDENT
  std::optional<bool> on_ground;
  std::optional<Position> position;
  UtcTime position_at{};                              // when `position` was measured, by our clock
  UtcTime heard_at{};                                 // when anything was heard
  std::optional<PressureAltitude> pressure_altitude;  // transponders send it in steps of 25 or 100 ft
  std::optional<EllipsoidHeight> height;              // GNSS height, only from feeds that have it
  std::optional<MetresPerSecond> ground_speed;
  std::optional<TrueBearing> track;
  std::optional<MetresPerSecond> climb;
  std::optional<Metres> accuracy;  // radius that holds the true position with 95 %

  bool is_rotorcraft() const { return category == "A7"; }
};

// The emergency a squawk stands for: 7500, 7600, 7700.
Emergency emergency_of_squawk(std::string_view squawk);

// What both readers accept; a value outside is a fault of the feed, not an aircraft.
inline constexpr double altitude_min_ft = -2'000;
inline constexpr double altitude_max_ft = 130'000;    // the code's end is 126,700
inline constexpr double ground_speed_max_kt = 2'300;  // just under the jump check's 1,200 m/s
inline constexpr double climb_max_fpm = 33'000;       // the code's end is 32,608
inline constexpr std::size_t callsign_max = 8;

// Trims blanks; nothing when over 8 characters or not printable ASCII. It may still hold "<": pages escape all text.
std::optional<std::string> parse_callsign(std::string_view text);
// One to four octal digits, padded to four.
std::optional<std::string> parse_squawk(std::string_view text);

}  // namespace airbridge::codec::adsb
