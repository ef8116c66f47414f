#pragma once
// Time as everything below app/ knows it: an argument, never asked for (STYLE 6).
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace airbridge {

using Milliseconds = std::chrono::milliseconds;
using UtcTime = std::chrono::sys_time<Milliseconds>;  // what clocks on the wall say; may be wrong
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Milliseconds>;  // never goes back; for deadlines

// Both clocks at one moment.
struct Now {
  UtcTime utc{};
  SteadyTime steady{};
};

// Where time comes from. app/ hands in the system's, simulations their own.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Now now() const override;
};

inline UtcTime utc_from_ms(std::int64_t ms) { return UtcTime(Milliseconds(ms)); }
inline std::int64_t ms_of(UtcTime time) { return time.time_since_epoch().count(); }

// "2026-03-14T09:30:00.000Z"
std::string format_utc(UtcTime time);

enum class TimeFault { Malformed, OutOfRange };
struct TimeError {
  TimeFault fault;
  std::size_t column;  // offset of the first character that does not fit
  friend bool operator==(const TimeError&, const TimeError&) = default;
};
// Reads ISO 8601 with "Z" or an offset ("+01:00") and any number of fraction digits (cut to milliseconds). The year has
// four digits and lies in 1970..2199, so "10196-..." is Malformed; second 60 is read as 59.999.
Result<UtcTime, TimeError> parse_utc(std::string_view text);

}  // namespace airbridge
