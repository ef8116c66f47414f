#pragma once
// Listens to an SBS-1 feed (dump1090, readsb, BaseStation: TCP 30003) as a client, and reconnects for ever with the
// waits of net::LastingConnection. A feed that sends no byte for `idle_max` counts as lost. Loop thread only.
//
// Messages are dated by their arrival: the clocks in SBS lines have no zone and are often wrong.
#include "base/line_framer.hpp"
#include "gateway/adsb/line_reader.hpp"
#include "net/lasting_connection.hpp"

namespace airbridge::gateway::adsb {

struct AdsbClientOptions {
  net::Endpoint to{"127.0.0.1", codec::adsb::sbs_default_port};
  codec::adsb::TrackerLimits tracker;
  Milliseconds idle_max{60'000};
  Milliseconds reconnect_min{1'000};
  Milliseconds reconnect_max{30'000};
  std::uint64_t seed = 1;  // of the reconnect jitter
};

struct AdsbStatus {
  net::LinkState state = net::LinkState::Off;
  std::string address;
  std::string why;      // in words, when lost or when what comes is not SBS-1
  UtcTime last_line{};  // when the last line came; 0 when none did
  std::uint64_t connects = 0;
  std::size_t aircraft = 0;
  LineCounters lines;
  codec::adsb::TrackerCounters tracker;
};

class AdsbClient {
 public:
  AdsbClient(net::EventLoop& loop, const Clock& clock, const AdsbClientOptions& options, OnObservation on_observation);
  void start() { link_.start(); }
  void stop() { link_.stop(); }
  AdsbStatus status() const;

 private:
  void receive(ByteView bytes);

  const Clock& clock_;
  std::string source_;
  LineReader reader_;
  LineFramer framer_;
  UtcTime last_line_{};
  net::LastingConnection link_;
};

}  // namespace airbridge::gateway::adsb
