#pragma once
// What the kernel knows of the way a TCP connection takes.
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace airbridge::net {

class Connection;

// Counts since the connection began. A segment that was merely late counts as sent again like one that was lost: what
// was lost is at most that.
struct TcpPath {
  Milliseconds round_trip{0};        // smoothed, to the machine that answers for the other end; a proxy is such a one
  std::uint64_t segments_sent = 0;   // with data, those sent again among them
  std::uint64_t segments_again = 0;  // also those that opened the connection
};

// Nothing once it is closed, and when the kernel does not tell (TCP_INFO of linux/tcp.h; Linux 4.6 and up).
std::optional<TcpPath> tcp_path(const Connection& connection);
std::optional<TcpPath> tcp_path(int descriptor);

}  // namespace airbridge::net
