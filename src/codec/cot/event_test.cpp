#include "codec/cot/event.hpp"

#include <doctest/doctest.h>

#include "codec/cot/test_files.hpp"

using namespace airbridge;
using namespace airbridge::codec::cot;

namespace {

Event sample(std::string_view name) {
  auto got = parse(as_bytes(test::read_file(test::data("cot") / name)));
  REQUIRE(got);
  return std::move(*got);
}

}  // namespace

TEST_CASE("a phone's position carries its team, battery and movement") {
  const auto event = sample("pli_phone.xml");
  CHECK(event.category == Category::Person);
  CHECK(event.contact->callsign == "RESCUE 3");
  CHECK(event.contact->endpoint == "*:-1:stcp");
  CHECK(event.group->name == "Green");
  CHECK(event.group->role == "Medic");
  CHECK(event.battery_percent == 71);
  CHECK(event.track->speed->value == doctest::Approx(1.4));
  CHECK(event.track->course->degrees() == doctest::Approx(183.2));
  CHECK(event.platform == "ATAK-CIV");
  CHECK(event.hae->above().value == doctest::Approx(812.4));
  CHECK(is_position_report(event));
  CHECK(is_position_report(sample("pli_helicopter.xml")));
  CHECK_FALSE(is_position_report(sample("marker_unknown_and_repeated_details.xml")));
}

TEST_CASE("unknown and repeated details stay byte for byte, in order") {
  const auto event = sample("marker_unknown_and_repeated_details.xml");
  CHECK(event.archive);
  CHECK(event.colour == -256);
  CHECK(event.remarks->text == "two tents & one stove <broken>\nsecond line");
  CHECK(event.detail_xml.find("<x_team:note xmlns:x_team=\"urn:test:team\" a=\"1\"> keep  my   spaces <b/><!-- and me "
                              "--></x_team:note><archive/>") != std::string::npos);
}

TEST_CASE("a medevac request gives its civil part") {
  const auto event = sample("casualty_medevac.xml");
  CHECK(event.category == Category::Casualty);
  const auto& medevac = event.medevac.value();
  CHECK(medevac.urgent == 1);
  CHECK(medevac.priority == 2);
  CHECK(medevac.litter == 1);
  CHECK_FALSE(medevac.convenience);
  CHECK(medevac.hoist);
  CHECK_FALSE(medevac.ventilator);
  CHECK(medevac.obstacles == "cable 40 m east");
  CHECK(medevac.terrain_slope_direction == "NE");
  REQUIRE(medevac.reports.size() == 1);
  CHECK(medevac.reports[0].mechanism == "fall");
  CHECK(medevac.reports[0].treatment == "splint");
}

TEST_CASE("chat, alerts and addresses are read") {
  const auto chat = sample("chat_direct_by_callsign.xml");
  CHECK(chat.chat->conversation == "HELI-7");
  CHECK(chat.chat->sender_callsign == "RESCUE 3");
  CHECK(chat.chat->members == std::vector<std::string>{"ANDROID-5f1c", "HELI-7"});
  CHECK(chat.remarks->text == "two to winch");
  REQUIRE(chat.dests.size() == 1);
  CHECK(chat.dests[0].kind == Dest::Kind::Callsign);
  CHECK(chat.dests[0].value == "HELI 7");
  CHECK(sample("chat_all.xml").remarks->text == "مرحبا 你好 — at the hut");
  const auto alert = sample("alert.xml");
  CHECK(alert.category == Category::Alert);
  CHECK(alert.emergency->type == "911 Alert");
  CHECK(alert.links.at(0).uid == "ANDROID-5f1c");
  CHECK(sample("alert_cancel.xml").emergency->cancel);
  CHECK(sample("exercise_flag.xml").is_exercise());
}

TEST_CASE("a polygon whose first point is repeated is an area; a route is a line with named points") {
  const auto area = sample("polygon_closed.xml");
  CHECK(area.shape.kind == Shape::Kind::Area);
  CHECK(area.shape.points.size() == 3);
  CHECK(area.shape.points[2].longitude.degrees() == doctest::Approx(7.99));
  CHECK(area.stroke_colour == -65536);
  CHECK(area.fill_colour == 1090453504);
  const auto route = sample("route_two_points.xml");
  CHECK(route.category == Category::Route);
  CHECK(route.shape.kind == Shape::Kind::Line);
  CHECK(route.links[0].callsign == "Start");
  const auto circle = parse(as_bytes(test::event(
      {.type = "u-d-c-c", .detail = "<shape><ellipse major=\"250\" minor=\"250\" angle=\"360\"/></shape>"})));
  REQUIRE(circle);
  CHECK(circle->category == Category::Circle);
  CHECK(circle->shape.kind == Shape::Kind::Ellipse);
  CHECK(circle->shape.major->value == doctest::Approx(250));
}

TEST_CASE("a line of more points than are read is cut, not refused") {
  std::string detail;
  for (int i = 0; i < 1'900; ++i) detail += "<link point=\"46.5,7.9\"/>";
  CHECK(parse(as_bytes(test::event({.type = "u-d-f", .detail = detail})))->shape.points.size() >= 1'899);
}
