#include "net/multicast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"
#include "net/interfaces.hpp"
#include "net/net_error.hpp"
#include "net/udp_address.hpp"

namespace airbridge::net {
namespace {

bool set_number(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// The interfaces to be on: the named one, or all that can, or loopback when no other does.
std::vector<NetInterface> choose(const MulticastOptions& options, bool v4, std::string& problem) {
  const auto list = list_interfaces();
  std::vector<NetInterface> out;
  const auto usable = [&](const NetInterface& one) { return one.running && (v4 ? one.has_v4 : one.has_v6); };
  problem.clear();
  if (!options.interface.empty()) {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](const auto& one) { return one.name == options.interface; });
    if (found == list.end()) {
      problem =
          fmt::format("interface {} is not there or is down; `ip link` lists those of this machine", options.interface);
    } else if (!usable(*found)) {
      problem = found->running ? fmt::format("interface {} has no IPv{} address yet", found->name, v4 ? 4 : 6)
                               : fmt::format("interface {} has no carrier: look at its cable or WiFi", found->name);
    } else {
      out.push_back(*found);
    }
    return out;
  }
  for (const auto& one : list) {
    if (!usable(one) || !one.multicast || one.loopback) continue;
    if (out.size() < multicast_interfaces_max) {
      out.push_back(one);
    } else {
      problem = fmt::format("more than {} interfaces: name one in the configuration", multicast_interfaces_max);
    }
  }
  // Linux has no route for IPv6 groups on loopback.
  for (const auto& one : list) {
    if (v4 && out.empty() && one.loopback && usable(one)) out.push_back(one);
  }
  if (out.empty()) problem = fmt::format("no network interface with a carrier and an IPv{} address", v4 ? 4 : 6);
  return out;
}

}  // namespace

MulticastSocket::MulticastSocket(EventLoop& loop, const MulticastOptions& options, UdpAddress group,
                                 OnDatagram on_datagram)
    : loop_(loop),
      options_(options),
      group_(group),
      on_datagram_(std::make_shared<OnDatagram>(std::move(on_datagram))) {}

MulticastSocket::~MulticastSocket() = default;

