// How the other nodes are, for the status: one entry a node, with the ways to it.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "net/tcp_path.hpp"
#include "peers.hpp"

namespace airbridge::app {
namespace {

constexpr std::string_view levels[] = {"unknown", "equal", "behind", "ahead"};

struct Gathered {
  api::PeerInfo info;
  std::uint64_t events_in = 0, events_out = 0;
  bool is_up = false;
};

api::LinkInfo link_of(const sync::PeerStatus& peer, const Now& clock) {
  api::LinkInfo link;
  link.bearer = peer.bearer.empty() ? "tcp" : peer.bearer;
  link.kind = "tcp";
  link.state = peer.state != sync::PeerState::Up ? "connecting" : peer.carries ? "active" : "standby";
  if (link.state == "standby") link.why = "another way costs less";
  // Until links between nodes are encrypted, each event in them is signed and the rest is in clear.
  link.profile = fmt::format("both ways at once, signed only{}",
                             peer.cost > 0 ? fmt::format(", cost {}", peer.cost) : std::string());
  link.address = peer.address;
  if (peer.node) link.last_heard = clock.utc - (clock.steady - peer.last_heard);
  link.round_trip = peer.round_trip;
  link.bytes_sent = peer.bytes_sent;
  link.bytes_received = peer.bytes_received;
  link.budget_left_bytes = peer.budget;
  return link;
}

void add(Gathered& node, const sync::PeerStatus& peer, api::LinkInfo link) {
  auto& info = node.info;
  const bool up = peer.state == sync::PeerState::Up;
  // What is missing is known of the node, not of the link; the one in use says it.
  if (up && (peer.carries || !node.is_up)) {
    info.level = levels[static_cast<std::size_t>(peer.level)];
    info.lacks_here_by_class = peer.lacks_here;
    info.lacks_there_by_class = peer.lacks_there;
    info.lacks_here = info.lacks_there = 0;
    for (std::size_t c = 0; c < model::class_count; ++c) {
      info.lacks_here = sync::add_claims(info.lacks_here, peer.lacks_here[c]);
      info.lacks_there = sync::add_claims(info.lacks_there, peer.lacks_there[c]);
    }
    info.address = peer.address;
    info.why.clear();
  }
  node.is_up = node.is_up || up;
  info.state = node.is_up ? "connected" : "connecting";
  node.events_in += peer.events_received;
  node.events_out += peer.events_sent;
  info.bytes_sent += link.bytes_sent;  // as they went over it, compressed and in frames
  info.bytes_received += link.bytes_received;
  info.last_heard = std::max(info.last_heard, link.last_heard);
  if (!peer.name.empty()) info.name = peer.name;
  if (peer.node) info.id = *peer.node;
  info.links.push_back(std::move(link));
}

}  // namespace

// What goes over the link; and, of a TCP connection, what its kernel knows of the way.
void Peers::measure(api::LinkInfo& link, sync::PeerId peer, SteadyTime now) {
  LinkUse::Counts counts;
  counts.bytes = link.bytes_sent + link.bytes_received;
  const auto found = links_.find(peer);
  const auto path = found == links_.end() ? std::nullopt : net::tcp_path(*found->second.out);
  if (path) {
    counts.sent = path->segments_sent;
    counts.again = path->segments_again;
    link.retransmissions = path->segments_again;
    if (!link.round_trip) link.round_trip = path->round_trip;
  }
  const auto use = link_use_.of(fmt::format("{}", peer), counts, now);
  link.in_use_bps = use.bps;
  if (path) link.loss_percent = use.again_percent;
}

std::vector<api::BearerInfo> Peers::bearers() {
  if (!bearers_) return {};
  auto out = bearers_->status();
  for (auto& bearer : out)
    bearer.in_use_bps =
        bearer_use_.of(bearer.name, {bearer.bytes_sent + bearer.bytes_received, 0, 0}, now().steady).bps;
  return out;
}

std::vector<api::PeerInfo> Peers::status() {
  std::vector<Gathered> nodes;
  const auto clock = now();
  const auto node_of = [&](const model::KeyId& id) -> Gathered& {
    if (!id.is_zero()) {
      for (auto& node : nodes) {
        if (node.info.id == id) return node;
      }
    }
    nodes.emplace_back();
    nodes.back().info.id = id;
    return nodes.back();
  };
  const auto peers = core_.peers();
  std::map<sync::PeerId, const sync::PeerStatus*> by_id;
  for (const auto& peer : peers) by_id[peer.peer] = &peer;
  for (const auto& dialer : dialers_) {
    const auto found = dialer.peer == 0 ? by_id.end() : by_id.find(dialer.peer);
    const auto id = found != by_id.end() && found->second->node ? *found->second->node : dialer.node;
    auto& node = node_of(id);
    if (node.info.address.empty()) node.info.address = dialer.link->to().text();
    if (node.info.name.empty()) node.info.name = dialer.name;
    if (found != by_id.end()) {
      auto link = link_of(*found->second, clock);
      measure(link, found->second->peer, clock.steady);
      add(node, *found->second, std::move(link));
      by_id.erase(found);
      continue;
    }
    // Two nodes that dial each other keep one connection: the other's is no loss of this one.
    const bool is_met = std::ranges::any_of(by_id, [&](const auto& item) {
      return item.second->node && *item.second->node == dialer.node && !dialer.node.is_zero() &&
             item.second->bearer == dialer.bearer;
    });
    if (is_met) continue;
    api::LinkInfo link;
    link.bearer = dialer.bearer.empty() ? "tcp" : dialer.bearer;
    link.kind = "tcp";
    link.state = dialer.link->state() == net::LinkState::Lost ? "lost" : "connecting";
    link.address = dialer.link->to().text();
    link.last_heard = dialer.last_heard;
    link.why = dialer.link->why();
    node.info.last_heard = std::max(node.info.last_heard, dialer.last_heard);
    if (!node.is_up) {
      node.info.state = link.state;
      node.info.why = link.why;
    }
    node.info.links.push_back(std::move(link));
  }
  for (const auto& [id, peer] : by_id) {
    auto& node = peer->node ? node_of(*peer->node) : node_of({});
    if (node.info.address.empty()) node.info.address = peer->address;
    auto link = link_of(*peer, clock);
    if (bearers_ && peer->node) bearers_->complete(link, *peer->node);
    measure(link, id, clock.steady);
    add(node, *peer, std::move(link));
  }
  link_use_.sweep();
  std::vector<api::PeerInfo> out;
  for (auto& node : nodes) {
    auto& info = node.info;
    if (node.is_up) {
      info.to_level =
          level_.of(info.id, node.events_in, node.events_out, info.lacks_here, info.lacks_there, clock.steady);
    }
    const auto rank = [](const api::LinkInfo& link) {
      const int use = link.state == "active" ? 0 : link.state == "standby" ? 1 : link.state == "connecting" ? 2 : 3;
      return std::tuple(use, link.bearer, link.address);
    };
    std::ranges::sort(info.links, {}, rank);
    out.push_back(std::move(info));
  }
  for (const auto& [node, lost] : lost_.all()) {
    if (std::any_of(out.begin(), out.end(), [&](const auto& info) { return info.id == node; })) continue;
    api::PeerInfo info;
    info.name = lost.name;
    info.id = node;
    info.address = lost.address;
    info.state = "lost";
    info.last_heard = lost.last_heard;
    info.why = lost.why;
    out.push_back(std::move(info));
  }
  return out;
}

}  // namespace airbridge::app
