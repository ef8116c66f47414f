#include <doctest/doctest.h>
#include <fmt/format.h>

#include "bearer/repair.hpp"
#include "bearer/test_world.hpp"

using namespace airbridge;
using namespace airbridge::bearer;
using namespace airbridge::bearer::test;

namespace {
std::vector<Bytes> overheard_of(const Station& station, const model::KeyId& node) {
  std::vector<Bytes> out;
  for (const auto& got : station.got) {
    if (got.what.node == node && got.what.overheard) out.push_back(got.what.message);
  }
  return out;
}
}  // namespace

TEST_CASE("three stations share one frequency: everybody's messages arrive, and are overheard by the third") {
  for (const double loss : {0.0, 0.05}) {
    CAPTURE(loss);
    AirProfile air;
    air.loss.random = loss;
    World world(air, 8);
    const auto profile = *preset("radio");
    for (std::uint8_t n = 1; n <= 3; ++n) world.add(n, profile);
    Rng rng(3);
    std::map<std::pair<int, int>, std::vector<Bytes>> sent;
    std::size_t bytes = 0;
    for (int from = 0; from < 3; ++from) {
      for (int to = 0; to < 3; ++to) {
        if (from == to) continue;
        for (int i = 0; i < 100; ++i) {
          const auto message = message_of(rng, 50);
          bytes += message.size();
          sent[{from, to}].push_back(message);
          world.stations[static_cast<std::size_t>(from)]
              ->source.waiting[node_of(static_cast<std::uint8_t>(to + 1))]
              .bulk.push_back(message);
        }
      }
    }
    world.start_all();
    const auto all_there = [&] {
      for (const auto& station : world.stations) {
        std::size_t reliable = 0;
        for (const auto& got : station->got) reliable += !got.what.overheard;
        if (reliable < 200) return false;
      }
      return true;
    };
    CHECK(world.run_for(1'800'000, all_there));
    const double seconds = static_cast<double>(world.ms()) / 1000;
    MESSAGE(fmt::format("loss {}: {} B in {:.0f} s, {:.2f} of the rate, {} collided", loss, bytes, seconds,
                        static_cast<double>(bytes) / seconds / 300, world.air.counts().collided));
    std::size_t overheard_total = 0;
    for (const auto& [ends, messages] : sent) {
      const auto& to = *world.stations[static_cast<std::size_t>(ends.second)];
      CHECK(reliable_of(to, node_of(static_cast<std::uint8_t>(ends.first + 1))) == messages);
      const auto& third = *world.stations[static_cast<std::size_t>(3 - ends.first - ends.second)];
      const auto overheard = overheard_of(third, node_of(static_cast<std::uint8_t>(ends.first + 1)));
      std::size_t hits = 0;
      for (const auto& message : messages)
        hits += static_cast<std::size_t>(std::count(overheard.begin(), overheard.end(), message));
      CHECK(hits <= messages.size());
      overheard_total += hits;
    }
    MESSAGE(fmt::format("{} of 600 overheard", overheard_total));
    CHECK(overheard_total >= 200);
    CHECK(world.stuck == 0);
  }
}

TEST_CASE("a quiet third station gets its turn while two others keep the channel busy") {
  AirProfile air;
  air.loss.random = 0.05;
  World world(air, 8);
  const auto profile = *preset("radio");
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  auto& c = world.add(3, profile);
  Rng rng(3);
  for (int i = 0; i < 3000; ++i) {
    a.source.waiting[b.id].bulk.push_back(message_of(rng, 50));
    b.source.waiting[a.id].bulk.push_back(message_of(rng, 50));
  }
  std::map<Bytes, std::int64_t> born;
  for (int i = 0; i < 20; ++i) {
    const std::int64_t at = 100'000 + i * 40'000;
    const auto report = message_of(rng, 100);
    born[report] = at;
    world.at(at, [&world, &c, &a, report] { world.queue_urgent(c, a, report); });
  }
  world.start_all();
  world.run_for(1'000'000);
  std::vector<double> latencies;
  for (const auto& got : a.got) {
    const auto found = born.find(got.what.message);
    if (found != born.end()) latencies.push_back(static_cast<double>(World::ms_of(got.at) - found->second) / 1000);
  }
  std::sort(latencies.begin(), latencies.end());
  REQUIRE(latencies.size() == 20);
  MESSAGE(fmt::format("p50 {:.1f} s, most {:.1f} s", latencies[10], latencies.back()));
  CHECK(latencies[10] < 40);
  CHECK(latencies.back() < 120);
  CHECK(a.got.size() > 500);
}

TEST_CASE("three in a line: the middle one serves both ends, which do not hear each other") {
  AirProfile air;
  air.loss.random = 0.02;
  World world(air, 8);
  const auto profile = *preset("radio");
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  auto& c = world.add(3, profile);
  world.air.set_reaches(a.on_air, c.on_air, false);
  world.air.set_reaches(c.on_air, a.on_air, false);
  Rng rng(3);
  for (int i = 0; i < 150; ++i) {
    a.source.waiting[b.id].bulk.push_back(message_of(rng, 50));
    c.source.waiting[b.id].bulk.push_back(message_of(rng, 50));
    b.source.waiting[a.id].bulk.push_back(message_of(rng, 50));
    b.source.waiting[c.id].bulk.push_back(message_of(rng, 50));
  }
  world.start_all();
  CHECK(world.run_for(1'800'000, [&] {
    return reliable_of(b, a.id).size() == 150 && reliable_of(b, c.id).size() == 150 &&
           reliable_of(a, b.id).size() == 150 && reliable_of(c, b.id).size() == 150;
  }));
  MESSAGE(fmt::format("{:.0f} s, {} collided", static_cast<double>(world.ms()) / 1000, world.air.counts().collided));
  CHECK(a.channel->neighbours().size() == 1);
  CHECK(world.stuck == 0);
}

TEST_CASE("any so many pieces of a block as it has data pieces give it back") {
  Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    const std::size_t count = 1 + rng.below(30), parities = 1 + rng.below(10), size = 1 + rng.below(180);
    std::vector<Bytes> data;
    for (std::size_t i = 0; i < count; ++i)
      data.push_back(message_of(rng, i + 1 == count ? 1 + rng.below(size) : size));
    std::vector<ByteView> views(data.begin(), data.end());
    std::vector<Bytes> parity;
    for (std::size_t i = 0; i < parities; ++i) parity.push_back(parity_of(views, i, size));
    std::map<std::size_t, ByteView> left, help;
    for (std::size_t i = 0; i < count; ++i) left.emplace(i, data[i]);
    for (std::size_t i = 0; i < parities; ++i) help.emplace(i, parity[i]);
    const std::size_t lost = rng.below(std::min(count, parities) + 1);
    for (std::size_t i = 0; i < lost; ++i)
      left.erase(std::next(left.begin(), static_cast<std::ptrdiff_t>(rng.below(left.size()))));
    for (std::size_t i = lost; i < parities; ++i) {
      help.erase(std::next(help.begin(), static_cast<std::ptrdiff_t>(rng.below(help.size()))));
    }
    const auto whole = repaired(count, size, left, help);
    REQUIRE(whole);
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(Bytes((*whole)[i].begin(), (*whole)[i].begin() + static_cast<std::ptrdiff_t>(data[i].size())) == data[i]);
    }
    if (lost > 0) {
      help.erase(help.begin());
      CHECK_FALSE(repaired(count, size, left, help));
    }
  }
}
