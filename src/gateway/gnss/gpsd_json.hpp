#pragma once
// gpsd's JSON reports, one a line (https://gpsd.io/gpsd_json.html), as far as an own position needs them:
//
//   {"class":"TPV","mode":3,"time":"2026-01-02T03:04:05.000Z","lat":46.8,"lon":8.23,"altHAE":1125.9,"speed":0.06,
//    "track":12.5,"climb":-0.2,"eph":17.3}
//   {"class":"SKY","uSat":9,"satellites":[{"PRN":66,"used":true},...]}
//
// Units are metres, metres a second and degrees true. `mode` is 0 unknown, 1 no fix, 2 position, 3 position and height.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "geo/position.hpp"

namespace airbridge::gateway::gnss {

inline constexpr std::size_t gpsd_line_bytes_max = 16 * 1024;  // gpsd's own limit is 10,240
inline constexpr std::uint16_t gpsd_default_port = 2947;
inline constexpr std::string_view gpsd_watch_command = "?WATCH={\"enable\":true,\"json\":true}\n";

enum class GpsdFault { NotJson, NotAReport, BadMode };
std::string_view words_for(GpsdFault fault);

enum class FixMode : std::uint8_t { Unknown, None, TwoD, ThreeD };
std::string_view name_of(FixMode mode);  // "unknown", "no fix", "2D", "3D"

enum class ReportKind : std::uint8_t { Fix, Sky, Devices, Version, Error, Other };

struct GpsdReport {
  ReportKind kind = ReportKind::Other;
  // Fix (TPV). `position` is there only with mode 2D or 3D.
  FixMode mode = FixMode::Unknown;
  std::optional<Position> position;
  std::optional<EllipsoidHeight> height;  // altHAE, or altMSL + geoidSep; plain "alt" is left alone: its datum varies
  std::optional<MetresPerSecond> speed;
  std::optional<TrueBearing> track;
  std::optional<MetresPerSecond> climb;
  std::optional<Metres> error_95;  // eph, or epx and epy together
  std::optional<UtcTime> time;     // by the receiver; off by 1,024 weeks when its firmware is old
  // Sky.
  std::optional<int> satellites_used;
  // Devices: how many receivers gpsd has open.
  int devices = 0;
  std::string text;    // Version: gpsd's release. Error: its message. At most text_max bytes
  int bad_values = 0;  // left out: wrong type or out of range
  static constexpr std::size_t text_max = 200;
};

// Holds the parser's buffers between lines. Not thread-safe.
class GpsdReader {
 public:
  GpsdReader();
  ~GpsdReader();
  Result<GpsdReport, GpsdFault> read(std::string_view line);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace airbridge::gateway::gnss
