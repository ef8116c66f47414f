#pragma once
// How another node is named in the settings: "host:port", or with what kind of way it is:
// "lte=10.8.0.2:7420?cost=3&budget=20MB/day&heartbeat=60s".
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "net/connection.hpp"

namespace airbridge::app {

inline constexpr std::uint32_t peer_cost_max = 1000;

struct PeerAddress {
  net::Endpoint to;
  std::string bearer;      // empty: a plain connection
  std::uint32_t cost = 0;  // rank: of several ways to a node the cheapest that works is used
  std::optional<std::uint64_t> budget_bytes_per_day;
  Milliseconds heartbeat{5'000};
};

// What is wrong names the option, and the text. A port that is missing is `default_port`.
Result<PeerAddress, std::string> peer_address(std::string_view option, const std::string& text,
                                              std::uint16_t default_port, bool insecure_lab);

}  // namespace airbridge::app
