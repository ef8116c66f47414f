// Message links: a bearer keeps them, authenticates who is there, and asks for what is to be said when it may transmit.
// There is no HELLO, no PING: the bearer's beacon says the digest of all its node holds, and that is greeting, sign of
// life and comparison in one.
#include <fmt/format.h>

#include <algorithm>

#include "model/cbor.hpp"
#include "sync/core.hpp"

namespace airbridge::sync {

CompactContext Core::context_for(Peer& peer, Now now) {
  CompactContext context;
  context.now = now.utc;
  context.table = peer.table.get();
  context.tables = [this, &peer](WriterTag tag) {
    std::vector<const WriterTable*> found;
    for (const auto& table : tables_) {
      if (table->tag() == tag) found.push_back(table.get());
    }
    for (const auto& table : peer.their_tables) {
      if (table->tag() == tag) found.push_back(table.get());
    }
    return found;
  };
  return context;
}

Bytes Core::encode_for(Peer& peer, const Message& message) {
  if (!peer.link.is_message) return encode(message);
  if (config_.on_said) config_.on_said(message);
  auto context = context_for(peer, {});
  if (const auto* vector = std::get_if<VectorMessage>(&message); vector != nullptr && context.table == nullptr)
    context.table = tables_.back().get();  // else each writer in full; who does not know it asks
  context.vector = [&](const Digest& base) -> const HeldVector* {
    for (const auto& told : remember(peer.node).told) {
      if (told.numbers_digest() == base) return &*told;
    }
    return nullptr;
  };
  return encode_compact(message, context);
}

Bytes Core::encode_part(Peer& peer, const model::StreamId& stream, std::span<const model::Entry> entries,
                        const model::Seal* seal) {
  if (!peer.link.is_message) return encode_run(stream, entries, seal, peer.link.private_parts);
  if (config_.on_said) config_.on_said(Run{stream, {entries.begin(), entries.end()}, std::nullopt});
  return encode_compact_run(stream, entries, seal, peer.link.private_parts, context_for(peer, {}));
}

PeerId Core::connect_known(LinkProfile link, const model::KeyId& node, std::string name, const Digest& digest,
                           Now now) {
  refresh_if_dirty(now);
  for (auto& [id, other] : peers_) {
    if (!other.dead && other.link.is_message && other.node == node && other.link.bearer == link.bearer)
      drop(other, "it began anew");
  }
  const auto id = ++last_peer_;
  auto& peer = peers_[id];
  peer.id = id;
  peer.link = std::move(link);
  peer.link.is_message = true;
  peer.connected = peer.heard = peer.progress = now.steady;
  peer.announced = ours_;
  peer.greeted = true;
  peer.node = node;
  peer.name = model::cbor::clean_text(name, name_bytes_max);
  const auto& memory = remember(node);
  peer.table = memory.table;
  peer.their_digest = digest;
  if (peer.link.is_one_way) {
    // Nobody answers: what it said last, whenever that was, is what counts.
    peer.theirs = digest == ours_.digest() ? ours_ : memory.theirs;
    peer.repeat_pause = repeat_first;
    peer.repeat_at = now.steady + repeat_first;
    vector_known(peer, now);
  } else if (digest == ours_.digest()) {
    peer.table = tables_.back();
    greet(peer, digest, now);
  } else if (memory.digest == digest && !memory.theirs->empty()) {
    peer.theirs = memory.theirs;
    vector_known(peer, now);
  } else {
    greet(peer, digest, now);
  }
  sweep(now);
  return id;
}

void Core::beacon(PeerId id, const Digest& digest, Now now) {
  refresh_if_dirty(now);
  auto* peer = find(id);
  if (peer == nullptr) return;
  peer->heard = now.steady;
  peer->their_digest = digest;
  if (peer->state == PeerState::Up) {
    check_digest(*peer, now);
  } else if (digest == ours_.digest() || ++peer->odd_beacons >= odd_beacons_max) {
    // It came to be level meanwhile, or what was asked was lost.
    peer->odd_beacons = 0;
    peer->table = digest == ours_.digest() ? tables_.back() : peer->table;
    greet(*peer, digest, now);
  }
  sweep(now);
}

// Of what a message link tells no heads, those that follow from what is held here are filled in.
void Core::fill_heads(Peer& peer) {
  std::vector<std::pair<model::StreamId, Held>> filled;
  for (const auto& [stream, held] : *peer.theirs) {
    if (held.head || held.seq > held_of(ours_, stream)) continue;
    if (const auto own = log_.chain_at(stream, held.seq))
      filled.emplace_back(stream, Held{held.seq, head_start<4>(*own)});
  }
  for (const auto& [stream, held] : filled) peer.theirs.set(stream, held);
}

bool Core::knows_all_heads(const Peer& peer) const {
  return std::ranges::all_of(*peer.theirs, [](const auto& item) { return item.second.head.has_value(); });
}

// The digest of all it holds against what is known of it. Where that differs and stays so, something was not heard, or
// one number means two things.
void Core::check_digest(Peer& peer, Now now) {
  if (!peer.their_digest) return;
  if (*peer.their_digest == ours_.digest()) {
    // It holds the same, however it came by it.
    peer.odd_beacons = 0;
    peer.table = tables_.back();
    if (peer.theirs == ours_) return;
    peer.theirs = ours_;
    return vector_known(peer, now);
  }
  if (peer.link.is_one_way) return;  // there is nobody to ask
  fill_heads(peer);
  const bool is_all_known = knows_all_heads(peer);
  if (is_all_known && peer.theirs.digest() == *peer.their_digest) {
    peer.odd_beacons = 0;
    return;
  }
  if (std::exchange(peer.vector_heard_since_ping, false)) {
    peer.odd_beacons = 0;  // not while it is changing under way
    return;
  }
  if (++peer.odd_beacons < odd_beacons_max) return;
  peer.odd_beacons = 0;
  // Overheard, it was thought, or taken: it does not hold it, and nothing comes any more.
  if (now.steady >= peer.progress + peer.link.heartbeat) {
    std::vector<model::StreamId> flying;
    for (const auto& [stream, frames] : peer.in_flight) flying.push_back(stream);
    for (const auto& stream : flying) reset_stream(peer, stream);
  }
  if (peer.theirs.numbers_digest() == ours_.numbers_digest()) {
    put_control(peer, AskVector{std::nullopt, true});
  } else {
    put_control(peer, AskVector{peer.theirs.numbers_digest(), false});
  }
}

// The writers of what is held here, and the persons who act through them, by which messages name them, whenever they
// change.
void Core::keep_table() {
  std::vector<model::Writer> writers;
  for (const auto& [stream, held] : *ours_) {
    if (writers.empty() || writers.back() != stream.writer) writers.push_back(stream.writer);
  }
  for (const auto& person : log_.persons()) writers.push_back({person, 0});
  std::sort(writers.begin(), writers.end());
  if (writers.size() > writer_table_max) writers.resize(writer_table_max);
  if (!tables_.empty() && tables_.back()->writers() == writers) return;
  tables_.push_back(std::make_shared<const WriterTable>(std::move(writers)));
  if (tables_.size() > writer_tables_max) tables_.pop_front();
}

void Core::on_ask_writers(Peer& peer, const AskWriters& ask) {
  const auto is_it = [&](const WriterTablePtr& table) { return table != nullptr && table->tag() == ask.tag; };
  const auto kept = std::ranges::find_if(tables_, is_it);
  if (const auto table = kept != tables_.end() ? *kept : peer.table; is_it(table)) {
    put_control(peer, Writers{table->writers()});
    peer.table = table;
    return;
  }
  // Too old to be known here: what named it is said anew.
  peer.table = nullptr;
  for (const auto& [stream, held] : *ours_) reset_stream(peer, stream);
}

void Core::on_writers(Peer& peer, Writers writers, Now now) {
  peer.their_tables.push_back(std::make_shared<const WriterTable>(std::move(writers.writers)));
  if (peer.their_tables.size() > writer_tables_max) peer.their_tables.erase(peer.their_tables.begin());
  peer.table = peer.their_tables.back();
  for (auto& [message, overheard] : std::exchange(peer.undecoded, {})) {
    if (peer.dead) return;
    on_compact(peer, message, overheard, now);
  }
}

void Core::want(Peer& peer, bool urgent) {
  if (peer.dead || (peer.wanted && (!urgent || peer.wanted_urgent))) return;
  peer.wanted = true;
  peer.wanted_urgent = peer.wanted_urgent || urgent;
  outputs_.push_back(Wanting{peer.id, urgent});
}

void Core::want_what_waits(Peer& peer, Now now) {
  if (peer.wanted_urgent || peer.link.only_hears) return;
  const auto any_ready = [&](model::Class cls, auto wanted) {
    return std::ranges::any_of(peer.ready[static_cast<std::size_t>(cls)], [&](const auto& stream) {
      return lacks(peer, stream) && may_send(peer, stream, now) && wanted(stream);
    });
  };
  const auto floods = [&](const model::StreamId& stream) { return is_flooding(stream.writer.author, now); };
  const auto calm = [&](const model::StreamId& stream) { return !floods(stream); };
  const auto any = [](const model::StreamId&) { return true; };
  const bool takes = now.steady >= peer.busy_until;
  if (takes && carries(peer, true, now) && any_ready(model::Class::Urgent, calm)) return want(peer, true);
  if (peer.wanted) return;
  const auto to_tell = [&](const model::StreamId& stream) {
    return held_of(ours_, stream) <= held_of(peer.theirs, stream);  // else it will be sent, which says the same
  };
  const auto carried = [&] {
    if (!carries(peer, false, now) || is_spent(peer)) return false;
    if (!peer.observations.empty()) return true;
    if (!peer.link.is_one_way && std::ranges::any_of(peer.unannounced, to_tell)) return true;
    if (has_tracks_for(peer, now)) return true;
    return takes && (any_ready(model::Class::Urgent, floods) || any_ready(model::Class::Important, any) ||
                     any_ready(model::Class::Routine, any));
  };
  if (!peer.waiting.empty() ||
      std::ranges::any_of(peer.probes, [](const auto& probe) { return !probe.second.asked; }) || carried())
    want(peer, false);
}

std::vector<Send> Core::pull_last_values(std::uint32_t channel, std::size_t room, Now now) {
  refresh_if_dirty(now);
  std::vector<Send> out;
  for (auto& [id, peer] : peers_) {
    if (peer.dead || peer.state != PeerState::Up || peer.link.channel != channel || channel == 0) continue;
    if (!peer.carrying || is_spent(peer)) continue;
    release_values(peer, now, true);
    peer.pulled = &out;
    std::size_t bytes = 0;
    for (const auto& send : out) bytes += send.bytes.size();
    if (!peer.observations.empty() && bytes < room) send_observations(peer, room - bytes, now);
    peer.pulled = nullptr;
    peer.handed = 0;
  }
  return out;
}

std::vector<Send> Core::pull(PeerId id, std::size_t room, bool urgent_only, Now now) {
  refresh_if_dirty(now);
  std::vector<Send> out;
  auto* peer = find(id);
  if (peer == nullptr || !peer->link.is_message) return out;
  peer->wanted = peer->wanted_urgent = false;
  peer->handed = peer->observations_handed = 0;
  if (!urgent_only) release_values(*peer, now, true);
  const auto full = std::exchange(peer->link.burst_bytes, room);
  peer->pulled = &out;
  for (auto it = peer->waiting.begin(); it != peer->waiting.end() && (out.empty() || peer->handed < room);) {
    if (urgent_only && !it->urgent) {
      ++it;
      continue;
    }
    peer->waiting_bytes -= it->bytes.size();
    peer->bytes_sent += it->bytes.size();
    peer->handed += it->bytes.size();
    out.push_back(std::move(*it));
    it = peer->waiting.erase(it);
  }
  answer_vector(*peer);
  if (!urgent_only) {
    pump(*peer, now);
  } else if (peer->state == PeerState::Up && carries(*peer, true, now) && now.steady >= peer->busy_until) {
    while (peer->handed < room && send_events(*peer, model::Class::Urgent, room - peer->handed, now)) {
    }
  }
  peer->pulled = nullptr;
  peer->link.burst_bytes = full;
  peer->handed = 0;
  // After an empty answer only what changes makes it worth asking again, but for what was not asked for.
  if (!out.empty()) {
    want_what_waits(*peer, now);
  } else if (urgent_only) {
    want(*peer, false);
  }
  sweep(now);
  return out;
}

// Sent to one, heard by all that share the air: what follows on what the others hold they need not be sent again. What
// they did not hear their acknowledgements leave out, and resend_after brings it.
void Core::share(const Peer& sender, const model::StreamId& stream, std::uint64_t first, std::uint64_t last, Now now) {
  for (auto& [id, other] : peers_) {
    if (id == sender.id || other.dead || other.state != PeerState::Up) continue;
    if (other.link.channel != sender.link.channel || stream.is_branch()) continue;
    const auto reached = std::max(held_of(other.theirs, stream), held_of(other.sent, stream));
    if (reached + 1 < first || reached >= last) continue;
    if (other.in_flight_bytes == 0) other.flight_since = now.steady;
    other.sent[stream] = last;
    other.in_flight[stream].emplace_back(last, 1);
    other.in_flight_bytes += 1;
    other.progress = now.steady;
  }
}

void Core::receive_message(PeerId id, ByteView bytes, bool overheard, Now now) {
  refresh_if_dirty(now);
  auto* peer = find(id);
  if (peer == nullptr || !peer->link.is_message) return;
  const bool was_stuck = peer->siblings > 0 && is_stuck(*peer, true, now);
  peer->heard = now.steady;
  peer->bytes_received += bytes.size();
  on_compact(*peer, bytes, overheard, now);
  if (peer->vector_asked) want(*peer, true);
  if (!peer->dead) pump(*peer, now);
  if (was_stuck && !peer->dead) take_over(peer->node, now);
  sweep(now);
}

void Core::on_compact(Peer& peer, ByteView bytes, bool overheard, Now now) {
  auto context = context_for(peer, now);
  context.vector = [&](const Digest& base) -> const HeldVector* {
    if (peer.theirs.numbers_digest() == base) return &*peer.theirs;
    const auto& remembered = remember(peer.node).theirs;
    return remembered.numbers_digest() == base ? &*remembered : nullptr;
  };
  auto& air = air_[air_number(peer)];
  context.known = [&](std::uint16_t tag) {
    const auto found = air.heard.find(tag);
    return found == air.heard.end() ? std::vector<ByteView>{}
                                    : std::vector<ByteView>(found->second.begin(), found->second.end());
  };
  auto decoded = decode_compact(bytes, context);
  if (!decoded) {
    const auto& error = decoded.error();
    if (error.fault == CompactFault::UnknownTable) {
      if (peer.undecoded.size() >= undecoded_max) peer.undecoded.pop_front();
      peer.undecoded.emplace_back(to_bytes(bytes), overheard);
      if (!overheard) put_control(peer, AskWriters{error.table});
    } else if (error.fault == CompactFault::UnknownBase) {
      if (!overheard) put_control(peer, AskVector{});
    } else {
      refuse(peer, fmt::format("a message that cannot be read: {}", model::describe(error.where)));
    }
    return;
  }
  if (std::holds_alternative<UnknownMessage>(decoded->message)) {
    ++peer.unknown_messages;
    return;
  }
  auto message = std::move(std::get<Message>(decoded->message));
  if (overheard && !std::holds_alternative<Run>(message) && !std::holds_alternative<Ack>(message) &&
      !std::holds_alternative<Keys>(message) && !std::holds_alternative<LastValues>(message)) {
    return;  // meant for another
  }
  if (!decoded->unknown_tags.empty() && !peer.link.is_one_way) put_control(peer, WhoIs{decoded->unknown_tags});
  if (const auto* values = std::get_if<LastValues>(&message)) note_heard(air, *values);
  peer.overhearing = overheard;
  on_message(peer, std::move(message), now);
  peer.overhearing = false;
}

}  // namespace airbridge::sync
