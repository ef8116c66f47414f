#pragma once
// For tests: bad links between real nodes, and crews of nodes that left their base to work over them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "linkemu/emulator.hpp"
#include "loop_thread.hpp"
#include "test_world.hpp"

namespace airbridge::app::test {

inline json::array site(std::string_view name) { return {write_of("category", "marker"), write_of("name", name)}; }

// A link of the emulator, on a thread of its own.
class BadLink {
 public:
  // The same losses each time; `./dev soak` sets others.
  static std::uint64_t seed() {
    const char* const text = std::getenv("AIRBRIDGE_LINK_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 20'261'122;
  }

  // One channel, with a free UDP port for each node.
  BadLink(const linkemu::LinkNature& nature, std::size_t stations)
      : BadLink(nature, std::vector<std::string>(stations, "udp:0")) {}
  // One channel between these stations, or the proxy of one TCP station.
  BadLink(const linkemu::LinkNature& nature, const std::vector<std::string>& stations, bool down_closes = false) {
    std::vector<linkemu::StationSpec> specs;
    for (const auto& text : stations) specs.push_back(linkemu::parse_station(text).value());
    thread_.call([&] {
      auto link = specs.size() == 1 ? linkemu::open_tcp_link(thread_.loop(), nature, seed(), specs[0], down_closes)
                                    : linkemu::open_packet_link(thread_.loop(), nature, seed(), specs);
      if (!link) return;
      link_ = *std::move(link);
      for (const auto& text : link_->stations()) ports_.push_back(text.substr(text.rfind(':') + 1));
    });
    REQUIRE(link_);
  }
  ~BadLink() {
    thread_.call([&] { link_.reset(); });
  }
  BadLink(const BadLink&) = delete;
  BadLink& operator=(const BadLink&) = delete;

  void set_down(bool down) {
    thread_.call([&] { link_->set_down(down); });
  }
  linkemu::LinkCounters counters() {
    linkemu::LinkCounters out;
    thread_.call([&] { out = link_->counters(); });
    return out;
  }
  std::string described() {
    std::string out;
    thread_.call([&] { out = linkemu::describe(link_->counters(), link_->elapsed()); });
    return out;
  }
  bool carries_more(std::uint64_t packets) {
    const auto until = counters().arrived + packets;
    return eventually([&] { return counters().arrived >= until; });
  }
  const std::string& port(std::size_t station) const { return ports_[station]; }
  // The bearer of the node at this end.
  Args bearer(std::size_t station, const std::string& options) const {
    return {"--bearer", fmt::format("udp://127.0.0.1:{}?interval=1s&{}", ports_[station], options)};
  }

 private:
  LoopThread thread_;
  std::unique_ptr<linkemu::Link> link_;
  std::vector<std::string> ports_;
};

// Nodes that met by cable before they left, so that each knows who belongs to the incident; now they are stopped. What
// they acknowledge from here on is remembered.
struct Crew {
  Folder folder;
  std::vector<std::unique_ptr<TestNode>> nodes;
  std::set<std::string> acknowledged;

  explicit Crew(std::size_t count) {
    init_node(folder / "n0", "POST 1");
    nodes.push_back(std::make_unique<TestNode>(folder / "n0", Args{"--tak", "off"}));
    for (std::size_t i = 1; i < count; ++i) {
      const auto dir = folder / fmt::format("n{}", i);
      join_node(folder / "n0", dir, fmt::format("TEAM {}", i + 1));
      nodes.push_back(std::make_unique<TestNode>(dir, Args{"--tak", "off", "--peer", nodes[0]->peers()}));
    }
    for (std::size_t i = 1; i < count; ++i) REQUIRE(agree(*nodes[0], *nodes[i]));
    for (const auto& node : nodes) REQUIRE(node->stop() == 0);
  }
  TestNode& operator[](std::size_t i) { return *nodes[i]; }

  void set_ways(std::size_t i, Args ways) {
    ways.insert(ways.end(), {"--tak", "off"});
    nodes[i]->set_args(std::move(ways));
  }
  void start(std::size_t i, Args ways) {
    set_ways(i, std::move(ways));
    nodes[i]->start();
  }
  // All on one channel.
  void start(const BadLink& link, const std::string& options) {
    for (std::size_t i = 0; i < nodes.size(); ++i) start(i, link.bearer(i, options));
  }
  std::string write(std::size_t i, const std::string& name) {
    return *acknowledged.insert(nodes[i]->create("site", site(name))).first;
  }
  void write(std::size_t i, const std::string& name, int count) {
    for (int n = 0; n < count; ++n) write(i, fmt::format("{}, {}", name, n));
  }
  // The power fails while a command may be on its way to the disk, and comes back.
  void power_cut(std::size_t i) {
    nodes[i]->kill_hard();
    nodes[i]->start();
  }
  bool holds(std::size_t i, const std::string& id) { return nodes[i]->get("/api/v1/entities/" + id).status == 200; }
  bool comes_to_hold(std::size_t i, const std::string& id) {
    return eventually([&] { return holds(i, id); });
  }
  // Everything that was ever acknowledged is in the picture of this node.
  bool holds_all(std::size_t i) {
    std::set<std::string> held;
    const auto state = nodes[i]->get("/api/v1/state");
    if (state.status != 200) return false;
    for (const auto& entity : state.body.at("entities").as_array()) held.emplace(entity.at("id").as_string());
    return std::ranges::includes(held, acknowledged);
  }
  // Every node comes to hold that, and all say the same hash.
  bool all_agree() {
    return eventually([&] {
      std::set<std::string> said;
      for (const auto& node : nodes) {
        const auto status = node->status();
        const auto& store = status.at("store").as_object();
        said.insert(json::serialize(json::array{store.at("events"), store.at("state_hash")}));
      }
      // What a node says of itself is up to a second old: a hash of before what was written since is no agreement.
      if (said.size() != 1 || (acknowledged.size() > agreed_ && *said.begin() == agreed_on_)) return false;
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (!holds_all(i)) return false;
      }
      agreed_ = acknowledged.size();
      agreed_on_ = *said.begin();
      return true;
    });
  }

 private:
  std::size_t agreed_ = 0;
  std::string agreed_on_;
};

}  // namespace airbridge::app::test
