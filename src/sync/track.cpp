#include "sync/track.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sync/compact_bytes.hpp"

namespace airbridge::sync {

using compact::put_number;
using compact::unzigzag;
using compact::zigzag;

namespace {
constexpr std::int64_t e7_step = 100;
constexpr std::int64_t lat_max = 9'000'000, lon_max = 18'000'000;
constexpr int height_min_m = -1'000, height_max_m = 100'000;
constexpr std::int64_t time_max_s = std::int64_t{1} << 36;  // the year 4147
constexpr double metres_per_step = 1.112;                   // of latitude

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value >= 0 ? value / by : -((by - 1 - value) / by);
}

// Where the course through the last two leads at that time; where they are far apart or long ago, the last one.
std::pair<std::int64_t, std::int64_t> led_to(const std::vector<Fix>& before, std::size_t count, std::int64_t time_s) {
  const auto& last = before[count - 1];
  if (count < 2) return {last.lat_e5, last.lon_e5};
  const auto& first = before[count - 2];
  const auto span = last.time_s - first.time_s, ahead = std::min(time_s - last.time_s, span);
  const auto lead = [&](std::int64_t from, std::int64_t to) { return to + floor_div((to - from) * ahead, span); };
  return {lead(first.lat_e5, last.lat_e5), lead(first.lon_e5, last.lon_e5)};
}

Bytes pack_as(const std::vector<Fix>& fixes, bool by_course) {
  Bytes out{static_cast<std::uint8_t>(by_course ? 1 : 0)};
  put_number(out, fixes.size());
  int height = 0;
  for (std::size_t i = 0; i < fixes.size(); ++i) {
    const auto& fix = fixes[i];
    const auto since = fix.time_s - (i == 0 ? 0 : fixes[i - 1].time_s);
    put_number(out, static_cast<std::uint64_t>(since) * 2 + (fix.height_m ? 1 : 0));
    std::pair<std::int64_t, std::int64_t> from{0, 0};
    if (i > 0)
      from = by_course ? led_to(fixes, i, fix.time_s)
                       : std::pair<std::int64_t, std::int64_t>(fixes[i - 1].lat_e5, fixes[i - 1].lon_e5);
    put_number(out, zigzag(fix.lat_e5 - from.first));
    put_number(out, zigzag(fix.lon_e5 - from.second));
    if (fix.height_m) put_number(out, zigzag(*fix.height_m - std::exchange(height, *fix.height_m)));
  }
  return out;
}

struct Offset {
  double north = 0, east = 0;
};
Offset between(const Fix& a, const Fix& b) {
  const double wide = std::cos(a.lat_e5 * 1e-5 * std::numbers::pi / 180);
  std::int64_t east = std::int64_t{b.lon_e5} - a.lon_e5;
  if (east > lon_max) east -= 2 * lon_max;
  if (east < -lon_max) east += 2 * lon_max;
  return {static_cast<double>(std::int64_t{b.lat_e5} - a.lat_e5) * metres_per_step,
          static_cast<double>(east) * metres_per_step * wide};
}
}  // namespace

