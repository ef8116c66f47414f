#include "feeds.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "clock_quality.hpp"
#include "gateway/adsb/recording.hpp"

namespace airbridge::app {

std::vector<std::string> Feeds::start(const Config& config, const model::EntityId& own, const std::string& callsign) {
  std::vector<std::string> problems;
  start_adsb(config, problems);
  start_recordings(config, problems);
  start_gpsd(config, own, callsign, problems);
  return problems;
}

void Feeds::start_adsb(const Config& config, std::vector<std::string>& problems) {
  std::uint64_t seed = 1;
  for (const auto& source : config.adsb_connect) {
    const auto to = net::Endpoint::parse(source, codec::adsb::sbs_default_port);
    if (!to) {
      problems.push_back(fmt::format("adsb.connect: {}", to.error().what));
      continue;
    }
    gateway::adsb::AdsbClientOptions options;
    options.to = *to;
    options.seed = seed++;
    adsb_.push_back(std::make_unique<gateway::adsb::AdsbClient>(loop_, clock_, options, take_));
    adsb_.back()->start();
  }
}

void Feeds::start_recordings(const Config& config, std::vector<std::string>& problems) {
  for (const auto& file : config.adsb_files) {
    gateway::adsb::RecordingOptions options;
    options.lines_per_second = config.adsb_lines_per_second;
    auto recording = gateway::adsb::load_recording(file, options);
    if (!recording) {
      problems.push_back(file_problem("adsb.files", file, recording.error().what));
      log::error("adsb", "cannot play a recording", {{"why", recording.error().what}});
      continue;
    }
    const auto repeat = config.adsb_files_repeat ? gateway::adsb::Repeat::Forever : gateway::adsb::Repeat::Once;
    players_.push_back(
        std::make_unique<gateway::adsb::AdsbPlayer>(loop_, clock_, std::move(*recording), repeat, take_));
    players_.back()->start();
  }
}

void Feeds::start_gpsd(const Config& config, const model::EntityId& own, const std::string& callsign,
                       std::vector<std::string>& problems) {
  if (config.gnss_gpsd.empty()) return;
  const auto to = net::Endpoint::parse(config.gnss_gpsd, gateway::gnss::gpsd_default_port);
  if (!to) {
    problems.push_back(fmt::format("gnss.gpsd: {}", to.error().what));
    return;
  }
  gateway::gnss::GpsdClientOptions options;
  options.to = *to;
  options.own = own;
  options.callsign = callsign;
  gpsd_ = std::make_unique<gateway::gnss::GpsdClient>(loop_, clock_, options, take_);
  gpsd_->start();
}

void Feeds::stop() {
  for (auto& player : players_) player->stop();
  for (auto& client : adsb_) client->stop();
  if (gpsd_) gpsd_->stop();
}

void Feeds::clear() {
  players_.clear();
  adsb_.clear();
  gpsd_.reset();
}

std::vector<api::FeedInfo> Feeds::status() const {
  std::vector<api::FeedInfo> feeds;
  for (const auto& client : adsb_) {
    const auto from = client->status();
    feeds.push_back({"adsb",
                     std::string(net::name_of(from.state)),
                     from.address,
                     0,
                     from.lines.lines,
                     from.lines.refused + from.lines.oversized,
                     0,
                     {},
                     from.last_line,
                     from.why});
  }
  for (const auto& player : players_) {
    const auto& counters = player->counters();
    feeds.push_back({"adsb",
                     player->is_playing() ? "playing" : "finished",
                     player->name(),
                     0,
                     counters.lines + counters.observations,
                     counters.refused,
                     0,
                     {},
                     clock_.now().utc,
                     "a recording, not live"});
  }
  if (gpsd_) {
    const auto from = gpsd_->status();
    feeds.push_back({"gnss",
                     std::string(net::name_of(from.state)),
                     from.address,
                     0,
                     from.reports,
                     from.refused,
                     0,
                     {},
                     from.last_report,
                     from.why});
  }
  return feeds;
}

model::ClockQuality Feeds::clock_quality() const {
  const auto gnss = gpsd_ ? gpsd_->status() : gateway::gnss::GpsdStatus{};
  return app::clock_quality(system_clock_quality(), gnss.clock_ahead, gnss.last_fix, clock_.now().utc);
}

}  // namespace airbridge::app
