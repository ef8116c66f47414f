#include "clock_watch.hpp"

#include <doctest/doctest.h>

#include "picture/test_world.hpp"

using namespace airbridge;
using namespace airbridge::app;
using model::RecordKind;

namespace {
struct Node {
  picture::test::World world;
  picture::Fold fold = world.fold();
  ClockWatch watch;
  Node() {
    for (std::uint8_t device = 2; device <= 3; ++device) fold.apply(world.grant(device));
  }
  // An event of a device whose clock is so far ahead of ours.
  void hears(std::uint8_t device, std::int64_t ahead_ms) {
    auto event = world.create(device, RecordKind::Casualty, {picture::test::write(RecordKind::Casualty, "triage", 1)});
    event.arrived = event.event->time.time() - Milliseconds(ahead_ms);
    fold.apply(event);
  }
  std::vector<api::ClockInfo> doubtful() {
    const auto picture = fold.publish();
    watch.look(*picture);
    return watch.doubtful(*picture);
  }
};
}  // namespace

TEST_CASE("a clock further ahead than hybrid stamps carry on is named with its lead, until it is right again") {
  Node node;
  node.hears(2, 12 * 60'000);
  node.hears(3, 4 * 60'000);  // may have it from somebody else
  const auto found = node.doubtful();
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "N2");
  CHECK(found[0].ahead_ms == 12 * 60'000);
  CHECK(words_of(found[0]) == "The clock of N2 is ahead of this node's by about 12 min; one of the two is wrong");
  node.hears(3, 20 * 60'000);
  REQUIRE(node.doubtful().size() == 2);
  CHECK(node.doubtful()[0].name == "N3");
  node.hears(2, -5'000);
  node.hears(3, 0);
  CHECK(node.doubtful().empty());
}

TEST_CASE("an event that was long on its way says nothing about a clock") {
  Node node;
  node.hears(2, -3 * 3'600'000);
  CHECK(node.doubtful().empty());
}
