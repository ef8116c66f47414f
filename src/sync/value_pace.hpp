#pragma once
// How often a position is said again on a channel of which the use is measured.
//
// On narrow channels positions are the load and the log is next to nothing, so what decides the interval is how much of
// its time the channel is in use, by this node and by all others it hears. A thing that moved is said at most every
// value_interval_min while the channel is calm and every value_interval_max when it is full; between the two the
// interval grows by the same factor for each part of occupancy (it is its own brake: rarer positions leave the channel
// calmer). A thing that did not move since it was last said there is said again only so that it stays fresh at the
// other side, and more rarely when even that is too much. What began or ended, and a change of emergency, is not held
// back.
#include <map>
#include <optional>

#include "sync/last_values.hpp"

namespace airbridge::sync {

inline constexpr double value_calm = 0.10, value_full = 0.70;  // occupancy
inline constexpr Milliseconds value_interval_min{1'000}, value_interval_max{120'000};
inline constexpr std::int64_t value_still_factor = 4;  // times the interval of what moves, at least,
inline constexpr double value_still_fresh = 0.7;       // and this part of the time for which its position is fresh,
inline constexpr Milliseconds value_still_max{8 * 60'000};  // and at most this: no kind is lost within it
inline constexpr std::int64_t value_gather_part = 4;        // when speaking anyway: what is due within this part of it
inline constexpr Metres value_moved_min{25}, value_moved_max{200};  // moved: more than its error, within these bounds
inline constexpr std::size_t value_said_max = 4096;  // things of which is kept when they were said; beyond it none

// Of what moves, at this occupancy (0..1).
Milliseconds value_interval(double occupancy);

// When what was last said on one channel.
class ValuePace {
 public:
  struct Turn {
    SteadyTime due{};
    ValueRank rank = ValueRank::Moving;
  };
  Turn turn(const ObservationKey& key, const model::Observation& fresh, double occupancy, SteadyTime now) const;
  void said(const ObservationKey& key, const model::Observation& observation, SteadyTime now);
  std::size_t size() const { return said_.size(); }

 private:
  struct Said {
    SteadyTime at{};
    Position position;
    std::optional<Metres> height;
    std::string emergency;
    bool ended = false;
  };
  std::map<ObservationKey, Said> said_;
};

// What is not due yet for one peer: the newest of each, until its time comes. At observation_queue_max the one due
// first is not held back any longer.
class RestingValues {
 public:
  struct Resting {
    ObservationKey key;
    SharedSaid said;
    ValueRank rank = ValueRank::Moving;
  };
  void put(const ObservationKey& key, SharedSaid said, const ValuePace::Turn& turn);
  void forget(const ObservationKey& key);
  std::size_t size() const { return by_key_.size(); }
  std::optional<SteadyTime> next() const {
    return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
  }
  // The one due first, if it is due by then.
  std::optional<Resting> take(SteadyTime until);
  bool is_full() const { return by_key_.size() >= observation_queue_max; }

 private:
  using Order = std::multimap<SteadyTime, Resting>;
  Order order_;
  std::map<ObservationKey, Order::iterator> by_key_;
};

}  // namespace airbridge::sync
