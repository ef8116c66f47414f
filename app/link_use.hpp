#pragma once
// How much goes over each way, and how much of it a second time, in the last minute. A way whose rate nobody knows has
// no occupancy; what it carries can be said all the same. One thread.
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/time.hpp"

namespace airbridge::app {

inline constexpr Milliseconds use_window{60'000};
inline constexpr Milliseconds use_looked_every{5'000};  // counts are kept so often at most, 13 of a way
inline constexpr Milliseconds use_shortest{1'000};      // over less nothing is said
inline constexpr std::size_t use_ways_max = 512;        // further ways are not measured

class LinkUse {
 public:
  // Since the way began.
  struct Counts {
    std::uint64_t bytes = 0;  // both ways
    std::uint64_t sent = 0, again = 0;
  };
  struct Use {
    std::optional<std::uint64_t> bps;     // bits per second, both ways; nothing until it was asked twice
    std::optional<double> again_percent;  // of what was sent; nothing while nothing was
  };
  // Asked rarely, it says what was since it was asked last. A way whose counts fall is a new one.
  Use of(const std::string& way, const Counts& counts, SteadyTime now);
  // Forgets the ways that were not asked for since the last call; once for each status.
  void sweep();
  std::size_t ways() const { return ways_.size(); }

 private:
  struct Look {
    SteadyTime at{};
    Counts counts;
  };
  struct Way {
    std::deque<Look> looks;
    bool is_asked = true;
  };
  std::map<std::string, Way> ways_;
};

}  // namespace airbridge::app
