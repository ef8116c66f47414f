#include "net/udp_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>

namespace airbridge::net {
namespace {
constexpr std::array<std::uint8_t, v4_at> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
}

IpBytes mapped(const in_addr& address) {
  IpBytes out{};
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), out.begin());
  std::memcpy(out.data() + v4_at, &address, sizeof address);
  return out;
}

IpBytes plain(const in6_addr& address) {
  IpBytes out{};
  std::memcpy(out.data(), &address, out.size());
  return out;
}

bool UdpAddress::is_v4() const { return std::equal(mapped_prefix.begin(), mapped_prefix.end(), ip.begin()); }
bool UdpAddress::is_multicast() const { return is_v4() ? (ip[v4_at] & 0xF0U) == 0xE0U : ip[0] == 0xFF; }
bool UdpAddress::is_loopback() const {
  if (is_v4()) return ip[v4_at] == 127;
  IpBytes one{};
  one.back() = 1;
  return ip == one;
}

std::string UdpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  if (is_v4()) {
    ::inet_ntop(AF_INET, ip.data() + v4_at, buffer, sizeof buffer);
    return fmt::format("{}:{}", buffer, port);
  }
  ::inet_ntop(AF_INET6, ip.data(), buffer, sizeof buffer);
  return scope == 0 ? fmt::format("[{}]:{}", buffer, port) : fmt::format("[{}%{}]:{}", buffer, scope, port);
}

std::optional<UdpAddress> UdpAddress::from(const Endpoint& literal) {
  UdpAddress out;
  out.port = literal.port;
  auto host = literal.host == "localhost" ? std::string("127.0.0.1") : literal.host;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    out.ip = mapped(v4);
    return out;
  }
  if (const auto percent = host.find('%'); percent != host.npos) {
    const auto zone = host.substr(percent + 1);
    host.resize(percent);
    out.scope = ::if_nametoindex(zone.c_str());
    if (out.scope == 0) {  // a number, or an interface that is not there
      const bool digits = !zone.empty() && zone.size() < 10 &&
                          std::all_of(zone.begin(), zone.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!digits) return std::nullopt;
      out.scope = static_cast<std::uint32_t>(std::stoul(zone));
    }
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) != 1) return std::nullopt;
  out.ip = plain(v6);
  return out;
}

std::optional<sockaddr_storage> to_system(const UdpAddress& address, int family) {
  sockaddr_storage out{};
  if (family == AF_INET) {
    if (!address.is_v4()) return std::nullopt;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.ip.data() + v4_at, sizeof v4.sin_addr);
    std::memcpy(&out, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    v6.sin6_scope_id = address.scope;
    std::memcpy(&v6.sin6_addr, address.ip.data(), sizeof v6.sin6_addr);
    std::memcpy(&out, &v6, sizeof v6);
  }
  return out;
}

UdpAddress from_system(const sockaddr_storage& address) {
  UdpAddress out;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    out.ip = mapped(v4.sin_addr);
    out.port = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    out.ip = plain(v6.sin6_addr);
    out.port = ntohs(v6.sin6_port);
    const bool link_local = out.ip[0] == 0xFE && (out.ip[1] & 0xC0U) == 0x80U;
    out.scope = link_local ? v6.sin6_scope_id : 0;
  }
  return out;
}

}  // namespace airbridge::net
