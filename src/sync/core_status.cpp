// What the core knows of its peers, for people: how each link is, and who holds what.
#include "sync/core.hpp"
#include "sync/vector.hpp"

namespace airbridge::sync {

std::vector<PeerStatus> Core::peers() const {
  std::vector<PeerStatus> out;
  for (const auto& [id, peer] : peers_) {
    PeerStatus status;
    status.peer = id;
    status.address = peer.link.address;
    status.state = peer.state;
    if (peer.greeted) status.node = peer.node;
    status.name = peer.name;
    if (peer.state == PeerState::Up) {
      std::uint64_t here = 0, there = 0;
      for (const auto& [stream, held] : *peer.theirs) {
        const auto here_held = held_of(raw_, stream);
        if (held.seq <= here_held) continue;
        status.lacks_here[static_cast<std::size_t>(stream.cls)] += held.seq - here_held;
        here += held.seq - here_held;
      }
      for (const auto& [stream, held] : *ours_) {
        const auto there_held = held_of(peer.theirs, stream);
        if (held.seq <= there_held) continue;
        status.lacks_there[static_cast<std::size_t>(stream.cls)] += held.seq - there_held;
        there += held.seq - there_held;
      }
      status.level = here > 0 ? Level::Behind : there > 0 ? Level::Ahead : Level::Equal;
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

std::vector<std::pair<model::KeyId, std::uint64_t>> Core::held_by(const model::StreamId& stream) const {
  std::map<model::KeyId, std::uint64_t> out;
  for (const auto& [node, memory] : remembered_) {
    if (const auto seq = held_of(memory.theirs, stream); seq > 0) out[node] = seq;
  }
  for (const auto& [id, peer] : peers_) {
    if (peer.state != PeerState::Up) continue;
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
