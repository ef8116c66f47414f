#pragma once
// Points, lines, areas and circles as values of events.
//   point   [1, lat_e7, lon_e7]                 line  [2, lat, lon, lat, lon, ...]   two points or more
//   area    [3, lat, lon, ...]                  one ring of three points or more, closed by meaning, not by repetition
//   circle  [4, lat, lon, radius in metres]
#include <optional>
#include <vector>

#include "geo/position.hpp"
#include "model/value.hpp"

namespace airbridge::model {

enum class Shape : std::int64_t { Point = 1, Line = 2, Area = 3, Circle = 4 };
inline constexpr std::size_t geometry_points_max = 2000;

struct Geometry {
  Shape shape = Shape::Point;
  std::vector<Position> points;
  double radius_m = 0;  // circles
  friend bool operator==(const Geometry&, const Geometry&) = default;
};

struct Place {
  Position position;
  std::optional<EllipsoidHeight> height;
  friend bool operator==(const Place&, const Place&) = default;
};

Value to_value(const Place& place);
Value to_value(const Geometry& geometry);
// Nothing when the value has another form, a coordinate is off the earth, or the points are too few or too many.
std::optional<Place> place_of(const Value& value);
std::optional<Geometry> geometry_of(const Value& value);
// Where to put the label of a shape: the point, the middle of a line, the mean of an area's corners, a circle's centre.
Position label_point(const Geometry& geometry);

}  // namespace airbridge::model
