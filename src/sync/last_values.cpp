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

std::shared_ptr<const Bytes> LastValueTable::offer(const ObservationKey& key, UtcTime measured, ByteView bytes,
                                                   UtcTime now) {
  const auto plausible = [&](UtcTime time) { return time <= now + observation_lead_max; };
  if (const auto found = known_.find(key); found != known_.end()) {
    const auto old = found->second->measured;
    const bool better = plausible(measured) != plausible(old) ? plausible(measured) : measured > old;
    if (!better) return nullptr;
    order_.erase(found->second);
    known_.erase(found);
  } else if (known_.size() >= observations_known_max) {
    known_.erase(order_.front().key);
    order_.pop_front();
  }
  auto shared = std::make_shared<const Bytes>(to_bytes(bytes));
  order_.push_back({key, measured, shared});
  known_.emplace(key, std::prev(order_.end()));
  return shared;
}

void ObservationQueue::put(const ObservationKey& key, std::shared_ptr<const Bytes> bytes) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    found->second->bytes = std::move(bytes);  // keeps its place: what changes often is not sent last for it
    return;
  }
  if (order_.size() >= observation_queue_max) {
    by_key_.erase(order_.front().key);
    order_.pop_front();
    ++dropped_;
  }
  order_.push_back({key, std::move(bytes)});
  by_key_.emplace(key, std::prev(order_.end()));
}

std::shared_ptr<const Bytes> ObservationQueue::take() {
  auto bytes = std::move(order_.front().bytes);
  by_key_.erase(order_.front().key);
  order_.pop_front();
  return bytes;
}

}  // namespace airbridge::sync
