#pragma once
// What the command line of airbridge-linkemu says, as values.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity_text.hpp"
#include "linkemu/channel.hpp"
#include "net/connection.hpp"

namespace airbridge::linkemu {

inline constexpr std::size_t stations_max = 32;
inline constexpr std::size_t outages_max = 1'000;

// One end of the link, where a real process connects.
//   udp:[HOST:]PORT[,to=HOST:PORT]  datagrams; without to= they go back to where the last one came from
//   tnc:[HOST:]PORT                 a modem that speaks KISS over TCP
//   tty:PATH                        a modem that speaks KISS on a serial port: a pseudo-terminal, linked at PATH
//   raw:PATH                        a serial port without framing
//   tcp:[HOST:]PORT,to=HOST:PORT    a proxy: both ends of the link in one, bytes instead of packets, nothing lost
struct StationSpec {
  enum class Kind { Udp, Tnc, Tty, Raw, Tcp };
  Kind kind = Kind::Udp;
  net::Endpoint at;
  std::optional<net::Endpoint> to;
  std::string path;
};

Result<StationSpec, TextFault> parse_station(std::string_view text);
// "30s-45s,2min-2min30s" is refused; "30s-45s,120s-150s" is two outages.
Result<std::vector<Outage>, TextFault> parse_outages(std::string_view text);
Result<BurstLoss, TextFault> parse_burst_loss(std::string_view text);  // "20%:4"
// Either at least two stations on one channel, or one proxy.
Result<void, TextFault> check_stations(const std::vector<StationSpec>& stations);

}  // namespace airbridge::linkemu
