// Two devices with the keys of one node, as the node itself and as their neighbour sees them.
#include <doctest/doctest.h>

#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;

TEST_CASE("a second device with this node's keys is told from the node itself") {
  const auto twins = [](std::uint64_t own_run, std::uint64_t their_run, std::uint32_t incarnation) {
    const trust::SigningKey key = key_of(1);
    const MemoryLog log(incident, {key.id(), 1});
    Config config{incident, key.id(), "N1"};
    config.run = own_run;
    Core core(config, log);
    const auto peer = core.connect({"10.0.0.2:7420", true}, at_ms(0));
    core.receive(peer, encode(Hello{protocol_version, incident, key.id(), "N1", incarnation, {}, 0, their_run}),
                 at_ms(0));
    CHECK(core.peers().empty());
    std::size_t found = 0;
    for (const auto& output : core.take_outputs()) {
      if (const auto* twin = std::get_if<TwinFound>(&output)) {
        ++found;
        CHECK(twin->address == "10.0.0.2:7420");
        CHECK(twin->node == key.id());
      }
    }
    return found;
  };
  CHECK(twins(5, 5, 1) == 0);
  CHECK(twins(5, 6, 1) == 1);
  // One that does not tell its run is judged by its incarnation.
  CHECK(twins(5, 0, 1) == 0);
  CHECK(twins(5, 0, 2) == 1);
}

TEST_CASE("two devices with the keys of one node are found out and heard in turn, and a restart is not one") {
  Node node(1);
  std::int64_t ms = 0;
  PeerId last = 0;
  const auto calls = [&](std::uint64_t run) {
    last = node.core.connect({}, at_ms(ms));
    node.core.receive(last, encode(Hello{protocol_version, incident, key_of(2).id(), "N2", 1, {}, 0, run}), at_ms(ms));
    std::size_t told = 0;
    for (const auto& output : node.core.take_outputs()) told += std::holds_alternative<TwinFound>(output) ? 1 : 0;
    return told;
  };
  CHECK(calls(5) == 0);
  CHECK(calls(6) == 0);  // restarted, while the old link still seems open
  CHECK(calls(6) == 0);
  const auto is_heard = [&] { return node.core.peers().size() == 1 && node.core.peers().front().peer == last; };
  CHECK(is_heard());
  CHECK(calls(5) == 1);
  CHECK_FALSE(is_heard());  // the other's turn is not over
  CHECK(node.core.peers().size() == 1);
  ms = twin_turn.count();
  CHECK(calls(5) == 1);
  CHECK(is_heard());
  ms += 1'000;
  CHECK(calls(6) == 1);
  CHECK_FALSE(is_heard());
  ms += twin_turn.count();
  CHECK(calls(6) == 1);
  CHECK(is_heard());
  // When nothing is seen of the second one for long, a restart takes its own place at once again.
  ms += twins_kept.count() + 1;
  CHECK(calls(7) == 0);
  CHECK(is_heard());
}

TEST_CASE(
    "of two links of one process the lower key's stays when each side dialled one; a link of another process always") {
  for (const std::uint8_t here : {std::uint8_t{1}, std::uint8_t{3}}) {
    for (const bool old_dialed : {false, true}) {
      for (const bool new_dialed : {false, true}) {
        for (const std::uint64_t new_run : {5U, 6U}) {
          CAPTURE(here);
          CAPTURE(old_dialed);
          CAPTURE(new_dialed);
          CAPTURE(new_run);
          Node node(here);
          const auto greet = [&](bool dialed, std::uint64_t run) {
            const auto peer = node.core.connect({"10.0.0.2:7420", dialed}, at_ms(0));
            node.core.receive(peer, encode(Hello{protocol_version, incident, key_of(2).id(), "N2", 1, {}, 0, run}),
                              at_ms(0));
            return peer;
          };
          greet(old_dialed, 5);
          const auto newer = greet(new_dialed, new_run);
          const bool keep_dialed = key_of(here).id() < key_of(2).id();
          const bool newer_stays = new_run != 5 || old_dialed == new_dialed || new_dialed == keep_dialed;
          REQUIRE(node.core.peers().size() == 1);
          CHECK((node.core.peers().front().peer == newer) == newer_stays);
        }
      }
    }
  }
}
