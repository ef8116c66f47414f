#include "level_estimate.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::app;

namespace {

struct Watched {
  LevelEstimate estimate;
  model::KeyId node;
  std::optional<Milliseconds> at(std::int64_t second, std::uint64_t received, std::uint64_t here,
                                 std::uint64_t sent = 0, std::uint64_t there = 0) {
    return estimate.of(node, received, sent, here, there, SteadyTime(Milliseconds(second * 1'000)));
  }
};

}  // namespace

TEST_CASE("the time to level follows the rate measured lately, of the slower direction") {
  Watched peer;
  CHECK_FALSE(peer.at(0, 0, 1'000));
  std::optional<Milliseconds> last;
  for (int second = 1; second <= 300; ++second)
    last = peer.at(second, static_cast<std::uint64_t>(second) * 10, 500, static_cast<std::uint64_t>(second), 400);
  REQUIRE(last);
  CHECK(last->count() == doctest::Approx(400'000).epsilon(0.02));  // 400 events at one a second
  CHECK(peer.at(301, 3'010, 0, 301, 0) == Milliseconds(0));
}

TEST_CASE("what does not move has no known end, and a link that begins anew is measured anew") {
  Watched peer;
  for (int second = 0; second <= 600; ++second) CHECK_FALSE(peer.at(second, 0, 50));
  for (int second = 601; second <= 660; ++second) peer.at(second, static_cast<std::uint64_t>(second) * 5, 50);
  CHECK(peer.at(661, 661 * 5, 50));
  CHECK_FALSE(peer.at(662, 3, 50));  // counted from the beginning of another link
}
