#include "sync/core.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/cbor.hpp"
#include "sync/vector.hpp"

namespace airbridge::sync {
namespace {
constexpr std::size_t told_kept_max = 4;  // states of our vector kept for a peer's next HELLO

// Nothing changes by itself that would let the next try fare better.
bool is_refusal(Parting reason) {
  return reason == Parting::WrongIncident || reason == Parting::NewerProtocol || reason == Parting::SameNode ||
         reason == Parting::Twin;
}

// Silence for so long means that two heartbeats in a row were missed, with half an interval for the way.
Milliseconds silence_max(const LinkProfile& link) { return link.heartbeat * missed_intervals_max + link.heartbeat / 2; }
}  // namespace

Core::Core(Config config, const LogView& log) : config_(std::move(config)), log_(log) {
  config_.name = model::cbor::clean_text(config_.name, name_bytes_max);
  config_.incident_name = model::cbor::clean_text(config_.incident_name, name_bytes_max);
  raw_ = log_.vector();
  ours_ = with_heads(cut_at_forks(raw_, log_));
  keep_table();
}

Peer* Core::find(PeerId peer) {
  const auto found = peers_.find(peer);
  return found == peers_.end() || found->second.dead ? nullptr : &found->second;
}

void Core::sweep(Now now) {
  for (auto it = peers_.begin(); it != peers_.end();) {
    if (!it->second.dead) {
      ++it;
      continue;
    }
    if (it->second.link.channel == 0) air_.erase(air_number(it->second));
    it = peers_.erase(it);
  }
  for (const auto& node : std::exchange(left_, {})) take_over(node, now);
}

PeerId Core::connect(LinkProfile link, Now now) {
  refresh_if_dirty(now);
  // Callers may not use up what this node needs for the links it was told to open.
  const auto coming = std::count_if(peers_.begin(), peers_.end(), [](const auto& p) { return !p.second.link.dialed; });
  if (!link.dialed && coming >= static_cast<std::ptrdiff_t>(peers_max)) return 0;
  const auto id = ++last_peer_;
  auto& peer = peers_[id];
  peer.id = id;
  peer.link = std::move(link);
  peer.reader.set_frame_max(greeting_frame_bytes_max);
  peer.connected = peer.heard = peer.progress = now.steady;
  peer.next_ping = now.steady + peer.link.heartbeat;
  peer.announced = ours_;
  Hello hello{protocol_version,
              config_.incident,
              config_.node,
              config_.name,
              log_.own_writer().incarnation,
              ours_.digest(),
              feature_tracks | (config_.sends_snapshots ? feature_snapshots : 0),
              config_.run,
              config_.incident_name};
  if (peer.link.dialed) {  // who calls knows over what
    hello.bearer = model::cbor::clean_text(peer.link.bearer, name_bytes_max);
    hello.cost = peer.link.cost;
  }
  put_control(peer, hello);
  return id;
}

void Core::disconnect(PeerId id, std::string why, Now now) {
  if (auto* peer = find(id)) drop(*peer, why);
  sweep(now);
  refresh_if_dirty(now);
}

void Core::drop(Peer& peer, const std::string& why) {
  peer.dead = true;
  if (peer.for_all) return;
  compare_end(peer, why);
  for (auto& [ticket, pending] : pending_) {
    if (pending.peer == peer.id) pending.peer = 0;
  }
  if (peer.state == PeerState::Up) {
    auto& memory = remember(peer.node);
    memory.theirs = peer.theirs;
    memory.digest = peer.their_digest;
    memory.table = peer.table;
    remember_told(peer, peer.announced);
    bound_memory(peer.node);
    count_siblings(peer.node);
    left_.insert(peer.node);
  }
  outputs_.push_back(PeerDown{peer.id, peer.greeted ? std::optional(peer.node) : std::nullopt, why, peer.name,
                              peer.link.address, peer.heard, peer.state == PeerState::Up});
}

void Core::part(Peer& peer, Parting reason, std::string words) {
  words = model::cbor::clean_text(words, words_bytes_max);
  if (!peer.link.is_message) put_control(peer, Bye{reason, words});
  outputs_.push_back(Close{peer.id, words, is_refusal(reason) || (reason == Parting::Protocol && !peer.greeted)});
  drop(peer, words);
}

void Core::stop(Now now) {
  for (auto& [id, peer] : peers_) {
    if (!peer.dead) part(peer, Parting::Stopping, "the node is stopping");
  }
  sweep(now);
}

void Core::refuse(Peer& peer, std::string what) {
  ++peer.refused;
  ++refused_total_;
  outputs_.push_back(Refused{peer.id, peer.link.address, peer.frame_offset, std::move(what)});
  if (peer.refused >= refusals_max && !peer.dead) {
    part(peer, Parting::Protocol, fmt::format("{} messages of this link could not be taken", peer.refused));
  }
}

void Core::put_control(Peer& peer, const Message& message) {
  // On message links what goes as urgent overtakes all else: only what the other side must know before it can begin.
  const bool opens = std::holds_alternative<VectorMessage>(message) || std::holds_alternative<AskVector>(message) ||
                     std::holds_alternative<AskWriters>(message) || std::holds_alternative<Writers>(message);
  hand_over(peer, encode_for(peer, message), !peer.link.is_message || opens, std::nullopt);
}

void Core::hand_over(Peer& peer, Bytes frame, bool urgent, std::optional<model::Class> cls, bool reliable) {
  if (peer.dead) return;
  Send send{peer.id, std::move(frame), urgent, cls, reliable};
  if (peer.link.is_message && peer.pulled == nullptr) {
    if (peer.link.is_one_way && !cls) return;                                        // nobody is there to be answered
    if (peer.waiting_bytes + send.bytes.size() > message_waiting_bytes_max) return;  // asked for again
    peer.waiting_bytes += send.bytes.size();
    peer.waiting.push_back(std::move(send));
    want(peer, urgent);
    return;
  }
  peer.bytes_sent += send.bytes.size();
  peer.handed += send.bytes.size();
  if (peer.pulled != nullptr) {
    peer.pulled->push_back(std::move(send));
  } else {
    outputs_.push_back(std::move(send));
  }
}

void Core::receive(PeerId id, ByteView bytes, Now now) {
  refresh_if_dirty(now);
  auto* peer = find(id);
  if (peer == nullptr) return;
  const bool was_stuck = peer->siblings > 0 && is_stuck(*peer, true, now);
  peer->heard = now.steady;
  peer->bytes_received += bytes.size();
  const auto error = peer->reader.feed(bytes, [&](std::uint8_t type, ByteView payload, std::uint64_t offset) {
    on_frame(id, type, payload, offset, now);
    return !peer->dead;
  });
  if (was_stuck && !peer->dead) take_over(peer->node, now);
  if (error && !peer->dead) {
    peer->frame_offset = error->offset;
    std::string what = error->fault == FrameFault::TooLong
                           ? fmt::format("a frame of more than {} bytes", peer->reader.frame_max())
                           : std::string("a frame whose checksum does not fit");
    if (error->offset == 0) {
      what = peer->link.dialed ? "what answers there is not an Airbridge node's port for other nodes (is it its page?)"
                               : "what calls here is not an Airbridge node";
    } else {
      what += fmt::format(" at byte {}", error->offset);
    }
    refuse(*peer, what);
    if (!peer->dead) part(*peer, Parting::Protocol, what);
  }
  answer_vector(*peer);
  if (!peer->dead) pump(*peer, now);
  sweep(now);
}

// Events are bounded by what is refused and by what waits for the disk, values by what is new; all else costs only the
// work of reading it, so the work is bounded by making the sender wait.
void Core::count_talk(Peer& peer, std::uint8_t type, std::size_t payload_bytes, Now now) {
  switch (static_cast<MessageType>(type)) {
    case MessageType::Run:
    case MessageType::LastValues:
    case MessageType::Keys:
    case MessageType::SnapshotPart:
    case MessageType::TrackPart:
      return;
    default:
      break;
  }
  if (now.steady >= peer.talk_since + talk_window) {
    peer.talk_since = now.steady;
    peer.talk_bytes = 0;
  }
  const bool was_fine = peer.talk_bytes <= talk_bytes_max;
  peer.talk_bytes += payload_bytes + talk_message_bytes;
  if (!was_fine || peer.talk_bytes <= talk_bytes_max) return;
  outputs_.push_back(Rest{peer.id, talk_window});
  refuse(peer, fmt::format("more than {} MB a second of messages that bring nothing", talk_bytes_max >> 20));
}

void Core::on_frame(PeerId id, std::uint8_t type, ByteView payload, std::uint64_t offset, Now now) {
  auto& peer = *find(id);
  peer.frame_offset = offset;
  count_talk(peer, type, payload.size(), now);
  if (peer.dead) return;
  auto decoded = decode(type, payload);
  if (!decoded) {
    refuse(peer, fmt::format("a message of type {} that cannot be read: {}", type, model::describe(decoded.error())));
    return;
  }
  if (std::holds_alternative<UnknownMessage>(*decoded)) {
    ++peer.unknown_messages;
    return;
  }
  on_message(peer, std::move(std::get<Message>(*decoded)), now);
}

void Core::on_message(Peer& peer, Message message, Now now) {
  if (const auto* bye = std::get_if<Bye>(&message)) {
    outputs_.push_back(Close{peer.id, bye->words, is_refusal(bye->reason)});
    if (bye->reason == Parting::Twin)
      outputs_.push_back(TwinFound{peer.id, config_.node, config_.name, peer.link.address});
    drop(peer, fmt::format("the other side said: {}", bye->words));
    return;
  }
  if (const auto* hello = std::get_if<Hello>(&message)) return on_hello(peer, *hello, now);
  if (!peer.greeted) {
    refuse(peer, "a message before HELLO");
    if (!peer.dead) part(peer, Parting::Protocol, "the first message must be HELLO");
    return;
  }
  if (auto* run = std::get_if<Run>(&message)) {
    on_run(peer, std::move(*run), now);
  } else if (const auto* ack = std::get_if<Ack>(&message)) {
    on_items(peer, ack->items, now);
  } else if (const auto* values = std::get_if<LastValues>(&message)) {
    on_last_values(peer, *values, now);
  } else if (const auto* vector = std::get_if<VectorMessage>(&message)) {
    on_vector(peer, *vector, now);
  } else if (const auto* ask = std::get_if<AskVector>(&message)) {
    // Asked for all of it, somebody may compare; once for what came together, as the answer.
    if (!ask->base && !peer.vector_asked) reread_heads(now);
    peer.vector_asked = *ask;  // answered once at the end of what came with it
  } else if (const auto* keys = std::get_if<Keys>(&message)) {
    for (const auto& key : keys->keys) {
      const auto author = model::key_id_of(key);
      if (peer.offered_keys.size() >= offered_keys_max && !peer.offered_keys.contains(author)) {
        refuse(peer, fmt::format("more than {} keys", offered_keys_max));
        return;
      }
      if (trust::is_usable(key)) {
        peer.offered_keys.emplace(author, key);
      } else {
        refuse(peer, "a key that is no usable Ed25519 key");
        if (peer.dead) return;
      }
    }
  } else if (const auto* query = std::get_if<ChainQuery>(&message)) {
    on_chain_query(peer, *query);
  } else if (const auto* reply = std::get_if<ChainReply>(&message)) {
    on_chain_reply(peer, *reply, now);
  } else if (const auto* their_ping = std::get_if<Ping>(&message)) {
    put_control(peer, Pong{their_ping->nonce});
    // A vector that drifted apart (it should not) is fetched whole; not while it is changing under way.
    if (peer.state == PeerState::Up && !peer.vector_heard_since_ping && peer.theirs.digest() != their_ping->digest) {
      put_control(peer, AskVector{peer.theirs.digest()});
    }
    peer.vector_heard_since_ping = false;
  } else if (const auto* pong = std::get_if<Pong>(&message)) {
    if (peer.ping_open && pong->nonce == peer.ping_nonce) {
      peer.ping_open = false;
      peer.round_trip = now.steady - peer.ping_at;
      remember_told(peer, peer.pinged);
    }
  } else if (const auto* refused = std::get_if<RunRefused>(&message)) {
    on_run_refused(peer, *refused, now);
  } else if (const auto* wanted = std::get_if<AskWriters>(&message)) {
    on_ask_writers(peer, *wanted);
  } else if (auto* writers = std::get_if<Writers>(&message)) {
    on_writers(peer, std::move(*writers), now);
  } else if (const auto* who = std::get_if<WhoIs>(&message)) {
    on_who_is(peer, *who, now);
  } else if (const auto* tracks = std::get_if<TracksHeld>(&message)) {
    on_tracks_held(peer, *tracks);
  } else if (const auto* track = std::get_if<TrackPart>(&message)) {
    on_track_part(peer, *track, now);
  } else if (const auto* only = std::get_if<OnlyUrgent>(&message)) {
    peer.only_urgent = only->only;
    if (peer.state == PeerState::Up) take_over(peer.node, now);
  } else if (const auto* wish = std::get_if<SnapshotAsk>(&message)) {
    on_snapshot_ask(peer, *wish, now);
  } else if (auto* part_of = std::get_if<SnapshotPart>(&message)) {
    on_snapshot_part(peer, std::move(*part_of), now);
  }
}

Core::Remembered& Core::remember(const model::KeyId& node) {
  if (!remembered_.contains(node) && remembered_.size() >= remembered_nodes_max) {
    remembered_.erase(std::min_element(remembered_.begin(), remembered_.end(),
                                       [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  auto& memory = remembered_[node];
  memory.used = ++remembered_clock_;
  return memory;
}

void Core::remember_told(Peer& peer, const SharedVector& told) {
  auto& memory = remember(peer.node);
  const auto digest = told.digest();
  for (const auto& known : memory.told) {
    if (known.digest() == digest) return;
  }
  memory.told.push_back(told);
  if (memory.told.size() > told_kept_max) memory.told.pop_front();
  bound_memory(peer.node);
}

// Anybody may call himself a node and claim streams: what is remembered of all of them is bounded as a whole.
void Core::bound_memory(const model::KeyId& keep) {
  std::size_t streams = 0;
  const auto size_of = [](const Remembered& memory) {
    auto size = memory.theirs->size();
    for (const auto& told : memory.told) size += told->size();
    return size;
  };
  for (const auto& [node, memory] : remembered_) streams += size_of(memory);
  while (streams > remembered_streams_max) {
    auto oldest = remembered_.end();
    for (auto it = remembered_.begin(); it != remembered_.end(); ++it) {
      if (it->first != keep && (oldest == remembered_.end() || it->second.used < oldest->second.used)) oldest = it;
    }
    if (oldest == remembered_.end()) return;
    streams -= size_of(oldest->second);
    remembered_.erase(oldest);
  }
}

void Core::ping(Peer& peer, Now now) {
  peer.next_ping = now.steady + peer.link.heartbeat;
  if (peer.state != PeerState::Up) return;
  if (carries(peer, false, now)) flush_acks(peer, true);
  peer.ping_nonce += 1;
  peer.ping_at = now.steady;
  peer.ping_open = true;
  peer.pinged = peer.announced;
  put_control(peer, Ping{peer.ping_nonce, peer.announced.digest()});
}

void Core::poll(Now now) {
  refresh_if_dirty(now);
  for (auto& [id, peer] : peers_) {
    if (!peer.dead) watch(peer, now);
  }
  look_at_claims(now);
  sweep(now);
}

// What time does to a link.
void Core::watch(Peer& peer, Now now) {
  if (!peer.link.is_message) {
    if (peer.state == PeerState::Greeting && now.steady >= peer.connected + hello_wait_max)
      return part(peer, Parting::Silent, "no greeting came");
    if (now.steady >= peer.heard + silence_max(peer.link) && peer.state == PeerState::Up)
      return part(peer, Parting::Silent, "nothing heard for two intervals");
    if (now.steady >= peer.next_ping) ping(peer, now);
  }
  if (peer.in_flight_bytes > 0 && peer.handed == 0 && now.steady >= peer.progress + peer.link.resend_after &&
      !peer.link.is_one_way) {
    peer.progress = now.steady;
    std::vector<model::StreamId> waiting;
    for (const auto& [stream, frames] : peer.in_flight) waiting.push_back(stream);
    for (const auto& stream : waiting) reset_stream(peer, stream);
  }
  if (peer.link.is_one_way && !peer.link.only_hears && now.steady >= peer.repeat_at) repeat(peer, now);
  release_values(peer, now);
  std::erase_if(peer.probes, [&](const auto& item) { return now.steady >= item.second.since + probe_wait_max; });
  std::erase_if(peer.held_back, [&](const auto& item) { return now.steady >= item.second; });
  peer.stuck_checked = now.steady;
  if (peer.siblings > 0 && is_stuck(peer, true, now)) take_over(peer.node, now);
  pump(peer, now);
}

std::optional<SteadyTime> Core::next_deadline() const {
  std::optional<SteadyTime> next;
  const auto consider = [&](SteadyTime time) { next = next ? std::min(*next, time) : time; };
  for (const auto& [id, peer] : peers_) {
    if (peer.link.is_message) {
      if (peer.link.is_one_way && !peer.link.only_hears) consider(peer.repeat_at);
      if (const auto due = peer.resting.next()) consider(*due);
      if (peer.state == PeerState::Up && peer.tracks_not_before > peer.stuck_checked && next_track(peer))
        consider(peer.tracks_not_before);
    } else {
      if (peer.state == PeerState::Greeting) {
        consider(peer.connected + hello_wait_max);
        continue;
      }
      consider(peer.next_ping);
      consider(peer.heard + silence_max(peer.link));
    }
    if (peer.busy_until > peer.heard) consider(peer.busy_until);
    if (peer.in_flight_bytes > 0 && peer.handed == 0 && !peer.link.is_one_way)
      consider(peer.progress + peer.link.resend_after);
    if (peer.siblings > 0 && peer.in_flight_bytes > 0) {
      for (const auto patience : {peer.link.urgent_patience, peer.link.patience}) {
        const auto at = std::max(peer.heard, peer.flight_since) + patience;
        if (at > peer.stuck_checked) consider(at);
      }
    }
    for (const auto& [stream, until] : peer.held_back) consider(until);
    for (const auto& [stream, probe] : peer.probes) consider(probe.since + probe_wait_max);
  }
  return next;
}

void Core::drained(PeerId id, Now now) {
  refresh_if_dirty(now);
  auto* peer = find(id);
  if (peer == nullptr) return;
  peer->handed = 0;
  peer->observations_handed = 0;
  answer_vector(*peer);
  pump(*peer, now);
  sweep(now);
}

void Core::durable(Now now) {
  refresh(now);
  sweep(now);
}

void Core::refresh(Now now) {
  dirty_ = false;
  stranger_use_.reset();
  raw_ = log_.vector();
  const bool has_branches =
      std::ranges::any_of(raw_, [](const auto& item) { return item.first.is_branch(); });  // else nothing is cut
  const auto of_branches = has_branches ? cut_at_forks(raw_, log_) : model::VersionVector{};
  const auto& cut = has_branches ? of_branches : raw_;
  // Both are in the order of the streams.
  std::vector<model::StreamId> changed, gone;
  auto old = ours_->begin();
  for (const auto& [stream, seq] : cut) {
    for (; old != ours_->end() && old->first < stream; ++old) gone.push_back(old->first);
    const bool known = old != ours_->end() && old->first == stream;
    const auto before = known ? old->second.seq : 0;
    if (known) ++old;
    if (before == seq) continue;
    changed.push_back(stream);
    if (before == 0 && stream.is_branch()) outputs_.push_back(ForkFound{stream});
    if (stream.cls == model::Class::Urgent && seq > before && !stream.is_branch()) {
      auto& flood = floods_[stream.writer.author];
      flood.arrivals.emplace_back(now.steady, seq - before);
      flood.sum += seq - before;
    }
  }
  for (; old != ours_->end(); ++old) gone.push_back(old->first);
  changed.insert(changed.end(), gone.begin(), gone.end());
  for (auto it = floods_.begin(); it != floods_.end();) {
    auto& flood = it->second;
    while (!flood.arrivals.empty() && flood.arrivals.front().first + flood_window <= now.steady) {
      flood.sum -= flood.arrivals.front().second;
      flood.arrivals.pop_front();
    }
    it = flood.arrivals.empty() ? floods_.erase(it) : std::next(it);
  }
  const auto streams_before = ours_->size();
  for (const auto& stream : changed) {
    const auto seq = held_of(cut, stream);
    const auto head = seq == 0 ? std::nullopt : log_.chain_at(stream, seq);
    if (head) {
      ours_.set(stream, {seq, head_start<4>(*head)});
    } else {
      ours_.erase(stream);
    }
  }
  if (ours_->size() != streams_before) keep_table();
  settle_branches();
  for (auto& [id, peer] : peers_) {
    if (peer.dead) continue;
    for (const auto& stream : changed) {
      if (stream.cls == model::Class::Urgent && lacks(peer, stream)) peer.fresh.insert(stream);
    }
    if (peer.state != PeerState::Up) continue;
    for (const auto& stream : changed) {
      if (peer.for_all) {
        hear_listeners(peer, stream);
      } else {
        peer.unannounced.insert(stream);
      }
      mark_ready(peer, stream);
      compare(peer, stream, now);
    }
  }
  pump_all(now);
}

void Core::last_value(const model::Observation& observation, Now now) {
  hear_track(observation, now);
  const auto key = key_of(observation);
  const auto shared =
      last_values_.offer(key, age_of(observation), said(observation, model::encode(observation)), now.utc);
  if (shared == nullptr) return;
  for (auto& [id, peer] : peers_) {
    if (peer.dead || peer.state != PeerState::Up || !carries(peer, false, now)) continue;
    offer_value(peer, key, shared, observation, now);
    pump(peer, now);
  }
  sweep(now);
}

}  // namespace airbridge::sync
