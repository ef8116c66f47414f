#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "bearer/test_world.hpp"

using namespace airbridge;
using namespace airbridge::bearer;
using namespace airbridge::bearer::test;

namespace {
struct Latencies {
  std::vector<double> seconds;
  std::size_t missing = 0;
  double at(double share) const {
    return seconds.empty() ? 0 : seconds[static_cast<std::size_t>(share * static_cast<double>(seconds.size() - 1))];
  }
};

// Reports of `size` bytes arise on either side at random times in `minutes`.
Latencies live_reports(World& world, Station& a, Station& b, std::size_t count, std::size_t size, int minutes,
                       std::uint64_t seed) {
  Rng rng(seed);
  std::map<Bytes, std::int64_t> born;
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = 20'000 + rng.between(0, minutes * 60'000 - 80'000);
    const auto report = message_of(rng, size);
    auto& from = rng.chance(0.5) ? a : b;
    auto& to = &from == &a ? b : a;
    born[report] = at;
    world.at(at, [&world, &from, &to, report] { world.queue_urgent(from, to, report); });
  }
  world.start_all();
  world.run_until(minutes * 60'000);
  Latencies out;
  std::set<Bytes> seen;
  for (const auto* const station : {&a, &b}) {
    for (const auto& got : station->got) {
      const auto found = born.find(got.what.message);
      if (found == born.end()) continue;
      CHECK(seen.insert(got.what.message).second);  // once
      out.seconds.push_back(static_cast<double>(World::ms_of(got.at) - found->second) / 1000);
    }
  }
  out.missing = count - seen.size();
  std::sort(out.seconds.begin(), out.seconds.end());
  CHECK(world.stuck == 0);
  return out;
}
}  // namespace

TEST_CASE("at 2400 bit/s and 5 % loss a live urgent report passes a backlog both ways in 25 s at p95") {
  for (const double loss : {0.0, 0.05, 0.2}) {
    AirProfile air;
    air.loss.random = loss;
    World world(air, 3);
    auto& a = world.add(1, *preset("radio"));
    auto& b = world.add(2, *preset("radio"));
    Rng rng(4);
    for (int i = 0; i < 5000; ++i) {
      a.source.waiting[b.id].bulk.push_back(message_of(rng, 30 + rng.below(50)));
      b.source.waiting[a.id].bulk.push_back(message_of(rng, 30 + rng.below(50)));
    }
    const auto got = live_reports(world, a, b, 150, 120, 30, 5);
    MESSAGE(fmt::format("loss {}: p50 {:.1f} s, p95 {:.1f} s, p99 {:.1f} s", loss, got.at(0.5), got.at(0.95),
                        got.at(0.99)));
    CHECK(got.missing == 0);
    CHECK(got.at(0.95) <= (loss < 0.1 ? 16 : 30));
    CHECK_FALSE(a.source.waiting[b.id].bulk.empty());  // the backlog lasted to the end
  }
}

