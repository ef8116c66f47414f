#include "codec/adsb/tracker.hpp"

#include <doctest/doctest.h>

#include "codec/adsb/test_files.hpp"

using namespace airbridge;
using namespace airbridge::codec::adsb;

namespace {

constexpr std::int64_t start_ms = 1'767'322'800'000;

Now at_ms(std::int64_t ms) { return {utc_from_ms(start_ms + ms), SteadyTime(Milliseconds(1'000'000 + ms))}; }

SbsMessage message(std::uint32_t address = 0x4B1234) {
  SbsMessage out;
  out.record = SbsRecord::Msg;
  out.subtype = 3;
  out.address.value = address;
  return out;
}

SbsMessage position(double lat, double lon, std::uint32_t address = 0x4B1234) {
  auto out = message(address);
  out.position = Position::from_degrees(lat, lon);
  out.position_verdict = SbsPosition::Present;
  return out;
}

}  // namespace

TEST_CASE("the recorded flight ends as dump1090's own decoder says") {
  SbsTracker tracker;
  std::int64_t ms = 0;
  int told = 0;
  for (const auto& line : read_test_lines("adsb/modes1.sbs.txt")) {
    const auto message = parse_sbs(std::string_view(line).substr(0, line.find('\r')));
    REQUIRE(message);
    if (tracker.apply(*message, at_ms(ms += 300)) != nullptr) ++told;
  }
  REQUIRE(tracker.size() == 1);
  const Aircraft* const aircraft = tracker.find({0x4D2023});
  REQUIRE(aircraft != nullptr);
  // modes1.aircraft.json: squawk 0112, AMC421, 36.996140 13.838274, 20750 ft, -1792 ft/min, 158 degrees, 376 kt.
  CHECK(aircraft->callsign == "AMC421");
  CHECK(aircraft->squawk == "0112");
  CHECK(aircraft->position->latitude.degrees() == doctest::Approx(36.996140).epsilon(1e-6));
  CHECK(aircraft->position->longitude.degrees() == doctest::Approx(13.838274).epsilon(1e-6));
  CHECK(aircraft->pressure_altitude->above().feet() == doctest::Approx(20750));
  CHECK(aircraft->climb->value == doctest::Approx(-1792 * 0.3048 / 60));
  CHECK(aircraft->track->degrees() == 158);
  CHECK(aircraft->ground_speed->knots() == doctest::Approx(376));
  CHECK(aircraft->on_ground == false);
  CHECK(aircraft->emergency == Emergency::None);
  CHECK(tracker.counters().messages == 217);
  CHECK(tracker.counters().jumps_held == 0);
  CHECK(told >= static_cast<int>(tracker.counters().positions));
}

TEST_CASE("nothing is told before a position is known, and then what was heard before is in it") {
  SbsTracker tracker;
  auto named = message();
  named.callsign = "REGA1";
  CHECK(tracker.apply(named, at_ms(0)) == nullptr);
  const auto* told = tracker.apply(position(46.8, 8.23), at_ms(100));
  REQUIRE(told != nullptr);
  CHECK(told->callsign == "REGA1");
  CHECK(told->position_at == utc_from_ms(start_ms + 100));
}

TEST_CASE("altitude alone is told at most once a second; an emergency at once") {
  SbsTracker tracker;
  CHECK(tracker.apply(position(46.8, 8.23), at_ms(0)) != nullptr);
  auto climbing = message();
  climbing.altitude = PressureAltitude(Metres{1000});
  CHECK(tracker.apply(climbing, at_ms(400)) == nullptr);
  CHECK(tracker.apply(climbing, at_ms(1000)) != nullptr);
  CHECK(tracker.apply(climbing, at_ms(5000)) == nullptr);  // nothing new in it
  auto distress = message();
  distress.squawk = "7700";
  const auto* told = tracker.apply(distress, at_ms(5001));
  REQUIRE(told != nullptr);
  CHECK(told->emergency == Emergency::General);
  CHECK(told->position_at == utc_from_ms(start_ms));  // the position is as old as it is
  distress.squawk = "7000";
  CHECK(tracker.apply(distress, at_ms(5002))->emergency == Emergency::None);
  distress.squawk.clear();
  distress.emergency = true;
  CHECK(tracker.apply(distress, at_ms(5003))->emergency == Emergency::General);
  CHECK(tracker.apply(distress, at_ms(5004)) == nullptr);
}

