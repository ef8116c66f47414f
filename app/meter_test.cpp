#include "meter.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "level_estimate.hpp"
#include "test_world.hpp"

using namespace airbridge;
using namespace airbridge::app;
using namespace airbridge::app::test;

namespace {
UtcTime hour(int n) { return utc_from_ms(1'767'225'600'000 + n * 3'600'000LL); }
}  // namespace

TEST_CASE("what a metered way spends outlives a crash, and never counts for less than it was") {
  const Folder folder;
  const auto file = folder.path() / "lte.spent";
  std::uint64_t left = 0;
  {
    Meter meter(file, 1'000'000, hour(0));
    CHECK(meter.left(hour(0)) == 1'000'000);
    for (int i = 0; i < 100; ++i) meter.add(3'000, hour(1));
    left = meter.left(hour(1));
    CHECK(left == 700'000);
  }
  Meter again(file, 1'000'000, hour(2));
  CHECK(again.left(hour(2)) <= left);
  CHECK(again.left(hour(2)) + 10'001 >= left);
  again.add(2'000'000, hour(3));
  CHECK(again.left(hour(3)) == 0);
  CHECK(again.left(hour(24)) == 1'000'000);
  // Set back, the clock gives nothing back.
  again.add(400'000, hour(25));
  CHECK(again.left(hour(2)) == 600'000);
}

TEST_CASE("a meter that cannot be read counts as spent until the next day, and says so") {
  const Folder folder;
  const auto file = folder.path() / "lte.spent";
  std::ofstream(file) << "spent yesterday a lot";
  Meter meter(file, 1'000'000, hour(1));
  CHECK(meter.left(hour(1)) == 0);
  CHECK(meter.problem().find("delete it") != std::string::npos);
  CHECK(meter.left(hour(25)) == 1'000'000);
  CHECK(meter.problem().empty());
}

TEST_CASE("the time until two nodes are level follows from what went over lately, and is unknown when nothing moves") {
  LevelEstimate estimate;
  model::KeyId node;
  node.value.fill(4);
  const auto at = [](int s) { return SteadyTime(Milliseconds(s * 1000)); };
  CHECK(estimate.of(node, 0, 0, 0, 0, at(0)) == Milliseconds(0));
  CHECK(estimate.of(node, 0, 0, 100, 0, at(1)) == std::nullopt);
  std::uint64_t received = 0, lacks = 1000;
  std::optional<Milliseconds> left;
  for (int s = 2; s < 90; ++s) {
    received += 5;
    lacks -= 5;
    left = estimate.of(node, received, 0, lacks, 0, at(s));
  }
  REQUIRE(left);
  const auto expected = static_cast<double>(lacks) / 5 * 1000;
  CHECK(static_cast<double>(left->count()) == doctest::Approx(expected).epsilon(0.15));
  // The link broke: its counters begin anew, and nothing moves yet.
  CHECK(estimate.of(node, 0, 0, lacks, 0, at(91)) == std::nullopt);
}
