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
