#include "sync/last_values.hpp"

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

void LastValueTable::remove(std::list<Known>::iterator at) {
  bytes_ -= at->bytes->size();
  known_.erase(at->key);
  order_.erase(at);
}

std::shared_ptr<const Bytes> LastValueTable::offer(const ObservationKey& key, const Age& age, ByteView bytes,
                                                   UtcTime now) {
  const auto plausible = [&](UtcTime time) { return time <= now + observation_lead_max; };
  if (const auto found = known_.find(key); found != known_.end()) {
    const auto& old = found->second->age;
    const bool new_fits = plausible(age.measured), old_fits = plausible(old.measured);
    const bool better = new_fits != old_fits ? new_fits : age > old;
    if (!better) return nullptr;
    remove(found->second);
  } else if (known_.size() >= observations_known_max) {
    remove(order_.begin());
  }
  auto shared = std::make_shared<const Bytes>(to_bytes(bytes));
  order_.push_back({key, age, shared});
  known_.emplace(key, std::prev(order_.end()));
  bytes_ += shared->size();
  while (bytes_ > observations_known_bytes_max && order_.size() > 1) remove(order_.begin());
  return shared;
}

void ObservationQueue::put(const ObservationKey& key, std::shared_ptr<const Bytes> bytes) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    // Keeps its place: what changes often is not sent last for it.
    bytes_ += bytes->size() - found->second->bytes->size();
    found->second->bytes = std::move(bytes);
  } else {
    if (order_.size() >= observation_queue_max) drop_oldest();
    bytes_ += bytes->size();
    order_.push_back({key, std::move(bytes)});
    by_key_.emplace(key, std::prev(order_.end()));
  }
  while (bytes_ > observation_queue_bytes_max && order_.size() > 1) drop_oldest();
}

void ObservationQueue::drop_oldest() {
  bytes_ -= order_.front().bytes->size();
  by_key_.erase(order_.front().key);
  order_.pop_front();
  ++dropped_;
}

std::shared_ptr<const Bytes> ObservationQueue::take() {
  auto bytes = std::move(order_.front().bytes);
  bytes_ -= bytes->size();
  by_key_.erase(order_.front().key);
  order_.pop_front();
  return bytes;
}

}  // namespace airbridge::sync
