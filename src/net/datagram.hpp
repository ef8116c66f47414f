#pragma once
// A UDP socket as callbacks, with a bounded send queue. Loop thread only. Datagrams may be lost, doubled and reordered
// on the way, as ever; what this side itself throws away is counted.
//
// A datagram goes to the system at once, inside send_to(); only when the system's buffer is full does it wait here, and
// when the queue is full too the newest is dropped. A send that fails (no route, cable pulled) is counted and its
// reason kept in problem() until one succeeds again: a network that is away is no end of a datagram socket.
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/connection.hpp"

namespace airbridge::net {

inline constexpr std::size_t datagram_bytes_max = 65'507;  // of payload, RFC 768 within an IPv4 packet (RFC 791)
inline constexpr std::size_t datagram_rounds_max = 64;     // datagrams read before others on the loop get their turn

using IpBytes = std::array<std::uint8_t, 16>;  // IPv6, or IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2)

// An address datagrams come from and go to; ordered, so that it can be a key.
struct UdpAddress {
  IpBytes ip{};
  std::uint32_t scope = 0;  // interface number of a link-local IPv6 address, else 0
  std::uint16_t port = 0;
  friend auto operator<=>(const UdpAddress&, const UdpAddress&) = default;

  bool is_v4() const;
  bool is_multicast() const;
  bool is_loopback() const;
  std::string text() const;  // "192.0.2.1:4610", "[fe80::1%3]:4610"
  // Nothing unless the host is a literal address ("fe80::1%eth0" too) or "localhost".
  static std::optional<UdpAddress> from(const Endpoint& literal);
};

struct DatagramLimits {
  std::size_t queue_bytes_max = 256 * 1024;
  std::size_t queue_datagrams_max = 1'024;
};

struct DatagramCounters {
  std::uint64_t sent = 0, sent_bytes = 0;          // payload, handed to the system
  std::uint64_t received = 0, received_bytes = 0;  // payload
  std::uint64_t dropped = 0;                       // the send queue was full
  std::uint64_t failed = 0;                        // the system refused: no route, too long for the way, ...
};

struct DatagramOptions {
  UdpAddress at;            // port 0: any; the all-zero address: every interface
  bool share_port = false;  // SO_REUSEADDR: several programs on this machine, for multicast
  DatagramLimits limits;
};

// How a datagram came. `to` tells a group's datagram from one that was meant for this machine only.
struct Arrival {
  UdpAddress from;
  IpBytes to{};
  unsigned interface = 0;  // its number in the system
};

// Must not outlive its loop.
class DatagramSocket {
 public:
  // The view is valid during the call only. The callback may drop the socket.
  using OnDatagram = std::function<void(ByteView, const Arrival&)>;
  static Result<std::unique_ptr<DatagramSocket>, NetError> open(EventLoop& loop, const DatagramOptions& options,
                                                                OnDatagram on_datagram);
  ~DatagramSocket();
  DatagramSocket(const DatagramSocket&) = delete;
  DatagramSocket& operator=(const DatagramSocket&) = delete;

  // By `interface` (a number of the system) when it is not 0, else by the system's routes. Queued: sent, or waiting, or
  // refused by the system as problem() says. Dropped: the queue is full, or it is longer than datagram_bytes_max.
  Sent send_to(const UdpAddress& to, ByteView bytes, unsigned interface = 0);
  // Unsent bytes: in this queue and, as the system counts them (SIOCOUTQ, with its own overhead), in its buffer.
  std::size_t waiting_bytes() const;

  std::uint16_t port() const;
  const DatagramCounters& counters() const;
  const std::string& problem() const;  // why the last send failed; empty after one that did not
  int descriptor() const;              // for net/ itself: socket options

 private:
  struct Core;
  explicit DatagramSocket(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

// Asks the name service for `of` when it must. `done` comes from the loop, once; dropping the handle cancels.
class UdpResolving {
 public:
  virtual ~UdpResolving() = default;
};
std::unique_ptr<UdpResolving> resolve_udp(EventLoop& loop, const Endpoint& of,
                                          std::function<void(Result<UdpAddress, NetError>)> done);

}  // namespace airbridge::net
