// Real nodes as processes over the project's link emulator, killed in the middle.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "linkemu/emulator.hpp"
#include "loop_thread.hpp"
#include "test_world.hpp"

using namespace airbridge;
using namespace airbridge::app::test;
using airbridge::app::LoopThread;

namespace {

json::array site(std::string_view name) { return {write_of("category", "marker"), write_of("name", name)}; }

// One channel with a UDP port for each node.
class BadLink {
 public:
  BadLink(const linkemu::LinkNature& nature, std::size_t stations) {
    thread_.call([&] {
      auto link = linkemu::open_packet_link(thread_.loop(), nature, 20'261'122,
                                            std::vector(stations, linkemu::parse_station("udp:0").value()));
      REQUIRE(link);
      link_ = *std::move(link);
      for (const auto& text : link_->stations()) ports_.push_back(text.substr(text.rfind(':') + 1));
    });
  }
  ~BadLink() {
    thread_.call([&] { link_.reset(); });
  }
  void set_down(bool down) {
    thread_.call([&] { link_->set_down(down); });
  }
  linkemu::LinkCounters counters() {
    linkemu::LinkCounters out;
    thread_.call([&] { out = link_->counters(); });
    return out;
  }
  Args bearer(std::size_t station, const std::string& options) const {
    return {"--bearer", fmt::format("udp://127.0.0.1:{}?interval=1s&{}", ports_[station], options)};
  }

 private:
  LoopThread thread_;
  std::unique_ptr<linkemu::Link> link_;
  std::vector<std::string> ports_;
};

// Nodes that met by cable before they left, so that each knows who belongs to the incident; now they are stopped.
struct Crew {
  Folder folder;
  std::vector<std::unique_ptr<TestNode>> nodes;
  explicit Crew(int count) {
    init_node(folder / "n0", "POST 1");
    nodes.push_back(std::make_unique<TestNode>(folder / "n0"));
    for (int i = 1; i < count; ++i) {
      const auto dir = folder / fmt::format("n{}", i);
      join_node(folder / "n0", dir, fmt::format("TEAM {}", i + 1));
      nodes.push_back(std::make_unique<TestNode>(dir, Args{"--peer", nodes[0]->peers()}));
    }
    for (int i = 1; i < count; ++i) REQUIRE(agree(*nodes[0], *nodes[static_cast<std::size_t>(i)]));
    for (const auto& node : nodes) REQUIRE(node->stop() == 0);
  }
  void start(const BadLink& link, const std::string& options) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      nodes[i]->set_args(link.bearer(i, options));
      nodes[i]->start();
    }
  }
};

}  // namespace

TEST_CASE("two nodes on a slow, lossy link that goes away agree, though one is killed in the middle") {
  linkemu::LinkNature nature;
  nature.rate_bps = 64'000;
  nature.delay = std::chrono::milliseconds(50);
  nature.jitter = std::chrono::milliseconds(20);
  nature.loss = 0.1;
  nature.duplicated = 0.02;
  nature.reordered = 0.02;
  Crew crew(2);
  BadLink link(nature, 2);
  crew.start(link, "rate=64k&delay=100ms");
  auto& a = *crew.nodes[0];
  auto& b = *crew.nodes[1];
  for (int i = 0; i < 20; ++i) a.create("site", site(fmt::format("from a, {}", i)));
  for (int i = 0; i < 20; ++i) b.create("site", site(fmt::format("from b, {}", i)));
  REQUIRE(eventually([&] { return link.counters().arrived > 40; }));
  b.kill_hard();
  for (int i = 0; i < 10; ++i) a.create("site", site(fmt::format("while b was away, {}", i)));
  b.start();
  CHECK(agree(a, b));
  link.set_down(true);
  for (int i = 0; i < 5; ++i) b.create("site", site(fmt::format("in the outage, {}", i)));
  a.kill_hard();
  a.start();
  link.set_down(false);
  CHECK(agree(a, b));
  CHECK(eventually([&] { return a.status().at("unshared") == 0 && b.status().at("unshared") == 0; }));
  CHECK(link.counters().lost > 0);
  CHECK(a.status().at("bearers").as_array().at(0).at("state") == "up");
  CHECK(a.status().at("peers").as_array().at(0).at("links").as_array().at(0).at("kind") == "udp");
}

TEST_CASE("five nodes on one half-duplex channel agree, though two are killed in the middle") {
  linkemu::LinkNature nature;
  nature.rate_bps = 128'000;
  nature.half_duplex = true;
  nature.turn_round = std::chrono::milliseconds(10);
  nature.burst_loss = {0.05, 3};
  Crew crew(5);
  BadLink link(nature, 5);
  crew.start(link, "rate=128k&half-duplex=yes&turn-round=15ms&broadcast=yes&mtu=400");
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 5; ++i) crew.nodes[i]->create("site", site(fmt::format("n{}, {}", i, round)));
    if (round == 1) {
      crew.nodes[1]->kill_hard();
      crew.nodes[3]->kill_hard();
      crew.nodes[1]->start();
      crew.nodes[3]->start();
    }
  }
  for (std::size_t i = 1; i < 5; ++i) CHECK(agree(*crew.nodes[0], *crew.nodes[i]));
}
