// Real nodes whose way to each other falls silent without an end: they say so, and another way takes over.
#include <doctest/doctest.h>

#include <csignal>

#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app::test;

namespace {

bool is_cut_off(const TestNode& node) { return node.status().at("cut_off").as_bool(); }

// The name of the bearer in use to the only other node; empty: none is.
std::string way_of(const TestNode& node) {
  const auto status = node.status();
  for (const auto& peer : status.at("peers").as_array()) {
    for (const auto& link : peer.at("links").as_array()) {
      if (link.at("state") == "active") return std::string(link.at("bearer").as_string());
    }
  }
  return {};
}

}  // namespace

TEST_CASE(
    "a node whose neighbour stops without a word on TCP is cut off after the missed intervals, until it is back") {
  Crew crew(2);
  crew.start(0, {});
  crew.start(1, {"--peer", fmt::format("lan={}?heartbeat=2s", crew[0].peers())});
  const auto first = crew.write(1, "heard");
  REQUIRE(crew.comes_to_hold(0, first));
  REQUIRE(eventually([&] { return !is_cut_off(crew[1]); }));
  // The kernel goes on acknowledging for it: no connection ends.
  crew[0].process().send_signal(SIGSTOP);
  crew.write(1, "unheard");
  CHECK(eventually([&] { return is_cut_off(crew[1]); }));
  const auto problems = json::serialize(crew[1].status().at("problems"));
  CHECK_MESSAGE(problems.find("Cut off since 2") != std::string::npos, problems);
  crew[0].process().send_signal(SIGCONT);
  CHECK(eventually([&] { return !is_cut_off(crew[1]); }));
  CHECK(crew.all_agree());
}

TEST_CASE("both nodes of a UDP link that goes quiet are cut off after the missed intervals, until it carries again") {
  Crew crew(2);
  BadLink link({}, 2);
  crew.start(link, "rate=1M");
  const auto first = crew.write(1, "heard");
  REQUIRE(crew.comes_to_hold(0, first));
  REQUIRE(eventually([&] { return !is_cut_off(crew[0]) && !is_cut_off(crew[1]); }));
  link.set_down(true);
  crew.write(1, "unheard");
  CHECK(eventually([&] { return is_cut_off(crew[0]) && is_cut_off(crew[1]); }));
  link.set_down(false);
  CHECK(eventually([&] { return !is_cut_off(crew[0]) && !is_cut_off(crew[1]); }));
  CHECK(crew.all_agree());
}

TEST_CASE("when the cheap way of two is cut the dear one carries without a person, and no longer once it is mended") {
  Crew crew(2);
  BadLink dear({}, 2);
  crew.start(0, dear.bearer(0, "rate=1M&cost=5"));
  BadLink cheap({}, std::vector<std::string>{fmt::format("tcp:0,to={}", crew[0].peers())});
  auto ways = dear.bearer(1, "rate=1M&cost=5");
  const auto& port = cheap.port(0);
  ways.insert(ways.end(), {"--peer", fmt::format("lan=127.0.0.1:{}?heartbeat=2s", port.substr(0, port.find(' ')))});
  crew.start(1, ways);
  const auto both_use = [&](std::string_view name) {
    return eventually([&] { return way_of(crew[0]) == name && way_of(crew[1]) == name; });
  };
  REQUIRE(both_use("lan"));
  REQUIRE(crew.comes_to_hold(0, crew.write(1, "over the cheap way")));

  cheap.set_down(true);  // without a word: nobody's connection ends
  CHECK(crew.comes_to_hold(0, crew.write(1, "over the dear way")));
  CHECK(crew.comes_to_hold(1, crew.write(0, "over the dear way too")));
  CHECK(both_use("udp"));
  CHECK_FALSE(is_cut_off(crew[1]));

  cheap.set_down(false);
  CHECK(both_use("lan"));
  CHECK(crew.comes_to_hold(0, crew.write(1, "over the cheap way again")));
  CHECK(crew.all_agree());
}
