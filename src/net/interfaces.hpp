#pragma once
// The network interfaces of this machine, as getifaddrs(3) tells them; inside net/ only.
#include <string>
#include <vector>

#include "net/datagram.hpp"

namespace airbridge::net {

struct NetInterface {
  unsigned index = 0;
  std::string name;
  bool running = false;  // up, with a carrier
  bool loopback = false;
  bool multicast = false;  // the system says it can; loopback can too, though it does not say so
  bool has_v4 = false;
  bool has_v6 = false;  // a link-local address
  std::vector<IpBytes> addresses;
  friend bool operator==(const NetInterface&, const NetInterface&) = default;
};

std::vector<NetInterface> list_interfaces();  // those that are up; by index

}  // namespace airbridge::net
