// What the core knows of its peers, for people: how each link is, and who holds what.
#include "sync/core.hpp"
#include "sync/vector.hpp"

namespace airbridge::sync {

std::vector<PeerStatus> Core::peers() const {
  std::vector<PeerStatus> out;
  for (const auto& [id, peer] : peers_) {
    if (peer.for_all) continue;
    PeerStatus status;
    status.peer = id;
    status.address = peer.link.address;
    status.state = peer.state;
    if (peer.greeted) status.node = peer.node;
    status.name = peer.name;
    if (peer.state == PeerState::Up) {
      bool lacks_here = false, lacks_there = false;
      for (const auto& [stream, held] : *peer.theirs) {
        const auto lacking = claimed_beyond(held.seq, held_of(raw_, stream));
        auto& sum = status.lacks_here[static_cast<std::size_t>(stream.cls)];
        sum = add_claims(sum, lacking);
        lacks_here = lacks_here || lacking > 0;
      }
      for (const auto& [stream, held] : *ours_) {
        const auto lacking = claimed_beyond(held.seq, held_of(peer.theirs, stream));
        auto& sum = status.lacks_there[static_cast<std::size_t>(stream.cls)];
        sum = add_claims(sum, lacking);
        lacks_there = lacks_there || lacking > 0;
      }
      status.level = lacks_here ? Level::Behind : lacks_there ? Level::Ahead : Level::Equal;
    }
    status.bytes_sent = peer.bytes_sent;
    status.bytes_received = peer.bytes_received;
    status.events_sent = peer.events_sent;
    status.events_received = peer.events_received;
    status.events_duplicate = peer.events_duplicate;
    status.refused = peer.refused;
    status.unknown_messages = peer.unknown_messages;
    status.in_flight_bytes = peer.in_flight_bytes;
    status.observations_waiting = peer.observations.size() + peer.resting.size();
    status.last_heard = peer.heard;
    status.round_trip = peer.round_trip;
    status.bearer = peer.link.bearer;
    status.cost = peer.link.cost;
    status.carries = peer.state == PeerState::Up && peer.carrying;
    if (peer.link.budget) {
      const auto used = peer.bytes_sent - peer.budget_base;
      status.budget = *peer.link.budget > used ? *peer.link.budget - used : 0;
    }
    out.push_back(std::move(status));
  }
  return out;
}

void Core::look_at_claims(Now now) {
  if (!claims_new_ && now.steady < claims_looked_ + claims_looked_every) return;
  claims_looked_ = now.steady;
  claims_new_ = false;
  for (auto& [id, peer] : peers_) {
    if (peer.dead || peer.state != PeerState::Up) continue;
    if (busy_until_ != SteadyTime{}) {  // the disk here does not write what comes
      peer.claims.forget();
      continue;
    }
    const auto& link = peer.link;
    ClaimWatch::Link way{peer.events_heard, link.is_message,
                         link.is_one_way || link.cost > 0 || link.budget || is_spent(peer)};
    for_siblings(peer, [&](const Peer& other) {
      way.events_heard = std::max(way.events_heard, other.events_heard);
      way.is_message = way.is_message || other.link.is_message;
    });
    peer.claims.look(peer.theirs, raw_, way, now.steady);
  }
}

std::vector<std::pair<PeerId, DoubtfulClaim>> Core::doubtful() const {
  std::vector<std::pair<PeerId, DoubtfulClaim>> out;
  for (const auto& [id, peer] : peers_) {
    if (peer.dead || peer.state != PeerState::Up) continue;
    for (const auto& claim : peer.claims.doubtful()) {
      // Of a forked stream its branches stand for what is beyond the fork.
      if (claim.is_impossible || !fork_cut(raw_, claim.stream, log_)) out.emplace_back(id, claim);
    }
  }
  return out;
}

std::vector<std::pair<model::KeyId, std::uint64_t>> Core::held_by(const model::StreamId& stream) const {
  std::map<model::KeyId, std::uint64_t> out;
  for (const auto& [node, memory] : remembered_) {
    if (const auto seq = held_of(memory.theirs, stream); seq > 0) out[node] = seq;
  }
  for (const auto& [id, peer] : peers_) {
    if (peer.state != PeerState::Up || peer.for_all) continue;
    // What it says now counts, also when that is less than it once said: its disk may have been restored.
    if (const auto seq = held_of(peer.theirs, stream); seq > 0) {
      out[peer.node] = seq;
    } else {
      out.erase(peer.node);
    }
  }
  return {out.begin(), out.end()};
}

std::vector<model::KeyId> Core::holders(const model::Dot& dot) const {
  const auto stream = dot.stream();
  std::vector<model::KeyId> out;
  if (const auto cut = fork_cut(raw_, stream, log_); cut && dot.seq > *cut) return out;
  for (const auto& [node, seq] : held_by(stream)) {
    if (seq >= dot.seq) out.push_back(node);
  }
  return out;
}

}  // namespace airbridge::sync
