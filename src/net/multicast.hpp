#pragma once
// UDP multicast on a LAN: what one node says reaches every node in the segment, on each chosen interface, without a
// server and without an address configured. Loop thread only.
//
// It listens on the group's port, shared with other programs of this machine, and sends from a port of its own, so that
// it recognises its own datagrams (which the system loops back, for other nodes on the same machine need them) by where
// they come from, and a neighbour can be answered alone by send_to() at the address it was heard from.
//
// Interfaces come and go: every `look_every` the list is read, and groups are joined and left as needed. All are joined
// anew every `rejoin_every`, because a switch that snoops IGMP or MLD without a querier forgets its members after some
// four minutes (RFC 2236 section 8.4: 260 s). No interface at all is a state, told by problem(), never an end.
#include <map>
#include <string>
#include <vector>

#include "net/datagram.hpp"

namespace airbridge::net {

inline constexpr std::size_t multicast_interfaces_max = 16;  // the system allows 20 memberships a socket by default

struct MulticastOptions {
  Endpoint group;         // a literal group: 239.192.77.1 (RFC 2365 organisation-local) or ff02:: (RFC 4291 link-local)
  std::string interface;  // "eth0"; empty: all that have a carrier and can; IPv4: loopback when none does
  int hops = 1;           // TTL of IPv4, hop limit of IPv6: 1 stays in the segment
  Milliseconds look_every{5'000};
  Milliseconds rejoin_every{120'000};
  DatagramLimits limits;
};

class MulticastSocket {
 public:
  // The view is valid during the call only. The callback may drop the socket.
  using OnDatagram = std::function<void(ByteView, const UdpAddress& from)>;
  static Result<std::unique_ptr<MulticastSocket>, NetError> open(EventLoop& loop, const MulticastOptions& options,
                                                                 OnDatagram on_datagram);
  ~MulticastSocket();
  MulticastSocket(const MulticastSocket&) = delete;
  MulticastSocket& operator=(const MulticastSocket&) = delete;

  // To the group, on every joined interface. Dropped: on none of them was there room, or none is joined.
  Sent send(ByteView bytes);
  Sent send_to(const UdpAddress& neighbour, ByteView bytes);

  void look();                                  // now, instead of at the next look_every
  std::vector<std::string> interfaces() const;  // joined: "eth0"
  std::string problem() const;                  // why nothing, or not everything, can be heard or said; empty: all well
  const DatagramCounters& sent() const;         // of what goes out (one datagram on two interfaces counts twice)
  const DatagramCounters& heard() const;        // of what comes to the group, own ones included
  std::uint64_t own() const { return own_; }    // own datagrams that came back
  std::size_t waiting_bytes() const;
  const UdpAddress& group() const { return group_; }

 private:
  MulticastSocket(EventLoop& loop, const MulticastOptions& options, UdpAddress group, OnDatagram on_datagram);
  void heard(ByteView bytes, const Arrival& arrival);
  bool is_own(const UdpAddress& from) const;
  bool change_membership(unsigned interface, bool join);
  void rejoin();

  struct Member {
    std::string name;
    std::vector<IpBytes> addresses;
  };
  EventLoop& loop_;
  MulticastOptions options_;
  UdpAddress group_;
  std::shared_ptr<OnDatagram> on_datagram_;
  std::unique_ptr<DatagramSocket> listening_;  // at the group's port
  std::unique_ptr<DatagramSocket> speaking_;   // at a port of its own
  std::map<unsigned, Member> members_;         // by the interface's number
  std::vector<IpBytes> own_addresses_;
  std::string problem_;
  std::uint64_t own_ = 0;
  std::shared_ptr<EventLoop::Timer> look_timer_, rejoin_timer_;
};

}  // namespace airbridge::net
