#include "bearer/channel.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "bearer/wire.hpp"

namespace airbridge::bearer {
namespace {
constexpr std::string_view tag_context = "airbridge session 1";
constexpr Milliseconds down_slack{2'000};
constexpr Milliseconds answer_newcomer_within{1'500};

Microseconds frame_time_of(const Profile& profile) {
  return AirUse(profile.rate_bps, 1, Milliseconds(60'000)).airtime(profile.mtu);
}
}  // namespace

Channel::Channel(Setup setup, Source& source, const Squeezer& squeezer, Rng rng, Now now)
    : profile_(bounded(std::move(setup.profile))),
      source_(source),
      squeezer_(squeezer),
      rng_(rng),
      guard_({setup.key, setup.node, setup.start, profile_.encrypt, setup.planted, profile_.one_way}, setup.state),
      use_(profile_.rate_bps, profile_.duty_cycle, profile_.duty_window),
      turns_(profile_, frame_time_of(profile_), rng_.fork()),
      node_(setup.node) {
  // Stations that start together, after a power cut, do not all speak at once.
  next_beacon_ = now.steady + Milliseconds(rng_.between(0, std::min<std::int64_t>(2'000, profile_.interval.count())));
  save_if_wanted(now);
}

void Channel::set_members(const std::vector<model::KeyId>& members, Now now) {
  guard_.set_members(members);
  std::vector<model::KeyId> gone;
  for (const auto& [id, n] : neighbours_) {
    if (!guard_.is_member(id)) gone.push_back(id);
  }
  for (const auto& id : gone) down(id, "is no longer a member");
  run(now);
}

Neighbour* Channel::find(const model::KeyId& node) {
  const auto found = neighbours_.find(node);
  return found == neighbours_.end() ? nullptr : &found->second;
}

std::uint16_t Channel::tag_of(const model::KeyId& from, std::uint64_t from_start, const model::KeyId& to,
                              std::uint64_t to_start, std::uint8_t salt) const {
  Bytes text;
  put_uint(text, from_start, 8);
  put_uint(text, to_start, 8);
  text.push_back(salt);
  const auto hash = blake2b<16>({as_bytes(tag_context), from.view(), to.view(), text});
  const auto tag = static_cast<std::uint16_t>(hash[0] << 8 | hash[1]);
  return tag == 0 ? 1 : tag;  // 0 is everybody
}

void Channel::begin_session(Neighbour& n, std::uint64_t start) {
  const auto id = n.id;
  const auto stats = n.stats;
  const std::size_t window = profile_.half_duplex ? window_turns : window_timers;
  n = Neighbour(id, window);
  n.stats = stats;
  n.start = start;
  // A session begun anew between the same two starts is another one. Sixteen bits may meet those of a third one of
  // ours; the salt parts them.
  for (unsigned tried = 0; tried < 255; ++tried) {
    last_salt_ = static_cast<std::uint8_t>(last_salt_ % 255 + 1);
    n.salt = last_salt_;
    n.tag_out = tag_of(node_, guard_.start(), id, start, n.salt);
    const bool taken = std::any_of(neighbours_.begin(), neighbours_.end(), [&](const auto& other) {
      return other.first != id && other.second.tag_out == n.tag_out;
    });
    if (!taken) break;
  }
}

// They have opened a session to us. When they had begun one before, they have lost it, and with it what they had of
// ours unless they say that they follow it still.
bool Channel::follow_session(Neighbour& n, const OpenPart& open, std::uint16_t tag, std::uint64_t counter) {
  if (n.synced && tag == n.tag_in) {
    n.session_from = std::min(n.session_from, counter);
    return true;
  }
  if (n.synced && counter < n.highest) return false;  // late, of a session that is over
  if (n.synced || (n.confirmed && open.heard != n.salt)) {
    const auto digest = n.digest;
    const auto heard = n.last_heard;
    if (n.confirmed && open.heard != n.salt) {
      begin_session(n, n.start);
    } else {
      n.urgent_in = Inbox();
      n.bulk_in = Inbox();
      n.highest = 0;
    }
    n.digest = digest;
    n.last_heard = heard;
    outputs_.push_back(Up{n.id, digest});
  }
  n.synced = true;
  n.tag_in = tag;
  n.salt_in = open.salt;
  n.session_from = counter;
  return true;
}

Neighbour* Channel::heard_from(const Opened& opened, Now now) {
  auto* n = find(opened.sender);
  if (n == nullptr) {
    if (neighbours_.size() >= neighbours_max) return nullptr;
    const std::size_t window = profile_.half_duplex ? window_turns : window_timers;
    n = &neighbours_.emplace(opened.sender, Neighbour(opened.sender, window)).first->second;
  }
  if (n->start != opened.start) {
    begin_session(*n, opened.start);
    // It may believe in an earlier session of ours, and what it says there would be lost.
    n->owes_open = !profile_.half_duplex && !profile_.one_way;
    outputs_.push_back(Up{n->id, std::nullopt});
    // It may not know us: beacons with a long header, the first soon, though not of all at once.
    long_beacons_ = long_beacons_after_meeting;
    if (!profile_.one_way) {
      const auto soon = now.steady + Milliseconds(rng_.between(0, answer_newcomer_within.count()));
      next_beacon_ = std::min(next_beacon_, soon);
    }
  }
  n->last_heard = now.steady;
  n->silent_until = {};
  n->silence = Milliseconds(0);
  n->hurry = (opened.flags & flag_hurry) != 0;
  return n;
}

void Channel::down(const model::KeyId& node, std::string why) {
  if (neighbours_.erase(node) > 0) outputs_.push_back(Down{node, std::move(why)});
}

// A station that cannot speak because another holds the channel is not lost.
Milliseconds Channel::patience() const {
  const auto turns = std::chrono::ceil<Milliseconds>(profile_.burst_frames * frame_time_of(profile_));
  return missed_intervals_max * profile_.interval + down_slack + (profile_.half_duplex ? turns : profile_.delay);
}

void Channel::check_neighbours(Now now) {
  std::vector<model::KeyId> lost;
  for (const auto& [id, n] : neighbours_) {
    if (n.last_heard + patience() <= now.steady) lost.push_back(id);
  }
  for (const auto& id : lost) down(id, "nothing heard for two intervals");
}

void Channel::save_if_wanted(Now now) {
  if (!guard_.wants_save(now)) return;
  ++stats_.saves;
  outputs_.push_back(Save{guard_.take_state(now)});
}

void Channel::saved(Now now) {
  guard_.saved();
  auto held = std::exchange(held_, {});
  for (auto& frame : held) {
    if (guard_.is_durable(frame.opened.sender, frame.opened.counter)) {
      take(std::move(frame.opened), frame.frame_bytes, now);
    } else if (guard_.is_member(frame.opened.sender)) {
      held_.push_back(std::move(frame));
    }
  }
  run(now);
}

void Channel::wake(const model::KeyId& node, bool urgent, Now now) {
  if (node.is_zero()) {
    want_values_ = true;
    (urgent ? want_all_urgent_ : want_all_) = true;
  } else if (auto* const n = find(node)) {
    (urgent ? n->want_urgent : n->want_bulk) = true;
  }
  run(now);
}

void Channel::transmitted(Now now) {
  caller_reports_ = true;
  if (outstanding_ > 0) --outstanding_;
  if (outstanding_ == 0) busy_until_ = std::min<Microseconds>(busy_until_, now.steady.time_since_epoch());
  run(now);
}

void Channel::poll(Now now) {
  check_neighbours(now);
  run(now);
}

void Channel::run(Now now) {
  save_if_wanted(now);
  if (profile_.one_way) {
    run_one_way(now);
  } else if (profile_.half_duplex) {
    run_turns(now);
  } else {
    run_timers(now);
  }
  save_if_wanted(now);
}

std::optional<SteadyTime> Channel::next_deadline() const {
  std::optional<SteadyTime> out;
  const auto at = [&](SteadyTime time) { out = out ? std::min(*out, time) : time; };
  // Waiting for saved() or transmitted() has no time: they say when to go on.
  const bool waits_for_caller = !guard_.can_seal() || (caller_reports_ && outstanding_ >= outstanding_max);
  if (!waits_for_caller) {
    const auto ready = std::max(SteadyTime(std::chrono::ceil<Milliseconds>(busy_until_)) - frame_lead(), duty_wait_);
    if (!profile_.half_duplex) {
      at(timer_deadline(ready));
    } else if (turns_.state() == Turns::State::Ours) {
      at(ready);
    } else if (turns_.state() != Turns::State::Free) {
      at(turns_.until());
    } else {
      at(wants_turn_ ? std::max(turns_.until(), ready) : std::max(next_beacon_, turns_.until()));
      for (const auto& [id, n] : neighbours_) {
        if (n.silent_until != SteadyTime{}) at(std::max(n.silent_until, turns_.until()));
      }
    }
  }
  for (const auto& [id, n] : neighbours_) at(n.last_heard + patience());
  if (const auto due = guard_.next_save()) at(*due);
  return out;
}

std::vector<model::KeyId> Channel::neighbours() const {
  std::vector<model::KeyId> out;
  for (const auto& [id, n] : neighbours_) out.push_back(id);
  return out;
}

Stats Channel::stats(Now now) const {
  Stats out = stats_;
  for (const auto& [id, n] : neighbours_) {
    auto row = n.stats;
    row.last_heard = n.last_heard;
    row.round_trip = n.round_trip;
    row.waiting_bytes = n.urgent.waiting_bytes() + n.bulk.waiting_bytes();
    out.neighbours.emplace(id, row);
  }
  out.occupancy = use_.occupancy(now.steady);
  out.own_share = use_.own_share(now.steady);
  out.duty_exhausted = duty_wait_ > now.steady;
  return out;
}

}  // namespace airbridge::bearer
