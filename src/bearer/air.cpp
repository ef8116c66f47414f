#include "bearer/air.hpp"

#include <algorithm>

namespace airbridge::bearer {
namespace {
Microseconds since_start(SteadyTime time) { return time.time_since_epoch(); }
SteadyTime rounded_up(Microseconds time) { return SteadyTime(std::chrono::ceil<Milliseconds>(time)); }
constexpr Microseconds remembered{30'000'000};  // transmissions that may still matter for a collision
}  // namespace

int Air::add_station() {
  stations_.emplace_back();
  return static_cast<int>(stations_.size()) - 1;
}

bool Air::reaches(int from, int to) const {
  const auto found = reaches_.find({from, to});
  return !outage_ && (found == reaches_.end() || found->second);
}

bool Air::is_lost(int from, int to) {
  const auto found = loss_.find({from, to});
  const Loss& loss = found == loss_.end() ? profile_.loss : found->second;
  bool& in_burst = in_burst_[{from, to}];
  if (in_burst) {
    in_burst = !rng_.chance(1 / std::max(1.0, loss.burst_frames));
    return true;
  }
  if (rng_.chance(loss.burst_begins)) {
    in_burst = loss.burst_frames > 1;
    return true;
  }
  return rng_.chance(loss.random);
}

void Air::carry(int from, int to, const Bytes& frame, Time end) {
  if (frame.size() > profile_.mtu || !reaches(from, to) || is_lost(from, to)) {
    ++counts_.lost;
    return;
  }
  const int copies = rng_.chance(profile_.duplicated) ? 2 : 1;
  counts_.duplicated += copies > 1 ? 1 : 0;
  for (int i = 0; i < copies; ++i) {
    Flight flight{end + profile_.delay, flight_number_++, to, frame};
    if (profile_.jitter.count() > 0) flight.at += Microseconds(rng_.between(0, Microseconds(profile_.jitter).count()));
    if (!frame.empty() && rng_.chance(profile_.damaged)) {
      const auto bit = rng_.below(frame.size() * 8);
      flight.frame[bit / 8] = static_cast<std::uint8_t>(flight.frame[bit / 8] ^ 1U << (bit % 8));
    }
    flights_.push(std::move(flight));
  }
}

void Air::key_up(int from, Time now) {
  auto& station = stations_[static_cast<std::size_t>(from)];
  if (station.waiting.empty() || station.is_sending) return;
  Transmission out;
  out.from = from;
  // Back to back while it is keyed; else the transmitter must come up first.
  const bool still_keyed = station.busy_until + Microseconds(5'000) >= now && station.busy_until != Time{};
  out.keyed = still_keyed ? station.busy_until : now;
  out.begin = out.keyed + (still_keyed || !profile_.half_duplex ? Time{} : Time(profile_.turn_round));
  out.frame = std::move(station.waiting.front());
  station.waiting.pop_front();
  station.waiting_bytes -= out.frame.size();
  out.end = out.begin + AirUse(profile_.rate_bps, 1, Milliseconds(60'000)).airtime(out.frame.size());
  station.busy_until = out.end;
  station.is_sending = true;
  on_air_.push_back(std::move(out));
}

void Air::send(int from, Bytes frame, SteadyTime now) {
  ++counts_.sent;
  counts_.sent_bytes += frame.size();
  auto& station = stations_[static_cast<std::size_t>(from)];
  if (station.waiting_bytes + frame.size() > profile_.queue_bytes_max) {
    ++counts_.overflowed;
    return;
  }
  station.waiting_bytes += frame.size();
  station.waiting.push_back(std::move(frame));
  key_up(from, since_start(now));
}

void Air::finish(Transmission& done) {
  done.done = true;
  auto& station = stations_[static_cast<std::size_t>(done.from)];
  station.is_sending = false;
  for (int to = 0; to < static_cast<int>(stations_.size()); ++to) {
    if (to == done.from) continue;
    bool destroyed = false;
    if (profile_.half_duplex) {
      for (const auto& other : on_air_) {
        if (&other == &done || other.from == done.from || other.keyed >= done.end || other.end <= done.begin) continue;
        destroyed = destroyed || other.from == to || (other.begin < done.end && reaches(other.from, to));
      }
    }
    if (destroyed) {
      ++counts_.collided;
    } else {
      carry(done.from, to, done.frame, done.end);
    }
  }
  key_up(done.from, done.end);
}

std::optional<SteadyTime> Air::next() const {
  std::optional<Time> out;
  for (const auto& transmission : on_air_) {
    if (!transmission.done) out = out ? std::min(*out, transmission.end) : transmission.end;
  }
  if (!flights_.empty()) out = out ? std::min(*out, flights_.top().at) : flights_.top().at;
  if (!out) return std::nullopt;
  return rounded_up(*out);
}

std::vector<Air::Arrival> Air::advance(SteadyTime now) {
  const Time until = since_start(now);
  for (;;) {
    Transmission* first = nullptr;
    for (auto& transmission : on_air_) {
      if (transmission.done || transmission.end > until) continue;
      if (first == nullptr || transmission.end < first->end) first = &transmission;
    }
    if (first == nullptr) break;
    finish(*first);
    while (!on_air_.empty() && on_air_.front().done && on_air_.front().end + remembered < until) on_air_.pop_front();
  }
  std::vector<Arrival> out;
  while (!flights_.empty() && flights_.top().at <= until) {
    out.push_back({flights_.top().to, flights_.top().frame});
    ++counts_.arrived;
    auto& newest = stations_[static_cast<std::size_t>(out.back().to)].newest;
    counts_.overtaken += flights_.top().number < newest ? 1 : 0;
    newest = std::max(newest, flights_.top().number);
    flights_.pop();
  }
  return out;
}

}  // namespace airbridge::bearer
