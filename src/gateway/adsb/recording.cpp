#include "gateway/adsb/recording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/line_framer.hpp"
#include "base/log.hpp"
#include "codec/adsb/aircraft_json.hpp"
#include "codec/adsb/sbs.hpp"

namespace airbridge::gateway::adsb {
namespace {

using namespace codec::adsb;

// Fields 7 and 8 of an SBS line, "2010/02/19,18:06:07.710". Only differences of these mean anything.
std::optional<UtcTime> time_written_in(std::string_view line) {
  for (int field = 1; field < 7; ++field) {
    const auto comma = line.find(',');
    if (comma == line.npos) return std::nullopt;
    line.remove_prefix(comma + 1);
  }
  constexpr std::size_t date_size = 10;
  if (line.size() < date_size + 1 || line[date_size] != ',') return std::nullopt;
  std::string text(line.substr(0, date_size));
  std::replace(text.begin(), text.end(), '/', '-');
  line.remove_prefix(date_size + 1);
  text.append("T").append(line.substr(0, line.find(','))).append("Z");
  const auto time = parse_utc(text);
  return time ? std::optional(*time) : std::nullopt;
}

void pace(Recording& recording, const std::vector<std::optional<UtcTime>>& written, const RecordingOptions& options) {
  std::optional<UtcTime> last;
  Milliseconds at{0};
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i]) {
      if (last && *written[i] > *last) at += std::min(*written[i] - *last, options.gap_max);
      last = written[i];
    }
    recording.items[i].at = at;
  }
  if (at == Milliseconds(0)) {  // the recorded clock stands still
    const double interval_ms = 1000 / std::clamp(options.lines_per_second, 0.01, 1e6);
    for (std::size_t i = 0; i < recording.items.size(); ++i) {
      at = Milliseconds(std::llround(interval_ms * static_cast<double>(i)));
      recording.items[i].at = at;
    }
  }
  recording.length = at;
}

Result<Recording, RecordingError> read_json(Recording recording, std::string_view text,
                                            const RecordingOptions& options) {
  const auto list = parse_aircraft_json(text, recording.json_read_at);
  if (!list) return failure(RecordingError{recording.name + ": " + list.error().what});
  if (!list->first_problem.empty()) {
    log::warn("adsb", "left out parts of a file",
              {{"source", recording.name},
               {"first", list->first_problem},
               {"entries", list->skipped},
               {"values", list->bad_values}});
  }
  recording.skipped = list->skipped;
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(list->aircraft.size(), 1));
  for (std::size_t i = 0; i < list->aircraft.size(); ++i) {
    const auto at = options.json_spread * static_cast<std::int64_t>(i) / count;
    recording.items.push_back({at, i + 1, list->aircraft[i]});
  }
  recording.length = options.json_spread;
  return recording;
}

}  // namespace

Result<Recording, RecordingError> read_recording(std::string name, std::string_view text,
                                                 const RecordingOptions& options) {
  Recording recording;
  recording.name = std::move(name);
  recording.json_read_at = utc_from_ms(4'000'000'000'000);  // any moment: players shift it to their own now
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return failure(RecordingError{recording.name + ": the file is empty"});
  if (text[first] == '{') return read_json(std::move(recording), text, options);

  LineFramer framer(sbs_line_bytes_max);
  std::vector<std::optional<UtcTime>> written;
  bool any_sbs = false;
  const auto take = [&](std::string_view line, std::uint64_t number) {
    if (line.front() == '#') return;
    any_sbs = any_sbs || parse_sbs(line).has_value();
    written.push_back(time_written_in(line));
    recording.items.push_back({Milliseconds(0), number, std::string(line)});
  };
  framer.feed(as_bytes(text), take);
  framer.finish(take);
  if (!any_sbs) return failure(RecordingError{recording.name + ": neither SBS-1 text nor an aircraft.json"});
  recording.oversized = framer.oversized();
  pace(recording, written, options);
  return recording;
}

Result<Recording, RecordingError> load_recording(const std::string& path, const RecordingOptions& options) {
  const auto fail = [&](std::string_view why) { return failure(RecordingError{fmt::format("{}: {}", path, why)}); };
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return fail(error ? "cannot open: " + error.message() : "cannot open: not a file");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(fmt::format("cannot open: {}", std::strerror(errno)));
  std::string text;
  std::string chunk(1U << 16, '\0');
  while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0) {
    text.append(chunk, 0, static_cast<std::size_t>(in.gcount()));
    if (text.size() > recording_bytes_max) {
      return fail(fmt::format("larger than the limit of {} bytes", recording_bytes_max));
    }
  }
  if (in.bad()) return fail("cannot be read to its end");
  return read_recording(std::filesystem::path(path).filename().string(), text, options);
}

}  // namespace airbridge::gateway::adsb
