#include "model/observation.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "model/test_events.hpp"

using namespace airbridge;
using namespace airbridge::model;

namespace {
std::optional<Bytes> reencode(const Bytes& bytes) {
  const auto read = decode_observation(bytes);
  if (!read) return std::nullopt;
  return encode(*read);
}

Observation some_observation(test::Maker& maker) {
  auto& rng = maker.rng();
  Observation o;
  o.subject = rng.chance(0.7) ? EntityId(maker.fixed<ExternalName>()) : EntityId(maker.dot());
  o.kind = static_cast<SubjectKind>(rng.below(subject_kind_count));
  o.via = static_cast<Via>(rng.below(12));
  o.source = maker.text(10);
  o.gateway = maker.fixed<KeyId>();
  o.measured = utc_from_ms(rng.between(0, 7'258'118'399'999));
  o.position = *Position::from_e7(rng.between(-900'000'000, 900'000'000), rng.between(-1'800'000'000, 1'799'999'999));
  const auto maybe = [&](double low, double high) -> std::optional<double> {
    if (rng.chance(0.5)) return std::nullopt;
    return low + rng.unit() * (high - low);
  };
  if (const auto v = maybe(-12'000, 100'000)) o.height = EllipsoidHeight(Metres{*v});
  if (const auto v = maybe(-12'000, 100'000)) o.pressure_altitude = PressureAltitude(Metres{*v});
  if (const auto v = maybe(0, 360)) o.course = TrueBearing::from_degrees(*v);
  if (const auto v = maybe(0, 20'000)) o.speed = MetresPerSecond{*v};
  if (const auto v = maybe(-2'000, 2'000)) o.climb = MetresPerSecond{*v};
  if (const auto v = maybe(0, 1e7)) o.horizontal_error_95 = Metres{*v};
  if (rng.chance(0.5)) o.on_ground = rng.chance(0.5);
  if (rng.chance(0.5)) o.battery_percent = static_cast<int>(rng.below(101));
  o.callsign = maker.text(6);
  o.team = maker.text(6);
  o.role = maker.text(6);
  o.type = maker.text(6);
  o.squawk = maker.text(4);
  o.emergency = maker.text(6);
  o.heard_only = rng.chance(0.5);
  o.replayed = rng.chance(0.5);
  o.stale_after = Milliseconds(static_cast<std::int64_t>(rng.below(86'400'001)));
  o.document = maker.bytes(60);
  o.heard_after = Milliseconds(static_cast<std::int64_t>(rng.below(86'400'001)));
  o.ended = rng.chance(0.2);
  return o;
}
}  // namespace

TEST_CASE("an observation comes back to a hundredth, and has one encoding") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    test::Maker maker(seed);
    const auto o = some_observation(maker);
    const auto back = decode_observation(encode(o));
    REQUIRE(back);
    CHECK(back->subject == o.subject);
    CHECK(back->kind == o.kind);
    CHECK(back->via == o.via);
    CHECK(back->source == o.source);
    CHECK(back->gateway == o.gateway);
    CHECK(back->measured == o.measured);
    CHECK(back->position == o.position);
    CHECK(back->height.has_value() == o.height.has_value());
    if (o.height) CHECK(std::abs(back->height->above().value - o.height->above().value) <= 0.0051);
    if (o.speed) CHECK(std::abs(back->speed->value - o.speed->value) <= 0.0051);
    CHECK(back->course.has_value() == o.course.has_value());
    CHECK(back->on_ground == o.on_ground);
    CHECK(back->battery_percent == o.battery_percent);
    CHECK(back->callsign == o.callsign);
    CHECK(back->squawk == o.squawk);
    CHECK(back->heard_only == o.heard_only);
    CHECK(back->replayed == o.replayed);
    CHECK(back->stale_after == o.stale_after);
    CHECK(back->ended == o.ended);
    CHECK(back->document == o.document);
    CHECK(back->heard_after == o.heard_after);
  }
}

