#include "model/geometry.hpp"

#include <algorithm>
#include <cmath>

namespace airbridge::model {
namespace {
constexpr std::int64_t height_min_m = -12'000, height_max_m = 100'000;
constexpr double radius_max_m = 1'000'000;
}  // namespace

Value to_value(const Place& place) {
  Value::List list{Value(std::int64_t{place.position.latitude.e7()}),
                   Value(std::int64_t{place.position.longitude.e7()})};
  // A height no place can have is left out rather than spoiling the position.
  if (place.height && place.height->above().value >= height_min_m && place.height->above().value <= height_max_m) {
    list.emplace_back(static_cast<std::int64_t>(std::llround(place.height->above().value * 100)));
  }
  return list;
}

Value to_value(const Geometry& geometry) {
  Value::List list{Value(static_cast<std::int64_t>(geometry.shape))};
  for (const auto& point : geometry.points) {
    list.emplace_back(std::int64_t{point.latitude.e7()});
    list.emplace_back(std::int64_t{point.longitude.e7()});
  }
  if (geometry.shape == Shape::Circle) {
    // Never smaller than 1 m; one too large stays too large, and is refused where it is checked.
    const double radius = geometry.radius_m >= 1 ? std::min(geometry.radius_m, 2 * radius_max_m) : 1;
    list.emplace_back(static_cast<std::int64_t>(std::llround(radius)));
  }
  return list;
}

std::optional<Place> place_of(const Value& value) {
  const auto* list = value.list();
  if (list == nullptr || list->size() < 2 || list->size() > 3) return std::nullopt;
  const auto* lat = (*list)[0].integer();
  const auto* lon = (*list)[1].integer();
  if (lat == nullptr || lon == nullptr) return std::nullopt;
  const auto position = Position::from_e7(*lat, *lon);
  if (!position) return std::nullopt;
  Place place{*position, std::nullopt};
  if (list->size() == 3) {
    const auto* height = (*list)[2].integer();
    if (height == nullptr || *height < 100 * height_min_m || *height > 100 * height_max_m) return std::nullopt;
    place.height = EllipsoidHeight(Metres{static_cast<double>(*height) / 100});
  }
  return place;
}

std::optional<Geometry> geometry_of(const Value& value) {
  const auto* list = value.list();
  if (list == nullptr || list->size() < 3 || list->size() > 2 * geometry_points_max + 2) return std::nullopt;
  const auto* shape = (*list)[0].integer();
  if (shape == nullptr || *shape < 1 || *shape > 4) return std::nullopt;
  Geometry geometry;
  geometry.shape = static_cast<Shape>(*shape);
  std::size_t end = list->size();
  if (geometry.shape == Shape::Circle) {
    const auto* radius = (*list)[--end].integer();
    if (end != 3 || radius == nullptr || *radius < 1 || static_cast<double>(*radius) > radius_max_m)
      return std::nullopt;
    geometry.radius_m = static_cast<double>(*radius);
  }
  if (end % 2 != 1) return std::nullopt;
  for (std::size_t i = 1; i < end; i += 2) {
    const auto* lat = (*list)[i].integer();
    const auto* lon = (*list)[i + 1].integer();
    if (lat == nullptr || lon == nullptr) return std::nullopt;
    const auto position = Position::from_e7(*lat, *lon);
    if (!position) return std::nullopt;
    geometry.points.push_back(*position);
  }
  const std::size_t n = geometry.points.size();
  const bool right_count = geometry.shape == Shape::Line ? n >= 2 : geometry.shape == Shape::Area ? n >= 3 : n == 1;
  if (!right_count) return std::nullopt;
  return geometry;
}

Position label_point(const Geometry& geometry) {
  const auto& points = geometry.points;
  if (geometry.shape == Shape::Line) return points[points.size() / 2];
  if (geometry.shape != Shape::Area) return points.front();
  // Offsets from the first corner, wrapped, so that an area across the antimeridian keeps its label inside.
  std::int64_t lat = 0;
  std::int64_t lon = 0;
  const auto base = points.front();
  for (const auto& point : points) {
    lat += point.latitude.e7();
    std::int64_t offset = std::int64_t{point.longitude.e7()} - base.longitude.e7();
    if (offset > 1'800'000'000) offset -= 3'600'000'000;
    if (offset < -1'800'000'000) offset += 3'600'000'000;
    lon += offset;
  }
  const auto n = static_cast<std::int64_t>(points.size());
  std::int64_t middle = base.longitude.e7() + lon / n;
  if (middle > 1'800'000'000) middle -= 3'600'000'000;
  if (middle < -1'800'000'000) middle += 3'600'000'000;
  return *Position::from_e7(lat / n, middle);
}

}  // namespace airbridge::model