Result<std::unique_ptr<MulticastSocket>, NetError> MulticastSocket::open(EventLoop& loop,
                                                                         const MulticastOptions& options,
                                                                         OnDatagram on_datagram) {
  const auto group = UdpAddress::from(options.group);
  if (!group || !group->is_multicast() || group->port == 0) {
    return failure(NetError{fmt::format(
        "'{}' is no multicast group with a port: IPv4 groups are 224.0.0.0 to 239.255.255.255 (239.192.77.1:4610 is "
        "free for such use), IPv6 ones begin with ff ([ff02::4610]:4610 stays on the link)",
        options.group.text())});
  }
  std::unique_ptr<MulticastSocket> made(new MulticastSocket(loop, options, *group, std::move(on_datagram)));
  auto* const self = made.get();
  const bool v4 = group->is_v4();
  // An IPv4 socket bound to the group hears nothing else. A link-local IPv6 group cannot be bound to without naming one
  // interface, so there the destination is looked at (heard()).
  DatagramOptions listening;
  listening.at.ip = v4 ? group->ip : IpBytes{};
  listening.at.port = group->port;
  listening.share_port = true;
  listening.limits = options.limits;
  auto ear = DatagramSocket::open(loop, listening,
                                  [self](ByteView bytes, const Arrival& arrival) { self->heard(bytes, arrival); });
  if (!ear) return failure(ear.error());
  made->listening_ = *std::move(ear);
  DatagramOptions speaking;
  speaking.at.ip = v4 ? mapped(in_addr{}) : IpBytes{};
  speaking.limits = options.limits;
  auto mouth = DatagramSocket::open(loop, speaking, [self](ByteView bytes, const Arrival& arrival) {
    const auto callback = self->on_datagram_;  // an answer of a neighbour to this node alone
    (*callback)(bytes, arrival.from);
  });
  if (!mouth) return failure(mouth.error());
  made->speaking_ = *std::move(mouth);
  const int out = made->speaking_->descriptor();
  const int in = made->listening_->descriptor();
  // ALL off: only what this socket joined itself, not what other programs of this machine did.
  const bool fine = v4 ? set_number(out, IPPROTO_IP, IP_MULTICAST_TTL, options.hops) &&
                             set_number(out, IPPROTO_IP, IP_MULTICAST_LOOP, 1) &&
                             set_number(in, IPPROTO_IP, IP_MULTICAST_ALL, 0)
                       : set_number(out, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, options.hops) &&
                             set_number(out, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1) &&
                             set_number(in, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
  if (!fine) return failure(net_error("cannot set up multicast for " + group->text(), errno));
  made->look();
  made->look_timer_ = loop.every(options.look_every, [self] { self->look(); });
  made->rejoin_timer_ = loop.every(options.rejoin_every, [self] { self->rejoin(); });
  return made;
}

bool MulticastSocket::change_membership(unsigned interface, bool join) {
  const auto name = to_system(group_, group_.is_v4() ? AF_INET : AF_INET6);
  group_req request{};
  request.gr_interface = interface;
  request.gr_group = *name;  // the family it is of: never nothing
  const int level = group_.is_v4() ? IPPROTO_IP : IPPROTO_IPV6;
  const int option = join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;
  return ::setsockopt(listening_->descriptor(), level, option, &request, sizeof request) == 0 || errno == EADDRINUSE;
}

void MulticastSocket::look() {
  const auto wanted = choose(options_, group_.is_v4(), problem_);
  std::map<unsigned, Member> now;
  own_addresses_.clear();
  for (const auto& one : list_interfaces()) {
    own_addresses_.insert(own_addresses_.end(), one.addresses.begin(), one.addresses.end());
  }
  for (const auto& one : wanted) {
    const auto known = members_.find(one.index);
    // A number may have gone to another interface, and an address that changed is announced by joining anew.
    const bool same =
        known != members_.end() && known->second.name == one.name && known->second.addresses == one.addresses;
    if (!same) {
      if (known != members_.end()) change_membership(one.index, false);
      if (!change_membership(one.index, true)) {
        problem_ = net_error(fmt::format("cannot join {} on {}", group_.text(), one.name), errno).what;
        continue;
      }
      if (known == members_.end()) {
        log::info("net", "listening to a multicast group", {{"group", group_.text()}, {"interface", one.name}});
      }
    }
    now[one.index] = {one.name, one.addresses};
  }
  for (const auto& [index, member] : members_) {
    if (now.count(index) != 0) continue;
    change_membership(index, false);
    log::info("net", "left a multicast group: the interface is away",
              {{"group", group_.text()}, {"interface", member.name}});
  }
  members_ = std::move(now);
}

void MulticastSocket::rejoin() {
  for (const auto& [index, member] : members_) {
    change_membership(index, false);
    change_membership(index, true);
  }
}

bool MulticastSocket::is_own(const UdpAddress& from) const {
  return from.port == speaking_->port() &&
         std::find(own_addresses_.begin(), own_addresses_.end(), from.ip) != own_addresses_.end();
}

void MulticastSocket::heard(ByteView bytes, const Arrival& arrival) {
  if (arrival.to != group_.ip) return;
  if (is_own(arrival.from)) {
    ++own_;
    return;
  }
  const auto callback = on_datagram_;  // held, so that it may drop the socket
  (*callback)(bytes, arrival.from);
}

Sent MulticastSocket::send(ByteView bytes) {
  auto outcome = Sent::Dropped;
  for (const auto& [index, member] : members_) {
    auto to = group_;
    if (!to.is_v4()) to.scope = index;
    if (speaking_->send_to(to, bytes, index) == Sent::Queued) outcome = Sent::Queued;
  }
  return outcome;
}

Sent MulticastSocket::send_to(const UdpAddress& neighbour, ByteView bytes) {
  return speaking_->send_to(neighbour, bytes, neighbour.scope);
}

std::vector<std::string> MulticastSocket::interfaces() const {
  std::vector<std::string> out;
  for (const auto& [index, member] : members_) out.push_back(member.name);
  return out;
}

std::string MulticastSocket::problem() const { return problem_.empty() ? speaking_->problem() : problem_; }
const DatagramCounters& MulticastSocket::sent() const { return speaking_->counters(); }
const DatagramCounters& MulticastSocket::heard() const { return listening_->counters(); }
std::size_t MulticastSocket::waiting_bytes() const { return speaking_->waiting_bytes(); }

}  // namespace airbridge::net
