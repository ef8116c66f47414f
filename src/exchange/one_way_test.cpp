// Whole nodes on air that carries one way: nobody ever answers.
#include <doctest/doctest.h>

#include "exchange/test_station.hpp"

using namespace airbridge;
using namespace airbridge::exchange;
using namespace airbridge::exchange::test;
using model::Class;

namespace {
bearer::AirProfile air_of(double loss) {
  bearer::AirProfile air;
  air.loss.random = loss;
  return air;
}
bearer::Profile speaking(std::size_t repair_percent) {
  auto out = *bearer::preset("radio");
  out.one_way = true;
  out.repair_percent = repair_percent;
  return out;
}
bearer::Profile listening() {
  auto out = speaking(0);
  out.duty_cycle = 0;
  return out;
}
void write_some(Station& station, int count, std::size_t size = 60) {
  for (int i = 0; i < count; ++i)
    station.log.write(station.key, static_cast<Class>(i % 3), size, static_cast<std::uint8_t>(i * 7));
}
std::size_t events_of(const Station& station) {
  std::size_t count = 0;
  for (const auto& [stream, seq] : station.log.vector()) count += seq;
  return count;
}
// Events that are at the other side a minute after the start, of 90.
std::size_t heard_in_a_minute(std::size_t repair_percent) {
  World world(air_of(0.25), 11);
  auto& a = world.add(1, speaking(repair_percent));
  auto& b = world.add(2, listening());
  write_some(a, 90);
  world.start();
  world.run_for(60'000);
  return events_of(b);
}
}  // namespace

TEST_CASE("one way: who only listens on a lossy channel comes to hold all, its author's key included") {
  World world(air_of(0.1), 10);
  auto& a = world.add(1, speaking(30));
  auto& b = world.add(2, listening());
  auto& c = world.add(3, listening());
  write_some(a, 200);
  world.start();
  REQUIRE(world.run_until(60 * 60'000, [&] { return world.is_level(); }));
  MESSAGE("level after " << world.ms() / 1000 << " s");
  CHECK(world.is_alike());
  // What comes later follows, what is urgent at once.
  const auto written = world.ms();
  world.write(a, Class::Routine);
  world.write(a, Class::Urgent);
  const model::StreamId urgent{{a.key.id(), 1}, Class::Urgent, {}};
  REQUIRE(world.run_until(written + 60'000, [&] { return b.log.entries(urgent).size() == 68; }));
  CHECK(world.run_until(written + 60 * 60'000, [&] { return world.is_level(); }));
  for (auto* listener : {&b, &c}) {
    CHECK(listener->links->stats(world.now()).frames_sent == 0);
    CHECK(listener->core.refused_total() == 0);
    REQUIRE(listener->core.peers().size() == 1);
    CHECK(listener->core.peers().at(0).node == a.key.id());
    CHECK_FALSE(listener->core.peers().at(0).carries);
  }
  // Nothing that was sent counts as held.
  CHECK(a.core.peers().empty());
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 1}).empty());
}

TEST_CASE("one way: repair frames give back what was lost before it is repeated") {
  const auto bare = heard_in_a_minute(0), repaired = heard_in_a_minute(30);
  MESSAGE("of 90 events after a minute at 25 % loss: " << bare << " without, " << repaired << " with repair frames");
  CHECK(repaired > bare);
}

TEST_CASE("one way: it begins after what the listeners were last heard to hold, also when that was before a restart") {
  World before(air_of(0), 12);
  auto& a_then = before.add(1, *bearer::preset("radio"));
  auto& b_then = before.add(2, *bearer::preset("radio"));
  write_some(a_then, 150);
  before.start();
  REQUIRE(before.run_until(20 * 60'000, [&] { return before.is_level(); }));
  before.run_for(3 * 60'000);
  const auto kept = a_then.core.heard();

  const auto bytes_for_news = [&](bool remembers) {
    World world(air_of(0), 13);
    auto& a = world.add(1, speaking(20));
    auto& b = world.add(2, listening());
    world.add(3, listening());  // of which nothing was ever heard
    a.log = a_then.log;
    b.log = b_then.log;
    a.core.durable(world.now());
    if (remembers) CHECK(a.core.recall(kept) == 1);
    write_some(a, 3);
    world.start();
    CHECK(world.run_until(5 * 60'000, [&] { return a.log.vector() == b.log.vector(); }));
    CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 1}).size() == (remembers ? 1 : 0));
    world.run_for(60 * 60'000 - world.ms());
    return world.air.counts().sent_bytes;
  };
  const auto all = bytes_for_news(false), news = bytes_for_news(true);
  MESSAGE("bytes of an hour for 3 new events of 153: " << news << " instead of " << all);
  CHECK(news * 3 < all);
}

TEST_CASE("one way: a backlog that takes longer than the pause between two rounds is said to its end") {
  World world(air_of(0), 14);
  auto& a = world.add(1, speaking(0));
  auto& b = world.add(2, listening());
  for (int i = 0; i < 400; ++i) {
    world.write(a, Class::Routine, 300);
    world.write(a, Class::Important, 100);
  }
  world.start();
  REQUIRE(world.run_until(3 * 60 * 60'000, [&] { return world.is_level(); }));
  MESSAGE("level after " << world.ms() / 1000 << " s");
  // Rounds go on, at most one an hour; urgent events do not wait for them.
  const auto then = world.air.counts().sent_bytes;
  world.run_for(8 * 60 * 60'000);
  const auto bytes = world.air.counts().sent_bytes - then;
  MESSAGE("bytes of eight hours without anything new: " << bytes);
  CHECK(bytes < 8 * 60 * 60 * (2400 / 8) * 2 / 3);
  const auto written = world.ms();
  world.write(a, Class::Urgent);
  const model::StreamId urgent{{a.key.id(), 1}, Class::Urgent, {}};
  REQUIRE(world.run_until(written + 60'000, [&] { return b.log.entries(urgent).size() == 1; }));
}

TEST_CASE("one way: after a power cut on either side in the middle of it the rest arrives") {
  World world(air_of(0.05), 15);
  auto& a = world.add(1, speaking(30));
  auto& b = world.add(2, listening());
  write_some(a, 300);
  world.start();
  for (std::size_t i : {0, 1}) {
    world.run_for(20'000);
    auto& station = *world.stations[i];
    CHECK(events_of(b) < 300);
    station.links->stop("power cut", world.now());
    world.settle(station);
    station.writing.clear();
    station.saving.clear();
    world.air.silence(station.on_air);
    world.begin(i);
  }
  CHECK(world.run_until(60 * 60'000, [&] { return world.is_level(); }));
  CHECK(events_of(b) == 300);
}

TEST_CASE("one way: two that broadcast and hear each other level, and none asks the other") {
  World world(air_of(0.05), 16);
  auto& a = world.add(1, speaking(30));
  auto& b = world.add(2, speaking(30));
  write_some(a, 60);
  write_some(b, 60);
  world.start();
  CHECK(world.run_until(60 * 60'000, [&] { return world.is_level(); }));
  MESSAGE("level after " << world.ms() / 1000 << " s");
  // The beacons say so, and then there is nothing to repeat.
  world.run_for(3 * 60 * 60'000);
  for (auto* station : {&a, &b}) {
    REQUIRE(station->core.peers().size() == 1);
    CHECK(station->core.peers().at(0).level == sync::Level::Equal);
    CHECK(station->core.refused_total() == 0);
  }
  const auto then = world.air.counts().sent;
  world.run_for(60 * 60'000);
  CHECK(world.air.counts().sent - then < 200);  // beacons alone, of one minute each
}

TEST_CASE("one way: last values arrive, and come again in full for who could not hear them") {
  World world(air_of(0), 17);
  auto& a = world.add(1, speaking(0));
  auto& b = world.add(2, listening());
  world.start();
  world.air.set_reaches(0, 1, false);
  model::Observation seen;
  seen.subject = model::external_name("own", "1");
  seen.kind = model::SubjectKind::Helicopter;
  seen.source = "gnss";
  seen.gateway = a.key.id();
  seen.measured = world.now().utc;
  seen.callsign = "RESCUE 1";
  seen.position = *Position::from_e7(460'000'000, 70'000'000);
  a.core.last_value(seen, world.now());
  world.settle(a);
  world.run_for(50'000);
  CHECK(b.observed.empty());
  world.air.set_reaches(0, 1, true);
  REQUIRE(world.run_until(30 * 60'000, [&] { return !b.observed.empty(); }));
  CHECK(b.observed.back().second.callsign == "RESCUE 1");
}