TEST_CASE("a jump is held back until a second position confirms it") {
  SbsTracker tracker;
  REQUIRE(tracker.apply(position(46.8, 8.23), at_ms(0)) != nullptr);
  CHECK(tracker.apply(position(51.3, 8.23), at_ms(1000)) == nullptr);  // 500 km in a second, as in sbs_bad.txt
  CHECK(tracker.apply(position(51.3, 8.23), at_ms(1001)) == nullptr);  // the same line again is no second witness
  CHECK(tracker.find({0x4B1234})->position == Position::from_degrees(46.8, 8.23));

  SUBCASE("a good position ends the wait") {
    CHECK(tracker.apply(position(46.801, 8.23), at_ms(1500)) != nullptr);
    CHECK(tracker.apply(position(51.3, 8.23), at_ms(2000)) == nullptr);
    CHECK(tracker.counters().jumps_confirmed == 0);
  }
  SUBCASE("a consistent second one is believed") {
    const auto* told = tracker.apply(position(51.301, 8.23), at_ms(1800));
    REQUIRE(told != nullptr);
    CHECK(told->position == Position::from_degrees(51.301, 8.23));
    CHECK(tracker.counters().jumps_confirmed == 1);
  }
  SUBCASE("jumps all over the place are never believed") {
    for (int i = 0; i < 50; ++i) {
      CHECK(tracker.apply(position(i % 2 == 0 ? -40.0 : 10.0 + i, i * 3.0 - 60), at_ms(2000 + i * 100)) == nullptr);
    }
    CHECK(tracker.find({0x4B1234})->position == Position::from_degrees(46.8, 8.23));
  }
}

TEST_CASE("a long silence allows a long way") {
  SbsTracker tracker;
  REQUIRE(tracker.apply(position(46.8, 8.23), at_ms(0)) != nullptr);
  CHECK(tracker.apply(position(47.5, 8.23), at_ms(300'000)) != nullptr);  // 78 km in five minutes
}

TEST_CASE("a held position does not keep back the rest of the message") {
  SbsTracker tracker;
  REQUIRE(tracker.apply(position(46.8, 8.23), at_ms(0)) != nullptr);
  auto jump = position(51.3, 8.23);
  jump.callsign = "REGA1";
  const auto* told = tracker.apply(jump, at_ms(1000));
  REQUIRE(told != nullptr);
  CHECK(told->callsign == "REGA1");
  CHECK(told->position == Position::from_degrees(46.8, 8.23));
}

TEST_CASE("with a receiver's place set, what no radio could hear is left out and counted") {
  TrackerLimits limits;
  limits.receiver = Position::from_degrees(47, 8);
  SbsTracker tracker(limits);
  CHECK(tracker.apply(position(20, 8), at_ms(0)) == nullptr);
  CHECK(tracker.apply(position(46, 8), at_ms(10)) != nullptr);
  CHECK(tracker.counters().positions_far == 1);
}

TEST_CASE("the table is bounded: the aircraft not heard for longest goes first") {
  TrackerLimits limits;
  limits.aircraft_max = 3;
  SbsTracker tracker(limits);
  for (std::uint32_t address = 1; address <= 3; ++address) tracker.apply(position(46, 8, address), at_ms(address));
  tracker.apply(message(1), at_ms(10));
  tracker.apply(position(46, 8, 4), at_ms(11));
  CHECK(tracker.size() == 3);
  CHECK(tracker.find({2}) == nullptr);
  CHECK(tracker.find({1}) != nullptr);
  CHECK(tracker.counters().aircraft_dropped == 1);
}

TEST_CASE("an aircraft not heard for ten minutes begins anew") {
  SbsTracker tracker;
  auto named = position(46, 8, 1);
  named.callsign = "OLD";
  tracker.apply(named, at_ms(0));
  tracker.apply(position(46, 8, 2), at_ms(600'001));
  CHECK(tracker.find({1}) == nullptr);
  CHECK(tracker.size() == 1);
}

TEST_CASE("what is told of two messages of one moment is told apart by when it was heard") {
  SbsTracker tracker;
  const auto* aircraft = tracker.apply(position(46.8, 8.23), at_ms(0));
  REQUIRE(aircraft != nullptr);
  const auto before = aircraft->heard_at;
  CHECK(before == at_ms(0).utc);
  auto squawk = message();
  squawk.squawk = "7700";
  aircraft = tracker.apply(squawk, at_ms(0));
  REQUIRE(aircraft != nullptr);
  CHECK(aircraft->emergency == Emergency::General);
  CHECK(aircraft->heard_at > before);
  CHECK(aircraft->position_at == at_ms(0).utc);
}
