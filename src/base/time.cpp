#include "base/time.hpp"

#include <fmt/format.h>

namespace airbridge {
namespace chr = std::chrono;

Now SystemClock::now() const {
  return {chr::floor<Milliseconds>(chr::system_clock::now()), chr::floor<Milliseconds>(chr::steady_clock::now())};
}

std::string format_utc(UtcTime time) {
  const auto day = chr::floor<chr::days>(time);
  const chr::year_month_day date(day);
  const auto ms = (time - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), ms / 3'600'000,
                     ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

Result<UtcTime, TimeError> parse_utc(std::string_view text) {
  std::size_t at = 0;
  bool broken = false;
  const auto number = [&](int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      if (broken || at >= text.size() || text[at] < '0' || text[at] > '9') {
        broken = true;
        return 0;
      }
      value = value * 10 + (text[at++] - '0');
    }
    return value;
  };
  const auto expect = [&](char wanted) {
    if (!broken && at < text.size() && text[at] == wanted) {
      ++at;
    } else {
      broken = true;
    }
  };
  const auto malformed = [&] { return failure(TimeError{TimeFault::Malformed, at}); };

  const int year = number(4);
  expect('-');
  const int month = number(2);
  expect('-');
  const int day = number(2);
  if (!broken && at < text.size() && text[at] == ' ') {
    ++at;
  } else {
    expect('T');
  }
  const int hour = number(2);
  expect(':');
  const int minute = number(2);
  expect(':');
  int second = number(2);
  if (broken) return malformed();
  int ms = 0;
  if (at < text.size() && (text[at] == '.' || text[at] == ',')) {
    ++at;
    int scale = 100;
    const auto first = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) ms += (text[at] - '0') * scale;
    if (at == first) return malformed();
  }
  int offset_minutes = 0;
  if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    ++at;
  } else if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    const int sign = text[at++] == '-' ? -1 : 1;
    const int hours = number(2);
    if (at < text.size() && text[at] == ':') ++at;
    const int minutes = number(2);
    if (broken) return malformed();
    if (hours > 14 || minutes > 59) return failure(TimeError{TimeFault::OutOfRange, at});
    offset_minutes = sign * (hours * 60 + minutes);
  } else {
    return malformed();
  }
  if (at != text.size()) return malformed();

  const chr::year_month_day date{chr::year(year), chr::month(static_cast<unsigned>(month)),
                                 chr::day(static_cast<unsigned>(day))};
  if (year < 1970 || year > 2199 || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return failure(TimeError{TimeFault::OutOfRange, 0});
  }
  if (second == 60) {
    second = 59;
    ms = 999;
  }
  const auto out = chr::sys_days(date) + chr::hours(hour) + chr::minutes(minute - offset_minutes) +
                   chr::seconds(second) + Milliseconds(ms);
  return chr::time_point_cast<Milliseconds>(out);
}

}  // namespace airbridge
