#include "exchange/channel_links.hpp"

#include <doctest/doctest.h>

#include "exchange/test_station.hpp"

using namespace airbridge;
using namespace airbridge::exchange;
using namespace airbridge::exchange::test;
using model::Class;

namespace {
bearer::AirProfile radio_air(double loss) {
  bearer::AirProfile air;
  air.loss.random = loss;
  return air;
}
const bearer::Profile radio = *bearer::preset("radio");

model::Observation seen(std::uint8_t n, const model::KeyId& gateway, UtcTime at) {
  model::Observation out;
  out.subject = model::external_name("own", std::to_string(n));
  out.kind = model::SubjectKind::Helicopter;
  out.source = "gnss";
  out.gateway = gateway;
  out.measured = at;
  out.callsign = "RESCUE " + std::to_string(n);
  out.position = *Position::from_e7(460'000'000 + n, 70'000'000 + n);
  return out;
}
}  // namespace

TEST_CASE("two nodes on a lossy 2400 bit/s radio level each other and know that they did") {
  World world(radio_air(0.05), 1);
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  for (int i = 0; i < 60; ++i) {
    a.log.write(a.key, static_cast<Class>(i % 3), 60, static_cast<std::uint8_t>(i));
    b.log.write(b.key, static_cast<Class>(i % 3), 60, static_cast<std::uint8_t>(i));
  }
  world.start();
  REQUIRE(world.run_until(10 * 60'000, [&] { return world.is_level(); }));
  MESSAGE("level after " << world.ms() / 1000 << " s");
  world.run_for(5 * 60'000);
  for (auto* station : {&a, &b}) {
    REQUIRE(station->core.peers().size() == 1);
    CHECK(station->core.peers().at(0).level == sync::Level::Equal);
    CHECK(station->core.refused_total() == 0);
  }
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 20}).size() == 1);
}

