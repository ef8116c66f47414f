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
constexpr Milliseconds repeat_max{1'000};
constexpr std::size_t repeated_fragments_max = 8;  // a backlog is not repeated unasked
constexpr double lossy = 0.02;
}  // namespace

Milliseconds Channel::resend_after(const Neighbour& n) const {
  if (!n.round_trip) return std::max(resend_min, 2 * profile_.delay + first_guess + 4 * use_frame_time());
  return std::clamp(*n.round_trip + std::max(4 * n.round_trip_spread, Milliseconds(20)) + 2 * use_frame_time(),
                    resend_min, resend_max);
}

// On a long or lossy link an urgent report is repeated before its acknowledgement could be missed.
std::optional<Milliseconds> Channel::repeat_urgent_after(const Neighbour& n) const {
  const auto trip = n.round_trip.value_or(2 * profile_.delay);
  if (trip < long_trip && n.stats.loss < lossy) return std::nullopt;
  if (n.urgent.in_flight() > repeated_fragments_max) return std::nullopt;
  return std::clamp(trip / 4, resend_min, repeat_max);
}

bool Channel::send_by_timer(Neighbour& n, Now now) {
  const auto expired = now.steady - resend_after(n);
  if (n.urgent.expire(expired) + n.bulk.expire(expired) > 0 && profile_.rate_bps == 0) {
    n.flight_max = std::max<std::size_t>(n.flight_max / 2, 16);
  }
  const std::size_t room = data_room() - fragment_head_bytes;
  const std::size_t gather =
      std::max<std::size_t>(profile_.rate_bps == 0 ? 32 * 1024 : 0, profile_.burst_frames * room);
  pull_urgent(n, gather, now);
  if (n.bulk.unsent_bytes() < 2 * room) pull_bulk(n, gather, now);

  if (const auto pause = repeat_urgent_after(n)) {
    const auto* const oldest = n.urgent.oldest_in_flight();
    if (oldest != nullptr && oldest->sent_at + *pause <= now.steady) n.copies = {{oldest->seq, 0}};
  }
  const bool ack_due = n.ack_at && *n.ack_at <= now.steady;
  const bool flight = profile_.rate_bps != 0 || n.bulk.in_flight() < n.flight_max;
  const bool unconfirmed = n.synced && n.owes_ack;
  if (!ack_due && !unconfirmed && !n.urgent.has_to_send() && n.copies.empty() && !(n.bulk.has_to_send() && flight)) {
    return false;
  }
  send_data(n, n.owes_ack || ack_due, now);
  return true;
}

void Channel::run_timers(Now now) {
  for (std::size_t frames = 0; frames < frames_per_run_max && is_ready(now); ++frames) {
    if (!use_.allows(use_.airtime(profile_.mtu), false, now.steady)) {
      const bool urgent = std::any_of(neighbours_.begin(), neighbours_.end(), [](const auto& row) {
        return row.second.urgent.has_to_send() || row.second.want_urgent;
      });
      if (!urgent || !use_.allows(use_.airtime(profile_.mtu), true, now.steady)) {
        duty_wait_ = use_.ask_again(now.steady);
        return;
      }
    }
    if (!control_.empty()) {
      send_control(now);
      continue;
    }
    if (now.steady >= next_beacon_) {
      send_beacon(now);
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
    if (values_.empty()) return;
    value_credit_ = 0;  // nothing else waits
  }
}

std::optional<SteadyTime> Channel::timer_deadline() const {
  SteadyTime out = next_beacon_;
  const SteadyTime leaves(std::chrono::ceil<Milliseconds>(busy_until_));
  const SteadyTime ready = leaves - frame_lead();
  if (!control_.empty() || !values_.empty() || want_values_) out = std::min(out, ready);
  for (const auto& [id, n] : neighbours_) {
    const bool flight = profile_.rate_bps != 0 || n.bulk.in_flight() < n.flight_max;
    if (n.want_urgent || n.want_bulk || n.urgent.has_to_send() || (n.bulk.has_to_send() && flight) ||
        !n.copies.empty()) {
      out = std::min(out, ready);
    }
    if (n.ack_at) out = std::min(out, std::max(*n.ack_at, ready));
    for (const auto* const box : {&n.urgent, &n.bulk}) {
      const auto* const oldest = box->oldest_in_flight();
      if (oldest == nullptr) continue;
      out = std::min(out, std::max(oldest->sent_at + resend_after(n), ready));
      const auto repeat = box == &n.urgent ? repeat_urgent_after(n) : std::nullopt;
      if (repeat) out = std::min(out, std::max(oldest->sent_at + *repeat, ready));
    }
  }
  return out;
}

}  // namespace airbridge::bearer
