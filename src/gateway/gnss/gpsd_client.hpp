#pragma once
// Follows gpsd's JSON socket (TCP 2947) for the node's own position, and reconnects for ever with the waits of
// net::LastingConnection. Loop thread only.
#include <functional>

#include "base/line_framer.hpp"
#include "gateway/gnss/gpsd_json.hpp"
#include "model/observation.hpp"
#include "net/lasting_connection.hpp"

namespace airbridge::gateway::gnss {

inline constexpr std::uint64_t faults_logged_max = 10;  // of a connection one by one, then at each doubling
// A receiver's time further than this from our clock is not believed: old firmware is 1,024 weeks off.
inline constexpr Milliseconds receiver_time_tolerance{10'000};

struct GpsdClientOptions {
  net::Endpoint to{"127.0.0.1", gpsd_default_port};
  model::EntityId own;            // whose position it is: external_name("own", hex of the node's key id)
  std::string callsign;           // shown with it
  Milliseconds idle_max{60'000};  // gpsd sends something every second while a receiver is open
  Milliseconds reconnect_min{1'000};
  Milliseconds reconnect_max{30'000};
  std::uint64_t seed = 1;  // of the reconnect jitter
};

struct GpsdStatus {
  net::LinkState state = net::LinkState::Off;
  std::string address;
  std::string why;  // in words, when lost, or when connected and yet without a position
  FixMode mode = FixMode::Unknown;
  std::optional<int> satellites_used;
  UtcTime last_report{};
  UtcTime last_fix{};                       // 0: none yet
  std::optional<Milliseconds> clock_ahead;  // receiver's time minus ours at the last fix
  std::uint64_t connects = 0;
  std::uint64_t reports = 0;
  std::uint64_t fixes = 0;      // with a position: observations handed on
  std::uint64_t refused = 0;    // lines that are no report
  std::uint64_t oversized = 0;  // lines over gpsd_line_bytes_max
  std::uint64_t bad_values = 0;
};

class GpsdClient {
 public:
  GpsdClient(net::EventLoop& loop, const Clock& clock, const GpsdClientOptions& options,
             std::function<void(model::Observation&&)> on_observation);
  void start() { link_.start(); }
  void stop() { link_.stop(); }
  GpsdStatus status() const;

 private:
  void begin(net::Connection& connection);
  void receive(ByteView bytes);
  void read_line(std::string_view line, std::uint64_t number, Now now);
  void take_fix(const GpsdReport& report, Now now);
  void log_fault(std::string_view line, std::uint64_t number, GpsdFault fault);

  const Clock& clock_;
  GpsdClientOptions options_;
  std::function<void(model::Observation&&)> on_observation_;
  GpsdReader reader_;
  LineFramer framer_;
  GpsdStatus status_;  // without what link_ knows
  std::optional<int> devices_;
  std::uint64_t faults_here_ = 0;  // since the connection was made
  std::uint64_t good_here_ = 0;
  net::LastingConnection link_;
};

}  // namespace airbridge::gateway::gnss
