// A file of its own: linux/tcp.h, whose tcp_info is whole, and the C library's netinet/tcp.h cannot be had together.
#include "net/tcp_path.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace airbridge::net {

std::optional<TcpPath> tcp_path(int descriptor) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  // An older kernel fills less than these headers know.
  if (length < offsetof(tcp_info, tcpi_data_segs_out) + sizeof info.tcpi_data_segs_out) return std::nullopt;
  TcpPath out;
  out.round_trip = Milliseconds((info.tcpi_rtt + 500) / 1000);
  out.segments_sent = info.tcpi_data_segs_out;
  out.segments_again = info.tcpi_total_retrans;
  return out;
}

}  // namespace airbridge::net
