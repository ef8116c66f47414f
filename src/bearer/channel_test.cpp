#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "bearer/test_world.hpp"

using namespace airbridge;
using namespace airbridge::bearer;
using namespace airbridge::bearer::test;

namespace {
AirProfile radio_air(double loss) {
  AirProfile air;
  air.loss.random = loss;
  return air;
}

struct Transfer {
  std::size_t bytes = 0;
  double seconds = 0;
  double goodput = 0;  // of 300 bytes a second
  bool complete = false;
};

// `each` messages of notes' size wait on both sides; how long until both have all of them, in order.
Transfer both_ways(const AirProfile& air, const Profile& profile, std::uint64_t seed, std::size_t each) {
  World world(air, seed);
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  Rng rng(seed);
  std::vector<Bytes> from_a, from_b;
  Transfer out;
  for (std::size_t i = 0; i < each; ++i) {
    from_a.push_back(message_of(rng, 30 + rng.below(50)));
    from_b.push_back(message_of(rng, 30 + rng.below(50)));
    out.bytes += from_a.back().size() + from_b.back().size();
    a.source.waiting[b.id].bulk.push_back(from_a.back());
    b.source.waiting[a.id].bulk.push_back(from_b.back());
  }
  world.start_all();
  world.run_until(4 * 3'600'000, [&] { return a.got.size() >= each && b.got.size() >= each; });
  out.complete = reliable_of(a, b.id) == from_b && reliable_of(b, a.id) == from_a;
  out.seconds = static_cast<double>(world.ms()) / 1000;
  out.goodput = static_cast<double>(out.bytes) / out.seconds / (static_cast<double>(air.rate_bps) / 8);
  CHECK(world.stuck == 0);
  return out;
}
// Sent within so long to who does not answer: two frames every 20 s, and beacons.
std::uint64_t unanswered_bytes_max(const Profile& profile, Milliseconds time) {
  return static_cast<std::uint64_t>(2 * profile.mtu * (time / Milliseconds(20'000) + 1) +
                                    40 * (time / profile.interval + 1) * 10 / 9);
}
}  // namespace

TEST_CASE("two stations at 2400 bit/s bring a backlog across both ways, at 5 % loss with 0.78 of the raw rate") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto transfer = both_ways(radio_air(0.05), *preset("radio"), seed, 1200);
    MESSAGE(fmt::format("seed {}: {} B in {:.0f} s, goodput {:.3f}", seed, transfer.bytes, transfer.seconds,
                        transfer.goodput));
    CHECK(transfer.complete);
    CHECK(transfer.goodput >= 0.78);
  }
}

TEST_CASE("loss of 20 % and 40 %, and losses in bursts of four, cost time and nothing else") {
  for (const double loss : {0.0, 0.2, 0.4}) {
    const auto transfer = both_ways(radio_air(loss), *preset("radio"), 5, 400);
    MESSAGE(fmt::format("loss {}: {:.0f} s, goodput {:.3f}", loss, transfer.seconds, transfer.goodput));
    CHECK(transfer.complete);
  }
  AirProfile air = radio_air(0);
  air.loss = {0, 0.0625, 4};
  const auto transfer = both_ways(air, *preset("radio"), 5, 400);
  MESSAGE(fmt::format("20 % in bursts of 4: {:.0f} s, goodput {:.3f}", transfer.seconds, transfer.goodput));
  CHECK(transfer.complete);
}

TEST_CASE("who hears us and is not heard by the other costs the channel little, and is spoken to again once it hears") {
  for (const char* name : {"lte", "satellite", "lan"}) {
    CAPTURE(name);
    const auto profile = *preset(name);
    AirProfile air;
    air.rate_bps = profile.rate_bps;
    air.half_duplex = false;
    air.delay = profile.delay;
    air.mtu = profile.mtu;
    World world(air, 9);
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    Rng rng(9);
    world.start_all();
    world.queue_bulk(a, b, message_of(rng, 100));
    REQUIRE(world.run_for(120'000, [&] { return b.got.size() == 1; }));
    world.run_for(10'000);
    // B deaf, and A hears its beacons.
    world.air.set_reaches(a.on_air, b.on_air, false);
    for (int i = 0; i < 300; ++i) world.queue_bulk(a, b, message_of(rng, 900));
    world.queue_urgent(a, b, message_of(rng, 100));
    world.run_for(5 * 60'000);
    const auto before = a.channel->stats(world.now()).bytes_sent;
    world.run_for(30 * 60'000);
    const auto spent = a.channel->stats(world.now()).bytes_sent - before;
    MESSAGE(fmt::format("{}: {} B in half an hour", name, spent));
    CHECK(spent < unanswered_bytes_max(profile, Milliseconds(30 * 60'000)));
    CHECK(a.channel->neighbours().size() == 1);
    world.air.set_reaches(a.on_air, b.on_air, true);
    // What was on its way went with the session that B gave up, which it says at the next frame of it.
    world.run_for(2 * 60'000);
    const auto got = b.got.size();
    for (int i = 0; i < 20; ++i) world.queue_bulk(a, b, message_of(rng, 900));
    CHECK(world.run_for(2 * 60'000, [&] { return b.got.size() == got + 20; }));
    CHECK(world.stuck == 0);
  }
}

TEST_CASE(
    "who knows all its neighbours, and they it, says who it is with every 32nd beacon, or never where all are there") {
  for (const std::size_t stations : {2U, 3U}) {
    CAPTURE(stations);
    const auto profile = *preset("radio");
    World world(radio_air(0), 4);
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    Rng rng(4);
    a.source.waiting[b.id].bulk.push_back(message_of(rng, 50));
    b.source.waiting[a.id].bulk.push_back(message_of(rng, 50));
    if (stations > 2) world.add(3, profile);  // a member who is out of range
    world.start_all();
    if (stations > 2) world.stop(*world.stations.back());
    world.run_for(20 * 60'000);
    REQUIRE(b.got.size() == 1);
    std::size_t beacons = 0, longs = 0;
    world.on_sent = [&](const Station&, const Bytes& frame) {
      ++beacons;
      longs += (frame[0] & flag_long) != 0 ? 1 : 0;
    };
    world.run_for(128 * profile.interval.count());
    CHECK(beacons > 2 * 110);
    CHECK(longs >= (stations > 2 ? 6 : 0));
    CHECK(longs <= (stations > 2 ? 10 : 0));
  }
}

TEST_CASE("a trip that is much longer than the profile says is found out, and nothing is said again and again") {
  auto profile = *preset("lte");  // 40 ms
  AirProfile air;
  air.rate_bps = profile.rate_bps;
  air.half_duplex = false;
  air.delay = Milliseconds(1'500);
  air.mtu = profile.mtu;
  World world(air, 5);
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  Rng rng(5);
  world.start_all();
  world.run_for(60'000);
  std::uint64_t given = 0;
  for (int i = 0; i < 600; ++i) {
    const auto size = 100 + rng.below(300);
    given += size;
    world.queue_bulk(a, b, message_of(rng, size));
    world.run_for(500);
  }
  CHECK(world.run_for(30'000, [&] { return b.got.size() == 600; }));
  const auto spent = a.channel->stats(world.now()).bytes_sent;
  MESSAGE(fmt::format("{} B for {} B of messages", spent, given));
  CHECK(spent < 2 * given);
  const auto trip = a.channel->stats(world.now()).neighbours.begin()->second.round_trip;
  REQUIRE(trip);
  CHECK(*trip >= Milliseconds(3'000));
  CHECK(*trip < Milliseconds(3'400));
}
