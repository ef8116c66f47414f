#pragma once
// A recorded ADS-B feed from a file: SBS-1 text, or one aircraft.json. For `import`, and for a replay that looks alive.
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "codec/adsb/aircraft.hpp"

namespace airbridge::gateway::adsb {

inline constexpr std::size_t recording_bytes_max = 64U * 1024 * 1024;

struct RecordingError {
  std::string what;  // "flight.sbs: cannot open: No such file or directory"
};

struct RecordingOptions {
  // SBS files whose clock stands still (every line with one time) are played at this rate. 217 lines of the sample
  // flight then last 54 s, which gives the aircraft its true speed.
  double lines_per_second = 4;
  Milliseconds gap_max{30'000};     // a longer silence in the recording is cut to this
  Milliseconds json_spread{5'000};  // the entries of an aircraft.json are spread evenly over this time
};

// What to play and when, in order of time.
struct Recording {
  struct Item {
    Milliseconds at{0};  // after the start
    std::uint64_t line_number = 0;
    std::variant<std::string, codec::adsb::Aircraft> content;  // an SBS line, or an aircraft.json entry
  };
  std::string name;  // the file's name without its folder: the source shown beside its tracks
  std::vector<Item> items;
  Milliseconds length{0};
  std::uint64_t oversized = 0;  // lines left out
  std::size_t skipped = 0;      // aircraft.json entries left out
  UtcTime json_read_at{};       // to what the ages in `content` were counted back from
};

// Reads the whole file; JSON when its first character that is not blank is "{". Lines of SBS text that begin with "#"
// are comments. Damaged lines stay in and are refused when played, with their line number.
Result<Recording, RecordingError> load_recording(const std::string& path, const RecordingOptions& options = {});
// The same from memory.
Result<Recording, RecordingError> read_recording(std::string name, std::string_view text,
                                                 const RecordingOptions& options = {});

}  // namespace airbridge::gateway::adsb
