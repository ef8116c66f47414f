// Full duplex: acknowledgements and repeats by timers, paced to the rate.
#include <algorithm>

#include "bearer/channel.hpp"

namespace airbridge::bearer {
namespace {
constexpr std::size_t frames_per_run_max = 256;  // of unlimited rate; the next poll goes on
constexpr Milliseconds resend_min{30};
constexpr Milliseconds resend_max{20'000};
constexpr Milliseconds first_guess{300};
constexpr Milliseconds long_trip{300};  // from here on waiting for a repeat hurts: urgent fragments go before
constexpr Milliseconds repeat_max{400};
constexpr std::size_t repeated_fragments_max = 8;  // a backlog is not repeated unasked
constexpr double lossy = 0.02;
constexpr std::size_t unanswered_fragments_max = 4;  // urgent and bulk each; the others wait for an answer
constexpr int long_unanswered = 3;                   // doublings, from which on it is one of each
constexpr int backoff_max = 11;
constexpr int silent_trips = 4;
}  // namespace

Milliseconds Channel::resend_after(const Neighbour& n) const {
  const auto trip =
      n.round_trip
          ? std::clamp(*n.round_trip + std::max(4 * n.round_trip_spread, Milliseconds(20)) + 2 * use_frame_time(),
                       resend_min, resend_max)
          : std::max(resend_min, 2 * profile_.delay + first_guess + 4 * use_frame_time());
  return std::min(trip * (1 << n.backoff), std::max(trip, resend_max));
}

// On a long or lossy link an urgent report is repeated before its acknowledgement could be missed.
std::optional<Milliseconds> Channel::repeat_urgent_after(const Neighbour& n) const {
  const auto trip = n.round_trip.value_or(2 * profile_.delay);
  if (trip < long_trip && n.stats.loss < lossy) return std::nullopt;
  if (n.urgent.in_flight() > repeated_fragments_max) return std::nullopt;
  return std::clamp(trip / 4, resend_min, repeat_max) * (1 << n.backoff);
}

// Fragments that may be on their way at a time.
std::size_t Channel::flight_limit(const Neighbour& n, bool urgent) const {
  if (n.backoff > 0) return n.backoff < long_unanswered ? unanswered_fragments_max : 1;
  return urgent || profile_.rate_bps != 0 ? SIZE_MAX : n.flight_max;
}

bool Channel::send_by_timer(Neighbour& n, Now now) {
  // Nothing acknowledged for much longer than an answer takes: it may be gone, or hear nothing of us though we hear its
  // beacons, and the channel is for all. Little is repeated then, at growing pauses (RFC 6298 section 5.5).
  if (!n.urgent.has_unacked() && !n.bulk.has_unacked()) n.answered = now.steady;
  n.backoff = 0;
  const auto patience = silent_trips * resend_after(n);
  while (n.backoff < backoff_max && now.steady - n.answered > patience * (2 << n.backoff)) ++n.backoff;
  const auto expired = now.steady - resend_after(n);
  if (n.urgent.expire(expired) + n.bulk.expire(expired) > 0 && profile_.rate_bps == 0) {
    slow_down(n, 0.5, now);
  }
  const std::size_t room = data_room() - fragment_head_bytes;
  const std::size_t gather =
      std::max<std::size_t>(profile_.rate_bps == 0 ? 32 * 1024 : 0, profile_.burst_frames * room);
  pull_urgent(n, gather, gather, now);
  if (n.bulk.unsent_bytes() < 2 * room) pull_bulk(n, gather, now);

  if (const auto pause = repeat_urgent_after(n)) {
    const auto* const oldest = n.urgent.oldest_in_flight();
    if (oldest != nullptr && oldest->sent_at + *pause <= now.steady) n.copies = {{oldest->seq, 0}};
  }
  const bool ack_due = n.ack_at && *n.ack_at <= now.steady;
  const bool urgent = n.urgent.has_to_send() && n.urgent.in_flight() < flight_limit(n, true);
  const bool bulk = n.bulk.has_to_send() && n.bulk.in_flight() < flight_limit(n, false);
  const bool unconfirmed = (n.synced && n.owes_ack) || n.owes_open;
  if (!ack_due && !unconfirmed && !urgent && n.copies.empty() && !bulk) return false;
  send_data(n, n.owes_ack || ack_due, now);
  return true;
}

bool Channel::duty_allows(bool urgent, Now now) {
  if (use_.allows(use_.airtime(profile_.mtu), urgent, now.steady)) return true;
  duty_wait_ = use_.ask_again(now.steady);
  return false;
}

void Channel::run_timers(Now now) {
  blocked_ = true;
  for (std::size_t frames = 0; frames < frames_per_run_max && is_ready(now); ++frames) {
    const bool urgent = std::any_of(neighbours_.begin(), neighbours_.end(), [](const auto& row) {
      return row.second.urgent.has_to_send() || row.second.want_urgent;
    });
    if (now.steady >= next_beacon_ && use_.allows(use_.airtime(profile_.mtu), true, now.steady)) {
      send_beacon(now);
      continue;
    }
    if (!duty_allows(urgent, now)) return;
    if (!control_.empty()) {
      send_control(now);
      continue;
    }
    pull_values(profile_.mtu - frame_overhead, now);
    const std::uint64_t sent_before = stats_.bytes_sent;
    if (!values_.empty() && value_credit_ >= 0) {
      send_values(now);
      value_credit_ -= 3 * static_cast<std::int64_t>(stats_.bytes_sent - sent_before);
      continue;
    }
    // In turn, beginning behind whom was served last.
    bool sent = false;
    auto next = served_last_ ? neighbours_.upper_bound(*served_last_) : neighbours_.begin();
    for (std::size_t i = 0; i < neighbours_.size() && !sent; ++i, ++next) {
      if (next == neighbours_.end()) next = neighbours_.begin();
      sent = send_by_timer(next->second, now);
      if (sent) served_last_ = next->first;
    }
    if (sent) {
      value_credit_ =
          std::min<std::int64_t>(value_credit_ + static_cast<std::int64_t>(stats_.bytes_sent - sent_before), 0);
      continue;
    }
    if (values_.empty()) {
      blocked_ = false;
      return;
    }
    value_credit_ = 0;  // nothing else waits
  }
}

SteadyTime Channel::timer_deadline(SteadyTime ready) const {
  if (blocked_) return ready;
  SteadyTime out = std::min(next_beacon_, one_way_.next_repeat().value_or(next_beacon_));
  for (const auto& [id, n] : neighbours_) {
    if (n.owes_open) return ready;
    if (n.ack_at) out = std::min(out, *n.ack_at);
    if (const auto* const oldest = n.bulk.oldest_in_flight()) {
      out = std::min(out, oldest->sent_at + resend_after(n) + Milliseconds(1));
    }
    if (const auto* const oldest = n.urgent.oldest_in_flight()) {
      const auto again = resend_after(n) + Milliseconds(1);
      out = std::min(out, oldest->sent_at + std::min(again, repeat_urgent_after(n).value_or(again)));
    }
  }
  return std::max(out, ready);
}

}  // namespace airbridge::bearer
