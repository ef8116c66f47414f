#pragma once
// The feeds a node follows by itself: ADS-B receivers, recordings of them, and gpsd. TAK has a thread of its own
// (tak_gateway.hpp). Core thread only.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/status.hpp"
#include "config.hpp"
#include "gateway/adsb/adsb_client.hpp"
#include "gateway/adsb/adsb_file.hpp"
#include "gateway/gnss/gpsd_client.hpp"

namespace airbridge::app {

class Feeds {
 public:
  using Take = std::function<void(model::Observation&&)>;
  Feeds(net::EventLoop& loop, const Clock& clock, Take take) : loop_(loop), clock_(clock), take_(std::move(take)) {}

  // Starts what the configuration names. What cannot be started is told in words and stops nothing else. `own` and
  // `callsign`: the subject of gpsd's positions.
  std::vector<std::string> start(const Config& config, const model::EntityId& own, const std::string& callsign);
  void stop();   // nothing is heard any more; the status stays
  void clear();  // after stop()

  std::vector<api::FeedInfo> status() const;
  // How good this machine's clock is, by the kernel and by the receiver.
  model::ClockQuality clock_quality() const;

 private:
  void start_adsb(const Config& config, std::vector<std::string>& problems);
  void start_recordings(const Config& config, std::vector<std::string>& problems);
  void start_gpsd(const Config& config, const model::EntityId& own, const std::string& callsign,
                  std::vector<std::string>& problems);

  net::EventLoop& loop_;
  const Clock& clock_;
  const Take take_;
  std::vector<std::unique_ptr<gateway::adsb::AdsbClient>> adsb_;
  std::vector<std::unique_ptr<gateway::adsb::AdsbPlayer>> players_;
  std::unique_ptr<gateway::gnss::GpsdClient> gpsd_;
};

}  // namespace airbridge::app
