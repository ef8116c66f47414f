#include "codec/cot/writer.hpp"

#include <doctest/doctest.h>

#include "codec/cot/framer.hpp"

using namespace airbridge;
using namespace airbridge::codec::cot;

namespace {

const UtcTime now = *parse_utc("2026-03-14T09:30:00.000Z");
const Position hut = *Position::from_degrees(46.5432101, 7.9654301);

// What a client makes of it: through the framer, then read.
Event read_back(const Bytes& bytes) {
  CHECK(as_text(bytes).starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<event "));
  CHECK(bytes.size() <= event_bytes_max);
  Framer framer;
  ByteView rest = bytes;
  const auto cut = framer.next(rest);
  REQUIRE(cut);
  REQUIRE(std::holds_alternative<Frame>(*cut));
  auto event = parse(std::get<Frame>(*cut).xml);
  if (!event) FAIL(describe(event.error()));
  return std::move(*event);
}

Basics basics(std::string type) {
  return {.uid = "AB-1 <&\">",
          .type = std::move(type),
          .time = now,
          .stale = now + std::chrono::minutes(5),
          .position = hut};
}

}  // namespace

TEST_CASE("pongs, pings and deletes have what clients look for") {
  const auto pong = read_back(write_pong(now));
  CHECK(pong.uid == "takPong");
  CHECK(pong.category == Category::Pong);
  CHECK(pong.stale - pong.time == std::chrono::seconds(20));
  CHECK(read_back(write_ping(now, "NODE")).category == Category::Ping);
  const auto gone = read_back(write_delete("ANDROID-1", "a-f-G-U-C", Deletion::Forced, now));
  CHECK(gone.category == Category::Delete);
  CHECK(gone.force_delete);
  CHECK(gone.links.at(0).uid == "ANDROID-1");
}

TEST_CASE("a position, marker, casualty, chat, alert and shape come back as they were said") {
  PositionReport report{.basics = basics("a-f-G-U-C"),
                        .callsign = "Post \"1\" & co",
                        .team = "Cyan",
                        .role = "HQ",
                        .track = {},
                        .battery_percent = 50,
                        .remarks = ""};
  report.basics.hae = EllipsoidHeight(Metres{1234.5});
  report.track = {MetresPerSecond{2.5}, TrueBearing::from_degrees(90)};
  const auto position = read_back(write_position(report));
  CHECK(position.uid == "AB-1 <&\">");
  CHECK(position.position == hut);
  CHECK(position.hae->above().value == doctest::Approx(1234.5));
  CHECK_FALSE(position.ce);
  CHECK(position.contact->callsign == "Post \"1\" & co");
  CHECK(position.group->role == "HQ");
  CHECK(position.track->course->degrees() == doctest::Approx(90));
  CHECK(position.battery_percent == 50);
  CHECK(is_position_report(position));

  const auto marker = read_back(write_marker({basics("b-m-p-s-m"), "Hütte", "line 1\nline 2 <x>", -256}));
  CHECK(marker.remarks->text == "line 1\nline 2 <x>");
  CHECK(marker.colour == -256);
  CHECK(marker.archive);

  CasualtyReport casualty{basics("x"), "MED 1", {}};
  casualty.medevac.urgent = 2;
  casualty.medevac.hoist = true;
  casualty.medevac.reports.push_back({"ZMIST1", "A1", "fall", "leg", "stable", "splint"});
  const auto medevac = read_back(write_casualty(casualty));
  CHECK(medevac.category == Category::Casualty);
  CHECK(medevac.medevac->urgent == 2);
  CHECK(medevac.medevac->hoist);
  CHECK(medevac.medevac->reports.at(0).injury == "leg");

  const auto chat = read_back(write_chat({"NODE-1", "Post 1", "All Chat Rooms", "", "m1", "", "你好 <all>", now, hut}));
  CHECK(chat.uid == "GeoChat.NODE-1.All Chat Rooms.m1");
  CHECK(chat.remarks->text == "你好 <all>");
  CHECK(chat.chat->message_id == "m1");

  AlertNotice notice{.uid = "al-1", .sender_uid = "U", .callsign = "R 3", .time = now, .stale = now, .position = hut};
  CHECK(read_back(write_alert(notice)).emergency->type == "911 Alert");
  notice.cancel = true;
  CHECK(read_back(write_alert(notice)).category == Category::AlertCancel);

  DrawnShape area{basics("x"), "Cone", "", {}, -1, {}};
  area.shape.kind = Shape::Kind::Area;
  area.shape.points = {hut, *Position::from_degrees(46.6, 8), *Position::from_degrees(46.7, 7)};
  const auto drawn = read_back(write_shape(area));
  CHECK(drawn.shape.kind == Shape::Kind::Area);
  CHECK(drawn.shape.points == area.shape.points);
  area.shape = {.kind = Shape::Kind::Ellipse,
                .points = {},
                .major = Metres{300},
                .minor = Metres{100},
                .angle = TrueBearing::from_degrees(30)};
  const auto ellipse = read_back(write_shape(area));
  CHECK(ellipse.shape.minor->value == doctest::Approx(100));
}

TEST_CASE("long, broken and hostile text is made safe and never makes an event too large") {
  const std::string nasty = std::string(100'000, '"') + "\x01\xFF";
  const auto marker = read_back(write_marker({basics("b-m-p-s-m"), nasty, nasty, {}}));
  CHECK(marker.remarks->text.size() == written_text_bytes_max);
  CHECK(escape(std::string_view("a\0b\x01\xFF c", 8)) == "ab c");
  CHECK(escape("äöü", 3) == "ä");
  DrawnShape line{basics("x"), nasty, nasty, {}, {}, {}};
  line.shape.kind = Shape::Kind::Line;
  line.shape.points.assign(10'000, hut);
  const auto drawn = read_back(write_shape(line));
  CHECK(drawn.shape.points.size() >= 900);
  CasualtyReport casualty{basics("x"), nasty, {}};
  casualty.medevac.remarks = casualty.medevac.obstacles = nasty;
  CHECK(read_back(write_casualty(casualty)).medevac->remarks.size() == 4096);
  read_back(write_chat({nasty, nasty, nasty, nasty, nasty, nasty, nasty, now, hut}));
  read_back(write_delete(nasty, nasty, Deletion::Gone, now));
}
