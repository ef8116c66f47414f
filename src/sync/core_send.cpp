// What goes to a peer next. Decided anew for each frame: class 0; then last values within their share of the burst; a
// frame of class 2 when its tenth is due; class 1; class 2; and what last values are left.
#include <algorithm>

#include "sync/compact_position.hpp"
#include "sync/core.hpp"

namespace airbridge::sync {
namespace {
constexpr std::size_t observation_share = 4;      // a quarter of a burst
constexpr std::size_t routine_share = 10;         // at least a tenth of all event bytes
constexpr std::size_t routine_turn_bytes = 4096;  // paid out in turns of this
constexpr std::size_t run_bytes_min = 1536;       // on message links, before compression
constexpr std::size_t entry_overhead_bytes = 44;  // heads, and the hash of a private part that stays home
constexpr std::uint32_t hold_ms_max = 5 * 60 * 1000;
}  // namespace

std::uint64_t Core::ours_for(const Peer& peer, const model::StreamId& stream) const {
  const auto held = held_of(ours_, stream);
  if (held == 0 && stream.is_branch() && peer.offered_branches.contains(stream)) return held_of(raw_, stream.base());
  return held;
}

bool Core::lacks(const Peer& peer, const model::StreamId& stream) const {
  return ours_for(peer, stream) > std::max(held_of(peer.theirs, stream), held_of(peer.sent, stream));
}

void Core::mark_ready(Peer& peer, const model::StreamId& stream) {
  if (lacks(peer, stream)) peer.ready[static_cast<std::size_t>(stream.cls)].insert(stream);
}

bool Core::may_send(const Peer& peer, const model::StreamId& stream, Now now) const {
  if (const auto held = peer.held_back.find(stream); held != peer.held_back.end() && held->second > now.steady) {
    return false;
  }
  if (peer.probes.contains(stream.base()) || peer.settled_apart.contains(stream)) return false;
  // A branch hangs on its base: the peer must hold that first.
  const auto base = std::max(held_of(peer.theirs, stream.base()),
                             peer.link.is_one_way ? held_of(peer.sent, stream.base()) : std::uint64_t{0});
  return !stream.is_branch() || base + 1 >= stream.branch.from || held_of(peer.theirs, stream) > 0;
}

bool Core::is_flooding(const model::KeyId& author, Now) const {
  const auto found = floods_.find(author);
  return found != floods_.end() && found->second.sum > flood_events_max;
}

std::optional<model::StreamId> Core::pick(Peer& peer, model::Class cls, Now now) {
  const auto index = static_cast<std::size_t>(cls);
  // In turn, so that one author's backlog does not keep another's waiting.
  const auto search = [&](std::set<model::StreamId>& ready, auto&& wanted) -> std::optional<model::StreamId> {
    std::vector<model::StreamId> finished;
    std::optional<model::StreamId> found;
    const auto start = ready.upper_bound(peer.last_served[index]);
    const auto look = [&](auto from, auto to) {
      for (auto it = from; it != to && !found; ++it) {
        if (!lacks(peer, *it)) {
          finished.push_back(*it);
        } else if (wanted(*it) && may_send(peer, *it, now)) {
          found = *it;
        }
      }
    };
    look(start, ready.end());
    look(ready.begin(), start);
    for (const auto& stream : finished) ready.erase(stream);
    return found;
  };
  const auto flooding = [&](const model::StreamId& stream) { return is_flooding(stream.writer.author, now); };
  const auto any = [](const model::StreamId&) { return true; };
  std::optional<model::StreamId> found;
  if (cls == model::Class::Urgent) {
    // Somebody waits for what is reported now; what is a day old has waited longer than it will.
    const auto calm = [&](const auto& stream) { return !flooding(stream); };
    found = search(peer.fresh, calm);
    if (!found) found = search(peer.ready[0], calm);
  } else {
    if (cls == model::Class::Important && !floods_.empty()) found = search(peer.ready[0], flooding);
    if (!found) found = search(peer.ready[index], any);
  }
  if (found) peer.last_served[index] = *found;
  return found;
}

bool Core::send_events(Peer& peer, model::Class cls, std::size_t bytes_max, Now now) {
  auto& slot = peer.outgoing[static_cast<std::size_t>(cls)];
  if (slot) {
    const auto reached = std::max(held_of(peer.theirs, slot->stream), held_of(peer.sent, slot->stream));
    if (slot->done() || slot->entries[slot->next].seq != reached + 1 || !may_send(peer, slot->stream, now)) {
      slot.reset();
    }
  }
  while (!slot) {
    const auto stream = pick(peer, cls, now);
    if (!stream) return false;
    const auto virtual_branch = stream->is_branch() && held_of(ours_, *stream) == 0;
    auto after = std::max(held_of(peer.theirs, *stream), held_of(peer.sent, *stream));
    if (stream->is_branch()) after = std::max(after, stream->branch.from - 1);
    const auto until = ours_for(peer, *stream);
    Outgoing next{*stream, {}, {}, 0};
    for (auto& run : log_.runs_after(virtual_branch ? stream->base() : *stream, after, batch_bytes_max)) {
      // Up to a fork the last seal may stand behind it: then what follows goes along as the proof.
      if (run.entries.front().seq > until) break;
      for (auto& entry : run.entries) {
        entry.stream = *stream;
        next.entries.push_back(std::move(entry));
      }
      run.seal.stream = *stream;
      next.seals.emplace(run.seal.seq, run.seal);
    }
    if (next.entries.empty() || next.entries.front().seq != after + 1) {
      // Damage. Looked at again when the log changes.
      peer.ready[static_cast<std::size_t>(stream->cls)].erase(*stream);
      peer.fresh.erase(*stream);
      continue;
    }
    slot = std::move(next);
  }
  send_part(peer, *slot, cls, bytes_max, now);
  return true;
}

void Core::send_part(Peer& peer, Outgoing& from, model::Class cls, std::size_t bytes_max, Now now) {
  send_key(peer, from.stream.writer.author, cls == model::Class::Urgent);
  // A seal is as long as an event or two: what waits of a stream goes under one rather than fits.
  const auto least = peer.link.is_message ? run_bytes_min : std::size_t{0};
  const auto limit = std::min(std::max(bytes_max, least), peer.link.frame_bytes);
  std::size_t size = 0, count = 0, sealed = 0;
  while (from.next + count < from.entries.size() && count < entries_per_run_max) {
    const auto& entry = from.entries[from.next + count];
    if (count > 0 && size + entry.size() + entry_overhead_bytes > limit) break;
    size += entry.size() + entry_overhead_bytes;
    ++count;
    if (from.seals.contains(entry.seq)) sealed = count;
  }
  // Up to the last seal that fits; seals passed over are vouched for by it. Without one it is the start of a run.
  if (sealed > 0) count = sealed;
  const std::span<const model::Entry> entries(from.entries.data() + from.next, count);
  const auto last = entries.back().seq;
  const auto seal = from.seals.find(last);
  auto frame = encode_part(peer, from.stream, entries, seal == from.seals.end() ? nullptr : &seal->second);
  const auto bytes = frame.size();
  peer.sent[from.stream] = last;
  if (!peer.link.is_one_way) {  // else nothing ever lands, as far as is known
    if (peer.in_flight_bytes == 0) peer.flight_since = now.steady;
    peer.in_flight[from.stream].emplace_back(std::min(last, ours_for(peer, from.stream)), bytes);
    peer.in_flight_bytes += bytes;
  }
  peer.events_sent += count;
  peer.progress = now.steady;
  from.next += count;
  if (seal != from.seals.end() && last <= ours_for(peer, from.stream)) {
    announce(peer, from.stream, {last, head_start<4>(seal->second.head)});
  }
  if (peer.link.channel != 0 && !peer.link.is_one_way) share(peer, from.stream, entries.front().seq, last, now);
  if (cls == model::Class::Routine) {
    peer.routine_credit -= std::min(peer.routine_credit, bytes);
  } else if (!peer.ready[static_cast<std::size_t>(model::Class::Routine)].empty()) {
    peer.routine_credit = std::min(peer.routine_credit + bytes / (routine_share - 1), peer.link.frame_bytes);
  }
  hand_over(peer, std::move(frame), cls == model::Class::Urgent, cls);
}

void Core::send_key(Peer& peer, const model::KeyId& author, bool urgent) {
  if (!peer.keys_sent.insert(author).second) return;
  // Whoever holds something of an author holds its key.
  const auto first = peer.theirs->lower_bound(model::StreamId{{author, 0}, model::Class::Urgent, {}});
  const bool known = first != peer.theirs->end() && first->first.writer.author == author;
  if (known && peer.keys_wanted.erase(author) == 0) return;
  // It goes before what needs it: on message links urgent messages overtake.
  if (const auto key = log_.author_key(author))
    hand_over(peer, encode_for(peer, Keys{{*key}}), urgent || !peer.link.is_message, std::nullopt);
}

void Core::send_observations(Peer& peer, std::size_t bytes_max, Now now) {
  LastValues values;
  std::vector<ObservationKey> keys;
  std::size_t size = 0;
  while (!peer.observations.empty() && values.observations.size() < observations_per_frame_max) {
    const auto next = peer.link.is_message ? value_bytes(peer, now) : peer.observations.next_bytes();
    if (!values.observations.empty() && size + next > std::min(bytes_max, peer.link.value_bytes_max)) break;
    size += next + 3;
    keys.push_back(peer.observations.next_key());
    peer.resting.forget(keys.back());
    values.observations.push_back(fitting(peer, *peer.observations.take()));
  }
  if (peer.link.channel != 0) {
    // All on the channel hear it.
    for (auto& [id, other] : peers_) {
      if (other.link.channel != peer.link.channel || id == peer.id) continue;
      for (const auto& key : keys) {
        other.observations.forget(key);
        other.resting.forget(key);
      }
    }
  }
  auto frame = peer.link.is_message ? encode_values(peer, values, keys, now) : encode(values);
  peer.observations_handed += frame.size();
  hand_over(peer, std::move(frame), false, std::nullopt, false);
}

void Core::pump(Peer& peer, Now now) {
  if (peer.state != PeerState::Up || peer.dead) return;
  tell_spent(peer);
  if (peer.link.is_message && peer.pulled == nullptr) return want_what_waits(peer, now);
  run_probes(peer, now);
  const bool carries_urgent = carries(peer, true, now), carries_rest = carries(peer, false, now);
  if (carries_rest && !peer.link.is_one_way) flush_acks(peer, false);
  const auto& link = peer.link;
  // What is pulled shall fit into what may be transmitted.
  const auto frame_bytes = [&] {
    if (peer.pulled == nullptr) return link.frame_bytes;
    return std::min(link.frame_bytes, link.burst_bytes - std::min(link.burst_bytes, peer.handed));
  };
  const bool busy = now.steady < peer.busy_until;
  const auto urgent = [&] {
    const auto reserve = peer.pulled != nullptr ? 0 : urgent_reserve_bytes;
    return carries_urgent && !busy && peer.handed < link.burst_bytes + reserve &&
           peer.in_flight_bytes < link.window_bytes + urgent_reserve_bytes &&
           send_events(peer, model::Class::Urgent, frame_bytes(), now);
  };
  const auto observation_quota = link.burst_bytes / observation_share;
  while (!peer.dead) {
    if (config_.planted != Planted::PriorityHole && urgent()) continue;
    if (peer.handed >= link.burst_bytes || !carries_rest || is_spent(peer)) break;
    if (send_snapshot_part(peer)) continue;
    if (!peer.observations.empty() && peer.observations_handed < observation_quota) {
      send_observations(peer, std::min(frame_bytes(), observation_quota - peer.observations_handed), now);
      continue;
    }
    if (!busy && peer.in_flight_bytes < link.window_bytes) {
      if (peer.routine_credit >= routine_turn_bytes &&
          send_events(peer, model::Class::Routine, peer.routine_credit, now)) {
        continue;
      }
      if (send_events(peer, model::Class::Important, frame_bytes(), now)) continue;
      if (send_events(peer, model::Class::Routine, frame_bytes(), now)) continue;
    }
    if (config_.planted == Planted::PriorityHole && urgent()) continue;
    if (!peer.observations.empty()) {
      send_observations(peer, frame_bytes(), now);
    } else if (!send_tracks(peer, now)) {
      break;
    }
  }
}

void Core::pump_all(Now now) {
  for (auto& [id, peer] : peers_) pump(peer, now);
}

void Core::reset_stream(Peer& peer, const model::StreamId& stream) {
  peer.sent.erase(stream);
  for (auto& slot : peer.outgoing) {
    if (slot && slot->stream == stream) slot.reset();
  }
  if (const auto flying = peer.in_flight.find(stream); flying != peer.in_flight.end()) {
    for (const auto& [seq, bytes] : flying->second) peer.in_flight_bytes -= bytes;
    peer.in_flight.erase(flying);
  }
  mark_ready(peer, stream);
}

void Core::on_run_refused(Peer& peer, const RunRefused& refused, Now now) {
  if (ours_for(peer, refused.stream) == 0) return;
  const auto until = now.steady + Milliseconds(std::min(refused.retry_ms, hold_ms_max));
  if (refused.reason == Reason::Busy) {
    peer.busy_until = std::max(peer.busy_until, until);
  } else if (refused.retry_ms > 0) {
    peer.held_back[refused.stream] = until;
  }
  if (refused.reason == Reason::UnknownAuthor) {
    peer.keys_sent.erase(refused.stream.writer.author);
    peer.keys_wanted.insert(refused.stream.writer.author);
  }
  reset_stream(peer, refused.stream);
}

}  // namespace airbridge::sync
