#include "codec/adsb/sbs.hpp"

#include <doctest/doctest.h>

#include "codec/adsb/test_files.hpp"

using namespace airbridge;
using namespace airbridge::codec::adsb;

namespace {
// A MSG line with the given subtype and fields 11 to 22.
std::string msg(int subtype, const std::string& tail, const std::string& address = "4B1234") {
  return "MSG," + std::to_string(subtype) + ",1,1," + address + ",1,2026/01/02,03:04:05.678,2026/01/02,03:04:05.700," +
         tail;
}
}  // namespace

TEST_CASE("parse_sbs reads each subtype into SI units") {
  const auto callsign = parse_sbs(msg(1, "REGA1   ,,,,,,,,,,,0"));
  REQUIRE(callsign);
  CHECK(callsign->subtype == 1);
  CHECK(callsign->address.text() == "4b1234");
  CHECK(callsign->callsign == "REGA1");
  CHECK(callsign->on_ground == false);
  CHECK_FALSE(callsign->emergency);

  const auto surface = parse_sbs(msg(2, ",0,12.5,91.2,46.80000,8.23000,,,,,,-1"));
  REQUIRE(surface);
  CHECK(surface->on_ground == true);
  CHECK(surface->position == Position::from_degrees(46.8, 8.23));
  CHECK(surface->ground_speed->knots() == doctest::Approx(12.5));

  const auto airborne = parse_sbs(msg(3, ",-75,,,-46.80000,-8.23000,,,0,0,0,0"));
  REQUIRE(airborne);
  CHECK(airborne->altitude->above().value == doctest::Approx(-22.86));
  CHECK(airborne->position_verdict == SbsPosition::Present);

  const auto velocity = parse_sbs(msg(4, ",,389,158,,,-1920,,,,,0"));
  REQUIRE(velocity);
  CHECK(velocity->ground_speed->value == doctest::Approx(200.1189).epsilon(1e-5));
  CHECK(velocity->track->degrees() == 158);
  CHECK(velocity->climb->value == doctest::Approx(-9.7536));
  CHECK_FALSE(velocity->altitude);

  CHECK(parse_sbs(msg(5, ",23375,,,,,,,0,,0,"))->altitude->above().feet() == doctest::Approx(23375));
  const auto squawk = parse_sbs(msg(6, ",,,,,,,7700,-1,-1,1,0"));
  REQUIRE(squawk);
  CHECK(squawk->squawk == "7700");
  CHECK(squawk->emergency == true);
  CHECK(squawk->ident == true);
  CHECK(parse_sbs(msg(6, ",,,,,,,112,0,0,0,0"))->squawk == "0112");
  CHECK(parse_sbs(msg(7, ",4500,,,,,,,,,,"))->subtype == 7);
  CHECK(parse_sbs(msg(8, ",,,,,,,,,,,0"))->subtype == 8);
}

TEST_CASE("records that carry no aircraft data are told apart and not read further") {
  CHECK(parse_sbs("SEL,,496,2286,4CA4E5,27215,2010/02/19,18:06:07.710,2010/02/19,18:06:07.710,RYR1427")->record ==
        SbsRecord::Sel);
  CHECK(parse_sbs("ID,,496,7162,405637,27928,2010/02/19,18:06:07.115,2010/02/19,18:06:07.115,EZY691A")->record ==
        SbsRecord::Id);
  CHECK(parse_sbs("AIR,,496,5906,400F01,27931,2010/02/19,18:06:07.128,2010/02/19,18:06:07.128")->record ==
        SbsRecord::Air);
  CHECK(parse_sbs("STA,,5,179,400AE7,10103,2008/11/28,14:58:51.153,2008/11/28,14:58:51.153,RM")->record ==
        SbsRecord::Sta);
  CHECK(parse_sbs("CLK,,496,-1,,-1,2010/02/19,18:18:19.036,2010/02/19,18:18:19.036")->record == SbsRecord::Clk);
  CHECK(parse_sbs("XYZ,1")->record == SbsRecord::Unknown);
}