TEST_CASE("an urgent event written into a backlog arrives long before the backlog") {
  World world(radio_air(0.05), 2);
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  for (int i = 0; i < 400; ++i) {
    a.log.write(a.key, Class::Routine, 100, static_cast<std::uint8_t>(i));
    b.log.write(b.key, Class::Routine, 100, static_cast<std::uint8_t>(i));
  }
  world.start();
  world.run_for(60'000);
  const auto written = world.ms();
  world.write(a, Class::Urgent);
  const model::StreamId urgent{{a.key.id(), 1}, Class::Urgent, {}};
  REQUIRE(world.run_until(written + 120'000, [&] { return !b.log.entries(urgent).empty(); }));
  MESSAGE("urgent after " << (world.ms() - written) << " ms");
  CHECK(world.ms() - written < 60'000);
  CHECK(b.log.vector() != a.log.vector());
}

TEST_CASE("three in a line on one frequency converge through the one in the middle") {
  World world(radio_air(0.02), 3);
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  auto& c = world.add(3, radio);
  world.air.set_reaches(0, 2, false);
  world.air.set_reaches(2, 0, false);
  for (int i = 0; i < 10; ++i) {
    a.log.write(a.key, static_cast<Class>(i % 3), 40);
    b.log.write(b.key, static_cast<Class>(i % 3), 40);
    c.log.write(c.key, static_cast<Class>(i % 3), 40);
  }
  world.start();
  CHECK(world.run_until(30 * 60'000, [&] { return world.is_level(); }));
  MESSAGE("level after " << world.ms() / 1000 << " s");
  CHECK(a.log.vector().size() == 9);
}

namespace {
constexpr int told_events = 20;
constexpr std::size_t told_bytes = 100;  // each
struct Telling {
  double bytes = 0;  // on the air until all listeners had everything
  std::uint64_t events_said = 0, events_said_by_others = 0;
};
// One tells so many listeners, who all hear each other.
Telling tell_all(int listeners, std::uint64_t seed) {
  World world(radio_air(0), seed);
  auto& a = world.add(1, radio);
  for (int n = 0; n < listeners; ++n) world.add(static_cast<std::uint8_t>(2 + n), radio);
  world.start();
  world.run_for(5 * 60'000);
  const auto before = world.air.counts().sent_bytes;
  for (int i = 0; i < told_events; ++i) a.log.write(a.key, Class::Important, told_bytes);
  a.core.durable(world.now());
  world.settle(a);
  REQUIRE(world.run_until(world.ms() + 10 * 60'000, [&] { return world.is_level(); }));
  Telling out{static_cast<double>(world.air.counts().sent_bytes - before), 0, 0};
  world.run_for(5 * 60'000);
  for (const auto& station : world.stations) {
    for (const auto& peer : station->core.peers())
      (station.get() == &a ? out.events_said : out.events_said_by_others) += peer.events_sent;
  }
  return out;
}
}  // namespace

TEST_CASE("on a broadcast channel one transmission serves all who hear it") {
  for (const std::uint64_t seed : {4U, 5U, 6U}) {
    CAPTURE(seed);
    const auto one = tell_all(1, seed);
    CHECK(one.bytes > told_events * told_bytes);
    for (const int listeners : {2, 3, 5}) {
      CAPTURE(listeners);
      const auto all = tell_all(listeners, seed);
      MESSAGE(all.bytes << " bytes to " << listeners << " listeners, " << one.bytes
                        << " to one; said again by those who "
                        << "heard them: " << all.events_said_by_others);
      // Each is said once, though every listener is owed it. A further listener costs beacons and an answer of its own:
      // less than one of the 20 events.
      CHECK(all.events_said == told_events);
      CHECK(all.bytes < one.bytes + (listeners - 1) * static_cast<double>(told_bytes));
    }
  }
}

TEST_CASE("a node whose power fails goes on where its disk stood, and takes nothing twice") {
  World world(radio_air(0.05), 5);
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  for (int i = 0; i < 100; ++i) a.log.write(a.key, Class::Important, 100, static_cast<std::uint8_t>(i));
  world.start();
  world.run_for(30'000);
  b.links->stop("power cut", world.now());
  world.settle(b);
  b.writing.clear();
  b.saving.clear();
  world.air.silence(b.on_air);
  world.run_for(10'000);
  world.begin(1);
  CHECK(world.run_until(15 * 60'000, [&] { return world.is_level(); }));
  CHECK(a.log.vector() == b.log.vector());
}

TEST_CASE("positions go in short form once they were said in full, and are asked for when they were not heard") {
  World world(radio_air(0.05), 6);
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  world.start();
  world.run_for(3 * 60'000);
  for (int minute = 0; minute < 20; ++minute) {
    for (std::uint8_t n = 1; n <= 10; ++n) a.core.last_value(seen(n, a.key.id(), world.now().utc), world.now());
    world.settle(a);
    world.run_for(60'000);
  }
  std::set<std::string> names;
  for (const auto& [at, observation] : b.observed) names.insert(observation.callsign);
  CHECK(names.size() == 10);
  MESSAGE(b.observed.size() << " of 200 positions heard");
  CHECK(b.observed.size() > 100);
  const auto& last = b.observed.back().second;
  CHECK(last.source == "gnss");
  CHECK(last.gateway == a.key.id());
}

TEST_CASE("when only one side lost the other, both begin anew and nothing is missed") {
  for (const auto* kind : {"radio", "satellite"}) {
    CAPTURE(kind);
    auto profile = *bearer::preset(kind);
    auto air = radio_air(0.02);
    air.half_duplex = profile.half_duplex;
    air.rate_bps = profile.rate_bps;
    air.mtu = profile.mtu;
    World world(air, 7);
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    for (int i = 0; i < 30; ++i) a.log.write(a.key, Class::Important, 100, static_cast<std::uint8_t>(i));
    world.start();
    REQUIRE(world.run_until(10 * 60'000, [&] { return world.is_level(); }));
    // B hears A no more, A hears B on.
    world.air.set_reaches(0, 1, false);
    for (int i = 0; i < 10; ++i) {
      world.write(a, Class::Important);
      world.write(b, Class::Important);
      world.run_for(60'000);
    }
    world.air.set_reaches(0, 1, true);
    CHECK(world.run_until(world.ms() + 15 * 60'000, [&] { return world.is_level(); }));
    CHECK(a.log.vector().size() == 2);
  }
}

TEST_CASE("on a narrow channel positions of what moves come at an interval the channel bears, others rarely") {
  World world(radio_air(0.05), 9);
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  world.start();
  world.run_for(3 * 60'000);
  b.observed.clear();
  constexpr int seconds = 20 * 60;
  const auto say = [&](std::uint8_t n, int north_m) {
    auto observation = seen(n, a.key.id(), world.now().utc);
    observation.kind = model::SubjectKind::Person;
    observation.position = *Position::from_e7(460'000'000 + n + north_m * 90, 70'000'000);
    a.core.last_value(observation, world.now());
  };
  double most = 0;
  for (int second = 0; second < seconds; ++second) {
    for (std::uint8_t n = 1; n <= 20; ++n) say(n, n <= 10 ? 15 * second : 0);  // half drive, half stand
    world.settle(a);
    world.run_for(1'000);
    if (second > 180) most = std::max(most, a.links->stats(world.now()).occupancy);
  }
  std::map<std::string, int> heard;
  for (const auto& [at, observation] : b.observed) ++heard[observation.callsign];
  for (std::uint8_t n = 1; n <= 20; ++n) {
    CAPTURE(int{n});
    const auto count = heard["RESCUE " + std::to_string(n)];
    CHECK(count >= (n <= 10 ? seconds / 60 : 2));
    CHECK(count <= (n <= 10 ? seconds / 2 : seconds / 120));
  }
  // The brake holds: the channel is far from full though twenty things report every second.
  MESSAGE(heard["RESCUE 1"] << " positions of what drives, " << heard["RESCUE 20"] << " of what stands");
  MESSAGE("at most " << most * 100 << " % of the channel");
  CHECK(most < 0.6);
}

TEST_CASE("a channel others fill makes positions rarer, and they come more often when it is calm again") {
  World world(radio_air(0), 10);
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  world.start();
  world.run_for(3 * 60'000);
  const auto minutes = [&](int count) {
    b.observed.clear();
    for (int second = 0; second < count * 60; ++second) {
      auto observation = seen(1, a.key.id(), world.now().utc);
      observation.position = *Position::from_e7(460'000'000 + world.ms(), 70'000'000);
      a.core.last_value(observation, world.now());
      world.settle(a);
      world.run_for(1'000);
    }
    return b.observed.size();
  };
  const auto calm = minutes(5);
  for (int i = 0; i < 800; ++i) b.log.write(b.key, Class::Routine, 100, static_cast<std::uint8_t>(i));
  b.core.durable(world.now());
  world.settle(b);
  minutes(1);
  const auto busy = minutes(4);
  REQUIRE(world.run_until(world.ms() + 60 * 60'000, [&] { return world.is_level(); }));
  world.run_for(3 * 60'000);
  const auto again = minutes(5);
  MESSAGE(calm << " in five calm minutes, " << busy << " in four busy ones, " << again << " after it");
  CHECK(busy >= 1);
  CHECK(busy * 4 < calm);
  CHECK(again > busy * 4);
}

TEST_CASE("as many things as there are, each is heard in full: no message of last values is longer than a frame") {
  World world(radio_air(0), 11);
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  world.start();
  world.run_for(3 * 60'000);
  for (int minute = 0; minute < 5; ++minute) {
    for (std::uint8_t n = 1; n <= 60; ++n) {
      auto observation = seen(n, a.key.id(), world.now().utc);
      if (n % 10 == 0) observation.document.assign(700, 'x');  // which goes only where there is room
      a.core.last_value(observation, world.now());
    }
    world.settle(a);
    world.run_for(60'000);
  }
  std::set<std::string> names;
  for (const auto& [at, observation] : b.observed) names.insert(observation.callsign);
  CHECK(names.size() == 60);
  CHECK(a.links->stats(world.now()).messages_too_long == 0);
}

TEST_CASE("two radios that hold the same say two beacons an interval, and no more, once they are level") {
  const auto profile = *bearer::preset("radio");
  World world({}, 1);
  auto& a = world.add(1, profile);
  world.add(2, profile);
  world.start();
  for (int i = 0; i < 20; ++i) world.write(a, model::Class::Routine, 50);
  REQUIRE(world.run_until(world.ms() + 30 * 60'000, [&] { return world.is_level(); }));
  world.run_for(2 * 60'000);
  const auto before = world.air.counts();
  world.run_for(60 * profile.interval.count());
  CHECK(world.air.counts().sent - before.sent <= 2 * 60 * 10 / 9);                   // the pauses differ by a tenth
  CHECK(world.air.counts().sent_bytes - before.sent_bytes <= 2 * 60 * 22 * 10 / 9);  // every eighth is 14 B longer
}
