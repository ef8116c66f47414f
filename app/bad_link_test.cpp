// Real nodes as processes over the project's link emulator, killed in the middle.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app::test;

namespace {

linkemu::LinkNature wide() {
  linkemu::LinkNature nature;
  nature.rate_bps = 1'000'000;
  nature.delay = std::chrono::milliseconds(5);
  nature.loss = 0.02;
  return nature;
}
constexpr auto wide_way = "rate=1M&delay=20ms";

Args both(Args one, const Args& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

}  // namespace

TEST_CASE("two nodes on a slow, lossy link that goes away agree, though one is killed in the middle") {
  linkemu::LinkNature nature;
  nature.rate_bps = 64'000;
  nature.delay = std::chrono::milliseconds(50);
  nature.jitter = std::chrono::milliseconds(20);
  nature.loss = 0.1;
  nature.duplicated = 0.02;
  nature.reordered = 0.02;
  nature.mtu = 500;
  Crew crew(2);
  BadLink link(nature, 2);
  crew.start(link, "rate=64k&delay=100ms&mtu=500");
  crew.write(0, "from a", 20);
  crew.write(1, "from b", 20);
  REQUIRE(link.carries_more(40));
  crew[1].kill_hard();
  crew.write(0, "while b was away", 10);
  crew[1].start();
  CHECK(crew.all_agree());
  link.set_down(true);
  crew.write(1, "in the outage", 5);
  crew.power_cut(0);
  link.set_down(false);
  CHECK(crew.all_agree());
  CHECK(eventually([&] { return crew[0].status().at("unshared") == 0 && crew[1].status().at("unshared") == 0; }));
  CHECK(link.counters().lost > 0);
  CHECK(link.counters().too_long == 0);
  CHECK(crew[0].status().at("bearers").as_array().at(0).at("state") == "up");
  CHECK(eventually(
      [&] { return json::serialize(crew[0].status().at("peers")).find(R"("kind":"udp")") != std::string::npos; }));
}

TEST_CASE("five nodes on one half-duplex channel agree, though two are killed in the middle") {
  linkemu::LinkNature nature;
  nature.rate_bps = 128'000;
  nature.half_duplex = true;
  nature.turn_round = std::chrono::milliseconds(10);
  nature.burst_loss = {0.05, 3};
  nature.mtu = 400;
  Crew crew(5);
  BadLink link(nature, 5);
  crew.start(link, "rate=128k&half-duplex=yes&turn-round=15ms&broadcast=yes&mtu=400");
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 5; ++i) crew.write(i, fmt::format("n{}, {}", i, round));
    if (round == 1) {
      crew[1].kill_hard();
      crew[3].kill_hard();
      crew[1].start();
      crew[3].start();
    }
  }
  CHECK(crew.all_agree());
  CHECK(link.counters().too_long == 0);
}

TEST_CASE("nothing that a node acknowledged while it was killed again and again is lost on the other side of a link") {
  Crew crew(2);
  auto nature = wide();
  nature.burst_loss = {0.1, 4};
  BadLink link(nature, 2);
  crew.start(link, wide_way);
  for (int life = 0; life < 4; ++life) {
    // The killer strikes while commands are being answered and events are under way.
    const auto pid = crew[1].process().pid();
    std::thread killer([&link, pid] {
      link.carries_more(10);
      ::kill(pid, SIGKILL);
    });
    for (int i = 0;; ++i) {
      const auto answer = crew[1].command(command_of("site", site(fmt::format("life {}, {}", life, i))));
      if (answer.status != 200) break;
      crew.acknowledged.emplace(answer.body.at("entity").as_string());
    }
    killer.join();
    crew[1].process().wait();
    crew[1].start();
  }
  CHECK(crew.all_agree());
  MESSAGE(crew.acknowledged.size() << " acknowledged; " << link.described());
}

TEST_CASE("two nodes over TCP on a bad line agree, though it stalls, breaks and one is killed in the middle") {
  bool down_closes = false;
  SUBCASE("the line stalls") {}
  SUBCASE("the line breaks") { down_closes = true; }
  Crew crew(2);
  linkemu::LinkNature nature;
  nature.rate_bps = 256'000;
  nature.delay = std::chrono::milliseconds(40);
  nature.jitter = std::chrono::milliseconds(20);
  crew.start(0, {});
  BadLink link(nature, std::vector<std::string>{fmt::format("tcp:0,to={}", crew[0].peers())}, down_closes);
  crew.start(1, {"--peer", fmt::format("127.0.0.1:{}", link.port(0).substr(0, link.port(0).find(' ')))});
  crew.write(0, "from a", 15);
  crew.write(1, "from b", 15);
  REQUIRE(link.carries_more(4));
  crew[1].kill_hard();
  crew.write(0, "while b was away", 5);
  crew[1].start();
  REQUIRE(link.carries_more(4));
  link.set_down(true);
  crew.write(0, "in the outage", 5);
  crew.write(1, "in the outage too", 5);
  crew.power_cut(0);
  link.set_down(false);
  CHECK(crew.all_agree());
}

