#include "sync/compact_position.hpp"

#include <algorithm>
#include <cmath>

#include "base/hash.hpp"

namespace airbridge::sync {

using model::Observation;

namespace {
constexpr int latitude_bits = 24, longitude_bits = 25, height_bits = 14;
constexpr std::int64_t half_turn_e7 = 1'800'000'000;
constexpr double height_base_m = -1000;
constexpr double slow_step = 0.5, fast_step = 2;  // m/s
constexpr std::uint8_t slow_codes = 100, speed_none = 255, course_none = 255;
constexpr int course_steps = 250;
constexpr std::int64_t seconds_wrap = 65'536;
constexpr std::int64_t ahead_max_s = 3'600;
// What a writer uses of that range, so that clocks may differ by half an hour.
constexpr std::int64_t written_ahead_max_s = 1'800, written_age_max_s = 16 * 3'600;
constexpr double worse_error_max = 2;

enum class HeightKind { None, Ellipsoid, Pressure };
HeightKind height_kind(const Observation& o) {
  return o.height ? HeightKind::Ellipsoid : o.pressure_altitude ? HeightKind::Pressure : HeightKind::None;
}

// What a short position says is wiped; that there is such a thing stays.
Observation lasting(Observation o) {
  const auto kind = height_kind(o);
  o.measured = {};
  o.position = *Position::from_e7(0, 0);
  o.height.reset(), o.pressure_altitude.reset();
  if (kind == HeightKind::Ellipsoid) o.height = EllipsoidHeight(Metres{0});
  if (kind == HeightKind::Pressure) o.pressure_altitude = PressureAltitude(Metres{0});
  o.course.reset(), o.speed.reset(), o.climb.reset();
  if (o.horizontal_error_95) o.horizontal_error_95 = Metres{0};
  if (o.on_ground) o.on_ground = false;
  if (o.battery_percent) o.battery_percent = *o.battery_percent / 10 * 10;
  o.heard_after = {};
  o.document.clear();
  return o;
}

std::uint32_t scaled(std::int64_t e7, std::int64_t range, int bits) {
  const auto steps = std::int64_t{1} << bits;
  return static_cast<std::uint32_t>((e7 * steps + range / 2) / range);
}
std::int64_t unscaled(std::uint32_t value, std::int64_t range, int bits) {
  const auto steps = std::int64_t{1} << bits;
  return (value * range + steps / 2) / steps;
}

std::optional<std::uint8_t> speed_code(const std::optional<MetresPerSecond>& speed) {
  if (!speed) return speed_none;
  const auto limit = slow_step * slow_codes;
  const auto code = speed->value <= limit ? std::lround(speed->value / slow_step)
                                          : slow_codes + std::lround((speed->value - limit) / fast_step);
  if (!(speed->value >= 0) || code >= speed_none) return std::nullopt;
  return static_cast<std::uint8_t>(code);
}
MetresPerSecond speed_of(std::uint8_t code) {
  if (code <= slow_codes) return {slow_step * code};
  return {slow_step * slow_codes + fast_step * (code - slow_codes)};
}

std::int64_t seconds_of(UtcTime time) {
  const auto ms = ms_of(time);
  return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}
}  // namespace

std::uint16_t tag_of(const Observation& observation) {
  const auto digest = blake2b<8>({model::encode(lasting(observation))});
  return static_cast<std::uint16_t>(digest[0] << 8 | digest[1]);
}

namespace compact {

std::optional<Bytes> short_position(const Observation& fresh, const Observation& full, UtcTime now) {
  if (model::encode(lasting(fresh)) != model::encode(lasting(full))) return std::nullopt;
  const auto measured = seconds_of(fresh.measured), age = seconds_of(now) - measured;
  if (age > written_age_max_s || age < -written_ahead_max_s) return std::nullopt;
  if (fresh.horizontal_error_95 &&
      fresh.horizontal_error_95->value > full.horizontal_error_95->value * worse_error_max) {
    return std::nullopt;
  }
  const auto kind = height_kind(fresh);
  std::uint32_t height = 0;
  if (kind != HeightKind::None) {
    const auto metres =
        kind == HeightKind::Ellipsoid ? fresh.height->above().value : fresh.pressure_altitude->above().value;
    const auto steps = std::llround(std::clamp(metres, -1e6, 1e6) - height_base_m);
    if (steps < 0 || steps >= 1 << height_bits) return std::nullopt;
    height = static_cast<std::uint32_t>(steps);
  }
  const auto speed = speed_code(fresh.speed);
  if (!speed) return std::nullopt;
  const auto course =
      fresh.course ? std::lround(fresh.course->degrees() / 360 * course_steps) % course_steps : course_none;

  Bytes out;
  BitWriter bits(out);
  bits.bits(tag_of(fresh), 16);
  bits.bits(static_cast<std::uint64_t>(measured % seconds_wrap), 16);
  const auto latitude = scaled(fresh.position.latitude.e7() + half_turn_e7 / 2, half_turn_e7, latitude_bits);
  bits.bits(std::min(latitude, (1U << latitude_bits) - 1), latitude_bits);
  const auto longitude = scaled(fresh.position.longitude.e7() + half_turn_e7, 2 * half_turn_e7, longitude_bits);
  bits.bits(longitude & ((1U << longitude_bits) - 1), longitude_bits);
  bits.bits(height, height_bits);
  bits.bits(*speed, 8);
  bits.bits(static_cast<std::uint64_t>(course), 8);
  bits.bits(fresh.on_ground.value_or(false) ? 1 : 0, 1);
  return out;
}

ShortPosition get_short_position(In& in) {
  BitReader bits(in);
  ShortPosition out;
  out.tag = static_cast<std::uint16_t>(bits.bits(16));
  out.time = static_cast<std::uint16_t>(bits.bits(16));
  out.latitude = static_cast<std::uint32_t>(bits.bits(latitude_bits));
  out.longitude = static_cast<std::uint32_t>(bits.bits(longitude_bits));
  out.height = static_cast<std::uint16_t>(bits.bits(height_bits));
  out.speed = static_cast<std::uint8_t>(bits.bits(8));
  out.course = static_cast<std::uint8_t>(bits.bits(8));
  out.on_ground = bits.bits(1) != 0;
  return out;
}

std::optional<Observation> restore(const ShortPosition& from, const Observation& full, UtcTime now) {
  auto out = full;
  const auto latest = seconds_of(now) + ahead_max_s;
  const auto back = ((latest - from.time) % seconds_wrap + seconds_wrap) % seconds_wrap;
  out.measured = utc_from_ms(std::max<std::int64_t>(latest - back, 0) * 1000);
  const auto position = Position::from_e7(unscaled(from.latitude, half_turn_e7, latitude_bits) - half_turn_e7 / 2,
                                          unscaled(from.longitude, 2 * half_turn_e7, longitude_bits) - half_turn_e7);
  if (!position) return std::nullopt;
  out.position = *position;
  const Metres height{height_base_m + from.height};
  const auto kind = height_kind(full);
  out.height.reset(), out.pressure_altitude.reset();
  if (kind == HeightKind::Ellipsoid) out.height = EllipsoidHeight(height);
  if (kind == HeightKind::Pressure) out.pressure_altitude = PressureAltitude(height);
  out.speed = from.speed == speed_none ? std::nullopt : std::optional(speed_of(from.speed));
  out.course =
      from.course == course_none ? std::nullopt : TrueBearing::from_degrees(from.course * 360.0 / course_steps);
  if (out.on_ground) out.on_ground = from.on_ground;
  out.climb.reset();
  out.heard_after = {};
  out.document.clear();
  return out;
}

}  // namespace compact
}  // namespace airbridge::sync
