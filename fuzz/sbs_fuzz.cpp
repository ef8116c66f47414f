// SBS-1 text and aircraft.json as an unfriendly receiver might send them. The first byte chooses how the stream is cut
// into chunks; the rest is the stream. Text that begins with "{" is read as aircraft.json too.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/line_framer.hpp"
#include "codec/adsb/aircraft_json.hpp"
#include "codec/adsb/tracker.hpp"

using namespace airbridge;
using namespace airbridge::codec::adsb;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Aircraft& aircraft) {
  require(aircraft.address.value > 0 && aircraft.address.value <= 0xFFFFFF);
  require(aircraft.callsign.size() <= callsign_max);
  for (const char c : aircraft.callsign) require(c >= ' ' && c <= '~');
  require(aircraft.squawk.empty() || aircraft.squawk.size() == 4);
  if (aircraft.ground_speed) require(aircraft.ground_speed->value >= 0 && aircraft.ground_speed->value < 1'200);
  if (aircraft.climb) require(std::abs(aircraft.climb->value) < 200);
  if (aircraft.pressure_altitude) require(std::abs(aircraft.pressure_altitude->above().value) < 50'000);
  if (aircraft.track) require(aircraft.track->degrees() >= 0 && aircraft.track->degrees() < 360);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t chunk = data[0] % 64U + 1;
  const ByteView stream(data + 1, size - 1);

  TrackerLimits limits;
  limits.aircraft_max = 4;
  SbsTracker tracker(limits);
  LineFramer framer(sbs_line_bytes_max);
  std::int64_t ms = 0;
  const auto take = [&](std::string_view line, std::uint64_t) {
    require(line.size() <= sbs_line_bytes_max);
    const auto message = parse_sbs(line);
    if (!message) return require(message.error().column <= line.size());
    ms += static_cast<std::int64_t>(line.size()) * 7;
    const Aircraft* const told = tracker.apply(*message, {utc_from_ms(ms), SteadyTime(Milliseconds(ms))});
    if (told != nullptr) {
      require(told->position.has_value());
      check(*told);
    }
    require(tracker.size() <= limits.aircraft_max);
  };
  for (std::size_t at = 0; at < stream.size(); at += chunk) {
    framer.feed(stream.subspan(at, std::min(chunk, stream.size() - at)), take);
    require(framer.held_bytes() <= sbs_line_bytes_max + 1);
  }
  framer.finish(take);

  if (!stream.empty() && stream[0] == '{') {
    const auto list = parse_aircraft_json(as_text(stream), utc_from_ms(1'800'000'000'000));
    if (list) {
      for (const auto& aircraft : list->aircraft) check(aircraft);
    }
  }
  return 0;
}
