#pragma once
// A client connection that is made again whenever it is lost: for feeds, which come and go and must need no hand.
// Waits 1 s after the first loss, twice as long after each further one, at most 30 s, each plus up to a quarter by
// chance so that many nodes do not knock together. The wait begins anew at 1 s once a byte was received, so a server
// that accepts and hangs up at once is not hammered. Loop thread only.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/rng.hpp"
#include "net/connection.hpp"

namespace airbridge::net {

enum class LinkState { Off, Connecting, Connected, Lost };
std::string_view name_of(LinkState state);  // "off", "connecting", "connected", "lost": the words of the API

struct LastingOptions {
  Endpoint to;
  ConnectionLimits limits;  // idle_max is how long a silent server counts as alive
  Milliseconds connect_timeout{10'000};
  Milliseconds wait_min{1'000};
  Milliseconds wait_max{30'000};
  std::uint64_t seed = 1;  // of the jitter
};

class LastingConnection {
 public:
  struct Handlers {
    std::function<void(Connection&)> on_connected;        // before the first byte; may send
    std::function<void(ByteView)> on_bytes;               // the view is valid during the call only
    std::function<void(const std::string& why)> on_lost;  // a connection ended, or could not be made
    std::function<void()> on_drained = {};                // the send queue became empty
  };
  LastingConnection(EventLoop& loop, LastingOptions options, Handlers handlers);
  ~LastingConnection();
  LastingConnection(const LastingConnection&) = delete;
  LastingConnection& operator=(const LastingConnection&) = delete;

  void start();
  void stop();  // at once; no handler is called after it
  // Ends the connection as if the other side had, for example because what it sends is nonsense.
  void drop(const std::string& why);
  // The wait after the next loss is at least this: for a far side that would refuse again.
  void hold_off(Milliseconds wait) { hold_off_ = wait; }

  LinkState state() const { return state_; }
  const std::string& why() const { return why_; }  // the last loss in words; empty while connected
  std::uint64_t connects() const { return connects_; }
  const Endpoint& to() const { return options_.to; }
  Milliseconds next_wait() const { return wait_; }
  Milliseconds last_wait() const { return last_wait_; }  // after the last loss, without what chance added

 private:
  void dial();
  void lose(const std::string& why);

  EventLoop& loop_;
  LastingOptions options_;
  Handlers handlers_;
  Rng rng_;
  LinkState state_ = LinkState::Off;
  std::string why_;
  std::uint64_t connects_ = 0;
  Milliseconds wait_;
  Milliseconds hold_off_{0};
  Milliseconds last_wait_{0};
  std::unique_ptr<Connector> connector_;
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<EventLoop::Timer> timer_;
};

}  // namespace airbridge::net
