#include "geo/position.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace airbridge {
namespace {
constexpr double radius_m = 6'371'008.8;
constexpr std::int64_t quarter = 900'000'000;
constexpr std::int64_t half = 1'800'000'000;
double radians(double degrees) { return degrees * std::numbers::pi / 180.0; }
}  // namespace

std::optional<Latitude> Latitude::from_degrees(double degrees) {
  if (!(degrees >= -90.0 && degrees <= 90.0)) return std::nullopt;  // also stops NaN
  return Latitude(static_cast<std::int32_t>(std::llround(degrees * 1e7)));
}
std::optional<Latitude> Latitude::from_e7(std::int64_t e7) {
  if (e7 < -quarter || e7 > quarter) return std::nullopt;
  return Latitude(static_cast<std::int32_t>(e7));
}
std::optional<Longitude> Longitude::from_degrees(double degrees) {
  if (!(degrees >= -180.0 && degrees <= 180.0)) return std::nullopt;
  return from_e7(std::llround(degrees * 1e7));
}
std::optional<Longitude> Longitude::from_e7(std::int64_t e7) {
  if (e7 < -half || e7 > half) return std::nullopt;
  return Longitude(static_cast<std::int32_t>(e7 == half ? -half : e7));
}
std::optional<Position> Position::from_degrees(double latitude, double longitude) {
  const auto lat = Latitude::from_degrees(latitude);
  const auto lon = Longitude::from_degrees(longitude);
  if (!lat || !lon) return std::nullopt;
  return Position{*lat, *lon};
}
std::optional<Position> Position::from_e7(std::int64_t latitude, std::int64_t longitude) {
  const auto lat = Latitude::from_e7(latitude);
  const auto lon = Longitude::from_e7(longitude);
  if (!lat || !lon) return std::nullopt;
  return Position{*lat, *lon};
}

Metres distance_between(const Position& a, const Position& b) {
  const double phi1 = radians(a.latitude.degrees());
  const double phi2 = radians(b.latitude.degrees());
  const double dphi = phi2 - phi1;
  const double dlambda = radians(b.longitude.degrees() - a.longitude.degrees());
  const double h =
      std::pow(std::sin(dphi / 2), 2) + std::cos(phi1) * std::cos(phi2) * std::pow(std::sin(dlambda / 2), 2);
  return {2 * radius_m * std::asin(std::min(1.0, std::sqrt(h)))};
}

TrueBearing bearing_between(const Position& from, const Position& to) {
  const double phi1 = radians(from.latitude.degrees());
  const double phi2 = radians(to.latitude.degrees());
  const double dlambda = radians(to.longitude.degrees() - from.longitude.degrees());
  const double y = std::sin(dlambda) * std::cos(phi2);
  const double x = std::cos(phi1) * std::sin(phi2) - std::sin(phi1) * std::cos(phi2) * std::cos(dlambda);
  return *TrueBearing::from_degrees(std::atan2(y, x) * 180.0 / std::numbers::pi);
}

}  // namespace airbridge
