#pragma once
// A bearer as the settings name it:
//
//   lan                                                    multicast on every network of this machine
//   multicast://239.192.77.1:4610?interface=eth0
//   udp://post.example:4610?rate=64k&delay=2s              to one other node
//   udp://?listen=0.0.0.0:4610                             to whoever of the incident comes there
//   serial:///dev/ttyUSB0?baud=9600&rate=2400&half-duplex=yes&turn-round=350ms
//   kiss-tcp://127.0.0.1:8001?rate=1200
//   satellite=udp://post.example:4610?preset=satellite&cost=5&budget=20MB/day
//
// The name before the first "=" names the bearer's files and shows in the status; without it, it is the scheme, with a
// number from the second one on.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bearer/profile.hpp"
#include "net/connection.hpp"
#include "net/kiss.hpp"

namespace airbridge::app {

inline constexpr std::size_t bearers_max = 16;
inline constexpr std::uint32_t bearer_cost_max = 1'000;
inline constexpr std::uint16_t bearer_port = 4610;  // where none is said

struct BearerSpec {
  enum class Kind { Udp, Multicast, Serial, KissTcp };
  Kind kind = Kind::Multicast;
  std::string name;
  std::string text;                     // as it stands in the settings
  std::optional<net::Endpoint> to;      // udp: the other node, kiss-tcp: the modem's program, multicast: the group
  std::optional<net::Endpoint> listen;  // udp
  std::string interface;                // multicast; empty: all
  int hops = 1;                         // multicast
  std::string device;                   // serial
  unsigned baud = 9'600;                // serial
  std::uint8_t kiss_port = 0;
  net::KissParameters kiss;
  bearer::Profile profile;
  std::optional<std::uint64_t> budget_bytes_per_day;

  std::string_view kind_name() const;  // as api::LinkInfo has it: udp | multicast | serial | satellite
  std::string address() const;         // for people
};

// What is wrong, in words that begin with the text and say what would be right.
Result<BearerSpec, std::string> parse_bearer(const std::string& text);
// All of a list, with their names made unique. A name given twice is an error.
Result<std::vector<BearerSpec>, std::string> parse_bearers(const std::vector<std::string>& texts);
// All of what the bearer was said to be like: "2400 bit/s, frames of 256 B, 20 ms on the way, half duplex, turns in
// 350 ms, broadcast, signed only, beacon every 15 s, cost 5"
std::string describe(const bearer::Profile& profile);

}  // namespace airbridge::app
