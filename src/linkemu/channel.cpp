#include "linkemu/channel.hpp"

#include <algorithm>
#include <utility>

namespace airbridge::linkemu {

Channel::Channel(LinkNature nature, std::size_t stations, std::uint64_t seed)
    : nature_(std::move(nature)), rng_(seed), stations_(stations) {
  std::sort(nature_.outages.begin(), nature_.outages.end(),
            [](const Outage& a, const Outage& b) { return a.from < b.from; });
}

void Channel::offer(std::size_t from, Bytes packet, Microseconds now) {
  ++counters_.offered;
  counters_.offered_bytes += packet.size();
  auto& station = stations_[from];
  if (packet.size() > nature_.mtu) {
    ++counters_.too_long;
  } else if (station.queued_bytes + packet.size() > nature_.queue_bytes_max) {
    ++counters_.queue_full;
  } else {
    station.queued_bytes += packet.size();
    station.queue.push_back({std::move(packet), now});
  }
}

bool Channel::meets_outage(Microseconds from, Microseconds to) const {
  if (down_) return true;
  return std::any_of(nature_.outages.begin(), nature_.outages.end(),
                     [&](const Outage& one) { return from < one.to && to > one.from; });
}

bool Channel::is_out(Microseconds now) const { return meets_outage(now, now + Microseconds(1)); }

Microseconds Channel::after_outages(Microseconds start, Microseconds span) const {
  for (const auto& one : nature_.outages) {  // in order of their begin
    if (start < one.to && start + span > one.from) start = one.to;
  }
  return start;
}

// When a station's first packet wants the channel and the channel wants it.
Microseconds Channel::asked(std::size_t index) const {
  const auto& station = stations_[index];
  return std::max(station.queue.front().since, nature_.half_duplex ? free_at_ : station.free_at);
}

// Who transmits next, and when: who asks first. On half duplex, of those that wait when the channel comes free, the
// last talker goes on until hold_max, then the others come in turn.
std::optional<Channel::Start> Channel::next_start() const {
  if (down_ && nature_.waits_out_outages) return std::nullopt;
  const auto count = stations_.size();
  const bool goes_on = last_talker_ && free_at_ - talks_since_ < nature_.hold_max;
  const auto first = last_talker_ ? *last_talker_ + (goes_on ? 0 : 1) : 0;
  std::optional<Start> best;
  Microseconds best_asked{0};
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = (first + i) % count;
    if (stations_[index].queue.empty()) continue;
    const auto at = asked(index);
    if (best && at >= best_asked) continue;
    const bool turns = nature_.half_duplex && last_talker_ && *last_talker_ != index;
    best = Start{index, turns ? at + nature_.turn_round : at};
    best_asked = at;
  }
  return best;
}

void Channel::carry(const Start& start) {
  auto& station = stations_[start.station];
  const auto packet = std::move(station.queue.front().packet);
  station.queue.pop_front();
  station.queued_bytes -= packet.size();
  const auto size = packet.size() + nature_.head_bytes;
  const auto span = nature_.rate_bps == 0
                        ? Microseconds(0)
                        : Microseconds(static_cast<std::int64_t>(static_cast<double>(size) * 8e6 /
                                                                 static_cast<double>(nature_.rate_bps)));
  auto begin = start.at;
  if (nature_.waits_out_outages) begin = after_outages(begin, span);
  const auto end = begin + span;
  const auto before = free_at_;
  ++counters_.carried;
  counters_.carried_bytes += size;
  counters_.busy += span;
  (nature_.half_duplex ? free_at_ : station.free_at) = end;
  if (nature_.half_duplex && (last_talker_ != start.station || begin > before)) {
    last_talker_ = start.station;
    talks_since_ = begin;
  }
  const bool out = !nature_.waits_out_outages && meets_outage(begin, std::max(end, begin + Microseconds(1)));
  for (std::size_t to = 0; to < stations_.size(); ++to) {
    if (to == start.station) continue;
    if (out) {
      ++counters_.lost_in_outage;
    } else {
      fly(start.station, to, packet, end);
    }
  }
}

void Channel::set_down(bool down, Microseconds now) {
  down_ = down;
  if (down || !nature_.waits_out_outages) return;
  free_at_ = std::max(free_at_, now);
  for (auto& station : stations_) station.free_at = std::max(station.free_at, now);
}

Microseconds Channel::up_to(Microseconds span) {
  return Microseconds(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(span.count()) + 1)));
}

// The Gilbert chain moves once a packet: bad to good with chance 1/length, good to bad so that `share` of the packets
// fall into the bad state.
bool Channel::is_lost(Pair& pair) {
  const auto& burst = nature_.burst_loss;
  if (burst.share > 0) {
    const double length = std::max(burst.length, 1.0);
    const double begins = burst.share >= 1 ? 1 : std::min(1.0, burst.share / (1 - burst.share) / length);
    pair.in_burst = pair.in_burst ? !rng_.chance(burst.share >= 1 ? 0 : 1 / length) : rng_.chance(begins);
  }
  return pair.in_burst || (nature_.loss > 0 && rng_.chance(nature_.loss));
}

void Channel::fly(std::size_t from, std::size_t to, const Bytes& packet, Microseconds sent) {
  auto& pair = pairs_[{from, to}];
  if (is_lost(pair)) {
    ++counters_.lost;
    return;
  }
  int copies = 1;
  if (nature_.duplicated > 0 && rng_.chance(nature_.duplicated)) {
    ++counters_.duplicated;
    copies = 2;
  }
  for (int i = 0; i < copies; ++i) {
    auto at = sent + nature_.delay;
    if (nature_.jitter.count() > 0) at += up_to(nature_.jitter);
    if (nature_.reordered > 0 && rng_.chance(nature_.reordered)) {
      ++counters_.reordered;
      at += up_to(nature_.reorder_hold);
    } else {
      at = std::max(at, pair.last_arrival);
      pair.last_arrival = at;
    }
    flights_.push({at, flight_numbers_++, to, packet});
  }
}

std::vector<Channel::Arrival> Channel::take(Microseconds now) {
  while (const auto start = next_start()) {
    if (start->at > now) break;
    carry(*start);
  }
  std::vector<Arrival> out;
  while (!flights_.empty() && flights_.top().at <= now) {
    const auto& top = flights_.top();
    ++counters_.arrived;
    counters_.arrived_bytes += top.packet.size();
    out.push_back({top.to, top.at, top.packet});
    flights_.pop();
  }
  return out;
}

std::optional<Microseconds> Channel::next() const {
  std::optional<Microseconds> at;
  if (const auto start = next_start()) at = start->at;
  if (!flights_.empty() && (!at || flights_.top().at < *at)) at = flights_.top().at;
  return at;
}

}  // namespace airbridge::linkemu
