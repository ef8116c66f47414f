// Nodes killed in the middle over modems on serial lines, over multicast on one machine, and on machines of their own.
#include <doctest/doctest.h>

#include "net/test_namespaces.hpp"
#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app::test;
using airbridge::net::testing::Namespaces;
using airbridge::net::testing::say_skipped;

TEST_CASE("two nodes with modems on serial lines agree, though each is killed in the middle") {
  Crew crew(2);
  linkemu::LinkNature nature;
  nature.rate_bps = 200'000;  // a test should not wait for 2400
  nature.half_duplex = true;
  nature.turn_round = std::chrono::milliseconds(5);
  nature.burst_loss = {0.05, 3};
  const auto port = [&](int n) { return (crew.folder / fmt::format("radio{}", n)).string(); };
  BadLink air(nature, {"tty:" + port(0), "tty:" + port(1)});
  for (int i = 0; i < 2; ++i) {
    crew.start(static_cast<std::size_t>(i),
               {"--bearer",
                fmt::format("serial://{}?baud=115200&rate=200k&half-duplex=yes&turn-round=10ms&interval=1s", port(i))});
  }
  crew.write(0, "from a", 15);
  crew.write(1, "from b", 15);
  REQUIRE(air.carries_more(10));
  crew.power_cut(1);
  crew.write(1, "from b again", 5);
  REQUIRE(air.carries_more(10));
  crew.power_cut(0);
  crew.write(0, "from a again", 5);
  CHECK(crew.all_agree());
  CHECK(eventually(
      [&] { return json::serialize(crew[0].status().at("peers")).find(R"("kind":"serial")") != std::string::npos; }));
}

TEST_CASE("two nodes with modems behind TCP agree, though one is killed and the modems' programs end and come back") {
  Crew crew(2);
  linkemu::LinkNature nature;
  nature.rate_bps = 200'000;  // a test should not wait for 1200
  nature.half_duplex = true;
  nature.turn_round = std::chrono::milliseconds(5);
  nature.burst_loss = {0.05, 3};
  const ReservedPort first, second;
  const std::vector<std::string> modems{fmt::format("tnc:{}", first.number()), fmt::format("tnc:{}", second.number())};
  auto air = std::make_unique<BadLink>(nature, modems);
  const auto way = [](const ReservedPort& port) {
    return Args{"--bearer", fmt::format("kiss-tcp://127.0.0.1:{}?rate=200k&half-duplex=yes&turn-round=10ms&interval=1s&"
                                        "tx-delay=50ms",
                                        port.number())};
  };
  crew.start(0, way(first));
  crew.start(1, way(second));
  crew.write(0, "from a", 10);
  crew.write(1, "from b", 10);
  CHECK(crew.all_agree());
  CHECK(eventually(
      [&] { return json::serialize(crew[0].status().at("peers")).find(R"("kind":"serial")") != std::string::npos; }));

  // Both programs end: the nodes go on, say that the way is down, and try again.
  const auto state_of = [&](std::size_t i) { return crew[i].status().at("bearers").as_array().at(0).as_object(); };
  air.reset();
  CHECK(eventually([&] { return state_of(0).at("state") == "down" && state_of(1).at("state") == "down"; }));
  CHECK(!state_of(0).at("why").as_string().empty());
  crew.write(0, "while the modems were away, at a", 5);
  crew[1].kill_hard();
  crew[1].start();  // with its modem still away
  crew.write(1, "while the modems were away, at b", 5);
  air = std::make_unique<BadLink>(nature, modems);
  REQUIRE(air->carries_more(10));
  crew.power_cut(0);  // in the middle of it
  crew.write(0, "from a again", 5);
  CHECK(crew.all_agree());
  CHECK(eventually([&] { return state_of(0).at("state") == "up" && state_of(1).at("state") == "up"; }));
}

TEST_CASE("three nodes that find each other by multicast agree, though two are killed in the middle") {
  Crew crew(3);
  const ReservedPort port;  // of its own, so that two runs on one machine do not hear each other
  for (std::size_t i = 0; i < 3; ++i) {
    crew.start(i, {"--bearer", fmt::format("multicast://239.192.77.1:{}?interface=lo&interval=1s", port.number())});
  }
  for (std::size_t i = 0; i < 3; ++i) crew.write(i, fmt::format("from n{}", i), 10);
  crew[1].kill_hard();
  crew.write(0, "while n1 was away", 5);
  crew.power_cut(2);
  crew.write(2, "after its power was cut", 5);
  crew[1].start();
  CHECK(crew.all_agree());
  CHECK(eventually([&] { return crew[0].status().at("peers").as_array().size() == 2; }));
}

TEST_CASE("two machines on one cable find each other, and again after the cable was out and one was killed") {
  Namespaces world;
  if (!world.why_not().empty()) return say_skipped(world.why_not());
  if (!world.connect("cable0", "cable1")) return say_skipped("ip cannot make a veth pair here");
  Crew crew(2);
  // A node is started, and asked, in the network it lives in.
  const auto write = [&](std::size_t i, const std::string& name) {
    return world.in(static_cast<int>(i), [&] {
      crew.write(i, name, 4);
      return crew.write(i, name);
    });
  };
  const auto holds = [&](std::size_t i, const std::string& id) {
    return world.in(static_cast<int>(i), [&] { return crew.holds(i, id); });
  };
  const auto both_hold_all = [&] {
    return eventually([&] {
      std::string hashes[2];
      for (std::size_t i = 0; i < 2; ++i) {
        const bool all = world.in(static_cast<int>(i), [&] {
          hashes[i] = crew[i].state_hash();
          return crew.holds_all(i);
        });
        if (!all) return false;
      }
      return hashes[0] == hashes[1];
    });
  };
  for (std::size_t i = 0; i < 2; ++i) {
    world.in(static_cast<int>(i), [&] { crew.start(i, {"--bearer", "lan=lan?interval=1s"}); });
  }
  write(0, "from a");
  write(1, "from b");
  CHECK(both_hold_all());
  REQUIRE(world.run_in(1, "ip link set cable1 down"));
  const auto of_a = write(0, "while the cable was out");
  world.in(1, [&] { crew.power_cut(1); });
  const auto of_b = write(1, "while the cable was out, too");
  CHECK_FALSE(holds(1, of_a));
  CHECK_FALSE(holds(0, of_b));
  REQUIRE(world.run_in(1, "ip link set cable1 up"));
  CHECK(both_hold_all());
}
