#include "gateway/gnss/gpsd_client.hpp"

#include <algorithm>
#include <bit>

#include "base/log.hpp"

namespace airbridge::gateway::gnss {
namespace {

constexpr std::size_t excerpt_max = 160;  // of a bad line, in the log

net::LastingOptions link_options(const GpsdClientOptions& options) {
  net::LastingOptions out;
  out.to = options.to;
  out.limits.idle_max = options.idle_max;
  out.wait_min = options.reconnect_min;
  out.wait_max = options.reconnect_max;
  out.seed = options.seed;
  return out;
}

}  // namespace

GpsdClient::GpsdClient(net::EventLoop& loop, const Clock& clock, const GpsdClientOptions& options,
                       std::function<void(model::Observation&&)> on_observation)
    : clock_(clock),
      options_(options),
      on_observation_(std::move(on_observation)),
      framer_(gpsd_line_bytes_max),
      link_(loop, link_options(options),
            {[this](net::Connection& connection) { begin(connection); }, [this](ByteView bytes) { receive(bytes); },
             [this](const std::string& why) {
               status_.mode = FixMode::Unknown;
               status_.satellites_used.reset();
               log::warn("gnss", "gpsd is lost", {{"source", options_.to.text()}, {"reason", why}});
             }}) {}

void GpsdClient::begin(net::Connection& connection) {
  framer_.reset();
  devices_.reset();
  faults_here_ = 0;
  good_here_ = 0;
  connection.send(to_bytes(as_bytes(gpsd_watch_command)));
  log::info("gnss", "connected to gpsd", {{"source", options_.to.text()}});
}

void GpsdClient::receive(ByteView bytes) {
  const Now now = clock_.now();
  framer_.feed(bytes, [&](std::string_view line, std::uint64_t number) { read_line(line, number, now); });
  if (framer_.oversized() == status_.oversized) return;
  status_.oversized = framer_.oversized();
  log::warn("gnss", "skipped an oversized line",
            {{"source", options_.to.text()}, {"limit_bytes", gpsd_line_bytes_max}, {"so_far", status_.oversized}});
}

void GpsdClient::read_line(std::string_view line, std::uint64_t number, Now now) {
  const auto report = reader_.read(line);
  if (!report) return log_fault(line, number, report.error());
  ++good_here_;
  ++status_.reports;
  status_.last_report = now.utc;
  status_.bad_values += static_cast<std::uint64_t>(report->bad_values);
  switch (report->kind) {
    case ReportKind::Fix:
      return take_fix(*report, now);
    case ReportKind::Sky:
      if (report->satellites_used) status_.satellites_used = report->satellites_used;
      return;
    case ReportKind::Devices:
      devices_ = report->devices;
      return;
    case ReportKind::Error:
      return log::warn("gnss", "gpsd reports an error", {{"source", options_.to.text()}, {"message", report->text}});
    case ReportKind::Version:
    case ReportKind::Other:
      return;
  }
}

void GpsdClient::take_fix(const GpsdReport& report, Now now) {
  status_.mode = report.mode;
  if (!report.position) return;
  ++status_.fixes;
  status_.last_fix = now.utc;
  status_.clock_ahead.reset();
  UtcTime measured = now.utc;
  if (report.time) {
    const auto ahead = *report.time - now.utc;
    status_.clock_ahead = ahead;
    if (ahead >= -receiver_time_tolerance && ahead <= receiver_time_tolerance)
      measured = std::min(*report.time, now.utc);
  }
  if (!on_observation_) return;
  on_observation_(model::Observation{
      .subject = options_.own,
      .kind = model::SubjectKind::OwnNode,
      .via = model::Via::Gnss,
      .source = "gpsd",
      .gateway = {},
      .measured = measured,
      .position = *report.position,
      .height = report.height,
      .pressure_altitude = {},
      .course = report.track,
      .speed = report.speed,
      .climb = report.climb,
      .horizontal_error_95 = report.error_95,
      .on_ground = {},
      .battery_percent = {},
      .callsign = options_.callsign,
      .team = {},
      .role = {},
      .type = {},
      .squawk = {},
      .emergency = {},
      .heard_only = false,
      .replayed = false,
      .document = {},
  });
}

void GpsdClient::log_fault(std::string_view line, std::uint64_t number, GpsdFault fault) {
  ++status_.refused;
  ++faults_here_;
  if (faults_here_ > faults_logged_max && !std::has_single_bit(faults_here_)) return;
  log::warn("gnss", "refused a line",
            {{"source", options_.to.text()},
             {"line", number},
             {"reason", words_for(fault)},
             {"text", line.substr(0, excerpt_max)},
             {"refused_so_far", faults_here_}});
}

GpsdStatus GpsdClient::status() const {
  GpsdStatus out = status_;
  out.state = link_.state();
  out.address = options_.to.text();
  out.connects = link_.connects();
  out.why = link_.why();
  if (out.state != net::LinkState::Connected) return out;
  if (good_here_ == 0 && faults_here_ > 0) {
    out.why = "what comes from " + out.address + " is not gpsd's JSON; the usual port is 2947";
  } else if (devices_ == 0) {
    out.why = "gpsd has no receiver open";
  } else if (out.mode < FixMode::TwoD) {
    out.why = "the receiver has no fix yet";
  }
  return out;
}

}  // namespace airbridge::gateway::gnss
