// Half duplex: bursts and whose turn it is.
#include <algorithm>

#include "bearer/channel.hpp"

namespace airbridge::bearer {
namespace {
constexpr std::size_t frames_unconfirmed = 4;  // before the other side is known to follow
constexpr std::size_t frames_poll = 2;
constexpr std::size_t frames_worth_copies = 4;  // in a shorter burst the answer comes as soon as a copy would
constexpr Milliseconds silence_first{4'000};
constexpr Milliseconds ask_idle_every{15'000};  // a quiet third station, while two others keep the channel busy
}  // namespace

bool Channel::has_to_send(const Neighbour& n, Now now) const {
  return may_send_to(n, now) && (n.urgent.has_to_send() || n.bulk.has_to_send());
}

bool Channel::has_unacked(const Neighbour& n) { return n.urgent.has_unacked() || n.bulk.has_unacked(); }

bool Channel::wants_turn(Now now) const {
  if (now.steady >= next_beacon_ || !control_.empty() || !values_.empty() || want_values_) return true;
  return std::any_of(neighbours_.begin(), neighbours_.end(), [&](const auto& row) {
    return may_send_to(row.second, now) &&
           (has_to_send(row.second, now) || has_unacked(row.second) || row.second.want_urgent || row.second.want_bulk);
  });
}

// Of those who have something for us, or must acknowledge, the one whose turn was longest ago; while the channel is
// busy, also one that was not asked for long.
std::optional<model::KeyId> Channel::next_turn(bool busy, Now now) const {
  const Neighbour* best = nullptr;
  for (const auto& [id, n] : neighbours_) {
    if (!may_send_to(n, now)) continue;
    const bool must_acknowledge = has_to_send(n, now) || has_unacked(n);
    const bool quiet_long = busy && neighbours_.size() > 1 && now.steady - n.last_turn > ask_idle_every;
    if (!must_acknowledge && !n.more && !quiet_long && !(n.synced && !n.confirmed)) continue;
    if (best == nullptr || n.last_turn < best->last_turn) best = &n;
  }
  return best == nullptr ? std::nullopt : std::optional(best->id);
}

bool Channel::is_urgent_here(Now now) const {
  return std::any_of(neighbours_.begin(), neighbours_.end(),
                     [&](const auto& row) { return may_send_to(row.second, now) && row.second.urgent.has_to_send(); });
}

// By what it said, or because something urgent of it has come in part.
bool Channel::is_urgent_there(const Neighbour& n, Now now) const {
  return may_send_to(n, now) && n.last_heard + hurry_lasts > now.steady && (n.hurry || n.urgent_in.is_incomplete());
}

// Will something urgent wait here when so many more frames have gone?
bool Channel::leaves_urgent(std::size_t frames, Now now) const {
  std::size_t bytes = 0;
  for (const auto& [id, n] : neighbours_) {
    if (!may_send_to(n, now)) continue;
    if (n.want_urgent) return true;
    bytes += n.urgent.bytes_to_send();
  }
  return bytes > frames * (data_room() - fragment_head_bytes);
}

// Urgent messages are asked for a block at a time: one that is written meanwhile goes as the next. The others are asked
// for once, as many as the rest of the burst has room for, when no urgent ones wait any more.
void Channel::pull_for_burst(std::size_t frames, bool hurried, Now now) {
  const std::size_t room = data_room() - fragment_head_bytes;
  std::size_t targets = 0;
  bool more_urgent = false;
  for (auto& [id, n] : neighbours_) {
    if (!may_send_to(n, now)) continue;
    pull_urgent(n, room, urgent_block_frames * room, now);
    more_urgent = more_urgent || n.want_urgent;
    if (n.want_bulk && !n.pulled_bulk) ++targets;
  }
  if (more_urgent || targets == 0) return;
  for (auto& [id, n] : neighbours_) {
    if (!may_send_to(n, now) || n.pulled_bulk) continue;
    n.pulled_bulk = true;
    pull_bulk(n, (hurried ? std::min(frames, burst_frames_hurried) : frames) * room / targets, now);
  }
}

bool Channel::begin_burst(Turns::Due why, Now now) {
  std::size_t frames = profile_.burst_frames;
  const std::size_t room = data_room() - fragment_head_bytes;
  for (auto& [id, n] : neighbours_) {
    n.pulled_bulk = false;
    if (may_send_to(n, now)) pull_urgent(n, room, urgent_block_frames * room, now);
  }
  Burst burst;
  if (why == Turns::Due::Poll && turns_.waiting_for()) {
    // Something must be asked with: what has waited longest for its acknowledgement.
    if (auto* const n = find(*turns_.waiting_for())) {
      burst.hand_to = n->id;
      if (!n->urgent.lose_oldest()) n->bulk.lose_oldest();
    }
  }
  const bool urgent_here = is_urgent_here(now);
  const bool urgent_there = std::any_of(neighbours_.begin(), neighbours_.end(),
                                        [&](const auto& row) { return is_urgent_there(row.second, now); });
  if (urgent_here) {
    frames = std::min(frames, burst_frames_urgent);
  } else if (urgent_there) {
    frames = std::min(frames, burst_frames_hurried);
  }
  burst.hurried = urgent_there;
  if (why == Turns::Due::Poll) frames = std::min(frames, frames_poll);
  const auto one = use_.airtime(profile_.mtu);
  if (!use_.allows(one * static_cast<std::int64_t>(frames), false, now.steady)) {
    // Half of what is kept back of the duty cycle is for answers, all of it for reports and beacons: who is only out of
    // its allowance is not to be taken for lost.
    const auto kept_for_reports =
        std::chrono::duration_cast<Microseconds>(profile_.duty_window * profile_.duty_cycle / 20);
    const bool is_answer = why == Turns::Due::Reply && use_.allows(one + kept_for_reports, true, now.steady);
    if (!is_answer && !use_.allows(one, urgent_here, now.steady)) {
      const bool beacon_due = why == Turns::Due::Nothing && now.steady >= next_beacon_;
      if (beacon_due && use_.allows(one, true, now.steady)) send_beacon(now);
      duty_wait_ = use_.ask_again(now.steady);
      return false;
    }
    frames = urgent_here ? frames_poll : 1;
  }
  for (auto& [id, n] : neighbours_) {
    if (!may_send_to(n, now)) continue;
    if (!n.confirmed) frames = std::min(frames, frames_unconfirmed);
  }
  pull_for_burst(frames, urgent_there, now);
  burst.value_bytes = frames * profile_.mtu * volatile_percent_max / 100;
  pull_values(burst.value_bytes, now);

  const bool sends_something = std::any_of(neighbours_.begin(), neighbours_.end(),
                                           [&](const auto& row) { return has_to_send(row.second, now); });
  if (why != Turns::Due::Poll) burst.hand_to = next_turn(why == Turns::Due::Reply || sends_something, now);
  if (why == Turns::Due::Reply) burst.must_reply = true;
  std::size_t urgent_frames = 0;
  for (auto& [id, n] : neighbours_) {
    n.copies.clear();
    urgent_frames += (n.urgent.bytes_to_send() + room - 1) / room + (n.want_urgent ? frames : 0);
  }
  burst.left = frames;
  burst.open = profile_.broadcast && burst.hand_to && neighbours_.size() < guard_.members() &&
               now.steady - turns_.last_open() > profile_.interval;
  // Copies are for reports that are rare. Of a backlog every other frame would be one.
  burst.copies = frames >= frames_worth_copies && urgent_frames * 4 <= frames;
  const bool anything = frames_after_this(now) > 0 || !values_.empty() || burst.must_reply || burst.hand_to;
  if (!anything) return false;
  burst_ = burst;
  turns_.began(why == Turns::Due::Nothing, now.steady);
  return true;
}

// Frames for others come first, those for whom the turn goes to come last.
Neighbour* Channel::next_of_burst(Now now) {
  Neighbour* last = burst_->hand_to ? find(*burst_->hand_to) : nullptr;
  if (last != nullptr && burst_->left == 1) return last;
  // What is urgent for several goes to them in turn.
  auto next = served_last_ ? neighbours_.upper_bound(*served_last_) : neighbours_.begin();
  for (std::size_t i = 0; i < neighbours_.size(); ++i, ++next) {
    if (next == neighbours_.end()) next = neighbours_.begin();
    if (!may_send_to(next->second, now) || !next->second.urgent.has_to_send()) continue;
    served_last_ = next->first;
    return &next->second;
  }
  Neighbour* owed = nullptr;
  for (auto& [id, n] : neighbours_) {
    if (!may_send_to(n, now)) continue;
    if (&n != last && (n.owes_ack || n.bulk.has_to_send() || !n.copies.empty()) && owed == nullptr) owed = &n;
  }
  if (owed != nullptr || last != nullptr) return owed != nullptr ? owed : last;
  // Who handed the turn over must hear that there is nothing, or it asks again and again.
  return burst_->must_reply && burst_->first && turn_from_ ? find(*turn_from_) : nullptr;
}

void Channel::send_of_burst(Now now) {
  Burst& burst = *burst_;
  pull_for_burst(burst.left, burst.hurried, now);
  Neighbour* const to = next_of_burst(now);
  const bool spare = burst.left > 1 || to == nullptr;
  if (spare && !control_.empty()) {
    --burst.left;
    send_control(now);
  } else if (spare && now.steady >= next_beacon_) {
    --burst.left;
    send_beacon(now);
  } else if (to != nullptr) {
    const bool ends = burst.left == 1 || burst.first;
    burst.first = false;
    send_data(*to, to->owes_ack || ends, now);
  } else if (!values_.empty() && burst.value_bytes > 0) {
    --burst.left;
    burst.value_bytes -= std::min(burst.value_bytes, profile_.mtu);
    send_values(now);
  } else {
    burst.left = 0;
  }
}

void Channel::gave_up(Now now) {
  for (auto& [id, n] : neighbours_) {
    if (!has_unacked(n)) continue;
    n.urgent.expire(SteadyTime::max());
    n.bulk.expire(SteadyTime::max());
    n.silence = std::min(std::max(2 * n.silence, silence_first), profile_.interval);
    n.silent_until = now.steady + n.silence;
  }
}

void Channel::run_turns(Now now) {
  if (!guard_.can_seal()) return;
  const auto due = turns_.tick(now.steady);
  if (due == Turns::Due::GaveUp) gave_up(now);
  for (auto& [id, n] : neighbours_) {
    if (n.silent_until <= now.steady) n.silent_until = {};
  }
  if (due == Turns::Due::Open && is_ready(now) && (now.steady >= next_beacon_ || long_beacons_ > 0)) send_beacon(now);
  if (due == Turns::Due::Reply || due == Turns::Due::Poll) {
    if (!begin_burst(due, now)) turns_.ended(std::nullopt, false, now.steady);
  }
  wants_turn_ = wants_turn(now);
  if (turns_.may_begin(now.steady) && wants_turn_ && is_ready(now)) {
    begin_burst(Turns::Due::Nothing, now);
    wants_turn_ = wants_turn(now);
  }
  while (burst_ && is_ready(now)) {
    if (burst_->left > 0) send_of_burst(now);
    if (burst_->left > 0) continue;
    const auto hand_to = burst_->handed ? burst_->hand_to : std::nullopt;
    const bool open = burst_->open && hand_to;
    burst_.reset();
    turns_.ended(hand_to, open, SteadyTime(std::chrono::ceil<Milliseconds>(busy_until_)));
    wants_turn_ = wants_turn(now);
  }
}

}  // namespace airbridge::bearer
