#include "codec/adsb/aircraft_json.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <cmath>

namespace airbridge::codec::adsb {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr double age_max_s = 86'400;

// Radius of 95 % for NACp 1..11 (DO-260B table 2-77: estimated position uncertainty).
constexpr double nac_p_radius_m[] = {0, 18'520, 7'408, 3'704, 1'852, 926, 555.6, 185.2, 92.6, 30, 10, 3};

// Reads one aircraft and counts the values that do not fit.
class Entry {
 public:
  Entry(const object& fields, AircraftList& list) : fields_(fields), list_(list) {}

  std::optional<element> get(const char* key) const {
    element value;
    if (fields_.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    return value;
  }
  std::string_view text(const char* key) const {
    const auto value = get(key);
    std::string_view out;
    if (value && value->get(out) != simdjson::SUCCESS) bad(key);
    return out;
  }
  // The first of the keys that is there; absent when it is not a number within the bounds.
  std::optional<double> number(std::initializer_list<const char*> keys, double low, double high) const {
    for (const char* key : keys) {
      const auto value = get(key);
      if (!value) continue;
      double out = 0;
      if (value->get(out) == simdjson::SUCCESS && out >= low && out <= high) return out;
      bad(key);
      return std::nullopt;
    }
    return std::nullopt;
  }
  void bad(std::string_view key) const {
    ++list_.bad_values;
    if (list_.first_problem.empty()) list_.first_problem = fmt::format("a value of \"{}\" does not fit", key);
  }
  const object& fields() const { return fields_; }

 private:
  object fields_;
  AircraftList& list_;
};

UtcTime before(UtcTime arrived, double age_s) {
  return arrived - Milliseconds(static_cast<std::int64_t>(std::llround(age_s * 1000)));
}

void read_position(const Entry& entry, UtcTime arrived, Aircraft& out) {
  const auto take = [&](const Entry& from) {
    const auto latitude = from.number({"lat"}, -90, 90);
    const auto longitude = from.number({"lon"}, -180, 180);
    if (!latitude || !longitude) return false;
    if (*latitude == 0 && *longitude == 0) return true;  // "no fix"
    out.position = Position::from_degrees(*latitude, *longitude);
    out.position_at = before(arrived, from.number({"seen_pos"}, 0, age_max_s).value_or(0));
    return true;
  };
  if (take(entry)) return;
  object last;  // readsb moves a position older than 60 s here
  const auto value = entry.get("lastPosition");
  AircraftList uncounted;
  if (value && value->get(last) == simdjson::SUCCESS) take(Entry(last, uncounted));
}

void read_altitude(const Entry& entry, Aircraft& out) {
  for (const char* key : {"alt_baro", "altitude"}) {
    const auto value = entry.get(key);
    std::string_view word;
    if (value && value->get(word) == simdjson::SUCCESS) {
      if (word == "ground") {
        out.on_ground = true;
      } else {
        entry.bad(key);
      }
      return;
    }
  }
  if (const auto feet = entry.number({"alt_baro", "altitude"}, altitude_min_ft, altitude_max_ft)) {
    out.pressure_altitude = PressureAltitude(Metres::from_feet(*feet));
    out.on_ground = false;
  }
}

void read_emergency(const Entry& entry, Aircraft& out) {
  out.emergency = emergency_of_squawk(out.squawk);
  const auto word = entry.text("emergency");
  for (const auto known : {Emergency::General, Emergency::Lifeguard, Emergency::MinimumFuel, Emergency::NoRadio,
                           Emergency::Unlawful, Emergency::Downed}) {
    if (word == name_of(known)) out.emergency = known;
  }
}

std::optional<Aircraft> read_aircraft(const Entry& entry, UtcTime arrived) {
  const auto address = Address::parse(entry.text("hex"));
  if (!address) return std::nullopt;
  Aircraft out;
  out.address = *address;
  out.heard_at = before(arrived, entry.number({"seen"}, 0, age_max_s).value_or(0));
  if (auto callsign = parse_callsign(entry.text("flight"))) {
    out.callsign = std::move(*callsign);
  } else {
    entry.bad("flight");
  }
  const auto category = entry.text("category");
  if (category.size() == 2 && category[0] >= 'A' && category[0] <= 'D' && category[1] >= '0' && category[1] <= '7') {
    out.category = category;
  }
  if (const auto squawk = entry.text("squawk"); !squawk.empty()) {
    auto digits = parse_squawk(squawk);
    if (digits) out.squawk = std::move(*digits);
    if (!digits) entry.bad("squawk");
  }
  read_emergency(entry, out);
  read_position(entry, arrived, out);
  read_altitude(entry, out);
  if (const auto spi = entry.number({"spi"}, 0, 1)) out.ident = *spi != 0;
  if (const auto feet = entry.number({"alt_geom"}, altitude_min_ft, altitude_max_ft)) {
    out.height = EllipsoidHeight(Metres::from_feet(*feet));
  }
  if (const auto knots = entry.number({"gs", "speed"}, 0, ground_speed_max_kt)) {
    out.ground_speed = MetresPerSecond::from_knots(*knots);
  }
  if (const auto degrees = entry.number({"track"}, -360, 360)) out.track = TrueBearing::from_degrees(*degrees);
  if (const auto rate = entry.number({"baro_rate", "geom_rate", "vert_rate"}, -climb_max_fpm, climb_max_fpm)) {
    out.climb = MetresPerSecond::from_feet_per_minute(*rate);
  }
  if (const auto nac_p = entry.number({"nac_p"}, 0, 15); nac_p && *nac_p >= 1 && *nac_p <= 11) {
    out.accuracy = Metres{nac_p_radius_m[static_cast<int>(*nac_p)]};
  }
  return out;
}

}  // namespace

Result<AircraftList, AircraftJsonError> parse_aircraft_json(std::string_view text, UtcTime arrived) {
  const auto fail = [](std::string what) { return failure(AircraftJsonError{std::move(what)}); };
  if (text.size() > aircraft_json_bytes_max) {
    return fail(fmt::format("the file has {} bytes; the limit is {}", text.size(), aircraft_json_bytes_max));
  }
  simdjson::dom::parser parser;
  element root;
  // The text is copied into padded memory: simdjson reads past the end of what it is given.
  if (const auto error = parser.parse(text.data(), text.size(), true).get(root)) {
    return fail(fmt::format("not JSON: {}", simdjson::error_message(error)));
  }
  simdjson::dom::array entries;
  if (root["aircraft"].get(entries) != simdjson::SUCCESS) return fail("there is no list \"aircraft\"");

  AircraftList list;
  double written_s = 0;
  if (root["now"].get(written_s) == simdjson::SUCCESS && written_s > 0 && written_s < 7'258'118'400) {  // year 2200
    list.written_at = utc_from_ms(static_cast<std::int64_t>(std::llround(written_s * 1000)));
  }
  std::size_t index = 0;
  for (const element value : entries) {
    object fields;
    const bool has_room = list.aircraft.size() < aircraft_json_aircraft_max;
    auto aircraft =
        has_room && value.get(fields) == simdjson::SUCCESS ? read_aircraft(Entry(fields, list), arrived) : std::nullopt;
    if (aircraft) {
      list.aircraft.push_back(std::move(*aircraft));
    } else {
      ++list.skipped;
      if (list.first_problem.empty()) {
        list.first_problem =
            fmt::format("aircraft[{}]: {}", index, has_room ? "no usable \"hex\"" : "beyond the limit");
      }
    }
    ++index;
  }
  return list;
}

}  // namespace airbridge::codec::adsb
