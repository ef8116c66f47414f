#include "model/event.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "model/cbor.hpp"
#include "model/test_events.hpp"

using namespace airbridge;
using namespace airbridge::model;

namespace {
const Writer me{*KeyId::from_hex("11111111111111111111111111111111"), 7};
const Writer you{*KeyId::from_hex("22222222222222222222222222222222"), 8};
const Writer them{*KeyId::from_hex("33333333333333333333333333333333"), 9};
const Dot own{me, Class::Urgent, 5};
const std::string you_hex = "825022222222222222222222222222222222" + std::string("08");
const std::string them_hex = "825033333333333333333333333333333333" + std::string("09");

std::optional<Bytes> reencode(const Bytes& bytes) {
  const auto event = decode_event(bytes, own);
  if (!event) return std::nullopt;
  if (event->newer_keys != 0) return bytes;  // kept as bytes, not in the struct
  return encode(*event, own);
}

std::optional<DecodeFault> fault_of(const std::string& hex) {
  const auto event = decode_event(*from_hex(hex), own);
  if (event) return std::nullopt;
  return event.error().fault;
}
}  // namespace

TEST_CASE("an event comes back as it was, and has one encoding") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    test::Maker maker(seed);
    const auto dot = maker.dot();
    const auto event = maker.event(dot);
    const auto bytes = encode(event, dot);
    const auto back = decode_event(bytes, dot);
    REQUIRE(back);
    CHECK(*back == event);
    if (seed > 60) continue;
    test::check_one_encoding(bytes, [&](const Bytes& in) -> std::optional<Bytes> {
      const auto read = decode_event(in, dot);
      if (!read) return std::nullopt;
      return read->newer_keys != 0 ? in : encode(*read, dot);
    });
  }
}

TEST_CASE("the writes of a private part come back, and have one encoding") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    test::Maker maker(seed);
    const auto dot = maker.dot();
    const auto writes = maker.writes(dot);
    const auto back = decode_writes(encode_writes(writes, dot), dot);
    REQUIRE(back);
    CHECK(*back == writes);
    test::check_one_encoding(encode_writes(writes, dot), [&](const Bytes& in) -> std::optional<Bytes> {
      const auto read = decode_writes(in, dot);
      if (!read) return std::nullopt;
      return encode_writes(*read, dot);
    });
  }
}

TEST_CASE("bytes put together at random are refused or are canonical") {
  test::Maker maker(99);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = encode(maker.event(own), own);
    for (auto n = 1 + maker.rng().below(4); n > 0; --n) {
      bytes[maker.rng().below(bytes.size())] = static_cast<std::uint8_t>(maker.rng()());
    }
    const auto again = reencode(bytes);
    if (!again) continue;
    ++accepted;
    CHECK(*again == bytes);
  }
  CHECK(accepted > 0);
}

TEST_CASE("the smallest event") {
  Event event;
  event.record = 9;
  event.entity = own;
  CHECK(to_hex(encode(event, own)) == "a50001010006f607090880");
  CHECK_FALSE(fault_of("a50001010006f607090880"));
}

TEST_CASE("keys that say what their absence says are refused") {
  CHECK(fault_of("a6000101000200"
                 "06f607090880") == DecodeFault::NotCanonical);  // quality none
  CHECK(fault_of("a600010100048200"
                 "60"
                 "06f607090880") == DecodeFault::NotCanonical);  // via node, no source
  CHECK(fault_of("a600010100"
                 "0580"
                 "06f607090880") == DecodeFault::NotCanonical);  // no names
  CHECK(fault_of("a60001010006f607090880"
                 "0980") == DecodeFault::NotCanonical);  // after nothing
  CHECK(fault_of("a50001010006f60709088183"
                 "06"
                 "01"
                 "80") == DecodeFault::NotCanonical);  // replaces nothing
}

