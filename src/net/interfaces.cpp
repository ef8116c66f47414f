#include "net/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>

#include <cstring>
#include <map>
#include <memory>

#include "net/udp_address.hpp"

namespace airbridge::net {

std::vector<NetInterface> list_interfaces() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> held(first, &::freeifaddrs);
  std::map<unsigned, NetInterface> found;
  for (const auto* at = first; at != nullptr; at = at->ifa_next) {
    if ((at->ifa_flags & IFF_UP) == 0) continue;
    const auto index = ::if_nametoindex(at->ifa_name);
    if (index == 0) continue;  // gone in this moment
    auto& one = found[index];
    one.index = index;
    one.name = at->ifa_name;
    one.running = (at->ifa_flags & IFF_RUNNING) != 0;
    one.loopback = (at->ifa_flags & IFF_LOOPBACK) != 0;
    one.multicast = (at->ifa_flags & IFF_MULTICAST) != 0;
    if (at->ifa_addr == nullptr) continue;
    sockaddr_storage name{};
    if (at->ifa_addr->sa_family == AF_INET) {
      std::memcpy(&name, at->ifa_addr, sizeof(sockaddr_in));
      one.has_v4 = true;
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      std::memcpy(&name, at->ifa_addr, sizeof(sockaddr_in6));
      one.has_v6 = one.has_v6 || one.loopback || from_system(name).scope != 0;
    } else {
      continue;
    }
    one.addresses.push_back(from_system(name).ip);
  }
  std::vector<NetInterface> out;
  for (auto& [index, one] : found) out.push_back(std::move(one));
  return out;
}

}  // namespace airbridge::net
