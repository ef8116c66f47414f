#pragma once
// Quantities whose kind is in the type (STYLE 4). SI inside; conversion happens in codecs and at the screen.
#include <cmath>
#include <compare>
#include <cstdint>
#include <optional>

namespace airbridge {

struct Metres {
  double value = 0;
  friend constexpr auto operator<=>(Metres, Metres) = default;
  friend constexpr Metres operator+(Metres a, Metres b) { return {a.value + b.value}; }
  friend constexpr Metres operator-(Metres a, Metres b) { return {a.value - b.value}; }
  static constexpr Metres from_feet(double feet) { return {feet * 0.3048}; }
  constexpr double feet() const { return value / 0.3048; }
};

struct MetresPerSecond {
  double value = 0;
  friend constexpr auto operator<=>(MetresPerSecond, MetresPerSecond) = default;
  static constexpr MetresPerSecond from_knots(double knots) { return {knots * 1852.0 / 3600.0}; }
  static constexpr MetresPerSecond from_feet_per_minute(double fpm) { return {fpm * 0.3048 / 60.0}; }
  constexpr double knots() const { return value * 3600.0 / 1852.0; }
};

// A point above a surface: two heights subtract to Metres, they do not add, and surfaces do not mix.
template <class Datum>
class Height {
 public:
  constexpr explicit Height(Metres above) : above_(above) {}
  constexpr Metres above() const { return above_; }
  friend constexpr Metres operator-(Height a, Height b) { return a.above_ - b.above_; }
  friend constexpr Height operator+(Height h, Metres m) { return Height(h.above_ + m); }
  friend constexpr bool operator==(Height, Height) = default;

 private:
  Metres above_;
};
using EllipsoidHeight = Height<struct Wgs84Ellipsoid>;       // what GNSS and CoT speak
using MslHeight = Height<struct MeanSeaLevel>;               // what charts and NMEA GGA speak
using PressureAltitude = Height<struct StandardAtmosphere>;  // what transponders send (1013.25 hPa)

// Degrees clockwise from the reference, wrapped into [0, 360) when made.
template <class Reference>
class Bearing {
 public:
  static std::optional<Bearing> from_degrees(double degrees) {
    if (!std::isfinite(degrees)) return std::nullopt;
    double wrapped = std::fmod(degrees, 360.0);
    if (wrapped < 0) wrapped += 360.0;
    return Bearing(wrapped >= 360.0 ? 0.0 : wrapped);
  }
  constexpr double degrees() const { return degrees_; }
  friend constexpr bool operator==(Bearing, Bearing) = default;

 private:
  constexpr explicit Bearing(double degrees) : degrees_(degrees) {}
  double degrees_;
};
using TrueBearing = Bearing<struct TrueNorth>;
using MagneticBearing = Bearing<struct MagneticNorth>;

}  // namespace airbridge
