#include "sync/value_pace.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::sync;

namespace {
ObservationKey numbered(std::uint8_t n) {
  ObservationKey key;
  key.value.fill(n);
  return key;
}
SteadyTime at(std::int64_t ms) { return SteadyTime(Milliseconds(1'000'000 + ms)); }
model::Observation seen(std::int64_t north_m = 0, model::SubjectKind kind = model::SubjectKind::Vehicle) {
  model::Observation out;
  out.subject = model::external_name("own", "1");
  out.kind = kind;
  out.position = *Position::from_e7(460'000'000 + north_m * 90, 70'000'000);  // 1 m is 90e-7 degrees of latitude
  return out;
}
SharedSaid words(std::string_view text) {
  return std::make_shared<const Said>(Said{to_bytes(as_bytes(text)), false, false});
}
}  // namespace

TEST_CASE("the interval grows with the channel's occupancy, between its limits") {
  CHECK(value_interval(0) == value_interval_min);
  CHECK(value_interval(value_calm) == value_interval_min);
  CHECK(value_interval(value_full) == value_interval_max);
  CHECK(value_interval(1) == value_interval_max);
  auto before = value_interval(value_calm);
  for (double occupancy = 0.15; occupancy < value_full; occupancy += 0.05) {
    const auto interval = value_interval(occupancy);
    CHECK(interval > before);
    before = interval;
  }
  // The middle of the range is the middle of the factors: the root of 1 s x 120 s.
  CHECK(value_interval(0.4).count() == 10'954);
}

TEST_CASE("what was never said is said at once, and what moves waits for its interval") {
  ValuePace pace;
  CHECK(pace.turn(numbered(1), seen(), 1.0, at(0)).due == at(0));
  pace.said(numbered(1), seen(), at(0));
  const auto calm = pace.turn(numbered(1), seen(100), 0.0, at(500));
  CHECK(calm.due == at(value_interval_min.count()));
  CHECK(calm.rank == ValueRank::Moving);
  CHECK(pace.turn(numbered(1), seen(100), 1.0, at(500)).due == at(value_interval_max.count()));
  CHECK(pace.turn(numbered(2), seen(100), 1.0, at(500)).due == at(500));
}

TEST_CASE("what did not move is said rarely, yet stays fresh while the channel is calm") {
  ValuePace pace;
  pace.said(numbered(1), seen(), at(0));
  const auto still = pace.turn(numbered(1), seen(10), 0.0, at(500));
  CHECK(still.rank == ValueRank::Still);
  CHECK(still.due == at(84'000));  // 0.7 of the two minutes a vehicle's position is fresh
  CHECK(pace.turn(numbered(1), seen(10), 1.0, at(500)).due == at(value_still_max.count()));
  // Creeping adds up: it is measured from where it was last said to be.
  CHECK(pace.turn(numbered(1), seen(30), 0.0, at(500)).rank == ValueRank::Moving);
  // What is inexact has not moved by less than its error, which is believed up to a bound.
  auto inexact = seen(100);
  inexact.horizontal_error_95 = Metres{150};
  CHECK(pace.turn(numbered(1), inexact, 0.0, at(500)).rank == ValueRank::Still);
  inexact = seen(300);
  inexact.horizontal_error_95 = Metres{1e9};
  CHECK(pace.turn(numbered(1), inexact, 0.0, at(500)).rank == ValueRank::Moving);
  // Up and down is moving too.
  pace.said(numbered(3), seen(), at(0));
  auto risen = seen();
  risen.height = EllipsoidHeight(Metres{500});
  CHECK(pace.turn(numbered(3), risen, 0.0, at(500)).rank == ValueRank::Moving);
}

TEST_CASE("an emergency that begins or ends is not held back") {
  ValuePace pace;
  pace.said(numbered(1), seen(), at(0));
  auto distress = seen();
  distress.emergency = "general";
  CHECK(pace.turn(numbered(1), distress, 1.0, at(500)).due == at(500));
  pace.said(numbered(1), distress, at(500));
  CHECK(pace.turn(numbered(1), distress, 1.0, at(1'000)).due > at(1'000));
  CHECK(pace.turn(numbered(1), seen(), 1.0, at(1'000)).due == at(1'000));
  auto ended = distress;
  ended.ended = true;
  CHECK(pace.turn(numbered(1), ended, 1.0, at(1'000)).due == at(1'000));
}

TEST_CASE("what rests is the newest of each thing, in the order of its time") {
  RestingValues resting;
  resting.put(numbered(1), words("old"), {at(2'000), ValueRank::Moving});
  resting.put(numbered(2), words("b"), {at(1'000), ValueRank::Still});
  resting.put(numbered(1), words("new"), {at(500), ValueRank::Moving});
  resting.put(numbered(3), words("c"), {at(1'500), ValueRank::Moving});
  resting.forget(numbered(3));
  CHECK(resting.size() == 2);
  CHECK(resting.next() == at(500));
  CHECK_FALSE(resting.take(at(499)));
  const auto first = resting.take(at(1'000));
  REQUIRE(first);
  CHECK(first->key == numbered(1));
  CHECK(first->said->bytes == words("new")->bytes);
  CHECK(resting.take(at(1'000))->rank == ValueRank::Still);
  CHECK_FALSE(resting.take(at(1'000'000)));
  CHECK_FALSE(resting.next());
}

TEST_CASE("what is remembered of what was said is bounded") {
  ValuePace pace;
  ObservationKey key;
  for (std::uint32_t i = 0; i <= value_said_max; ++i) {
    std::memcpy(key.value.data(), &i, sizeof i);
    pace.said(key, seen(), at(0));
    REQUIRE(pace.size() <= value_said_max);
  }
  CHECK(pace.size() == 1);
}
