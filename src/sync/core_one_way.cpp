// Links on which nobody answers. To whoever listens is said what one of them is not known to hold, by the vectors last
// heard on any link and kept over a restart: nothing sent counts as held. What nobody heard comes again in rounds,
// after growing pauses; none begins before the last has been said to its end, so that a backlog longer than a pause
// gets through.
#include <algorithm>

#include "sync/core.hpp"

namespace airbridge::sync {

PeerId Core::connect_for_all(LinkProfile link, std::vector<model::KeyId> listeners, Now now) {
  refresh_if_dirty(now);
  const auto id = ++last_peer_;
  auto& peer = peers_[id];
  peer.id = id;
  peer.link = std::move(link);
  peer.link.is_message = peer.link.is_one_way = true;
  peer.for_all = peer.greeted = peer.carrying = true;
  peer.listeners = std::move(listeners);
  peer.state = PeerState::Up;
  peer.connected = peer.heard = peer.progress = now.steady;
  peer.repeat_pause = repeat_first;
  peer.repeat_at = now.steady + repeat_first;
  begin_at_listeners(peer);
  offer_all_values(peer, now);
  pump(peer, now);
  return id;
}

void Core::set_listeners(PeerId id, std::vector<model::KeyId> listeners) {
  if (auto* peer = find(id); peer != nullptr && peer->for_all) peer->listeners = std::move(listeners);
}

// Of those of whom anything was ever heard.
std::vector<const HeldVector*> Core::held_by_listeners(const Peer& peer) const {
  std::map<model::KeyId, const HeldVector*> now_up;
  for (const auto& [id, other] : peers_) {
    if (!other.dead && !other.for_all && other.state == PeerState::Up) now_up[other.node] = &*other.theirs;
  }
  std::vector<const HeldVector*> out;
  for (const auto& node : peer.listeners) {
    if (node == config_.node) continue;
    const auto up = now_up.find(node);
    const auto known = remembered_.find(node);
    const HeldVector* held = nullptr;
    if (up != now_up.end()) {
      held = up->second;  // what it says now counts, also when that is less
    } else if (known != remembered_.end()) {
      held = &*known->second.theirs;
    }
    if (held != nullptr && !held->empty()) out.push_back(held);
  }
  return out;
}

// One stream has grown here, perhaps by what a listener said.
void Core::hear_listeners(Peer& peer, const model::StreamId& stream) const {
  const auto all = held_by_listeners(peer);
  if (all.empty()) return;
  std::uint64_t least = UINT64_MAX;
  for (const auto* held : all) least = std::min(least, held_of(*held, stream));
  if (least > held_of(peer.theirs, stream)) peer.theirs.set(stream, {least, {}});
}

void Core::begin_at_listeners(Peer& peer) {
  const auto all = held_by_listeners(peer);
  HeldVector least = all.empty() ? HeldVector{} : *all.front();
  for (const auto* held : all) {
    std::erase_if(least, [&](const auto& item) { return !held->contains(item.first); });
    for (auto& [stream, position] : least) position = {std::min(position.seq, held->at(stream).seq), {}};
  }
  peer.theirs = std::move(least);
  for (auto& ready : peer.ready) ready.clear();
  for (const auto& [stream, held] : *ours_) mark_ready(peer, stream);
}

void Core::offer_all_values(Peer& peer, Now now) {
  air_[air_number(peer)].told.clear();  // in full: who has come since then cannot ask
  last_values_.for_each([&](const ObservationKey& key, const SharedSaid& said) {
    if (peer.link.cost > 0 && !said->emergency) return;
    const auto fresh = model::decode_observation(said->bytes);
    if (fresh) offer_value(peer, key, said, *fresh, now);
  });
}

bool Core::is_saying(const Peer& peer, Now now) const {
  return std::ranges::any_of(peer.ready, [&](const auto& streams) {
    return std::ranges::any_of(streams,
                               [&](const auto& stream) { return lacks(peer, stream) && may_send(peer, stream, now); });
  });
}

// Whoever could not hear it then may hear it now.
void Core::repeat(Peer& peer, Now now) {
  peer.repeat_pause = std::min(peer.repeat_pause * 2, repeat_max);
  peer.repeat_at = now.steady + peer.repeat_pause;
  if (is_saying(peer, now)) return;  // to its end first
  peer.sent.clear();
  peer.keys_sent.clear();
  for (auto& slot : peer.outgoing) slot.reset();
  if (peer.for_all) {
    begin_at_listeners(peer);
    offer_all_values(peer, now);
  } else {
    for (const auto& [stream, held] : *ours_) mark_ready(peer, stream);
  }
}

}  // namespace airbridge::sync
