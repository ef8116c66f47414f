// Several links to one node: TCP over the LAN, the same over a mobile network, a radio. What a node says is true
// whatever way it came, so all its links share what is known of it. Of those that are up the cheapest that is not stuck
// carries what is to be said; the others are there to take over.
#include <algorithm>
#include <tuple>

#include "sync/core.hpp"

namespace airbridge::sync {

void Core::count_siblings(const model::KeyId& node) {
  std::size_t count = 0;
  const auto each = [&](auto f) {
    for (auto& [id, peer] : peers_) {
      if (!peer.dead && peer.state == PeerState::Up && peer.node == node) f(peer);
    }
  };
  each([&](Peer&) { ++count; });
  each([&](Peer& peer) { peer.siblings = count - 1; });
}

bool Core::is_stuck(const Peer& peer, bool urgent, Now now) const {
  const auto patience = urgent ? peer.link.urgent_patience : peer.link.patience;
  return peer.in_flight_bytes > 0 && now.steady >= std::max(peer.heard, peer.flight_since) + patience;
}

bool Core::is_over_budget(const Peer& peer) {
  return peer.link.budget && peer.bytes_sent - peer.budget_base >= *peer.link.budget;
}

// What the other side sends counts as well, and it alone can leave that.
void Core::tell_spent(Peer& peer) {
  const bool spent = is_over_budget(peer);
  if (spent == peer.told_spent || peer.link.is_one_way) return;
  peer.told_spent = spent;
  put_control(peer, OnlyUrgent{spent});
}

// Is this the link on which its node is sent events?
bool Core::carries(const Peer& peer, bool urgent, Now now) const {
  if (peer.link.only_hears) return false;
  if (peer.siblings == 0) return true;
  // A link where nobody answers comes after all that do.
  const auto rank = [&](const Peer& link) {
    return std::tuple(link.link.is_one_way, is_stuck(link, urgent, now), !urgent && is_spent(link), link.link.cost,
                      link.id);
  };
  const auto own = rank(peer);
  return std::ranges::none_of(peers_, [&](const auto& item) {
    const auto& other = item.second;
    return item.first != peer.id && !other.dead && other.state == PeerState::Up && other.node == peer.node &&
           rank(other) < own;
  });
}

// Which link to the node carries may have changed.
void Core::take_over(const model::KeyId& node, Now now) {
  for (auto& [id, peer] : peers_) {
    if (peer.dead || peer.state != PeerState::Up || peer.node != node) continue;
    const bool carrying = carries(peer, false, now);
    if (carrying && !std::exchange(peer.carrying, true)) {
      // What the other link was handed may be lost. Where bytes cost something, positions come as they change.
      last_values_.for_each([&](const ObservationKey& key, const SharedSaid& said) {
        if (peer.link.cost == 0 || said->emergency) peer.observations.put(key, said);
      });
    }
    peer.carrying = carrying;
    pump(peer, now);
  }
}

// The node is told, on this link, how far a stream is held here: it knows it for all its links.
void Core::announce(Peer& peer, const model::StreamId& stream, const Held& held) {
  const auto told = [&](Peer& link) {
    if (held.seq == 0) {
      link.announced.erase(stream);
    } else {
      link.announced.set(stream, held);
    }
    const auto ours = ours_->find(stream);
    if ((ours == ours_->end() ? 0 : ours->second.seq) == held.seq) link.unannounced.erase(stream);
  };
  told(peer);
  for_siblings(peer, told);
  if (peer.link.channel == 0) return;
  for (auto& [id, other] : peers_) {
    if (id != peer.id && !other.dead && other.state == PeerState::Up && other.link.channel == peer.link.channel)
      told(other);
  }
}

void Core::set_budget(PeerId id, std::optional<std::uint64_t> bytes_left, Now now) {
  auto* peer = find(id);
  if (peer == nullptr) return;
  peer->link.budget = bytes_left;
  peer->budget_base = peer->bytes_sent;
  if (peer->state == PeerState::Up) take_over(peer->node, now);
}

void Core::note_held(Peer& peer, const model::StreamId& stream, const Held& held, Now now) {
  const bool lost_some = held.seq < held_of(peer.theirs, stream);  // its disk was damaged or restored: again then
  peer.theirs.set(stream, held);
  if (lost_some) reset_stream(peer, stream);
  if (const auto flying = peer.in_flight.find(stream); flying != peer.in_flight.end()) {
    auto& frames = flying->second;
    while (!frames.empty() && frames.front().first <= held.seq) {
      peer.in_flight_bytes -= frames.front().second;
      frames.pop_front();
      peer.progress = peer.flight_since = now.steady;
    }
    if (frames.empty()) peer.in_flight.erase(flying);
  }
  if (lacks(peer, stream)) mark_ready(peer, stream);
}

void Core::heard_of(Peer& peer, const model::StreamId& stream, const Held& held, Now now) {
  if (peer.theirs->size() >= vector_streams_max && !peer.theirs->contains(stream)) return;
  auto said = held;
  if (!said.head && held.seq <= held_of(ours_, stream)) {
    if (const auto own = log_.chain_at(stream, held.seq)) said.head = head_start<4>(*own);
  }
  note_held(peer, stream, said, now);
  for_siblings(peer, [&](Peer& link) { note_held(link, stream, said, now); });
  if (held.head) compare(peer, stream, now);
}

}  // namespace airbridge::sync
