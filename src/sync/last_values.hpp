#pragma once
// The newest observation of each (subject, via, source, gateway) that passed through here, and what each peer has yet
// to be sent. Volatile: not logged, collapsed while it waits.
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "model/observation.hpp"
#include "sync/limits.hpp"

namespace airbridge::sync {

using ObservationKey = FixedBytes<16, struct ObservationKeyTag>;
ObservationKey key_of(const model::Observation& observation);

class LastValueTable {
 public:
  // When the position was measured, and how long after it the rest was heard.
  struct Age {
    UtcTime measured{};
    Milliseconds heard_after{0};
    friend auto operator<=>(const Age&, const Age&) = default;
  };
  // Takes it when it ranks above what is known: a plausible stamp before one too far ahead of `now`, then the later.
  // The shared bytes when taken.
  std::shared_ptr<const Bytes> offer(const ObservationKey& key, const Age& age, ByteView bytes, UtcTime now);
  std::size_t bytes() const { return bytes_; }
  struct Known {
    ObservationKey key;
    Age age;
    std::shared_ptr<const Bytes> bytes;
  };
  const std::list<Known>& all() const { return order_; }  // the one taken longest ago first

 private:
  void remove(std::list<Known>::iterator at);
  std::list<Known> order_;
  std::unordered_map<ObservationKey, std::list<Known>::iterator> known_;
  std::size_t bytes_ = 0;
};

// What waits for one peer.
class ObservationQueue {
 public:
  void put(const ObservationKey& key, std::shared_ptr<const Bytes> bytes);
  bool empty() const { return order_.empty(); }
  std::size_t size() const { return order_.size(); }
  std::size_t next_bytes() const { return order_.front().bytes->size(); }
  std::shared_ptr<const Bytes> take();
  std::uint64_t dropped() const { return dropped_; }

 private:
  void drop_oldest();
  struct Waiting {
    ObservationKey key;
    std::shared_ptr<const Bytes> bytes;
  };
  std::list<Waiting> order_;
  std::unordered_map<ObservationKey, std::list<Waiting>::iterator> by_key_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace airbridge::sync
