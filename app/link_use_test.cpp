#include "link_use.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::app;

namespace {

SteadyTime at(int seconds) { return SteadyTime{} + std::chrono::seconds(1'000 + seconds); }

}  // namespace

TEST_CASE("the use of a way is what went over it in the last minute") {
  LinkUse use;
  CHECK_FALSE(use.of("a", {1'000'000, 0, 0}, at(0)).bps);  // what was before it was first seen is of no known time
  std::uint64_t bytes = 1'000'000;
  for (int s = 1; s <= 120; ++s) {
    bytes += 100;
    const auto now = use.of("a", {bytes, 0, 0}, at(s));
    CHECK(now.bps == 800);
    CHECK_FALSE(now.again_percent);
  }
  // It falls silent: the mean of the last minute goes down with it, to nothing.
  CHECK(use.of("a", {bytes, 0, 0}, at(150)).bps == 400);
  CHECK(use.of("a", {bytes, 0, 0}, at(185)).bps == 0);
}

TEST_CASE("what is sent again is told as a share of what was sent in the last minute") {
  LinkUse use;
  use.of("a", {0, 100, 50}, at(0));
  CHECK_FALSE(use.of("a", {0, 100, 50}, at(10)).again_percent);
  CHECK(use.of("a", {0, 120, 55}, at(20)).again_percent == 25);
  CHECK(use.of("a", {0, 121, 70}, at(30)).again_percent == doctest::Approx(20 * 100.0 / 21));
  CHECK(use.of("a", {0, 122, 200}, at(31)).again_percent == 100);  // greetings of the connection count, too
  use.of("a", {0, 200, 200}, at(60));
  use.of("a", {0, 200, 200}, at(121));
  CHECK(use.of("a", {0, 300, 200}, at(125)).again_percent == 0);
}

TEST_CASE("a way asked for rarely tells what was since then, and a new one of the same name begins anew") {
  LinkUse use;
  use.of("a", {0, 0, 0}, at(0));
  CHECK(use.of("a", {75'000, 0, 0}, at(600)).bps == 1'000);
  CHECK_FALSE(use.of("a", {10, 0, 0}, at(601)).bps);
  CHECK(use.of("a", {1'010, 0, 0}, at(609)).bps == 1'000);
  CHECK_FALSE(use.of("b", {5, 0, 0}, at(609)).bps);
}

TEST_CASE("ways that are gone are forgotten, and no more are kept than fit") {
  LinkUse use;
  for (std::size_t i = 0; i < use_ways_max + 10; ++i) use.of(std::to_string(i), {}, at(0));
  CHECK(use.ways() == use_ways_max);
  CHECK_FALSE(use.of("one too many", {9, 9, 9}, at(10)).bps);
  use.sweep();
  use.of("7", {1'000, 0, 0}, at(10));
  use.sweep();
  CHECK(use.ways() == 1);
  CHECK(use.of("7", {1'000, 0, 0}, at(10)).bps == 800);
}
