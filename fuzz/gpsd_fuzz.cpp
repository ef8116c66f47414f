// gpsd's JSON socket as something that only claims to be gpsd might speak it. The first byte chooses how the stream is
// cut into chunks; the rest is the stream.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/line_framer.hpp"
#include "gateway/gnss/gpsd_json.hpp"

using namespace airbridge;
using namespace airbridge::gateway::gnss;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const GpsdReport& report) {
  require(report.mode <= FixMode::ThreeD);
  require(!report.position || report.mode >= FixMode::TwoD);
  require(!report.height || report.mode == FixMode::ThreeD);
  if (report.height) require(std::abs(report.height->above().value) <= 100'150);
  if (report.speed) require(report.speed->value >= 0 && report.speed->value <= 1'200);
  if (report.track) require(report.track->degrees() >= 0 && report.track->degrees() < 360);
  if (report.error_95) require(report.error_95->value >= 0 && std::isfinite(report.error_95->value));
  if (report.satellites_used) require(*report.satellites_used >= 0);
  require(report.devices >= 0 && report.text.size() <= GpsdReport::text_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t chunk = data[0] % 64U + 1;
  const ByteView stream(data + 1, size - 1);
  static GpsdReader reader;
  LineFramer framer(gpsd_line_bytes_max);
  const auto take = [&](std::string_view line, std::uint64_t) {
    require(line.size() <= gpsd_line_bytes_max);
    if (const auto report = reader.read(line)) check(*report);
  };
  for (std::size_t at = 0; at < stream.size(); at += chunk) {
    framer.feed(stream.subspan(at, std::min(chunk, stream.size() - at)), take);
    require(framer.held_bytes() <= gpsd_line_bytes_max + 1);
  }
  framer.finish(take);
  return 0;
}
