#include "clock_quality.hpp"

#include <sys/timex.h>

namespace airbridge::app {

model::ClockQuality system_clock_quality() {
  timex state{};
  const auto answer = ::adjtimex(&state);  // modes 0: only asks
  const bool kept = answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  return kept ? model::ClockQuality::Ntp : model::ClockQuality::Rtc;
}

model::ClockQuality clock_quality(model::ClockQuality system, std::optional<Milliseconds> ahead, UtcTime last_fix,
                                  UtcTime now) {
  const bool young = last_fix != UtcTime{} && now - last_fix <= gnss_fix_age_max && last_fix - now <= gnss_fix_age_max;
  const bool close = ahead && *ahead <= gnss_clock_apart_max && -*ahead <= gnss_clock_apart_max;
  return young && close ? model::ClockQuality::Gnss : system;
}

}  // namespace airbridge::app
