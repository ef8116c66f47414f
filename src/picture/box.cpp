#include "picture/box.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace airbridge::picture {
namespace {
constexpr std::int32_t half = 1'800'000'000;
constexpr std::int32_t quarter = 900'000'000;
constexpr double radius_m = 6'371'008.8;  // the sphere of geo/position.hpp
double radians(double e7) { return e7 * 1e-7 * std::numbers::pi / 180.0; }

bool overlap_longitude(std::int32_t aw, std::int32_t ae, std::int32_t bw, std::int32_t be) {
  if (aw > ae) return overlap_longitude(aw, half, bw, be) || overlap_longitude(-half, ae, bw, be);
  if (bw > be) return overlap_longitude(aw, ae, bw, half) || overlap_longitude(aw, ae, -half, be);
  if ((ae == half && bw == -half) || (be == half && aw == -half)) return true;  // they touch at 180 degrees
  return aw <= be && bw <= ae;
}

// Along the meridian `longitude` from south to north: the point nearest to `from` is where the great circle meets it at
// a right angle, if that lies between the ends; beyond a quarter turn the nearer end is nearest.
double distance_to_meridian(const Box& box, std::int32_t longitude, const Position& from) {
  const auto at = [&](double latitude_e7) {
    const double phi1 = radians(from.latitude.e7()), phi2 = radians(latitude_e7);
    const double dlambda = radians(static_cast<double>(longitude) - from.longitude.e7());
    const double h =
        std::pow(std::sin((phi2 - phi1) / 2), 2) + std::cos(phi1) * std::cos(phi2) * std::pow(std::sin(dlambda / 2), 2);
    return 2 * radius_m * std::asin(std::min(1.0, std::sqrt(h)));
  };
  double best = std::min(at(box.south), at(box.north));
  const double dlambda = radians(static_cast<double>(longitude) - from.longitude.e7());
  if (std::cos(dlambda) > 0) {
    const double foot = std::atan(std::tan(radians(from.latitude.e7())) / std::cos(dlambda)) * 180.0 / std::numbers::pi;
    const double e7 = foot * 1e7;
    if (e7 > box.south && e7 < box.north) best = std::min(best, at(e7));
  }
  return best;
}
}  // namespace

std::optional<Box> box_from_degrees(double south, double west, double north, double east) {
  const auto on_earth = [](double v, double limit) { return v >= -limit && v <= limit; };  // also stops NaN
  if (!on_earth(south, 90) || !on_earth(north, 90) || !on_earth(west, 180) || !on_earth(east, 180) || south > north) {
    return std::nullopt;
  }
  const auto e7 = [](double degrees) { return static_cast<std::int32_t>(std::llround(degrees * 1e7)); };
  Box box{e7(south), e7(west), e7(north), e7(east)};
  if (box.west == half && box.east != half) box.west = -half;
  return box;
}

Box box_of(const Position& position) {
  const auto lat = position.latitude.e7();
  const auto lon = position.longitude.e7();
  return {lat, lon, lat, lon};
}

Box box_of(const model::Geometry& geometry) {
  const auto& first = geometry.points.front();
  std::int64_t south = first.latitude.e7(), north = south;
  std::int64_t west = 0, east = 0;  // offsets from the first point, going the short way round from point to point
  std::int64_t offset = 0;
  std::int64_t last = first.longitude.e7();
  for (const auto& point : geometry.points) {
    south = std::min<std::int64_t>(south, point.latitude.e7());
    north = std::max<std::int64_t>(north, point.latitude.e7());
    std::int64_t step = point.longitude.e7() - last;
    if (step > half) step -= 2LL * half;
    if (step < -std::int64_t{half}) step += 2LL * half;
    offset += step;
    last = point.longitude.e7();
    west = std::min(west, offset);
    east = std::max(east, offset);
  }
  if (geometry.shape == model::Shape::Circle) {
    const double reach = geometry.radius_m / radius_m;  // radians
    const auto reach_e7 = static_cast<std::int64_t>(std::ceil(reach * 180.0 / std::numbers::pi * 1e7)) + 1;
    south -= reach_e7;
    north += reach_e7;
    const double room = std::cos(radians(first.latitude.e7()));
    if (south <= -quarter || north >= quarter || std::sin(reach) >= room) {
      west = -half;
      east = half;
    } else {
      const auto wide =
          static_cast<std::int64_t>(std::ceil(std::asin(std::sin(reach) / room) * 180.0 / std::numbers::pi * 1e7)) + 1;
      west = -wide;
      east = wide;
    }
  }
  Box box;
  box.south = static_cast<std::int32_t>(std::max<std::int64_t>(south, -quarter));
  box.north = static_cast<std::int32_t>(std::min<std::int64_t>(north, quarter));
  if (east - west >= half) {
    box.west = -half;
    box.east = half;
    return box;
  }
  const auto wrap = [](std::int64_t lon) {
    if (lon >= half) lon -= 2LL * half;
    if (lon < -std::int64_t{half}) lon += 2LL * half;
    return static_cast<std::int32_t>(lon);
  };
  box.west = wrap(first.longitude.e7() + west);
  box.east = wrap(first.longitude.e7() + east);
  return box;
}

bool overlap(const Box& a, const Box& b) {
  return a.south <= b.north && b.south <= a.north && overlap_longitude(a.west, a.east, b.west, b.east);
}

bool contains(const Box& box, const Position& position) { return overlap(box, box_of(position)); }

Metres distance_to(const Box& box, const Position& from) {
  const auto lat = from.latitude.e7();
  const auto lon = from.longitude.e7();
  if (box.south == box.north && box.west == box.east) {
    return distance_between(from, *Position::from_e7(box.south, box.west));
  }
  if (overlap_longitude(box.west, box.east, lon, lon)) {
    const double gap = lat < box.south   ? box.south - static_cast<double>(lat)
                       : lat > box.north ? static_cast<double>(lat) - box.north
                                         : 0.0;
    return {radius_m * radians(gap)};
  }
  // At every latitude the nearest point of the box is the one nearest in longitude: it lies on one of its two sides.
  const double best = std::min(distance_to_meridian(box, box.west, from), distance_to_meridian(box, box.east, from));
  return {best};
}

}  // namespace airbridge::picture
