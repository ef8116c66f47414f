// What arrives from a peer, and what is checked before anything of it is offered for writing.
#include <fmt/format.h>

#include <algorithm>

#include "sync/core.hpp"

namespace airbridge::sync {
namespace {
std::size_t size_of(const std::vector<model::Entry>& entries) {
  std::size_t size = 0;
  for (const auto& entry : entries) size += entry.size() + sizeof(model::Entry);
  return size;
}
}  // namespace

std::optional<model::PublicKey> Core::key_for(const Peer& peer, const model::KeyId& author) const {
  if (auto known = log_.author_key(author)) return known;
  const auto offered = peer.offered_keys.find(author);
  return offered == peer.offered_keys.end() ? std::nullopt : std::optional(offered->second);
}

// How far a stream reaches, runs being written included, and the chain value there.
std::pair<std::uint64_t, std::optional<model::Hash>> Core::position(const model::StreamId& stream) const {
  if (const auto found = incoming_.find(stream); found != incoming_.end()) {
    return {found->second.end, found->second.head};
  }
  auto seq = held_of(ours_, stream);
  if (stream.is_branch() && seq == 0) {
    seq = stream.branch.from - 1;
    // The base must reach to where the branch begins.
    if (held_of(raw_, stream.base()) < seq) return {0, std::nullopt};
  }
  return {seq, log_.chain_at(stream, seq)};
}

void Core::refuse_run(Peer& peer, const model::StreamId& stream, std::uint64_t seq, Reason reason, Milliseconds retry) {
  // To whom it was meant it may be good.
  if (!peer.overhearing) put_control(peer, RunRefused{stream, seq, reason, static_cast<std::uint32_t>(retry.count())});
  // Being busy or behind is no misdeed.
  if (reason == Reason::Gap || reason == Reason::Busy || reason == Reason::Forked || reason == Reason::OwnStream ||
      reason == Reason::TooManyStreams) {
    return;
  }
  // On message links what is urgent overtakes, perhaps the key it needs.
  if (reason == Reason::UnknownAuthor && peer.link.is_message) return;
  refuse(peer, fmt::format("events from {} of stream {}: {}", seq, model::to_text(stream), name_of(reason)));
}

void Core::on_run(Peer& peer, Run run, Now now) {
  peer.vector_heard_since_ping = true;
  const auto stream = run.stream;
  const auto first = run.entries.front().seq;
  peer.events_heard = now.steady;
  peer.claims.came(stream, now.steady);
  for (const auto& entry : run.entries) {
    if (entry.size() > model::event_bytes_max) {
      return refuse_run(peer, stream, entry.seq, Reason::Oversized, retry_refused);
    }
  }
  auto& staged = peer.staged[stream];
  if (!staged.empty()) {
    peer.staged_bytes -= size_of(staged);
    if (staged.back().seq + 1 == first) {
      staged.insert(staged.end(), std::make_move_iterator(run.entries.begin()),
                    std::make_move_iterator(run.entries.end()));
    } else {
      staged = std::move(run.entries);
    }
  } else {
    staged = std::move(run.entries);
  }
  if (run.seal) {
    model::SealedRun whole{std::move(staged), *run.seal};
    peer.staged.erase(stream);
    return on_whole_run(peer, std::move(whole), run.head_known, now);
  }
  const auto bytes = size_of(staged);
  if (peer.staged_bytes + bytes > staging_bytes_max || peer.staged.size() > staged_streams_max) {
    peer.staged.erase(stream);
    return refuse_run(peer, stream, first, Reason::Oversized, retry_refused);
  }
  peer.staged_bytes += bytes;
}

// A seal that came without its head is of the head that follows from what is held here. False where that cannot be said
// (something before the run is missing) or need not (it is held already).
bool Core::complete_head(model::SealedRun& run, std::uint64_t end, const std::optional<model::Hash>& before) const {
  const auto& stream = run.entries.front().stream;
  const auto first = run.entries.front().seq;
  if (!before || first > end + 1) return false;
  if (run.seal.seq <= end) {
    const auto held = log_.chain_at(stream, run.seal.seq);
    if (held) run.seal.head = *held;
    return held.has_value();
  }
  run.seal.head = *before;
  for (const auto& entry : run.entries) {
    if (entry.seq > end) run.seal.head = model::chain_next(run.seal.head, entry);
  }
  return true;
}

void Core::on_whole_run(Peer& peer, model::SealedRun run, bool head_known, Now now) {
  const auto named = run.seal.stream;  // what the sender calls it
  const auto first = run.entries.front().seq;
  const auto last = run.seal.seq;
  const auto key = key_for(peer, named.writer.author);
  if (!key) return refuse_run(peer, named, first, Reason::UnknownAuthor, retry_busy);

  auto stream = named;
  if (named.is_branch()) {
    const auto claim = judge_branch(named);
    if (claim == BranchClaim::Elsewhere) return refuse_run(peer, named, first, Reason::Forked, retry_refused);
    if (claim == BranchClaim::Base) {
      stream = named.base();
      for (auto& entry : run.entries) entry.stream = stream;
      run.seal.stream = stream;
      // Whether it contradicts what is being written is seen when that is on disk.
      const auto coming = incoming_.find(stream);
      if (coming != incoming_.end() && first <= coming->second.end) {
        return refuse_run(peer, named, first, Reason::Gap, retry_forked);
      }
    }
  }
  const auto [end, before] = position(stream);
  if (!head_known && !complete_head(run, end, before)) {
    if (++peer.gaps > gaps_max)
      return part(peer, Parting::Protocol, "events with nothing before them, again and again");
    return refuse_run(peer, named, first, Reason::Gap, before ? Milliseconds(0) : retry_forked);
  }
  // Whatever becomes of it here, the sender holds it.
  const auto heard = [&] {
    if (held_of(peer.theirs, named) < last) heard_of(peer, named, {last, head_start<4>(run.seal.head)}, now);
  };
  if (!is_own(stream) || stream.is_branch()) {
    if (!before || first > end + 1) {
      // Nothing of it is remembered unless its author signed it.
      if (!trust::verify_seal(*key, config_.incident, run.seal)) {
        return refuse_run(peer, named, first, Reason::BadSeal, retry_refused);
      }
      heard();
      // Told once for each place we stand at: frames already under way would only repeat it.
      const auto told = peer.gap_told.find(named);
      if (told != peer.gap_told.end() && told->second == end) return;
      if (told != peer.gap_told.end() || peer.gap_told.size() < gaps_told_max) peer.gap_told[named] = end;
      if (++peer.gaps > gaps_max)
        return part(peer, Parting::Protocol, "events with nothing before them, again and again");
      return refuse_run(peer, named, first, Reason::Gap, before ? Milliseconds(0) : retry_forked);
    }
    peer.gap_told.erase(named);
    if (last <= end) {
      const auto known = incoming_.contains(stream) && last == end ? before : log_.chain_at(stream, last);
      if (!known || *known == run.seal.head) {
        if (const auto coming = incoming_.find(stream); coming != incoming_.end())
          coming->second.senders.insert(peer.id);
        peer.events_duplicate += run.entries.size();
        return heard();
      }
    }
  }
  if (!trust::verify_seal(*key, config_.incident, run.seal)) {
    // Where the head is our reckoning it may be that what we hold before is another content.
    refuse_run(peer, named, first, head_known ? Reason::BadSeal : Reason::WrongChain,
               head_known ? retry_refused : retry_forked);
    if (head_known || peer.dead || end == 0) return;
    suspect(peer, stream, end, false, now);
    return take_fork(peer, proven_fork(run, end, &*key), now);
  }
  if (is_own(stream) && !stream.is_branch()) {
    const auto ours = held_of(raw_, stream);
    // What the log has may have been sent, and come back, before this node was told that it is durable.
    const auto known = log_.chain_at(stream, last);
    if (known && *known == run.seal.head) {
      peer.events_duplicate += run.entries.size();
      return heard();
    }
    own_ahead(stream, ours, last);
    heard();
    return refuse_run(peer, named, first, Reason::OwnStream, retry_forked);
  }
  const auto cut = stream.is_branch() ? std::nullopt : fork_cut(raw_, stream, log_);
  const bool over_cut = cut && last > *cut;
  if (!over_cut) heard();
  if (over_cut && end >= *cut) return refuse_run(peer, named, first, Reason::Forked, retry_forked);
  if (last <= end) {
    // The author signed two contents for this number.
    refuse_run(peer, named, first, Reason::Forked, retry_forked);
    suspect(peer, stream, last, true, now);
    return take_fork(peer, proven_fork(run, end, nullptr), now);
  }
  if (first <= end && !cut) {
    if (auto fork = proven_fork(run, end, nullptr)) {
      refuse_run(peer, named, first, Reason::Forked, retry_forked);
      suspect(peer, stream, end, false, now);
      return take_fork(peer, std::move(fork), now);
    }
  }
  const bool is_new = !raw_.contains(stream) && !incoming_.contains(stream);
  const bool stranger = config_.is_granted && stream.writer.author != config_.node && !config_.is_granted(run);
  // No misdeed of the peer, which may know of more grants than this node, and said once.
  const auto no_room = [&](std::string why) {
    if (!std::exchange(peer.no_room_told, true)) {
      outputs_.push_back(Refused{peer.id, peer.link.address, peer.frame_offset, std::move(why)});
    }
    refuse_run(peer, named, first, Reason::TooManyStreams, retry_refused);
  };
  if (stranger && !has_room_for_stranger(run, is_new)) {
    // What its author is granted may be on its way to the disk: a newcomer's first events follow its grant.
    const auto& author = stream.writer.author;
    if (std::ranges::any_of(incoming_, [&](const auto& coming) {
          return coming.second.granted && coming.first.writer.author == author;
        }))
      return refuse_run(peer, named, first, Reason::Busy, retry_busy);
    ++strangers_refused_;
    return no_room(
        fmt::format("events of {}, whom nobody granted: there is no more room for such", stream.writer.author.hex()));
  }
  if (is_new) {
    if (!stranger && raw_.size() + incoming_.size() >= streams_max + stranger_use().streams) {
      return no_room(fmt::format("more than {} streams", streams_max));
    }
    if (stream.is_branch()) {
      std::size_t branches = 0;
      for (auto it = raw_.upper_bound(stream.base()); it != raw_.end() && it->first.base() == stream.base(); ++it) {
        ++branches;
      }
      if (branches >= branches_max) {
        return no_room(fmt::format("more than {} branches of stream {}", branches_max, model::to_text(stream.base())));
      }
    }
  }
  const auto pending_max = std::max(pending_bytes_floor, peer.link.window_bytes * pending_windows_max);
  if (peer.pending_bytes >= pending_max) return refuse_run(peer, named, first, Reason::Busy, retry_busy);

  std::erase_if(run.entries, [&, reached = end](const auto& entry) { return entry.seq <= reached; });
  auto head = *before;
  auto head_at_cut = head;
  bool contradicts = false;
  for (const auto& entry : run.entries) {
    head = model::chain_next(head, entry);
    if (over_cut && entry.seq > *cut) {
      const auto held = log_.chain_at(stream, entry.seq);
      contradicts = contradicts || (held && *held != head);
    } else {
      head_at_cut = head;
    }
    if (stream.is_branch() && entry.seq == stream.branch.from && head_start<8>(head) != stream.branch.head) {
      return refuse_run(peer, named, first, Reason::WrongChain, retry_refused);
    }
  }
  if (head != run.seal.head) {
    // Signed, but not what follows what we hold: either the stream forked before, or these entries are not the signed
    // ones. Comparing chains with the peer tells which.
    refuse_run(peer, named, first, Reason::WrongChain, retry_forked);
    if (!peer.dead && end > 0) suspect(peer, stream, end, false, now);
    return;
  }
  if (contradicts) {
    // The other branch stands here already; of this run only what is missing before the fork is wanted.
    std::erase_if(run.entries, [&](const auto& entry) { return entry.seq > *cut; });
    head = head_at_cut;
  }
  if (is_own(stream)) own_ahead(stream, held_of(raw_, stream.base()), last);
  peer.events_received += run.entries.size();
  peer.gaps = 0;
  if (stranger) {
    auto& use = stranger_use();
    use.streams += is_new ? 1 : 0;
    use.events += run.entries.size();
    stranger_bytes_ += size_of(run.entries);
  }
  accept(peer.id, std::move(run), head, log_.author_key(stream.writer.author) ? std::nullopt : key);
  if (!stranger) incoming_[stream].granted = true;
}

// What authors that nobody granted take up, on disk and on the way there, counted anew when the log or the grants may
// have changed.
Core::StrangerUse& Core::stranger_use() {
  if (stranger_use_) return *stranger_use_;
  stranger_use_ = StrangerUse{};
  if (!config_.is_granted) return *stranger_use_;
  std::optional<std::pair<model::KeyId, bool>> asked;
  const auto is_stranger = [&](const model::StreamId& stream) {
    const auto& author = stream.writer.author;
    if (!asked || asked->first != author) {
      model::SealedRun nothing;
      nothing.seal.stream = stream;
      asked.emplace(author, author == config_.node || config_.is_granted(nothing));
    }
    return !asked->second;
  };
  for (const auto& [stream, seq] : raw_) {
    if (!is_stranger(stream)) continue;
    ++stranger_use_->streams;
    stranger_use_->events += stream.is_branch() ? seq - stream.branch.from + 1 : seq;
  }
  for (const auto& [stream, coming] : incoming_) {
    if (coming.granted || !is_stranger(stream)) continue;
    const auto before = stream.is_branch() ? stream.branch.from - 1 : 0;
    const auto on_disk = std::max(held_of(raw_, stream), before);
    stranger_use_->streams += raw_.contains(stream) ? 0 : 1;
    stranger_use_->events += coming.end - std::min(on_disk, coming.end);
  }
  return *stranger_use_;
}

bool Core::has_room_for_stranger(const model::SealedRun& run, bool is_new) {
  const auto& use = stranger_use();
  return use.streams + (is_new ? 1 : 0) <= stranger_streams_max &&
         use.events + run.entries.size() <= stranger_events_max &&
         stranger_bytes_ + size_of(run.entries) <= stranger_bytes_max;
}

void Core::accept(PeerId from, model::SealedRun run, const model::Hash& head, std::optional<model::PublicKey> key) {
  const auto stream = run.seal.stream;
  auto& incoming = incoming_[stream];
  if (incoming.outstanding == 0) incoming.generation = ++last_generation_;
  incoming.end = run.entries.back().seq;
  incoming.head = head;
  ++incoming.outstanding;
  incoming.senders.insert(from);
  const auto bytes = size_of(run.entries);
  if (auto* peer = find(from)) peer->pending_bytes += bytes;
  const auto ticket = ++last_ticket_;
  pending_[ticket] = {stream, from, bytes, incoming.generation};
  outputs_.push_back(Accept{ticket, from, std::move(run), key});
}

void Core::accepted(Ticket ticket, Now) {
  const auto found = pending_.find(ticket);
  if (found == pending_.end()) return;
  const auto pending = found->second;
  pending_.erase(found);
  if (auto* peer = find(pending.peer)) peer->pending_bytes -= pending.bytes;
  const auto incoming = incoming_.find(pending.stream);
  if (incoming != incoming_.end() && incoming->second.generation == pending.generation &&
      --incoming->second.outstanding == 0) {
    incoming_.erase(incoming);
  }
  busy_retry_ = retry_busy;
  busy_until_ = {};
  dirty_ = true;
}

// The run of this ticket was not taken: forgets it and tells who sent its stream. Of a stream that was refused before,
// nobody waits any more.
template <class Tell>
bool Core::end_run(Ticket ticket, Tell tell) {
  const auto found = pending_.find(ticket);
  if (found == pending_.end()) return false;
  const auto pending = found->second;
  pending_.erase(found);
  if (auto* peer = find(pending.peer)) peer->pending_bytes -= pending.bytes;
  const auto incoming = incoming_.find(pending.stream);
  if (incoming == incoming_.end() || incoming->second.generation != pending.generation) return false;
  for (const auto id : incoming->second.senders) {
    auto* peer = find(id);
    if (peer == nullptr) continue;
    peer->gap_told.erase(pending.stream);
    tell(*peer, pending.stream);
  }
  incoming_.erase(incoming);
  return true;
}

void Core::refused(Ticket ticket, Now now) {
  // Doubled when it was tried again and failed again, not for each run that was on its way.
  const bool again = busy_until_ != SteadyTime{} && now.steady >= busy_until_;
  const auto retry = again ? std::min(busy_retry_ * 2, retry_busy_max) : busy_retry_;
  const bool told = end_run(ticket, [&](Peer& peer, const model::StreamId& stream) {
    put_control(
        peer, RunRefused{stream, held_of(ours_, stream) + 1, Reason::Busy, static_cast<std::uint32_t>(retry.count())});
  });
  if (!told) return;
  if (again || busy_until_ == SteadyTime{}) busy_until_ = now.steady + retry;
  busy_retry_ = retry;
}

void Core::rejected(Ticket ticket, const std::string& why, Now) {
  end_run(ticket, [&](Peer& peer, const model::StreamId& stream) {
    ++peer.refused;
    ++refused_total_;
    outputs_.push_back(Refused{peer.id, peer.link.address, peer.frame_offset, why});
    put_control(peer, RunRefused{stream, held_of(ours_, stream) + 1, Reason::WrongChain,
                                 static_cast<std::uint32_t>(retry_refused.count())});
  });
}

void Core::own_ahead(const model::StreamId& stream, std::uint64_t here, std::uint64_t there) {
  if (ahead_told_.insert(stream.writer).second) outputs_.push_back(OwnStreamAhead{stream.base(), here, there});
}

void Core::on_last_values(Peer& peer, const LastValues& values, Now now) {
  for (const auto& bytes : values.observations) {
    auto decoded = model::decode_observation(bytes);
    if (!decoded) {
      refuse(peer, "an observation that cannot be read: " + model::describe(decoded.error()));
      if (peer.dead) return;
      continue;
    }
    const auto key = key_of(*decoded);
    const auto shared = last_values_.offer(key, age_of(*decoded), said(*decoded, bytes), now.utc);
    if (shared == nullptr) continue;
    for (auto& [id, other] : peers_) {
      if (id == peer.id || other.dead || other.state != PeerState::Up || !other.carrying) continue;
      if (other.node == peer.node) continue;
      if (other.link.channel != 0 && other.link.channel == peer.link.channel && !other.link.repeats) continue;
      offer_value(other, key, shared, *decoded, now);
      pump(other, now);
    }
    outputs_.push_back(LastValue{peer.id, std::move(*decoded)});
  }
}

}  // namespace airbridge::sync
