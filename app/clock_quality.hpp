#pragma once
// How good this machine's clock is, as every event says of its stamp (DESIGN 3).
#include <optional>

#include "base/time.hpp"
#include "model/event.hpp"

namespace airbridge::app {

// A receiver's time vouches for the clock while its last fix is so young and the two are so close.
inline constexpr Milliseconds gnss_fix_age_max{30'000};
inline constexpr Milliseconds gnss_clock_apart_max{500};

// Ntp when the kernel says that a time service keeps the clock (adjtimex(2)), else Rtc. Any thread.
model::ClockQuality system_clock_quality();

// Gnss when a receiver confirms the clock, else what the system says. `ahead`: receiver's time minus ours at its last
// fix.
model::ClockQuality clock_quality(model::ClockQuality system, std::optional<Milliseconds> ahead, UtcTime last_fix,
                                  UtcTime now);

}  // namespace airbridge::app
