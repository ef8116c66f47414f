#pragma once
// The structured diagnostics log: one line an event, on standard error or a file, as text for people or JSON for
// programs.
//
//   log::warn("tak", "refused an event", {{"peer", "127.0.0.1:40112"}, {"reason", "latitude 91 is outside -90..90"}});
//
// Text:  2026-03-14T09:30:00.000Z warn  tak: refused an event  peer=127.0.0.1:40112 reason="latitude 91 is outside
// -90..90" JSON:  {"time":"...","level":"warn","area":"tak","message":"refused an event","peer":"...","reason":"..."}
//
// Any thread. Values from outside are escaped (no control characters or line breaks reach the terminal). Same (area,
// message) more than `burst_max` times in a second is counted and summed up in one line the second after, so a hostile
// client cannot fill a disk through the log.
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace airbridge::log {

enum class Level { Debug, Info, Warn, Error, Off };
enum class Format { Text, Json };

inline constexpr int burst_max = 20;

struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Field(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}
};

// Sets level and format for the process; call before threads start.
void configure(Level level, Format format);
Level level();
// Sends finished lines elsewhere (tests, a ring kept for `diagnose`); empty restores standard error.
void set_sink(std::function<void(std::string_view line)> sink);
// What was said by the last lines written at Info or above, oldest first, at most `recent_max`: what `diagnose`
// bundles. Their values are not kept: they may name people and places.
inline constexpr std::size_t recent_max = 500;
struct Recent {
  UtcTime time;
  Level level = Level::Info;
  std::string area;
  std::string message;
};
std::vector<Recent> recent();
std::string_view name_of(Level level);  // "info"

void write(Level level, std::string_view area, std::string_view message, std::initializer_list<Field> fields = {});
inline void debug(std::string_view area, std::string_view message, std::initializer_list<Field> fields = {}) {
  if (level() <= Level::Debug) write(Level::Debug, area, message, fields);
}
inline void info(std::string_view area, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Info, area, message, fields);
}
inline void warn(std::string_view area, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Warn, area, message, fields);
}
inline void error(std::string_view area, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Error, area, message, fields);
}

}  // namespace airbridge::log
