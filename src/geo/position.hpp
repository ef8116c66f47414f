#pragma once
// Where something is: WGS 84 latitude and longitude, checked when made, so a Position is always valid.
// Held as integers of 1e-7 degree (11 mm at the equator), which is also what events carry.
#include <compare>
#include <cstdint>
#include <optional>

#include "geo/quantity.hpp"

namespace airbridge {

class Latitude {
 public:
  static std::optional<Latitude> from_degrees(double degrees);  // -90..90, else nothing
  static std::optional<Latitude> from_e7(std::int64_t e7);
  constexpr double degrees() const { return static_cast<double>(e7_) / 1e7; }
  constexpr std::int32_t e7() const { return e7_; }
  friend constexpr auto operator<=>(Latitude, Latitude) = default;

 private:
  constexpr explicit Latitude(std::int32_t e7) : e7_(e7) {}
  std::int32_t e7_;
};

class Longitude {
 public:
  static std::optional<Longitude> from_degrees(double degrees);  // -180..180, else nothing; 180 becomes -180
  static std::optional<Longitude> from_e7(std::int64_t e7);
  constexpr double degrees() const { return static_cast<double>(e7_) / 1e7; }
  constexpr std::int32_t e7() const { return e7_; }
  friend constexpr auto operator<=>(Longitude, Longitude) = default;

 private:
  constexpr explicit Longitude(std::int32_t e7) : e7_(e7) {}
  std::int32_t e7_;
};

struct Position {
  Latitude latitude;
  Longitude longitude;
  static std::optional<Position> from_degrees(double latitude, double longitude);
  static std::optional<Position> from_e7(std::int64_t latitude, std::int64_t longitude);
  friend constexpr auto operator<=>(const Position&, const Position&) = default;
};

// Great-circle distance on the sphere of mean radius 6,371,008.8 m: within 0.56 % of the ellipsoid's geodesic, which is
// enough for jump checks and for "nearest"; planning uses GeographicLib.
Metres distance_between(const Position& a, const Position& b);
// Initial true bearing of the great circle from a to b; north when they are the same point.
TrueBearing bearing_between(const Position& from, const Position& to);

}  // namespace airbridge
