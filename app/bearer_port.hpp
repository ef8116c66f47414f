#pragma once
// What carries the frames of one bearer: a UDP socket, a multicast group, a modem. Loop thread only; must not outlive
// its loop. A port that is away (no network, unplugged) is a state, not an error, and mends itself.
#include <functional>
#include <memory>
#include <string>

#include "bearer_spec.hpp"
#include "net/event_loop.hpp"

namespace airbridge::app {

inline constexpr std::size_t udp_senders_max = 16;    // that a listening udp bearer speaks to; the oldest gives way
inline constexpr Milliseconds resolve_again{30'000};  // a name that is not known, or may have got another address
inline constexpr Milliseconds udp_sender_kept{10 * 60'000};  // unheard
inline constexpr Milliseconds udp_outdated_kept{5'000};

// Who sent a frame. Outdated: a member, under a counter that is behind, so that it must be told where to go on; or
// somebody who plays an old frame again.
enum class Sender { Unknown, Outdated, Authentic };

class BearerPort {
 public:
  using OnFrame = std::function<void(ByteView frame)>;
  virtual ~BearerPort() = default;
  virtual void send(ByteView frame) = 0;      // or drop it, counted
  virtual std::string problem() const = 0;    // why nothing can be sent now, in words; empty: all well
  virtual std::uint64_t dropped() const = 0;  // frames that found the port full or away
  virtual std::size_t overhead() const = 0;   // bytes a frame costs besides, as the operator of a network counts them
  // A port that learns from frames where to send wants to be told, within on_frame, whose the frame was.
  virtual bool wants_senders() const { return false; }
  virtual void met(Sender /*sender*/) {}
  virtual std::uint16_t port() const { return 0; }  // udp: where it listens
};

// Fails only for what cannot mend itself: a port that another program holds, a group that is none.
Result<std::unique_ptr<BearerPort>, std::string> open_port(net::EventLoop& loop, const BearerSpec& spec,
                                                           BearerPort::OnFrame on_frame);

}  // namespace airbridge::app
