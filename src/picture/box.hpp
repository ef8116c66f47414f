#pragma once
// Boxes of latitude and longitude, in 1e-7 degree, borders included. A box whose west lies east of its east runs across
// the antimeridian.
#include <cstdint>

#include "geo/position.hpp"
#include "model/geometry.hpp"

namespace airbridge::picture {

struct Box {
  std::int32_t south = 0, west = 0, north = 0, east = 0;
  bool wraps() const { return west > east; }
  friend bool operator==(const Box&, const Box&) = default;
};

// Nothing when a border is off the earth or south lies north of north. Longitude 180 is -180, except as an east border.
std::optional<Box> box_from_degrees(double south, double west, double north, double east);
Box box_of(const Position& position);
// The smallest box around the shape; one that encloses a pole or spans more than half the earth gets all longitudes.
Box box_of(const model::Geometry& geometry);

bool overlap(const Box& a, const Box& b);
bool contains(const Box& box, const Position& position);
// Great-circle distance from the point to the nearest point of the box; 0 inside.
Metres distance_to(const Box& box, const Position& from);

}  // namespace airbridge::picture
