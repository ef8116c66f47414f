#pragma once
// A TCP connection as callbacks, with a bounded send queue and write coalescing; and the listener and connector that
// make them. Loop thread only, except where said.
//
// Sending shares buffers: a message going to 200 clients is one allocation. Messages queued within `coalesce` of each
// other leave in one writev, which is where a fan-out beats a relay that writes each message to each client.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "net/event_loop.hpp"

namespace airbridge::net {

using SharedBytes = std::shared_ptr<const Bytes>;

struct ConnectionLimits {
  std::size_t queue_bytes_max = 256 * 1024;  // unsent bytes held for a peer that reads slowly or never
  Milliseconds idle_max{0};                  // closed after so long without a byte received; 0: never
  Milliseconds write_stall_max{30'000};      // closed when queued bytes do not move for so long
  Milliseconds coalesce{0};                  // how long a message may wait for company; 0: only for the loop's turn
};

// No callback runs inside send(); all come from the loop, and a callback may close or drop its own connection. A
// started connection lives until it is closed, whoever holds it; it must not outlive its loop. The time limits are kept
// to half a second. `queue_bytes_max` counts whole messages, and at most 16,384 of them wait.
enum class Sent { Queued, Dropped /* the queue is full; the caller decides what that means */, Closed };

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Handlers {
    std::function<void(ByteView)> on_bytes;                // the view is valid during the call only
    std::function<void(const std::string& why)> on_close;  // once; never after close() or close_after_sending()
    std::function<void()> on_drained;                      // the send queue became empty
  };
  virtual ~Connection() = default;
  virtual void start(Handlers handlers) = 0;  // begins reading
  virtual Sent send(SharedBytes bytes) = 0;
  virtual Sent send_urgent(SharedBytes bytes) = 0;  // goes before what is queued (never inside a message), may pass
                                                    // queue_bytes_max by 64 KiB
  virtual void close_after_sending() = 0;           // no callback from here on; waits 2 s for the peer's end
  virtual void close() = 0;                         // at once
  // Whether on_drained is called; it is from the start. A fan-out that has nothing more to say saves a call a write.
  virtual void want_drained(bool wanted) = 0;
  virtual void pause_reading(bool pause) = 0;  // back-pressure towards the sender
  virtual std::size_t queued_bytes() const = 0;
  virtual std::size_t system_bytes() const = 0;  // handed to the system and not yet acknowledged by the other side
  virtual const std::string& peer() const = 0;   // "127.0.0.1:40112", for logs
  virtual const ConnectionLimits& limits() const = 0;
  virtual void set_limits(const ConnectionLimits& limits) = 0;
  Sent send(Bytes bytes) { return send(std::make_shared<const Bytes>(std::move(bytes))); }
};

struct Endpoint {
  std::string host;  // name or address; IPv6 without brackets
  std::uint16_t port = 0;
  bool is_loopback() const;  // the address is 127.0.0.0/8 or ::1 or "localhost"
  std::string text() const;  // "host:port", "[::1]:port"
  static Result<Endpoint, NetError> parse(std::string_view text, std::uint16_t default_port);
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual std::uint16_t port() const = 0;  // the real one when 0 was asked
  virtual std::size_t open_connections() const = 0;
  virtual std::uint64_t refused() const = 0;  // turned away because connections_max were open
};
struct ListenerLimits {
  std::size_t connections_max = 256;
  ConnectionLimits connection;
};
Result<std::unique_ptr<Listener>, NetError> listen(EventLoop& loop, const Endpoint& at, const ListenerLimits& limits,
                                                   std::function<void(std::shared_ptr<Connection>)> on_connection);

// Connects once; the callback gets a connection or the reason. Cancelled by dropping the handle.
class Connector {
 public:
  virtual ~Connector() = default;
};
std::unique_ptr<Connector> connect(EventLoop& loop, const Endpoint& to, const ConnectionLimits& limits,
                                   Milliseconds timeout,
                                   std::function<void(Result<std::shared_ptr<Connection>, NetError>)> done);

}  // namespace airbridge::net