TEST_CASE("three in a line agree through the one in the middle, though it is killed") {
  Crew crew(3);
  BadLink west(wide(), 2), east(wide(), 2);
  crew.start(0, west.bearer(0, wide_way));
  crew.start(1, both(west.bearer(1, wide_way), east.bearer(0, wide_way)));
  crew.start(2, east.bearer(1, wide_way));
  crew.write(0, "from the west", 10);
  crew.write(2, "from the east", 10);
  REQUIRE(east.carries_more(5));
  crew.power_cut(1);
  crew.write(0, "from the west again", 5);
  crew.write(1, "from the middle", 5);
  CHECK(crew.all_agree());
}

TEST_CASE("a ring of five goes on as a line when one way is cut, and as two islands that meet again") {
  Crew crew(5);
  std::vector<std::unique_ptr<BadLink>> ways;  // way i is from node i to the next
  for (int i = 0; i < 5; ++i) ways.push_back(std::make_unique<BadLink>(wide(), 2));
  for (std::size_t i = 0; i < 5; ++i)
    crew.start(i, both(ways[i]->bearer(0, wide_way), ways[(i + 4) % 5]->bearer(1, wide_way)));
  for (std::size_t i = 0; i < 5; ++i) crew.write(i, fmt::format("n{} in the ring", i), 2);
  CHECK(crew.all_agree());
  ways[0]->set_down(true);
  crew.write(0, "in the line", 2);
  crew.power_cut(3);  // in the middle of it
  crew.write(1, "in the line", 2);
  CHECK(crew.all_agree());
  ways[2]->set_down(true);  // 1, 2 apart from 3, 4, 0
  std::vector<std::string> written;
  for (std::size_t i = 0; i < 5; ++i) written.push_back(crew.write(i, fmt::format("n{} on its island", i)));
  CHECK(crew.comes_to_hold(1, written[2]));
  CHECK(crew.comes_to_hold(2, written[1]));
  CHECK(crew.comes_to_hold(3, written[0]));
  CHECK(crew.comes_to_hold(0, written[3]));
  CHECK_FALSE(crew.holds(1, written[0]));
  CHECK_FALSE(crew.holds(3, written[2]));
  crew.power_cut(2);
  ways[0]->set_down(false);
  CHECK(crew.all_agree());
}

TEST_CASE("a mobile node carries what two posts write that never meet") {
  Crew crew(3);  // two posts and the mobile node
  BadLink at_a(wide(), 2), at_b(wide(), 2);
  at_b.set_down(true);
  crew.start(0, at_a.bearer(0, wide_way));
  crew.start(1, at_b.bearer(0, wide_way));
  crew.start(2, both(at_a.bearer(1, wide_way), at_b.bearer(1, wide_way)));
  crew.write(0, "at post a", 10);
  crew.write(1, "at post b", 10);
  const auto of_a = crew.write(0, "the last at post a"), of_b = crew.write(1, "the last at post b");
  REQUIRE(crew.comes_to_hold(2, of_a));
  at_a.set_down(true);
  crew.write(2, "on the road", 3);
  crew.power_cut(2);  // with all it carries
  at_b.set_down(false);
  REQUIRE(crew.comes_to_hold(1, of_a));
  REQUIRE(crew.comes_to_hold(2, of_b));
  CHECK_FALSE(crew.holds(0, of_b));
  at_b.set_down(true);
  at_a.set_down(false);
  CHECK(crew.all_agree());
  // For post A all of its own is saved on the mobile node, the only one it ever heard since: nobody says for another
  // what it holds.
  CHECK(eventually([&] { return crew[0].status().at("unshared") == 0; }));
  const auto saved = crew[0].entity(of_a).at("saved").as_object();
  CHECK(saved.at("others_names") == json::array{"TEAM 3"});
  CHECK_FALSE(saved.contains("reported"));
}

TEST_CASE("over a link that carries one way a node hears all that is written at the other, killed or not") {
  Crew crew(2);
  const ReservedPort ear;  // the emulator cannot learn it from what the listener sends
  BadLink link(wide(), {"udp:0", fmt::format("udp:0,to=127.0.0.1:{}", ear.number())});
  crew.start(0, link.bearer(0, fmt::format("{}&one-way=yes&repair=25", wide_way)));
  crew.start(1, {"--bearer", fmt::format("udp://?listen=127.0.0.1:{}&interval=1s&{}&one-way=yes&duty-cycle=0",
                                         ear.number(), wide_way)});
  crew.write(0, "at first", 10);
  CHECK(eventually([&] { return crew.holds_all(1); }));
  crew.power_cut(0);
  crew.write(0, "after the sender began anew", 5);
  CHECK(eventually([&] { return crew.holds_all(1); }));
  crew[1].kill_hard();
  crew.write(0, "while nobody listened", 5);
  crew[1].start();
  crew.write(0, "and now", 5);
  CHECK(eventually([&] { return crew.holds_all(1); }));
  const auto heard = crew[1].status().at("bearers").as_array().at(0).as_object();
  CHECK(heard.at("bytes_sent").to_number<std::int64_t>() == 0);
  CHECK(heard.at("bytes_received").to_number<std::int64_t>() > 1'000);
  CHECK(link.counters().lost > 0);
}