TEST_CASE("the table of names holds what is used, once, in the order of use") {
  const std::string tail =
      "07090880"
      "098283010001"
      "83020001";
  CHECK_FALSE(
      fault_of("a7"
               "00010100"
               "0582" +
               you_hex + them_hex + "06f6" + tail));
  // The same with the table turned round, and the dots renumbered: a second encoding.
  CHECK(fault_of("a7"
                 "00010100"
                 "0582" +
                 them_hex + you_hex +
                 "06f6"
                 "07090880"
                 "098283020001"
                 "83010001") == DecodeFault::NotCanonical);
  CHECK(fault_of("a7"
                 "00010100"
                 "0582" +
                 you_hex + you_hex + "06f6" + tail) == DecodeFault::NotCanonical);
  // One's own name, and one that nothing refers to.
  const std::string mine =
      "825011111111111111111111111111111111"
      "07";
  CHECK(fault_of("a6"
                 "00010100"
                 "0581" +
                 mine + "06f607090880") == DecodeFault::NotCanonical);
  CHECK(fault_of("a6"
                 "00010100"
                 "0581" +
                 you_hex + "06f607090880") == DecodeFault::NotCanonical);
  CHECK(fault_of("a6"
                 "00010100"
                 "06f607090880"
                 "098183010001") == DecodeFault::BadReference);
  CHECK(fault_of("a6"
                 "00010100"
                 "06f607090880"
                 "098183000000") == DecodeFault::BadReference);  // event 0
  CHECK(fault_of("a6"
                 "00010100"
                 "06f607090880"
                 "098183000301") == DecodeFault::OutOfRange);  // class 3
  // One's own dot is written as null.
  CHECK(fault_of("a5"
                 "00010100"
                 "0683000005"
                 "07090880") == DecodeFault::NotCanonical);
}

TEST_CASE("a field stands once in an event, unless its rule holds many") {
  const auto with = [](const std::string& key) {
    return fault_of(
        "a5"
        "00010100"
        "06f60709"
        "0882"
        "82" +
        key +
        "01"
        "82" +
        key + "02");
  };
  for (const auto rule : {MergeRule::MultiValue, MergeRule::Ranked, MergeRule::Claim, MergeRule::StateMachine,
                          MergeRule::Versions, MergeRule::Tombstone}) {
    CHECK(with(fmt::format("{:02x}", static_cast<int>(rule))) == DecodeFault::NotCanonical);
  }
  for (const auto rule : {MergeRule::Append, MergeRule::OrSet, MergeRule::Counter}) {
    CHECK_FALSE(with(fmt::format("{:02x}", static_cast<int>(rule))));
  }
  CHECK_FALSE(with("0f"));  // a rule of a newer version may hold many
}

TEST_CASE("what a newer version adds is kept or named, never misread") {
  // Key 12 is not known: counted; it may use names this version does not see used.
  const auto newer = decode_event(*from_hex("a7"
                                            "00010100"
                                            "0581" +
                                            you_hex +
                                            "06f607090880"
                                            "0c83010001"),
                                  own);
  REQUIRE(newer);
  CHECK(newer->newer_keys == 1);
  // Unknown records, fields, rules and ways are ordinary numbers.
  const auto codes = decode_event(*from_hex("a6"
                                            "00010100"
                                            "048218c860"
                                            "06f6"
                                            "07193039"
                                            "0881821a7fffffff01"),
                                  own);
  REQUIRE(codes);
  CHECK(codes->record == 12345);
  CHECK(codes->writes.at(0).key.rule() == static_cast<MergeRule>(15));
  CHECK(name_of(codes->via) == "newer");
  CHECK(fault_of("a50002010006f607090880") == DecodeFault::UnknownSchema);
  CHECK(fault_of("a400010100"
                 "06f6"
                 "0709") == DecodeFault::Truncated);  // no writes
}

