#include <doctest/doctest.h>
#include <fmt/format.h>

#include "bearer/test_world.hpp"

using namespace airbridge;
using namespace airbridge::bearer;
using namespace airbridge::bearer::test;

namespace {
struct Line {
  const char* name;
  const char* preset;
  std::uint32_t rate_bps;
  Milliseconds delay, jitter;
  double loss;
  std::size_t messages;
  std::size_t size;
  double least_share;  // of the rate, one way
};
}  // namespace

TEST_CASE("full duplex: everything arrives in order, at a fair share of the rate") {
  const Line lines[] = {
      {"lan", "lan", 100'000'000, Milliseconds(1), Milliseconds(0), 0, 20'000, 300, 0.1},
      {"lan with loss", "lan", 100'000'000, Milliseconds(1), Milliseconds(1), 0.01, 5'000, 300, 0.02},
      {"lte", "lte", 2'000'000, Milliseconds(40), Milliseconds(20), 0.01, 5'000, 300, 0.7},
      {"satellite", "satellite", 64'000, Milliseconds(600), Milliseconds(50), 0.05, 2'000, 120, 0.7},
      {"serial", "serial", 9'600, Milliseconds(10), Milliseconds(0), 0.02, 1'000, 55, 0.75},
  };
  for (const auto& line : lines) {
    CAPTURE(line.name);
    AirProfile air;
    air.half_duplex = false;
    air.rate_bps = line.rate_bps;
    air.delay = line.delay;
    air.jitter = line.jitter;
    air.loss.random = line.loss;
    air.mtu = 1500;
    air.queue_bytes_max = 256 * 1024;
    World world(air, 9);
    auto& a = world.add(1, *preset(line.preset));
    auto& b = world.add(2, *preset(line.preset));
    Rng rng(1);
    std::vector<Bytes> sent;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < line.messages; ++i) {
      sent.push_back(message_of(rng, line.size));
      bytes += line.size;
      a.source.waiting[b.id].bulk.push_back(sent.back());
    }
    world.start_all();
    world.run_until(2'000'000, [&] { return !a.channel->neighbours().empty() && !b.channel->neighbours().empty(); });
    const auto begin = world.ms();
    CHECK(world.run_for(2'000'000, [&] { return b.got.size() >= sent.size(); }));
    const double seconds = static_cast<double>(world.ms() - begin) / 1000;
    const double share = static_cast<double>(bytes) * 8 / seconds / line.rate_bps;
    const auto stats = a.channel->stats(world.now());
    MESSAGE(fmt::format("{}: {} B in {:.1f} s, {:.2f} of the rate, {} fragments, {} again, overflowed {}", line.name,
                        bytes, seconds, share, stats.neighbours.at(b.id).fragments_sent,
                        stats.neighbours.at(b.id).fragments_again, world.air.counts().overflowed));
    CHECK(reliable_of(b, a.id) == sent);
    CHECK(share >= line.least_share);
    CHECK(world.stuck == 0);
  }
}

TEST_CASE("a station that hears nobody says so more often, within what channel, duty cycle and money allow") {
  const auto frames_of = [](const Profile& profile) {
    AirProfile air;
    air.half_duplex = profile.half_duplex;
    air.rate_bps = profile.rate_bps;
    air.mtu = profile.mtu;
    World world(air, 2);
    world.add(1, profile);
    world.start_all();
    world.run_for(60'000);
    std::size_t frames = 0;
    world.on_sent = [&](const Station&, const Bytes&) { ++frames; };
    world.run_for(20 * profile.interval.count());
    return frames;
  };
  auto radio = *preset("radio");
  CHECK(frames_of(radio) > 70);  // every 12 to 18 s
  CHECK(frames_of(radio) < 100);
  radio.rate_bps = 300;  // a beacon takes 0.9 s and keying up
  CHECK(frames_of(radio) < 45);
  radio = *preset("radio");
  radio.duty_cycle = 0.05;
  CHECK(frames_of(radio) <= 20);
  radio = *preset("radio");
  radio.cost = 1;
  CHECK(frames_of(radio) <= 20);  // each byte is paid for
  CHECK(frames_of(*preset("satellite")) <= 20);
  CHECK(frames_of(*preset("lan")) <= 20);
}

TEST_CASE("two stations that come into range after a long silence find each other within 25 s") {
  std::int64_t longest = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    AirProfile air;
    air.loss.random = 0.05;
    World world(air, seed);
    auto& a = world.add(1, *preset("radio"));
    auto& b = world.add(2, *preset("radio"));
    world.start_all();
    const auto met = [&] { return !a.channel->neighbours().empty() && !b.channel->neighbours().empty(); };
    world.run_for(120'000, met);
    world.air.set_outage(true);
    world.run_for(600'000 + static_cast<std::int64_t>(seed) * 1'000);
    REQUIRE_FALSE(met());
    world.air.set_outage(false);
    const auto begin = world.ms();
    CHECK(world.run_for(120'000, met));
    longest = std::max(longest, world.ms() - begin);
  }
  MESSAGE(fmt::format("at most {} ms", longest));
  CHECK(longest < 25'000);
}

TEST_CASE("an idle channel costs a beacon of 20 bytes an interval on each side, and few wake-ups") {
  for (const char* name : {"lan", "satellite", "radio", "serial"}) {
    CAPTURE(name);
    const auto profile = *preset(name);
    AirProfile air;
    air.half_duplex = profile.half_duplex;
    air.rate_bps = profile.rate_bps;
    air.mtu = profile.mtu;
    World world(air, 2);
    auto& a = world.add(1, profile);
    world.add(2, profile);
    world.start_all();
    world.run_for(10 * profile.interval.count());
    std::uint64_t frames = 0, bytes = 0;
    world.on_sent = [&](const Station&, const Bytes& frame) {
      ++frames;
      bytes += frame.size();
    };
    const auto pulls = a.source.pulls;
    world.run_for(40 * profile.interval.count());
    CHECK(frames >= 2 * 36);
    CHECK(frames <= 2 * 46);
    CHECK(bytes <= frames * 23);  // every eighth one says its whole counter
    CHECK(a.source.pulls - pulls < 10);
    CHECK(a.channel->neighbours().size() == 1);
    CHECK(world.stuck == 0);
  }
}
