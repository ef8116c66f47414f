#include "model/geometry.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace airbridge;
using namespace airbridge::model;

namespace {
Position at(double latitude, double longitude) { return *Position::from_degrees(latitude, longitude); }
}  // namespace

TEST_CASE("a place comes back with and without its height") {
  const Place flat{at(46.5, 7.75), std::nullopt};
  CHECK(place_of(to_value(flat)) == flat);
  const Place high{at(-90, -180), EllipsoidHeight(Metres{2345.67})};
  CHECK(place_of(to_value(high)) == high);
}

TEST_CASE("a height no place can have does not spoil the position") {
  for (const double height : {std::nan(""), 1e300, -1e300, -12'001.0, 100'001.0, double(INFINITY)}) {
    CHECK(place_of(to_value(Place{at(1, 2), EllipsoidHeight(Metres{height})})) == Place{at(1, 2), std::nullopt});
  }
}

TEST_CASE("a place of another form or off the earth is none") {
  for (const Value& bad : {Value(), Value(1), Value(Value::List{}), Value(Value::List{1}), Value(Value::List{1, "2"}),
                           Value(Value::List{1, 2, 3, 4}), Value(Value::List{std::int64_t{900'000'001}, 0}),
                           Value(Value::List{0, std::int64_t{-1'800'000'001}}),
                           Value(Value::List{INT64_MIN, INT64_MIN}), Value(Value::List{0, 0, 10'000'001}),
                           Value(Value::List{0, 0, -1'200'001}), Value(Value::List{0, 0, Value()})}) {
    CHECK_FALSE(place_of(bad));
  }
}

TEST_CASE("every shape comes back") {
  for (const Geometry& shape :
       {Geometry{Shape::Point, {at(1, 2)}, 0}, Geometry{Shape::Line, {at(1, 2), at(3, 4)}, 0},
        Geometry{Shape::Area, {at(1, 2), at(3, 4), at(-5, 6)}, 0}, Geometry{Shape::Circle, {at(1, 2)}, 750}}) {
    CHECK(geometry_of(to_value(shape)) == shape);
  }
}

TEST_CASE("a shape with the wrong number of points, or a wild radius, is none") {
  const std::vector<Position> two{at(1, 2), at(3, 4)};
  CHECK_FALSE(geometry_of(to_value(Geometry{Shape::Point, two, 0})));
  CHECK_FALSE(geometry_of(to_value(Geometry{Shape::Area, two, 0})));
  CHECK_FALSE(geometry_of(to_value(Geometry{Shape::Circle, two, 10})));
  CHECK_FALSE(geometry_of(to_value(Geometry{Shape::Line, {at(1, 2)}, 0})));
  CHECK_FALSE(geometry_of(to_value(Geometry{Shape::Line, {}, 0})));
  CHECK_FALSE(geometry_of(to_value(Geometry{Shape::Circle, {at(1, 2)}, 1'000'001})));
  CHECK_FALSE(geometry_of(to_value(Geometry{Shape::Circle, {at(1, 2)}, 1e300})));
  CHECK(geometry_of(to_value(Geometry{Shape::Circle, {at(1, 2)}, 0.3}))->radius_m == 1);
  CHECK(geometry_of(to_value(Geometry{Shape::Circle, {at(1, 2)}, std::nan("")}))->radius_m == 1);
  CHECK_FALSE(geometry_of(Value::List{0, 0, 0}));
  CHECK_FALSE(geometry_of(Value::List{5, 0, 0}));
  CHECK_FALSE(geometry_of(Value::List{4, 0, 0}));
  CHECK_FALSE(geometry_of(Value::List{2, 0, 0, 0}));
  CHECK(geometry_of(to_value(Geometry{Shape::Line, std::vector<Position>(geometry_points_max, at(1, 2)), 0})));
  CHECK_FALSE(
      geometry_of(to_value(Geometry{Shape::Line, std::vector<Position>(geometry_points_max + 2, at(1, 2)), 0})));
}

TEST_CASE("a label lies inside its shape, also across the antimeridian") {
  CHECK(label_point({Shape::Point, {at(1, 2)}, 0}) == at(1, 2));
  CHECK(label_point({Shape::Circle, {at(1, 2)}, 9}) == at(1, 2));
  CHECK(label_point({Shape::Line, {at(1, 2), at(3, 4), at(5, 6)}, 0}) == at(3, 4));
  CHECK(label_point({Shape::Area, {at(0, 0), at(0, 2), at(2, 2), at(2, 0)}, 0}) == at(1, 1));
  const auto label = label_point({Shape::Area, {at(0, 179), at(0, -179), at(2, -179), at(2, 179)}, 0});
  CHECK(std::abs(label.longitude.degrees()) == doctest::Approx(180));
}