TEST_CASE("at 64 kbit/s, 30 % loss and 2 s delay urgent messages take less than 10 s while positions flow") {
  AirProfile air;
  air.rate_bps = 64'000;
  air.half_duplex = false;
  air.delay = Milliseconds(2'000);
  air.jitter = Milliseconds(200);
  air.mtu = 600;
  air.loss.random = 0.3;
  auto profile = *preset("satellite");
  World world(air, 3);
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  Rng rng(4);
  std::size_t positions = 0;
  for (std::int64_t ms = 0; ms < 30 * 60'000; ms += 300, ++positions) {  // 200 a minute
    const auto fix = message_of(rng, 15);
    world.at(ms, [&world, &a, fix] { world.queue_value(a, fix); });
  }
  for (int i = 0; i < 2000; ++i) a.source.waiting[b.id].bulk.push_back(message_of(rng, 55));
  const auto got = live_reports(world, a, b, 300, 120, 30, 5);
  MESSAGE(fmt::format("p50 {:.1f} s, p95 {:.1f} s, p99 {:.1f} s, most {:.1f} s", got.at(0.5), got.at(0.95),
                      got.at(0.99), got.at(1)));
  CHECK(got.missing == 0);
  CHECK(got.at(0.99) < 10);
  const auto arrived = std::count_if(b.got.begin(), b.got.end(), [](const Got& g) { return !g.what.reliable; });
  MESSAGE(fmt::format("{} of {} positions", arrived, positions));
  CHECK(static_cast<double>(arrived) > 0.6 * static_cast<double>(positions));
  CHECK(a.source.waiting[b.id].bulk.empty());
  CHECK(reliable_of(b, a.id).size() >= 2000);
}

TEST_CASE("who hears that urgent messages are left there keeps its own bulk short until they have come") {
  AirProfile air;
  air.loss.random = 0.05;
  std::size_t bulk_meanwhile = 0;
  double slowest_s = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    World world(air, seed);
    auto& a = world.add(1, *preset("radio"));
    auto& b = world.add(2, *preset("radio"));
    Rng rng(seed);
    for (int i = 0; i < 2000; ++i) a.source.waiting[b.id].bulk.push_back(message_of(rng, 50));
    world.start_all();
    REQUIRE(world.run_for(120'000, [&] { return b.got.size() > 50; }));
    const auto begin = world.ms();
    const auto bulk_before = b.got.size();
    for (int i = 0; i < 50; ++i) world.queue_urgent(b, a, message_of(rng, 120));
    REQUIRE(world.run_for(300'000, [&] { return a.got.size() == 50; }));
    slowest_s = std::max(slowest_s, static_cast<double>(world.ms() - begin) / 1000);
    bulk_meanwhile += b.got.size() - bulk_before;
    CHECK(world.stuck == 0);
  }
  // 6 kB are 22 s of air by themselves; a burst of 16 frames after each of 8 would make that 66.
  MESSAGE(fmt::format("{:.1f} s at most, {} bulk messages meanwhile", slowest_s, bulk_meanwhile));
  CHECK(slowest_s < 50);
  CHECK(bulk_meanwhile > 100);  // nobody starves
}

TEST_CASE("an urgent message that comes into an urgent backlog goes as soon as its source puts it first") {
  World world(AirProfile{}, 5);
  auto& a = world.add(1, *preset("radio"));
  auto& b = world.add(2, *preset("radio"));
  Rng rng(6);
  for (int i = 0; i < 300; ++i) a.source.waiting[b.id].urgent.push_back(message_of(rng, 120));
  world.start_all();
  REQUIRE(world.run_for(120'000, [&] { return b.got.size() > 40; }));
  const auto report = message_of(rng, 120);
  a.source.waiting[b.id].urgent.push_front(report);
  const auto begin = world.ms();
  const auto is_report = [&](const Got& got) { return got.what.message == report; };
  REQUIRE(world.run_for(60'000, [&] { return std::any_of(b.got.begin(), b.got.end(), is_report); }));
  // A block of four frames was asked for before, and perhaps a frame of the one before that.
  MESSAGE(fmt::format("{:.1f} s", static_cast<double>(world.ms() - begin) / 1000));
  CHECK(world.ms() - begin < 6'500);
}

TEST_CASE("urgent backlogs for two stations go side by side") {
  World world(AirProfile{}, 7);
  auto& a = world.add(1, *preset("radio"));
  auto& b = world.add(2, *preset("radio"));
  auto& c = world.add(3, *preset("radio"));
  world.start_all();
  REQUIRE(world.run_for(240'000, [&] { return a.channel->neighbours().size() == 2; }));
  Rng rng(8);
  for (int i = 0; i < 150; ++i) {
    a.source.waiting[b.id].urgent.push_back(message_of(rng, 120));
    a.source.waiting[c.id].urgent.push_back(message_of(rng, 120));
  }
  world.queue_urgent(a, b, message_of(rng, 120));
  world.queue_urgent(a, c, message_of(rng, 120));
  const auto mine = [&](const Station& station) { return reliable_of(station, a.id).size(); };
  REQUIRE(world.run_for(400'000, [&] { return mine(b) >= 80 || mine(c) >= 80; }));
  CHECK(mine(b) > 60);
  CHECK(mine(c) > 60);
}

TEST_CASE("what the other side heard nothing of is sent again at its first answer") {
  // Both have one message, and either's may be lost while frames around it arrive.
  AirProfile air;
  air.loss.random = 0.1;
  std::vector<double> took;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    World world(air, seed);
    auto& a = world.add(1, *preset("radio"));
    auto& b = world.add(2, *preset("radio"));
    world.start_all();
    world.run_for(240'000, [&] { return !a.channel->neighbours().empty() && !b.channel->neighbours().empty(); });
    Rng rng(seed);
    const auto begin = world.ms();
    world.queue_urgent(a, b, message_of(rng, 30));
    world.queue_urgent(b, a, message_of(rng, 30));
    CHECK(world.run_for(120'000, [&] { return !a.got.empty() && !b.got.empty(); }));
    took.push_back(static_cast<double>(world.ms() - begin) / 1000);
  }
  std::sort(took.begin(), took.end());
  MESSAGE(fmt::format("p50 {:.1f} s, p90 {:.1f} s, worst {:.1f} s", took[50], took[90], took.back()));
  CHECK(took[90] < 15);
  CHECK(took.back() < 40);
}
