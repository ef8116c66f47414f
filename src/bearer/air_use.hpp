#pragma once
// How much of the time the channel is used, by us (duty cycle) and by all that is heard (occupancy).
#include <algorithm>
#include <array>

#include "base/time.hpp"

namespace airbridge::bearer {

using Microseconds = std::chrono::microseconds;

// Time on the air, summed over a sliding window in 60 steps.
class SlidingSum {
 public:
  explicit SlidingSum(Milliseconds window) : step_(std::max(Milliseconds(1), window / steps)) {}
  void add(Microseconds airtime, SteadyTime now);
  Microseconds sum(SteadyTime now) const;
  Milliseconds window() const { return step_ * steps; }
  Milliseconds step() const { return step_; }

 private:
  static constexpr int steps = 60;
  std::int64_t step_of(SteadyTime time) const { return time.time_since_epoch() / step_; }
  Milliseconds step_;
  std::array<Microseconds, steps> sums_{};
  std::array<std::int64_t, steps> numbers_{};
};

class AirUse {
 public:
  AirUse(std::uint32_t rate_bps, double duty_cycle, Milliseconds duty_window)
      : rate_bps_(rate_bps), duty_cycle_(duty_cycle), own_(duty_window), all_(Milliseconds(60'000)) {}

  // Zero when the rate is unlimited.
  Microseconds airtime(std::size_t bytes) const;
  void sent(Microseconds airtime, SteadyTime now);
  void heard(std::size_t bytes, SteadyTime now) { all_.add(airtime(bytes), now); }

  // May this be sent within the duty cycle? What is not urgent leaves a tenth of the allowance to what is.
  bool allows(Microseconds airtime, bool urgent, SteadyTime now) const;
  // When it is worth asking again.
  SteadyTime ask_again(SteadyTime now) const { return now + own_.step(); }

  double occupancy(SteadyTime now) const;
  double own_share(SteadyTime now) const;

 private:
  std::uint32_t rate_bps_;
  double duty_cycle_;
  SlidingSum own_, all_;
};

}  // namespace airbridge::bearer
