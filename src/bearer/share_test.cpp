#include <doctest/doctest.h>
#include <fmt/format.h>

#include "bearer/test_world.hpp"

using namespace airbridge;
using namespace airbridge::bearer;
using namespace airbridge::bearer::test;

namespace {
// What the source has for everybody lies under the zero key.
std::size_t one_way_share(double loss, std::size_t repair_percent, std::int64_t ms, double* used) {
  AirProfile air;
  air.half_duplex = false;
  air.loss.random = loss;
  World world(air, 5);
  auto profile = *preset("radio");
  profile.one_way = true;
  profile.repair_percent = repair_percent;
  auto listening = profile;
  listening.duty_cycle = 0;
  auto& a = world.add(1, profile);
  auto& b = world.add(2, listening);
  Rng rng(1);
  std::set<Bytes> sent;
  for (int i = 0; i < 200; ++i) {
    a.source.waiting[model::KeyId{}].bulk.push_back(message_of(rng, 50));
    sent.insert(a.source.waiting[model::KeyId{}].bulk.back());
  }
  std::size_t answers = 0;
  world.on_sent = [&](const Station& from, const Bytes&) { answers += &from == &b ? 1 : 0; };
  world.start_all();
  world.run_for(ms);
  CHECK(answers == 0);
  CHECK(world.stuck == 0);
  std::set<Bytes> arrived;
  for (const auto& got : b.got) {
    CHECK(got.what.overheard);
    CHECK(sent.count(got.what.message) == 1);
    CHECK(arrived.insert(got.what.message).second);  // once, however often it is repeated
  }
  if (used != nullptr) *used = static_cast<double>(world.air.counts().sent_bytes);
  return arrived.size();
}
}  // namespace

TEST_CASE("on a channel that carries one way blocks arrive by repair frames, and what is still lost by repeats") {
  CHECK(one_way_share(0, 0, 60'000, nullptr) == 200);
  const auto bare = one_way_share(0.1, 0, 60'000, nullptr);
  const auto repaired = one_way_share(0.1, 30, 60'000, nullptr);
  MESSAGE(fmt::format("of 200 at 10 % loss: {} without, {} with repair frames", bare, repaired));
  CHECK(repaired > bare);
  CHECK(repaired >= 150);
  CHECK(one_way_share(0.1, 30, 900'000, nullptr) == 200);
  double short_run = 0, long_run = 0;
  (void)one_way_share(0, 0, 3'600'000, &short_run);
  (void)one_way_share(0, 0, 7'200'000, &long_run);
  CHECK(long_run - short_run < 3'600 / 50 * 40);  // repeats end, beacons go on
}

TEST_CASE("a duty cycle is kept over every window, and an urgent report still finds room in it") {
  AirProfile air;
  air.loss.random = 0.02;
  World world(air, 5);
  auto profile = *preset("radio");
  profile.duty_cycle = 0.1;
  profile.duty_window = Milliseconds(600'000);
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  Rng rng(1);
  for (int i = 0; i < 4000; ++i) a.source.waiting[b.id].bulk.push_back(message_of(rng, 50));
  std::deque<std::pair<std::int64_t, double>> sent;
  double in_window = 0, most = 0;
  world.on_sent = [&](const Station& from, const Bytes& frame) {
    if (&from != &a) return;
    const double seconds = static_cast<double>(frame.size()) * 8 / 2400;
    sent.emplace_back(world.ms(), seconds);
    in_window += seconds;
    while (sent.front().first < world.ms() - 590'000) {
      in_window -= sent.front().second;
      sent.pop_front();
    }
    most = std::max(most, in_window);
  };
  const auto report = message_of(rng, 100);
  world.at(1'000'000, [&] { world.queue_urgent(a, b, report); });
  world.start_all();
  world.run_until(3'000'000);
  MESSAGE(fmt::format("at most {:.1f} s in 600 s; {} messages", most, b.got.size()));
  CHECK(most <= 60.0);
  CHECK(most > 40.0);
  CHECK(a.channel->stats(world.now()).own_share <= 0.1);
  const auto found =
      std::find_if(b.got.begin(), b.got.end(), [&](const Got& got) { return got.what.message == report; });
  REQUIRE(found != b.got.end());
  CHECK(World::ms_of(found->at) < 1'060'000);
}

TEST_CASE("occupancy counts what is heard and what is sent") {
  AirProfile air;
  World world(air, 5);
  const auto profile = *preset("radio");
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  world.start_all();
  world.run_for(300'000);
  CHECK(a.channel->stats(world.now()).occupancy < 0.02);
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) world.queue_bulk(a, b, message_of(rng, 50));
  world.run_for(120'000);
  for (const auto* const station : {&a, &b}) {
    CHECK(station->channel->stats(world.now()).occupancy > 0.8);
    CHECK(station->channel->stats(world.now()).occupancy <= 1);
  }
  const auto stats = a.channel->stats(world.now());
  const auto& row = stats.neighbours.at(b.id);
  CHECK(row.fragments_sent > 100);
  CHECK(row.bytes_sent > 10'000);
  CHECK(row.waiting_bytes > 0);
}
