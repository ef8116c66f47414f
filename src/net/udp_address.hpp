#pragma once
// UdpAddress as the system's calls want it; inside net/ only.
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/datagram.hpp"

namespace airbridge::net {

inline constexpr std::size_t v4_at = 12;  // where the four bytes of IPv4 stand in IpBytes

// As an address of a socket of `family`: an IPv4 address goes to an IPv6 socket in its mapped form. Nothing when an
// IPv6 address meets an IPv4 socket. The length is that of the structure of the family.
std::optional<sockaddr_storage> to_system(const UdpAddress& address, int family);
inline socklen_t system_length(int family) {
  return static_cast<socklen_t>(family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
}
UdpAddress from_system(const sockaddr_storage& address);
IpBytes mapped(const in_addr& address);
IpBytes plain(const in6_addr& address);

}  // namespace airbridge::net
