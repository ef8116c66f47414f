#pragma once
// The newest observation of each (subject, via, source, gateway) that passed through here, and what each peer has yet
// to be sent. Volatile: not logged, collapsed while it waits.
#include <array>
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

// One observation as it is passed on: byte for byte as it came, so that what a newer version added reaches those who
// know it. Without its document once the table was full.
struct Said {
  Bytes bytes;
  bool emergency = false;
  bool document = false;
};
using SharedSaid = std::shared_ptr<const Said>;
Said said(const model::Observation& observation, ByteView bytes);

// When the position was measured, and how long after it the rest was heard.
struct Age {
  UtcTime measured{};
  Milliseconds heard_after{0};
  friend auto operator<=>(const Age&, const Age&) = default;
};
inline Age age_of(const model::Observation& observation) { return {observation.measured, observation.heard_after}; }

class LastValueTable {
 public:
  // Takes it when it ranks above what is known: a plausible stamp before one too far ahead of `now`, then the later.
  // The shared bytes when taken. At observations_known_max the one taken longest ago goes, at
  // observations_known_bytes_max first the documents; emergencies last.
  SharedSaid offer(const ObservationKey& key, const Age& age, Said observation, UtcTime now);
  SharedSaid find(const ObservationKey& key) const {
    const auto found = known_.find(key);
    return found == known_.end() ? nullptr : found->second->said;
  }
  std::size_t size() const { return known_.size(); }
  std::size_t bytes() const { return bytes_; }
  // Emergencies first, then the one taken longest ago.
  template <class F>
  void for_each(F&& f) const {
    for (const auto* list : {&emergencies_, &others_}) {
      for (const auto& known : *list) f(known.key, known.said);
    }
  }

 private:
  struct Known {
    ObservationKey key;
    Age age;
    SharedSaid said;
  };
  using List = std::list<Known>;
  List& list_of(const Said& said) { return said.emergency ? emergencies_ : others_; }
  void drop(List& list, List::iterator at);
  void make_room();

  List emergencies_, others_;
  std::unordered_map<ObservationKey, List::iterator> known_;
  std::size_t bytes_ = 0;
};

enum class ValueRank : std::uint8_t { Emergency, Moving, Still };

inline constexpr int moving_in_a_row_max = 3;  // then one that does not move, if one waits

// What waits for one peer: emergencies first, then mostly what moves. At its bounds one that
// waits longest goes, of those that move or of those that do not, whichever are more; emergencies last.
class ObservationQueue {
 public:
  // An emergency is one whatever `rank` says.
  void put(const ObservationKey& key, SharedSaid said, ValueRank rank = ValueRank::Moving);
  bool empty() const { return by_key_.empty(); }
  bool contains(const ObservationKey& key) const { return by_key_.contains(key); }
  std::size_t size() const { return by_key_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::size_t next_bytes() const { return next().front().said->bytes.size(); }
  const ObservationKey& next_key() const { return next().front().key; }
  const Said& next_said() const { return *next().front().said; }
  SharedSaid take();
  void forget(const ObservationKey& key) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) remove(found->second);
  }
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Waiting {
    ObservationKey key;
    SharedSaid said;
    ValueRank rank;
  };
  using List = std::list<Waiting>;
  List& of(ValueRank rank) { return lists_[static_cast<std::size_t>(rank)]; }
  const List& of(ValueRank rank) const { return lists_[static_cast<std::size_t>(rank)]; }
  ValueRank next_rank() const;
  const List& next() const { return of(next_rank()); }
  List::iterator next_to_go();
  SharedSaid remove(List::iterator at);

  std::array<List, 3> lists_;  // by ValueRank
  int moving_in_a_row_ = 0;
  std::unordered_map<ObservationKey, List::iterator> by_key_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace airbridge::sync