Fix fix_of(const model::Observation& o) {
  const auto rounded = [](std::int64_t e7) { return static_cast<std::int32_t>(floor_div(e7 + e7_step / 2, e7_step)); };
  Fix fix{
      floor_div(ms_of(o.measured), 1'000), rounded(o.position.latitude.e7()), rounded(o.position.longitude.e7()), {}};
  const auto height = o.height              ? std::optional(o.height->above().value)
                      : o.pressure_altitude ? std::optional(o.pressure_altitude->above().value)
                                            : std::nullopt;
  if (height && *height >= height_min_m && *height <= height_max_m)
    fix.height_m = static_cast<int>(std::lround(*height));
  return fix;
}

Bytes pack_fixes(const std::vector<Fix>& fixes) {
  auto plain = pack_as(fixes, false), by_course = pack_as(fixes, true);
  return by_course.size() < plain.size() ? by_course : plain;
}

Result<std::vector<Fix>, model::DecodeError> unpack_fixes(ByteView bytes) {
  compact::In in(bytes);
  const auto form = in.byte();
  if (form > 1) in.fail(model::DecodeFault::WrongType);
  const auto count = in.number(fixes_per_part_max);
  std::vector<Fix> out;
  std::int64_t height = 0;
  const auto step = [&] { return unzigzag(in.number(std::uint64_t{4} * lon_max)); };  // wider than any real one
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto head = in.number(static_cast<std::uint64_t>(time_max_s) * 2);
    Fix fix;
    const auto since = static_cast<std::int64_t>(head / 2);
    if (i > 0 && since == 0) in.fail(model::DecodeFault::NotCanonical);
    fix.time_s = since + (i == 0 ? 0 : out.back().time_s);
    std::pair<std::int64_t, std::int64_t> from{0, 0};
    if (i > 0 && in.ok()) {
      from = form == 1 ? led_to(out, out.size(), fix.time_s)
                       : std::pair<std::int64_t, std::int64_t>(out.back().lat_e5, out.back().lon_e5);
    }
    const auto lat = from.first + step();
    const auto lon = from.second + step();
    if (std::abs(lat) > lat_max || std::abs(lon) > lon_max || fix.time_s > time_max_s)
      in.fail(model::DecodeFault::TooLong);
    fix.lat_e5 = static_cast<std::int32_t>(std::clamp(lat, -lat_max, lat_max));
    fix.lon_e5 = static_cast<std::int32_t>(std::clamp(lon, -lon_max, lon_max));
    if ((head & 1) != 0) {
      height += step();
      if (height < height_min_m || height > height_max_m) {
        in.fail(model::DecodeFault::TooLong);
        height = 0;
      }
      fix.height_m = static_cast<int>(height);
    }
    if (in.ok()) out.push_back(fix);
  }
  in.end();
  if (!in.ok()) return failure(*in.fault());
  return out;
}

// Were all that were passed over since the kept one where the straight way to `to` would have had them at their time?
bool TrackThinner::is_on_the_way(const Fix& to, double tolerance_m) const {
  const auto way = between(*kept_, to);
  const auto span = static_cast<double>(to.time_s - kept_->time_s);
  return std::ranges::all_of(pending_, [&](const Fix& fix) {
    const auto part = static_cast<double>(fix.time_s - kept_->time_s) / span;
    const auto was = between(*kept_, fix);
    if (std::hypot(was.north - way.north * part, was.east - way.east * part) > tolerance_m) return false;
    if (fix.height_m.has_value() != to.height_m.has_value() || fix.height_m.has_value() != kept_->height_m.has_value())
      return !fix.height_m.has_value();
    return !fix.height_m ||
           std::abs(*fix.height_m - (*kept_->height_m + (*to.height_m - *kept_->height_m) * part)) <= tolerance_m;
  });
}

std::vector<Fix> TrackThinner::add(const Fix& fix, Metres error_95) {
  const double tolerance = std::clamp(error_95.value, track_tolerance_min.value, track_tolerance_max.value);
  const auto keep = [&](const Fix& one) {
    kept_ = one;
    return std::vector<Fix>{one};
  };
  if (!kept_) return keep(fix);
  if (fix.time_s <= (pending_.empty() ? kept_->time_s : pending_.back().time_s)) return {};
  std::vector<Fix> out;
  if (!pending_.empty() && !is_on_the_way(fix, tolerance)) {
    out = keep(pending_.back());
    pending_.clear();
  }
  const auto way = between(*kept_, fix);
  const bool has_moved = std::hypot(way.north, way.east) > tolerance;
  if (out.empty() && has_moved && fix.time_s - kept_->time_s >= track_interval_max_s) {
    pending_.clear();
    return keep(fix);
  }
  // What stands still needs no looking back but to when it still stood there; on a long straight way every second fix
  // is enough to see that it was one.
  if (!has_moved) pending_.clear();
  if (pending_.size() >= track_pending_max) {
    std::size_t left = 0;
    for (std::size_t i = 1; i < pending_.size(); i += 2) pending_[left++] = pending_[i];
    pending_.resize(left);
  }
  pending_.push_back(fix);
  return out;
}

}  // namespace airbridge::sync
