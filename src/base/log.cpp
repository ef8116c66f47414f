#include "base/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <mutex>

#include "base/time.hpp"

namespace airbridge::log {
namespace {

struct Burst {
  std::int64_t second = 0;
  int count = 0;
};

struct State {
  std::mutex mutex;
  Level level = Level::Info;
  Format format = Format::Text;
  std::function<void(std::string_view)> sink;
  std::deque<Recent> recent;
  std::map<std::string, Burst, std::less<>> bursts;
};

State& state() {
  static State* const the = new State;  // never destroyed: threads may log while the process ends
  return *the;
}

}  // namespace

std::string_view name_of(Level level) {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warn:
      return "warn";
    case Level::Error:
      return "error";
    case Level::Off:
      break;
  }
  return "off";
}

namespace {

// JSON string body; also used for text, where it keeps control characters and line breaks off the terminal.
void escape_into(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7F) return true;
  }
  return false;
}

std::string make_line(Format format, UtcTime now, Level level, std::string_view area, std::string_view message,
                      std::initializer_list<Field> fields) {
  std::string line;
  if (format == Format::Json) {
    line = fmt::format(R"({{"time":"{}","level":"{}","area":"{}","message":")", format_utc(now), name_of(level), area);
    escape_into(line, message);
    line += '"';
    for (const auto& field : fields) {
      line += ",\"";
      escape_into(line, field.key);
      line += "\":\"";
      escape_into(line, field.value);
      line += '"';
    }
    line += '}';
    return line;
  }
  line = fmt::format("{} {:<5} {}: ", format_utc(now), name_of(level), area);
  escape_into(line, message);
  bool first = true;
  for (const auto& field : fields) {
    line += first ? "  " : " ";
    first = false;
    line += field.key;
    line += '=';
    if (needs_quotes(field.value)) {
      line += '"';
      escape_into(line, field.value);
      line += '"';
    } else {
      line += field.value;
    }
  }
  return line;
}

void emit(State& the, Recent about, std::initializer_list<Field> fields) {
  const auto line = make_line(the.format, about.time, about.level, about.area, about.message, fields);
  if (about.level >= Level::Info) {
    the.recent.push_back(std::move(about));
    if (the.recent.size() > recent_max) the.recent.pop_front();
  }
  if (the.sink) {
    the.sink(line);
    return;
  }
  const std::string with_end = line + "\n";
  // A log that cannot be written has nowhere to complain to.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, with_end.data(), with_end.size());
}

}  // namespace

void configure(Level level, Format format) {
  const std::scoped_lock lock(state().mutex);
  state().level = level;
  state().format = format;
}

Level level() { return state().level; }

void set_sink(std::function<void(std::string_view)> sink) {
  const std::scoped_lock lock(state().mutex);
  state().sink = std::move(sink);
}

std::vector<Recent> recent() {
  const std::scoped_lock lock(state().mutex);
  return {state().recent.begin(), state().recent.end()};
}

void write(Level level, std::string_view area, std::string_view message, std::initializer_list<Field> fields) {
  auto& the = state();
  if (level < the.level) return;
  const auto now = SystemClock().now().utc;
  const auto second = ms_of(now) / 1000;
  const std::scoped_lock lock(the.mutex);
  if (the.bursts.size() > 1000) the.bursts.clear();
  auto& burst = the.bursts[fmt::format("{}:{}", area, message)];
  if (burst.second != second) {
    const int held_back = burst.count - burst_max;
    burst = {second, 0};
    if (held_back > 0) {
      emit(the, {now, level, std::string(area), std::string(message)}, {{"repeated", held_back}});
    }
  }
  if (++burst.count > burst_max) return;
  emit(the, {now, level, std::string(area), std::string(message)}, fields);
}

}  // namespace airbridge::log