TEST_CASE("limits are named when they are passed") {
  Event event;
  event.entity = own;
  const auto fault = [&] { return decode_event(encode(event, own), own).error().fault; };
  event.after.assign(after_max + 1, own);
  CHECK(fault() == DecodeFault::TooLong);
  event.after.clear();
  event.writes.assign(writes_max + 1, Write{FieldKey::of(9, MergeRule::Append), Value(1), {}});
  CHECK(fault() == DecodeFault::TooLong);
  event.writes.assign(1, Write{FieldKey::of(9, MergeRule::Append), Value(1), std::vector<Dot>(replaced_max + 1, own)});
  CHECK(fault() == DecodeFault::TooLong);
  event.writes.at(0).replaced.clear();
  event.source.assign(source_max + 1, 'x');
  CHECK(fault() == DecodeFault::TooLong);
  event.source.clear();
  event.writes.at(0).value = Bytes(event_bytes_max);
  CHECK(fault() == DecodeFault::TooLong);
  Value deep = 1;
  for (std::size_t i = 1; i < value_depth_max; ++i) deep = Value::List{deep};
  event.writes.at(0).value = deep;
  CHECK(decode_event(encode(event, own), own));
  event.writes.at(0).value = Value::List{deep};
  CHECK(fault() == DecodeFault::TooDeep);
  event.writes.clear();
  test::Maker maker(4);
  for (std::size_t i = 0; i <= names_max; ++i) {
    const Writer writer{maker.fixed<KeyId>(), 1};
    if (i % replaced_max == 0) event.writes.push_back({FieldKey::of(9, MergeRule::Append), Value(1), {}});
    event.writes.back().replaced.push_back({writer, Class::Routine, 1});
  }
  CHECK(fault() == DecodeFault::TooLong);
  CHECK(describe({DecodeFault::NotCanonical, 17}) == "not in canonical form at byte 17");
}

TEST_CASE("a hybrid clock goes on after what it saw, but never five minutes past its own") {
  const auto t = [](std::int64_t ms) { return utc_from_ms(1'700'000'000'000 + ms); };
  HlcClock clock;
  const auto first = clock.next(t(0));
  CHECK(first == Hlc::at(t(0)));
  CHECK(clock.next(t(0)) > first);  // the counter
  clock.observe(Hlc::at(t(1000), 9), t(0));
  CHECK(clock.next(t(0)) == Hlc::at(t(1000), 10));
  CHECK(clock.next(t(5000)) == Hlc::at(t(5000)));
  clock.observe(Hlc::at(t(5000 + 300'001)), t(5000));  // more than five minutes ahead: not followed
  CHECK(clock.next(t(5001)) == Hlc::at(t(5001)));
  clock.observe(Hlc::at(t(5001 + 300'000)), t(5001));  // exactly five: followed, and no further
  CHECK(clock.next(t(5001)) <= Hlc::at(t(5001 + 300'000)));
  clock.observe(Hlc{UINT64_MAX}, t(5001));
  CHECK(clock.next(t(5002)) <= Hlc::at(t(5002 + 300'000)));
}

TEST_CASE("a clock set back by hours is followed, one set back by a minute is not") {
  const auto t = [](std::int64_t ms) { return utc_from_ms(1'700'000'000'000 + ms); };
  HlcClock clock;
  const auto before = clock.next(t(0));
  CHECK(clock.next(t(-60'000)) > before);
  CHECK(clock.next(t(-2 * 3'600'000)) == Hlc::at(t(-2 * 3'600'000)));
}

TEST_CASE("stamps hold times of 48 bits and nothing wraps") {
  CHECK(Hlc::at(utc_from_ms(-1)).packed == 0);
  CHECK(ms_of(Hlc::at(utc_from_ms(INT64_MAX)).time()) == Hlc::ms_max);
  HlcClock clock;
  const auto first = clock.next(utc_from_ms(-5));
  CHECK(first < clock.next(utc_from_ms(-5)));
}