TEST_CASE("parse_sbs names the fault and the column") {
  const auto head = msg(3, "").size();
  const struct {
    std::string line;
    SbsError want;
  } rows[] = {
      {"", {SbsFault::NotSbs, 0}},
      {"HTTP/1.1 400 Bad Request", {SbsFault::NotSbs, 0}},
      {std::string("\x1a\x32\x00\xff", 4), {SbsFault::NotSbs, 0}},
      {"MSG", {SbsFault::NotSbs, 0}},
      {"MSG,3,111,11111,4B1234", {SbsFault::TooFewFields, 22}},
      {msg(3, ",,,,,,,,,,"), {SbsFault::TooFewFields, head + 10}},
      {msg(9, ",,,,,,,,,,,"), {SbsFault::UnknownSubtype, 4}},
      {msg(8, ",,,,,,,,,,,", "4B12"), {SbsFault::BadAddress, 10}},
      {msg(8, ",,,,,,,,,,,", "000000"), {SbsFault::BadAddress, 10}},
      {msg(8, ",,,,,,,,,,,", "-4B123"), {SbsFault::BadAddress, 10}},
      {msg(1, "NINECHARS,,,,,,,,,,,"), {SbsFault::BadCallsign, head}},
      {msg(1, "A\x1b[2J,,,,,,,,,,,"), {SbsFault::BadCallsign, head}},
      {msg(3, ",nan,,,46.8,8.2,,,,,,"), {SbsFault::NotANumber, head + 1}},
      {msg(3, ",1e3,,,46.8,8.2,,,,,,"), {SbsFault::NotANumber, head + 1}},
      {msg(3, ",,,,0x2E,8.2,,,,,,"), {SbsFault::NotANumber, head + 4}},
      {msg(3, ",,,,46.8,inf,,,,,,"), {SbsFault::NotANumber, head + 9}},
      {msg(3, ",,,,46.8.1,8,,,,,,"), {SbsFault::NotANumber, head + 4}},
      {msg(3, ",999999,,,,,,,,,,"), {SbsFault::OutOfRange, head + 1}},
      {msg(4, ",,2301,,,,,,,,,"), {SbsFault::OutOfRange, head + 2}},
      {msg(4, ",,-1,,,,,,,,,"), {SbsFault::OutOfRange, head + 2}},
      {msg(4, ",,,361,,,,,,,,"), {SbsFault::OutOfRange, head + 3}},
      {msg(6, ",,,,,,,7800,,,,"), {SbsFault::BadSquawk, head + 7}},
      {msg(6, ",,,,,,,,,,yes,"), {SbsFault::BadFlag, head + 10}},
      {msg(3, ",4500,,,46.8,8.2,,,,,,0MSG,3,1,1,4B1234,1"), {SbsFault::BadFlag, head + 22}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const auto got = parse_sbs(row.line);
    REQUIRE_FALSE(got);
    CHECK(words_for(got.error().fault) == words_for(row.want.fault));
    CHECK(got.error().column == row.want.column);
  }
}

TEST_CASE("the rows of sbs_bad.txt get the verdicts written over them") {
  const auto lines = read_test_lines("adsb/sbs_bad.txt");
  std::vector<std::string> rows;
  for (const auto& line : lines) {
    if (!line.starts_with("#")) rows.push_back(line);
  }
  REQUIRE(rows.size() == 11);
  CHECK(parse_sbs(rows[0])->position == Position::from_degrees(46.8, 8.23));
  CHECK(parse_sbs(rows[1])->callsign == "REGA1");
  CHECK(parse_sbs(rows[2])->emergency == true);
  const auto zero = parse_sbs(rows[3]);
  CHECK(zero->position_verdict == SbsPosition::Zero);
  CHECK_FALSE(zero->position);
  CHECK(zero->altitude->above().feet() == doctest::Approx(4300));
  const auto latitude_91 = parse_sbs(rows[4]);
  CHECK(latitude_91->position_verdict == SbsPosition::OutOfRange);
  CHECK_FALSE(latitude_91->position);
  CHECK(latitude_91->altitude);
  CHECK(parse_sbs(rows[5]).error().fault == SbsFault::NotANumber);
  CHECK(parse_sbs(rows[6]).error().fault == SbsFault::BadAddress);
  CHECK(parse_sbs(rows[7]).error().fault == SbsFault::TooFewFields);
  CHECK(parse_sbs(rows[8]).error().fault == SbsFault::BadCallsign);
  CHECK(parse_sbs(rows[9]).has_value());  // a jump: the tracker's business
  CHECK(parse_sbs(rows[10])->record == SbsRecord::Unknown);
}
