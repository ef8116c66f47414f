#pragma once
// SBS-1 "BaseStation" text, as receivers send it on TCP port 30003: a line a message, 22 fields between commas.
//
//   field  1 record  2 subtype  3 session  4 aircraft  5 ICAO address  6 flight  7-8 date, time generated  9-10 logged
//         11 callsign  12 altitude, ft (1013.25 hPa)  13 ground speed, kt  14 track, degrees true  15 latitude
//         16 longitude  17 vertical rate, ft/min  18 squawk  19 alert  20 emergency  21 ident (SPI)  22 on ground
//
// There is no standard; this follows what dump1090, readsb and BaseStation are seen to write. The times have no zone
// and the clocks are often wrong (dump1090 replays stamp 2013-01-01), so nothing here reads them: a live message is
// dated by its arrival. Flags are "0", "1" or "-1" (true in old BaseStation); an empty field says nothing.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/adsb/aircraft.hpp"

namespace airbridge::codec::adsb {

inline constexpr std::size_t sbs_line_bytes_max = 1024;  // real lines are 60 to 140 bytes
inline constexpr std::uint16_t sbs_default_port = 30003;

enum class SbsFault {
  NotSbs,
  TooFewFields,
  UnknownSubtype,
  BadAddress,
  BadCallsign,
  NotANumber,
  OutOfRange,
  BadSquawk,
  BadFlag
};
std::string_view words_for(SbsFault fault);
struct SbsError {
  SbsFault fault;
  std::size_t column;  // offset in the line of the field that does not fit, so that a log line can point at it
  friend bool operator==(const SbsError&, const SbsError&) = default;
};

// MSG carries data; the others tell of BaseStation's own window (selection, new id, new aircraft, status, click) and
// are ignored, as is a record type nobody has told us of.
enum class SbsRecord : std::uint8_t { Msg, Sel, Id, Air, Sta, Clk, Unknown };
enum class SbsPosition : std::uint8_t {
  Absent,
  Present,
  Zero,       // 0.00000,0.00000: BaseStation's way to say "no fix"; ignored
  OutOfRange  // latitude or longitude no point on Earth has: left out, the rest of the message stands
};

struct SbsMessage {
  SbsRecord record = SbsRecord::Unknown;
  std::uint8_t subtype =
      0;  // 1 callsign, 2 surface, 3 airborne, 4 velocity, 5 altitude, 6 squawk, 7 air-to-air, 8 all-call
  Address address;
  std::string callsign;
  std::string squawk;
  SbsPosition position_verdict = SbsPosition::Absent;
  std::optional<Position> position;
  std::optional<PressureAltitude> altitude;
  std::optional<MetresPerSecond> ground_speed;
  std::optional<TrueBearing> track;
  std::optional<MetresPerSecond> climb;
  std::optional<bool> emergency;
  std::optional<bool> ident;
  std::optional<bool> on_ground;
};

// Reads one line without its line break. Anything but MSG comes back with its record and nothing else filled.
Result<SbsMessage, SbsError> parse_sbs(std::string_view line);

}  // namespace airbridge::codec::adsb
