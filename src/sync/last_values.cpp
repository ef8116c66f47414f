#include "sync/last_values.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "model/cbor.hpp"

namespace airbridge::sync {

ObservationKey key_of(const model::Observation& observation) {
  Bytes bytes;
  model::cbor::Writer out(bytes);
  out.text(model::to_text(observation.subject));
  out.uint(static_cast<std::uint64_t>(observation.via));
  out.text(observation.source);
  out.bytes(observation.gateway.view());
  return {blake2b<16>({bytes})};
}

Said said(const model::Observation& observation, ByteView bytes) {
  return {to_bytes(bytes), !observation.emergency.empty(), !observation.document.empty()};
}

SharedSaid LastValueTable::offer(const ObservationKey& key, const Age& age, Said observation, UtcTime now) {
  const auto plausible = [&](UtcTime time) { return time <= now + observation_lead_max; };
  if (const auto found = known_.find(key); found != known_.end()) {
    const auto& old = found->second->age;
    const bool new_fits = plausible(age.measured), old_fits = plausible(old.measured);
    const bool better = new_fits != old_fits ? new_fits : age > old;
    if (!better) return nullptr;
    drop(list_of(*found->second->said), found->second);
  }
  auto shared = std::make_shared<const Said>(std::move(observation));
  auto& list = list_of(*shared);
  list.push_back({key, age, shared});
  known_.emplace(key, std::prev(list.end()));
  bytes_ += shared->bytes.size();
  make_room();
  return shared;
}

void LastValueTable::drop(List& list, List::iterator at) {
  bytes_ -= at->said->bytes.size();
  known_.erase(at->key);
  list.erase(at);
}

void LastValueTable::make_room() {
  while (known_.size() > observations_known_max) {
    auto& list = others_.empty() ? emergencies_ : others_;
    drop(list, list.begin());
  }
  if (bytes_ <= observations_known_bytes_max) return;
  // An eighth more than needed, so that this is not done for each one.
  constexpr auto enough = observations_known_bytes_max - observations_known_bytes_max / 8;
  for (auto* list : {&others_, &emergencies_}) {
    for (auto& known : *list) {
      if (bytes_ <= enough) return;
      if (!known.said->document) continue;
      auto observation = model::decode_observation(known.said->bytes);
      if (!observation) continue;  // it was decoded when it came
      observation->document.clear();
      const auto without =
          std::make_shared<const Said>(Said{model::encode(*observation), known.said->emergency, false});
      bytes_ -= known.said->bytes.size();
      bytes_ += without->bytes.size();
      known.said = without;
    }
  }
  while (bytes_ > enough && !others_.empty()) drop(others_, others_.begin());
  while (bytes_ > observations_known_bytes_max && !emergencies_.empty()) drop(emergencies_, emergencies_.begin());
}

void ObservationQueue::put(const ObservationKey& key, SharedSaid said, ValueRank rank) {
  if (said->emergency) rank = ValueRank::Emergency;
  const auto size = said->bytes.size();
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    auto& waiting = *found->second;
    if (waiting.rank == rank) {
      bytes_ += size - waiting.said->bytes.size();
      waiting.said = std::move(said);  // keeps its place: what changes often is not sent last for it
      return;
    }
    remove(found->second);
  }
  auto& list = of(rank);
  list.push_back({key, std::move(said), rank});
  by_key_.emplace(key, std::prev(list.end()));
  bytes_ += size;
  while (by_key_.size() > observation_queue_max || (bytes_ > observation_queue_bytes_max && by_key_.size() > 1)) {
    remove(next_to_go());
    ++dropped_;
  }
}

ValueRank ObservationQueue::next_rank() const {
  if (!of(ValueRank::Emergency).empty()) return ValueRank::Emergency;
  if (of(ValueRank::Moving).empty()) return ValueRank::Still;
  const bool is_still_due = moving_in_a_row_ >= moving_in_a_row_max && !of(ValueRank::Still).empty();
  return is_still_due ? ValueRank::Still : ValueRank::Moving;
}

ObservationQueue::List::iterator ObservationQueue::next_to_go() {
  // What moves and what stands still alike: a thing that stopped is not forgotten for those that go on.
  auto& moving = of(ValueRank::Moving);
  auto& still = of(ValueRank::Still);
  if (!moving.empty() && moving.size() >= still.size()) return moving.begin();
  return still.empty() ? of(ValueRank::Emergency).begin() : still.begin();
}

SharedSaid ObservationQueue::remove(List::iterator at) {
  auto said = at->said;
  bytes_ -= said->bytes.size();
  by_key_.erase(at->key);
  of(at->rank).erase(at);
  return said;
}

SharedSaid ObservationQueue::take() {
  const auto rank = next_rank();
  if (rank != ValueRank::Emergency) moving_in_a_row_ = rank == ValueRank::Moving ? moving_in_a_row_ + 1 : 0;
  return remove(of(rank).begin());
}

}  // namespace airbridge::sync
