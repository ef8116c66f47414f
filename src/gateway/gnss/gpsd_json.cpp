#include "gateway/gnss/gpsd_json.hpp"

#include <simdjson.h>

#include <cmath>

namespace airbridge::gateway::gnss {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr double height_max_m = 100'000;
constexpr double speed_max_mps = 1'200;
constexpr double error_max_m = 1e6;

class Values {
 public:
  Values(const object& fields, GpsdReport& report) : fields_(fields), report_(report) {}

  std::optional<double> number(const char* key, double low, double high) const {
    element value;
    if (fields_.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    double out = 0;
    if (value.get(out) == simdjson::SUCCESS && out >= low && out <= high) return out;
    ++report_.bad_values;
    return std::nullopt;
  }
  std::string text(const char* key) const {
    std::string_view out;
    if (fields_.at_key(key).get(out) != simdjson::SUCCESS) return {};
    return std::string(out.substr(0, GpsdReport::text_max));
  }

 private:
  object fields_;
  GpsdReport& report_;
};

std::optional<EllipsoidHeight> height_of(const Values& values) {
  if (const auto hae = values.number("altHAE", -height_max_m, height_max_m)) return EllipsoidHeight(Metres{*hae});
  const auto msl = values.number("altMSL", -height_max_m, height_max_m);
  const auto geoid = values.number("geoidSep", -150, 150);
  if (!msl || !geoid) return std::nullopt;
  return EllipsoidHeight(Metres{*msl + *geoid});
}

std::optional<Metres> error_of(const Values& values) {
  if (const auto eph = values.number("eph", 0, error_max_m)) return Metres{*eph};
  const auto east = values.number("epx", 0, error_max_m);
  const auto north = values.number("epy", 0, error_max_m);
  if (!east || !north) return std::nullopt;
  return Metres{std::hypot(*east, *north)};
}

bool read_fix(const object& fields, GpsdReport& report) {
  const Values values(fields, report);
  const auto mode = values.number("mode", 0, 3);
  if (report.bad_values > 0 || (mode && *mode != std::floor(*mode))) return false;
  report.mode = static_cast<FixMode>(static_cast<int>(mode.value_or(0)));
  if (const auto time = parse_utc(values.text("time"))) report.time = *time;
  if (report.mode < FixMode::TwoD) return true;
  const auto latitude = values.number("lat", -90, 90);
  const auto longitude = values.number("lon", -180, 180);
  // 0,0 is what receivers say that have a mode but no position yet.
  if (!latitude || !longitude || (*latitude == 0 && *longitude == 0)) return true;
  report.position = Position::from_degrees(*latitude, *longitude);
  if (report.mode == FixMode::ThreeD) report.height = height_of(values);
  if (const auto speed = values.number("speed", 0, speed_max_mps)) report.speed = MetresPerSecond{*speed};
  if (const auto track = values.number("track", -360, 360)) report.track = TrueBearing::from_degrees(*track);
  if (const auto climb = values.number("climb", -speed_max_mps, speed_max_mps)) report.climb = MetresPerSecond{*climb};
  report.error_95 = error_of(values);
  return true;
}

void read_sky(const object& fields, GpsdReport& report) {
  const Values values(fields, report);
  if (const auto used = values.number("uSat", 0, 1000)) {
    report.satellites_used = static_cast<int>(*used);
    return;
  }
  simdjson::dom::array satellites;
  if (fields["satellites"].get(satellites) != simdjson::SUCCESS) return;
  int count = 0;
  for (const element satellite : satellites) {
    bool used = false;
    if (satellite["used"].get(used) == simdjson::SUCCESS && used) ++count;
  }
  report.satellites_used = count;
}

}  // namespace

std::string_view words_for(GpsdFault fault) {
  switch (fault) {
    case GpsdFault::NotJson:
      return "the line is not JSON";
    case GpsdFault::NotAReport:
      return "the line is not a gpsd report: it has no \"class\"";
    case GpsdFault::BadMode:
      return "the fix mode is not 0 to 3";
  }
  return "unknown fault";
}

std::string_view name_of(FixMode mode) {
  switch (mode) {
    case FixMode::Unknown:
      return "unknown";
    case FixMode::None:
      return "no fix";
    case FixMode::TwoD:
      return "2D";
    case FixMode::ThreeD:
      return "3D";
  }
  return "unknown";
}

struct GpsdReader::Parser {
  simdjson::dom::parser parser;
};

GpsdReader::GpsdReader() : parser_(std::make_unique<Parser>()) {}
GpsdReader::~GpsdReader() = default;

Result<GpsdReport, GpsdFault> GpsdReader::read(std::string_view line) {
  element root;
  if (parser_->parser.parse(line.data(), line.size(), true).get(root)) return failure(GpsdFault::NotJson);
  object fields;
  std::string_view name;
  if (root.get(fields) || fields["class"].get(name)) return failure(GpsdFault::NotAReport);

  GpsdReport report;
  if (name == "TPV") {
    report.kind = ReportKind::Fix;
    if (!read_fix(fields, report)) return failure(GpsdFault::BadMode);
  } else if (name == "SKY") {
    report.kind = ReportKind::Sky;
    read_sky(fields, report);
  } else if (name == "DEVICES") {
    report.kind = ReportKind::Devices;
    simdjson::dom::array devices;
    if (!fields["devices"].get(devices)) report.devices = static_cast<int>(devices.size());
  } else if (name == "VERSION") {
    report.kind = ReportKind::Version;
    report.text = Values(fields, report).text("release");
  } else if (name == "ERROR") {
    report.kind = ReportKind::Error;
    report.text = Values(fields, report).text("message");
  }
  return report;
}

}  // namespace airbridge::gateway::gnss
