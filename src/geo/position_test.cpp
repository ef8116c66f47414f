#include "geo/position.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <type_traits>

using namespace airbridge;

static_assert(!std::is_convertible_v<MslHeight, EllipsoidHeight>);
static_assert(!std::is_convertible_v<double, Latitude>);

TEST_CASE("a position outside the earth cannot be made") {
  CHECK_FALSE(Position::from_degrees(91, 0));
  CHECK_FALSE(Position::from_degrees(0, -180.1));
  CHECK_FALSE(Position::from_degrees(std::nan(""), 0));
  CHECK_FALSE(Position::from_e7(900'000'001, 0));
  CHECK(Position::from_degrees(90, 180)->longitude.degrees() == -180);
}

TEST_CASE("distances agree with known ones to the stated error") {
  const auto bern = *Position::from_degrees(46.9480, 7.4474);
  const auto zurich = *Position::from_degrees(47.3769, 8.5417);
  CHECK(distance_between(bern, zurich).value == doctest::Approx(95'490).epsilon(0.0056));  // Karney geodesic
  CHECK(distance_between(bern, bern).value == 0);
  CHECK(bearing_between(*Position::from_degrees(0, 0), *Position::from_degrees(0, 1)).degrees() == doctest::Approx(90));
}

TEST_CASE("a bearing wraps when made") {
  CHECK(TrueBearing::from_degrees(-90)->degrees() == 270);
  CHECK(TrueBearing::from_degrees(360)->degrees() == 0);
  CHECK_FALSE(TrueBearing::from_degrees(INFINITY));
}
