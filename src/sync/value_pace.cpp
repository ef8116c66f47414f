#include "sync/value_pace.hpp"

#include <algorithm>
#include <cmath>

namespace airbridge::sync {
namespace {
std::optional<Metres> height_of(const model::Observation& o) {
  if (o.height) return o.height->above();
  if (o.pressure_altitude) return o.pressure_altitude->above();
  return std::nullopt;
}
Milliseconds fresh_for(const model::Observation& o) {
  return o.stale_after.count() > 0 ? o.stale_after : model::stale_after(o.kind);
}
}  // namespace

Milliseconds value_interval(double occupancy) {
  const double part = std::clamp((occupancy - value_calm) / (value_full - value_calm), 0.0, 1.0);
  const double factor =
      static_cast<double>(value_interval_max.count()) / static_cast<double>(value_interval_min.count());
  return Milliseconds(std::llround(static_cast<double>(value_interval_min.count()) * std::pow(factor, part)));
}

ValuePace::Turn ValuePace::turn(const ObservationKey& key, const model::Observation& fresh, double occupancy,
                                SteadyTime now) const {
  const auto found = said_.find(key);
  if (found == said_.end()) return {now, ValueRank::Moving};
  const auto& last = found->second;
  if (fresh.emergency != last.emergency || fresh.ended != last.ended) return {now, ValueRank::Moving};
  const auto interval = value_interval(occupancy);
  const auto error = fresh.horizontal_error_95.value_or(Metres{0}).value;
  const auto far = std::clamp(error, value_moved_min.value, value_moved_max.value);
  const auto height = height_of(fresh);
  const bool has_moved = distance_between(fresh.position, last.position).value > far ||
                         height.has_value() != last.height.has_value() ||
                         (height && std::abs(height->value - last.height->value) > far);
  if (has_moved) return {last.at + interval, ValueRank::Moving};
  const auto stays_fresh = Milliseconds(
      std::llround(static_cast<double>(std::clamp(fresh_for(fresh), value_interval_min, value_still_max).count()) *
                   value_still_fresh));
  const auto still = std::min(value_still_max, std::max(interval * value_still_factor, stays_fresh));
  return {last.at + still, ValueRank::Still};
}

void ValuePace::said(const ObservationKey& key, const model::Observation& observation, SteadyTime now) {
  if (said_.size() >= value_said_max && !said_.contains(key)) said_.clear();
  said_.insert_or_assign(
      key, Said{now, observation.position, height_of(observation), observation.emergency, observation.ended});
}

void RestingValues::put(const ObservationKey& key, SharedSaid said, const ValuePace::Turn& turn) {
  forget(key);
  by_key_[key] = order_.emplace(turn.due, Resting{key, std::move(said), turn.rank});
}

void RestingValues::forget(const ObservationKey& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  order_.erase(found->second);
  by_key_.erase(found);
}

std::optional<RestingValues::Resting> RestingValues::take(SteadyTime until) {
  if (order_.empty() || order_.begin()->first > until) return std::nullopt;
  auto out = std::move(order_.begin()->second);
  forget(out.key);
  return out;
}

}  // namespace airbridge::sync
