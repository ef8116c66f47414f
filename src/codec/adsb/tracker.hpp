#pragma once
// Merges what is heard of each aircraft, message by message, into one state, and says when that is worth telling.
//
// A feed nobody vouches for gets three checks (DESIGN 8). Range: with a receiver position set, nothing further than a
// radio can hear. Jump: a position that would need more than `speed_max` from the last one is held back, and believed
// only when a second one, at least `confirm_after` later, fits with it. Table: at most `aircraft_max` are kept; the one
// not heard for longest goes first, and is counted.
//
// Pure: time comes in as `now`. Not thread-safe; one tracker belongs to one feed.
#include <cstdint>
#include <list>
#include <unordered_map>

#include "codec/adsb/aircraft.hpp"
#include "codec/adsb/sbs.hpp"

namespace airbridge::codec::adsb {

struct TrackerLimits {
  std::size_t aircraft_max = 20'000;
  MetresPerSecond speed_max{1'200};
  Metres jump_slack{2'000};            // a stalled link delivers several seconds of flight at once
  Milliseconds confirm_after{500};     // so that a repeated line does not confirm itself
  Milliseconds forget_after{600'000};  // an aircraft not heard for so long begins anew
  Milliseconds quiet_interval{1'000};  // changes of altitude and velocity alone are told at most so often
  std::optional<Position> receiver;    // where the antenna stands; without it there is no range check
  Metres range_max{700'000};           // line of sight at 60,000 ft is 560 km
};

struct TrackerCounters {
  std::uint64_t messages = 0;
  std::uint64_t positions = 0;         // believed
  std::uint64_t positions_zero = 0;    // "no fix"
  std::uint64_t positions_bad = 0;     // no such place on Earth
  std::uint64_t positions_far = 0;     // beyond range_max
  std::uint64_t jumps_held = 0;        // waiting for a second
  std::uint64_t jumps_confirmed = 0;   // and it came
  std::uint64_t aircraft_dropped = 0;  // because the table was full
};

class SbsTracker {
 public:
  explicit SbsTracker(TrackerLimits limits = {}) : limits_(limits) {}

  // The aircraft when there is something new to tell and its position is known, else nullptr. Any position believed,
  // and any change of callsign, squawk, emergency, ident or ground state, is told at once. Valid until the next call.
  const Aircraft* apply(const SbsMessage& message, Now now);

  const Aircraft* find(Address address) const;
  std::size_t size() const { return by_address_.size(); }
  const TrackerCounters& counters() const { return counters_; }

 private:
  struct Point {
    Position position;
    SteadyTime at;
  };
  struct Entry {
    Aircraft aircraft;
    std::optional<Point> believed;
    std::optional<Point> held;  // a jump that waits for its second
    SteadyTime heard{};
    SteadyTime told{};
    bool untold_motion = false;
  };
  using Order = std::list<Entry>;  // heard longest ago first

  Entry& entry_for(Address address, SteadyTime now);
  bool accept_position(Entry& entry, const SbsMessage& message, Now now);
  bool is_plausible(const Point& from, const Position& to, SteadyTime at) const;

  TrackerLimits limits_;
  TrackerCounters counters_;
  Order order_;
  std::unordered_map<std::uint32_t, Order::iterator> by_address_;
};

}  // namespace airbridge::codec::adsb