TEST_CASE("an observation has one encoding, but for what a newer version adds") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    test::Maker maker(seed);
    test::check_one_encoding(encode(some_observation(maker)), [](const Bytes& in) -> std::optional<Bytes> {
      const auto again = reencode(in);
      // A flipped bit may turn a key into one a newer version could have, or the kind into a newer one. Both are read
      // past, so the copy is shorter or says Unknown; what it says must then be stable.
      if (again && *again != in) {
        CHECK(reencode(*again) == again);
        return in;
      }
      return again;
    });
  }
}

TEST_CASE("whatever a feed sets, what is written can be read") {
  Observation o;
  o.subject = external_name("icao", "4d2023");
  o.source = std::string(255, 'x') + "\u00e9\u00e9";  // the cut falls inside a character
  o.callsign = "caf\xe9 \xff";
  o.role = std::string(500, 'y');
  o.height = EllipsoidHeight(Metres{std::nan("")});
  o.pressure_altitude = PressureAltitude(Metres{1e300});
  o.course = TrueBearing::from_degrees(359.999);
  o.speed = MetresPerSecond{-1};
  o.climb = MetresPerSecond{double(INFINITY)};
  o.horizontal_error_95 = Metres{9'999'999};
  o.battery_percent = 250;
  o.measured = utc_from_ms(-5);
  o.stale_after = Milliseconds(INT64_MAX);
  o.document = Bytes(observation_document_max + 1);
  const auto back = decode_observation(encode(o));
  REQUIRE(back);
  CHECK(back->source == std::string(255, 'x'));
  CHECK(back->callsign == "caf? ?");
  CHECK(back->role.size() == observation_text_max);
  CHECK_FALSE(back->height);
  CHECK_FALSE(back->pressure_altitude);
  CHECK(back->course->degrees() == 0);
  CHECK_FALSE(back->speed);
  CHECK_FALSE(back->climb);
  CHECK(back->horizontal_error_95->value == 9'999'999);
  CHECK_FALSE(back->battery_percent);
  CHECK(ms_of(back->measured) == 0);
  CHECK(back->stale_after == Milliseconds(86'400'000));
  CHECK(back->document.empty());
}

TEST_CASE("an observation without subject, gateway, time or place is refused") {
  const std::string start = "a7", subject = "00480011223344556677", kind = "0101", via = "0204",
                    gateway = "045000112233445566778899aabbccddeeff", time = "051b0000018bcfe56800", lat = "0600",
                    lon = "0700";
  const auto decode = [](const std::string& hex) { return decode_observation(*from_hex(hex)); };
  CHECK(decode(start + subject + kind + via + gateway + time + lat + lon));
  CHECK_FALSE(decode("a6" + kind + via + gateway + time + lat + lon));
  CHECK_FALSE(decode("a6" + subject + via + gateway + time + lat + lon));
  CHECK_FALSE(decode("a6" + subject + kind + gateway + time + lat + lon));
  CHECK_FALSE(decode("a6" + subject + kind + via + time + lat + lon));
  CHECK_FALSE(decode("a6" + subject + kind + via + gateway + lat + lon));
  CHECK_FALSE(decode("a6" + subject + kind + via + gateway + time + lon));
  CHECK_FALSE(decode("a6" + subject + kind + via + gateway + time + lat));
  CHECK_FALSE(decode(start + subject + kind + via + gateway + time + "061a35a4e901" + lon));  // 90.0000001 degrees
  CHECK_FALSE(decode(start + subject + kind + via + gateway + time + lat + "071a6b49d200"));  // 180: written as -180
  CHECK(decode("a8" + subject + kind + via + gateway + time + lat + lon +
               "1828"
               "01"));  // a newer key
  CHECK_FALSE(decode("a8" + subject + kind + via + gateway + time + lat + lon +
                     "16"
                     "f4"));  // "not heard only"
  CHECK_FALSE(decode("a8" + subject + kind + via + gateway + time + lat + lon +
                     "10"
                     "60"));  // an empty call sign
}

TEST_CASE("an observation goes stale by its kind, and aircraft soonest") {
  for (int kind = 0; kind < subject_kind_count; ++kind) {
    const auto subject = static_cast<SubjectKind>(kind);
    CHECK(stale_after(subject) >= stale_after(SubjectKind::Aircraft));
    CHECK(lost_after(subject) > stale_after(subject));
  }
}
