// Who holds what: telling it, hearing it, and noticing when the same number means different things.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sync/core.hpp"
#include "sync/heard.hpp"

namespace airbridge::sync {

HeldVector Core::with_heads(const model::VersionVector& vector) const {
  HeldVector out;
  for (const auto& [stream, seq] : vector) {
    if (const auto head = log_.chain_at(stream, seq)) out[stream] = {seq, head_start<4>(*head)};
  }
  return out;
}

// Says again what the log has at the end of each stream: an index that was mended since may say something else. Who
// was told the old head is told the new one.
void Core::reread_heads(Now now) {
  const auto said = ours_;
  for (const auto& [stream, held] : *said) {
    const auto head = log_.chain_at(stream, held.seq);
    if (!head || held.head == head_start<4>(*head)) continue;
    ours_.set(stream, {held.seq, head_start<4>(*head)});
    for (auto& [id, peer] : peers_) {
      if (peer.dead || peer.state != PeerState::Up) continue;
      peer.unannounced.insert(stream);
      compare(peer, stream, now);
    }
  }
}

void Core::greet(Peer& peer, const Digest& digest, Now now) {
  if (digest == ours_.digest()) {
    peer.theirs = ours_;
    return vector_known(peer, now);
  }
  // What it told over another link just now.
  for (const auto& [id, other] : peers_) {
    if (id == peer.id || other.dead || other.state != PeerState::Up || other.node != peer.node) continue;
    if (other.theirs.digest() != digest) continue;
    peer.theirs = other.theirs;
    return vector_known(peer, now);
  }
  const auto& known = remember(peer.node).theirs;
  if (digest == known.digest()) {
    peer.theirs = known;
    return vector_known(peer, now);
  }
  const auto base = peer.link.is_message ? known.numbers_digest() : known.digest();
  put_control(peer, AskVector{known->empty() ? std::nullopt : std::optional(base)});
}

// One answer however often was asked, and none while what was handed over before is still waiting: questions are small
// and vectors are not.
void Core::answer_vector(Peer& peer) {
  if (!peer.vector_asked || peer.dead || peer.handed >= peer.link.burst_bytes) return;
  const auto ask = *std::exchange(peer.vector_asked, std::nullopt);
  const HeldVector* base = nullptr;
  if (ask.base) {
    for (const auto& told : remember(peer.node).told) {
      if ((peer.link.is_message ? told.numbers_digest() : told.digest()) == *ask.base) base = &*told;
    }
  }
  const bool with_heads = !peer.link.is_message || ask.heads;
  VectorMessage message;
  if (peer.link.is_message) message.all = ours_.digest();
  if (base != nullptr) message.base = ask.base;
  for (const auto& [stream, held] : *ours_) {
    if (base != nullptr) {
      const auto old = base->find(stream);
      if (old != base->end() && old->second == held) continue;
    }
    message.items.push_back({stream, held.seq, with_heads ? held.head : std::nullopt});
  }
  if (base != nullptr) {
    for (const auto& [stream, held] : *base) {
      if (!ours_->contains(stream)) message.items.push_back({stream, 0, {}});
    }
  }
  // What does not fit into one frame follows as news.
  std::vector<VectorItem> more;
  if (message.items.size() > items_per_frame_max) {
    more.assign(message.items.begin() + items_per_frame_max, message.items.end());
    message.items.resize(items_per_frame_max);
  }
  put_control(peer, message);
  put_items(peer, std::move(more));
  const auto tell = [&](Peer& link) {
    link.announced = ours_;
    link.unannounced.clear();
  };
  tell(peer);
  for_siblings(peer, tell);
  if (peer.link.is_message) remember_told(peer, peer.announced);
}

void Core::put_items(Peer& peer, std::vector<VectorItem> items) {
  for (std::size_t at = 0; at < items.size(); at += items_per_frame_max) {
    const auto end = std::min(items.size(), at + items_per_frame_max);
    put_control(
        peer, Ack{{items.begin() + static_cast<std::ptrdiff_t>(at), items.begin() + static_cast<std::ptrdiff_t>(end)}});
  }
}

void Core::on_vector(Peer& peer, const VectorMessage& message, Now now) {
  if (message.base) {
    // Asked for against what we held of it then; that may be what we hold of it still.
    if (peer.state != PeerState::Up) peer.theirs = remember(peer.node).theirs;
    if ((peer.link.is_message ? peer.theirs.numbers_digest() : peer.theirs.digest()) != *message.base) {
      put_control(peer, AskVector{});
      return;
    }
  } else {
    peer.theirs.clear();
  }
  for (const auto& item : message.items) {
    if (item.seq == 0) {
      peer.theirs.erase(item.stream);
    } else {
      peer.theirs.set(item.stream, {item.seq, item.head});
    }
  }
  if (peer.theirs->size() > vector_streams_max) {
    refuse(peer, fmt::format("a vector of more than {} streams", vector_streams_max));
    if (!peer.dead) part(peer, Parting::Protocol, "too many streams");
    return;
  }
  if (message.all) peer.their_digest = message.all;
  if (peer.link.is_message) fill_heads(peer);
  vector_known(peer, now);
  if (peer.link.is_message && !peer.dead) check_digest(peer, now);
  if (!peer.dead && !message.base) compare_vector_came(peer);
}

void Core::vector_known(Peer& peer, Now now) {
  peer.vector_heard_since_ping = claims_new_ = true;
  for_siblings(peer, [&](Peer& link) {
    if (link.theirs == peer.theirs) return;
    link.theirs = peer.theirs;
    for (const auto& [stream, held] : *ours_) mark_ready(link, stream);
  });
  remember(peer.node).theirs = peer.theirs;
  bound_memory(peer.node);
  for (const auto& [stream, seq] : std::exchange(peer.sent, {})) {
    if (seq > held_of(peer.theirs, stream) && peer.in_flight.contains(stream)) peer.sent[stream] = seq;
  }
  for (auto& ready : peer.ready) ready.clear();
  for (const auto& [stream, held] : *ours_) mark_ready(peer, stream);
  const auto theirs = peer.theirs;  // whatever is learned meanwhile
  for (const auto& [stream, held] : *theirs) {
    compare(peer, stream, now);
    if (peer.dead) return;
  }
  if (peer.state != PeerState::Up) {
    peer.state = PeerState::Up;
    peer.progress = peer.events_heard = now.steady;
    // Changes while the greeting was under way.
    for (const auto& [stream, held] : *ours_) {
      const auto told = peer.announced->find(stream);
      if (told == peer.announced->end() || told->second != held) peer.unannounced.insert(stream);
    }
    for (const auto& [stream, held] : *peer.announced) {
      if (!ours_->contains(stream)) peer.unannounced.insert(stream);
    }
    outputs_.push_back(PeerUp{peer.id, peer.node, peer.name, peer.link.address});
    count_siblings(peer.node);
    take_over(peer.node, now);
    ask_for_snapshot(peer, now);
  }
}

void Core::on_items(Peer& peer, const std::vector<VectorItem>& items, Now now) {
  if (peer.state != PeerState::Up) return;  // the vector that was asked for will say it
  peer.vector_heard_since_ping = true;
  for (const auto& item : items) {
    if (item.seq == 0) {
      peer.theirs.erase(item.stream);
      reset_stream(peer, item.stream);
      continue;
    }
    if (!peer.theirs->contains(item.stream) && peer.theirs->size() >= vector_streams_max) {
      refuse(peer, fmt::format("a vector of more than {} streams", vector_streams_max));
      return;
    }
    claims_new_ = claims_new_ || item.seq > stream_events_max;
    heard_of(peer, item.stream, {item.seq, item.head}, now);
    if (peer.dead) return;
  }
}

Bytes Core::heard() const {
  std::vector<std::pair<std::uint64_t, HeardNode>> nodes;
  for (const auto& [node, memory] : remembered_) {
    const auto link = std::ranges::find_if(peers_, [&](const auto& item) {
      return item.second.state == PeerState::Up && !item.second.dead && item.second.node == node;
    });
    // What it says now counts, also when that is less.
    const auto& held = link == peers_.end() ? memory.theirs : link->second.theirs;
    if (!held->empty()) nodes.push_back({memory.used, {node, held}});
  }
  std::ranges::sort(nodes, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<HeardNode> out;
  for (auto& [used, node] : nodes) out.push_back(std::move(node));
  return encode_heard(config_.incident, config_.node, out);
}

Result<std::size_t, std::string> Core::recall(ByteView bytes) {
  auto nodes = decode_heard(bytes, config_.incident, config_.node);
  if (!nodes) return failure(nodes.error());
  std::size_t count = 0;
  for (auto it = nodes->rbegin(); it != nodes->rend(); ++it) {
    if (it->node == config_.node || !peers_.empty()) continue;
    // Of this node's own words nobody holds more than this node, and nobody else's is held with another content:
    // where it looks so, this disk was restored or damaged since, and what was heard says nothing of what is here now.
    HeldVector told = *it->held;
    std::erase_if(told, [&](const auto& item) {
      const auto& [stream, held] = item;
      const auto here = held_of(raw_, stream);
      if (held.seq > here) return is_own(stream.base());
      const auto own = log_.chain_at(stream, held.seq);
      return held.head && own && head_start<4>(*own) != *held.head;
    });
    if (told.empty()) continue;
    remember(it->node).theirs = std::move(told);
    ++count;
  }
  return count;
}

// Where both hold the same number of a stream, its head must be the same.
void Core::compare(Peer& peer, const model::StreamId& stream, Now now) {
  const auto theirs = peer.theirs->find(stream);
  if (theirs == peer.theirs->end() || held_of(ours_, stream) < theirs->second.seq) return;
  const auto own = log_.chain_at(stream, theirs->second.seq);
  if (own && theirs->second.head && head_start<4>(*own) != *theirs->second.head)
    suspect(peer, stream, theirs->second.seq, true, now);
}

void Core::flush_acks(Peer& peer, bool all) {
  if (peer.unannounced.empty() || peer.state != PeerState::Up) return;
  std::vector<VectorItem> items;
  for (auto it = peer.unannounced.begin(); it != peer.unannounced.end();) {
    const auto ours = ours_->find(*it);
    const Held held = ours == ours_->end() ? Held{} : ours->second;
    // What the peer lacks it will be sent, which says the same; but not when that may take long.
    if (!all && held.seq > held_of(peer.theirs, *it)) {
      ++it;
      continue;
    }
    items.push_back({*it, held.seq, peer.link.is_message ? std::nullopt : held.head});
    const auto stream = *it++;
    announce(peer, stream, held);
    peer.unannounced.erase(stream);
  }
  if (items.empty()) return;
  put_items(peer, std::move(items));
  if (peer.link.is_message) remember_told(peer, peer.announced);
}

}  // namespace airbridge::sync
