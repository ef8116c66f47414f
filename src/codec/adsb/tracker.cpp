#include "codec/adsb/tracker.hpp"

#include <algorithm>

namespace airbridge::codec::adsb {
namespace {

constexpr std::uint32_t key_of(Address address) { return address.value | (address.is_icao ? 0U : 1U << 24); }

template <class T>
bool update(T& known, const T& heard) {
  if (known == heard) return false;
  known = heard;
  return true;
}

}  // namespace

const Aircraft* SbsTracker::find(Address address) const {
  const auto found = by_address_.find(key_of(address));
  return found == by_address_.end() ? nullptr : &found->second->aircraft;
}

SbsTracker::Entry& SbsTracker::entry_for(Address address, SteadyTime now) {
  while (!order_.empty() && now - order_.front().heard > limits_.forget_after) {
    by_address_.erase(key_of(order_.front().aircraft.address));
    order_.pop_front();
  }
  const auto found = by_address_.find(key_of(address));
  if (found != by_address_.end()) {
    order_.splice(order_.end(), order_, found->second);
    return *found->second;
  }
  if (order_.size() >= std::max<std::size_t>(limits_.aircraft_max, 1)) {
    by_address_.erase(key_of(order_.front().aircraft.address));
    order_.pop_front();
    ++counters_.aircraft_dropped;
  }
  order_.emplace_back().aircraft.address = address;
  by_address_.emplace(key_of(address), std::prev(order_.end()));
  return order_.back();
}

bool SbsTracker::is_plausible(const Point& from, const Position& to, SteadyTime at) const {
  const double seconds = std::max(0.0, std::chrono::duration<double>(at - from.at).count());
  return distance_between(from.position, to).value <= limits_.speed_max.value * seconds + limits_.jump_slack.value;
}

bool SbsTracker::accept_position(Entry& entry, const SbsMessage& message, Now now) {
  if (message.position_verdict == SbsPosition::Zero) ++counters_.positions_zero;
  if (message.position_verdict == SbsPosition::OutOfRange) ++counters_.positions_bad;
  if (!message.position) return false;
  const Point point{*message.position, now.steady};
  if (limits_.receiver && distance_between(*limits_.receiver, point.position) > limits_.range_max) {
    ++counters_.positions_far;
    return false;
  }
  if (entry.believed && !is_plausible(*entry.believed, point.position, point.at)) {
    const bool fits_held = entry.held && is_plausible(*entry.held, point.position, point.at);
    if (!fits_held || point.at - entry.held->at < limits_.confirm_after) {
      if (!fits_held) entry.held = point;
      ++counters_.jumps_held;
      return false;
    }
    ++counters_.jumps_confirmed;
  }
  entry.believed = point;
  entry.held.reset();
  entry.aircraft.position = point.position;
  entry.aircraft.position_at = now.utc;
  ++counters_.positions;
  return true;
}

const Aircraft* SbsTracker::apply(const SbsMessage& message, Now now) {
  if (message.record != SbsRecord::Msg) return nullptr;
  ++counters_.messages;
  Entry& entry = entry_for(message.address, now.steady);
  Aircraft& aircraft = entry.aircraft;
  entry.heard = now.steady;
  // Later than the message before, also where one read brought both: what is told of them is told apart by it.
  aircraft.heard_at = std::max(now.utc, aircraft.heard_at + Milliseconds{1});

  bool told_at_once = accept_position(entry, message, now);
  if (!message.callsign.empty()) told_at_once |= update(aircraft.callsign, message.callsign);
  if (!message.squawk.empty()) told_at_once |= update(aircraft.squawk, message.squawk);
  if (message.ident) told_at_once |= update(aircraft.ident, *message.ident);
  if (message.on_ground) told_at_once |= update(aircraft.on_ground, message.on_ground);
  if (message.emergency || !message.squawk.empty()) {
    // The squawk says which emergency; the flag alone says that there is one.
    auto emergency = emergency_of_squawk(aircraft.squawk);
    if (message.emergency.value_or(false) && emergency == Emergency::None) emergency = Emergency::General;
    told_at_once |= update(aircraft.emergency, emergency);
  }
  if (message.altitude) entry.untold_motion |= update(aircraft.pressure_altitude, message.altitude);
  if (message.ground_speed) entry.untold_motion |= update(aircraft.ground_speed, message.ground_speed);
  if (message.track) entry.untold_motion |= update(aircraft.track, message.track);
  if (message.climb) entry.untold_motion |= update(aircraft.climb, message.climb);

  if (!aircraft.position) return nullptr;
  const bool due = entry.untold_motion && now.steady - entry.told >= limits_.quiet_interval;
  if (!told_at_once && !due) return nullptr;
  entry.told = now.steady;
  entry.untold_motion = false;
  return &aircraft;
}

}  // namespace airbridge::codec::adsb
