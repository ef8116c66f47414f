#pragma once
// The aircraft.json that readsb, dump1090-fa and (with older keys) dump1090-mutability write: all they hear, once a
// second.
//
//   {"now": 1785349721.5, "aircraft": [{"hex":"4b1234","flight":"REGA1   ","alt_baro":4500 or "ground","gs":120.5,
//     "lat":46.8,"lon":8.23,"seen_pos":0.4,"seen":0.1,"squawk":"7000","emergency":"lifeguard","category":"A7", ...}]}
//
// "seen" and "seen_pos" are ages in seconds at `now`; altitudes are feet, speeds knots, rates feet per minute.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "codec/adsb/aircraft.hpp"

namespace airbridge::codec::adsb {

inline constexpr std::size_t aircraft_json_bytes_max = 32U * 1024 * 1024;
inline constexpr std::size_t aircraft_json_aircraft_max = 20'000;

struct AircraftJsonError {
  std::string what;  // in words
  friend bool operator==(const AircraftJsonError&, const AircraftJsonError&) = default;
};

struct AircraftList {
  std::vector<Aircraft> aircraft;
  std::optional<UtcTime> written_at;  // "now", by the receiver's clock
  std::size_t skipped = 0;            // entries left out: no usable address, or beyond aircraft_json_aircraft_max
  std::size_t bad_values = 0;         // values left out of entries: wrong type or out of range
  std::string first_problem;          // "aircraft[3]: hex is not an address", for the log; empty when all was well
};

// Reads a whole file. `arrived` is our own time: the ages in the file are counted back from it, so a receiver whose
// clock is wrong still gives right ages. A damaged entry is left out and counted; only text that is not JSON, too long,
// or without an "aircraft" list is an error.
Result<AircraftList, AircraftJsonError> parse_aircraft_json(std::string_view text, UtcTime arrived);

}  // namespace airbridge::codec::adsb
