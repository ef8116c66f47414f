#include "codec/adsb/aircraft_json.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "codec/adsb/test_files.hpp"

using namespace airbridge;
using namespace airbridge::codec::adsb;

namespace {
const UtcTime arrived = utc_from_ms(1'800'000'000'000);
std::string one(const std::string& fields) { return R"({"now":1.5,"aircraft":[{)" + fields + "}]}"; }
}  // namespace

TEST_CASE("a readsb file near a busy airport is read whole") {
  const auto list = parse_aircraft_json(read_test_file("adsb/dump1090mqtt_aircraft.json"), arrived);
  REQUIRE(list);
  CHECK(list->aircraft.size() == 44);
  CHECK(list->skipped == 0);
  CHECK(list->bad_values == 0);
  CHECK(ms_of(*list->written_at) == 1785349721500);
  CHECK(std::count_if(list->aircraft.begin(), list->aircraft.end(),
                      [](const auto& a) { return a.position.has_value(); }) == 25);
  const Aircraft& second = list->aircraft[1];
  CHECK(second.address.text() == "3c71a1");
  CHECK(second.callsign == "BCS361");
  CHECK(second.squawk == "2274");
  CHECK(second.position_at == arrived - Milliseconds(5900));
  CHECK(second.heard_at == arrived);
  CHECK(second.pressure_altitude->above().feet() == doctest::Approx(41000));
  CHECK(second.height->above().feet() == doctest::Approx(42600));
  CHECK(second.ground_speed->knots() == doctest::Approx(533.7));
  CHECK(second.accuracy->value == 3);
}

TEST_CASE("the older keys of dump1090-mutability are read too") {
  const auto list = parse_aircraft_json(read_test_file("adsb/modes1.aircraft.json"), arrived);
  REQUIRE(list);
  REQUIRE(list->aircraft.size() == 1);
  const Aircraft& aircraft = list->aircraft[0];
  CHECK(aircraft.callsign == "AMC421");
  CHECK(aircraft.pressure_altitude->above().feet() == doctest::Approx(20750));
  CHECK(aircraft.climb->value == doctest::Approx(-1792 * 0.3048 / 60));
  CHECK(aircraft.ground_speed->knots() == doctest::Approx(376));
}

TEST_CASE("ground, lifeguard, addresses that are not ICAO's and old positions are understood") {
  const auto ground = parse_aircraft_json(
      one(R"("hex":"~2A0001","alt_baro":"ground","emergency":"lifeguard","category":"A7")"), arrived);
  REQUIRE(ground);
  const Aircraft& aircraft = ground->aircraft.at(0);
  CHECK(aircraft.address.text() == "~2a0001");
  CHECK(aircraft.on_ground == true);
  CHECK_FALSE(aircraft.pressure_altitude);
  CHECK(aircraft.emergency == Emergency::Lifeguard);
  CHECK(aircraft.is_rotorcraft());
  const auto old =
      parse_aircraft_json(one(R"("hex":"4b1234","lastPosition":{"lat":46.8,"lon":8.2,"seen_pos":75.5})"), arrived);
  CHECK(old->aircraft.at(0).position == Position::from_degrees(46.8, 8.2));
  CHECK(old->aircraft.at(0).position_at == arrived - Milliseconds(75'500));
}

TEST_CASE("a value that does not fit is left out and counted, its aircraft stays") {
  for (const std::string value :
       {R"("lat":91,"lon":8)", R"("alt_baro":"high")", R"("alt_baro":1e300)", R"("gs":-1)", R"("gs":"fast")",
        R"("track":[1])", R"("squawk":"9999")", R"("squawk":7700)", R"("flight":"MUCH TOO LONG")", R"("nac_p":99)"}) {
    CAPTURE(value);
    const auto list = parse_aircraft_json(one(R"("hex":"4b1234",)" + value), arrived);
    REQUIRE(list);
    CHECK(list->aircraft.size() == 1);
    CHECK(list->bad_values == 1);
    CHECK_FALSE(list->first_problem.empty());
  }
  CHECK_FALSE(parse_aircraft_json(one(R"("hex":"4b1234","lat":0.0,"lon":0)"), arrived)->aircraft.at(0).position);
}

TEST_CASE("an entry without a usable address is skipped, the next is unharmed") {
  const auto list = parse_aircraft_json(R"({"aircraft":[1,{},{"hex":7},{"hex":"zzzzzz"},{"hex":"4b1234"}]})", arrived);
  REQUIRE(list);
  CHECK(list->aircraft.size() == 1);
  CHECK(list->skipped == 4);
  CHECK(list->first_problem == "aircraft[0]: no usable \"hex\"");
  CHECK_FALSE(list->written_at);
}

TEST_CASE("text that is no aircraft file is an error in words") {
  for (const std::string text : {"", "{", "[]", "null", "{}", R"({"aircraft":{}})", "\xff\xfe"}) {
    CAPTURE(text);
    const auto list = parse_aircraft_json(text, arrived);
    REQUIRE_FALSE(list);
    CHECK_FALSE(list.error().what.empty());
  }
}

TEST_CASE("of the JSON test suite the files that must be refused are refused, and none does harm") {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::string(AIRBRIDGE_TEST_DATA) + "/gpsd/badjson")) {
    const auto name = file.path().filename().string();
    CAPTURE(name);
    const auto text = read_test_file("gpsd/badjson/" + name);
    CHECK_FALSE(parse_aircraft_json(text, arrived));
    if (name.starts_with("n_")) CHECK_FALSE(parse_aircraft_json(R"({"aircraft":[],"x":)" + text + "}", arrived));
    ++files;
  }
  CHECK(files == 318);
}
