#pragma once
// The channel between real processes: stations take packets in, the channel decides, stations hand them out. Loop
// thread only; must not outlive its loop.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "linkemu/channel.hpp"
#include "linkemu/settings.hpp"
#include "net/event_loop.hpp"

namespace airbridge::linkemu {

// Packets in and out at one end. Packets that nobody is there to take are lost, as in the air.
class Station {
 public:
  using OnPacket = std::function<void(Bytes)>;
  virtual ~Station() = default;
  virtual void deliver(ByteView packet) = 0;
  virtual std::string text() const = 0;  // "udp 127.0.0.1:4610", with the real port
};
Result<std::unique_ptr<Station>, net::NetError> open_station(net::EventLoop& loop, const StationSpec& spec,
                                                             Station::OnPacket on_packet);

// The time since it was made, of a clock that never goes back.
class Stopwatch {
 public:
  Microseconds elapsed() const {
    return std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

class Link {
 public:
  virtual ~Link() = default;
  virtual std::vector<std::string> stations() const = 0;
  virtual const LinkCounters& counters() const = 0;
  virtual Microseconds elapsed() const = 0;
  virtual void set_down(bool down) = 0;  // an outage by hand, besides those of the schedule
};

// Packets between the stations of `specs`.
Result<std::unique_ptr<Link>, net::NetError> open_packet_link(net::EventLoop& loop, const LinkNature& nature,
                                                              std::uint64_t seed,
                                                              const std::vector<StationSpec>& specs);
// Bytes between whoever connects to `spec.at` and `spec.to`. All connections share the link. During an outage nothing
// moves; with `down_closes` connections end where one begins, and none is made until it is over.
Result<std::unique_ptr<Link>, net::NetError> open_tcp_link(net::EventLoop& loop, const LinkNature& nature,
                                                           std::uint64_t seed, const StationSpec& spec,
                                                           bool down_closes);

// "12 s: offered 34 (4080 B), arrived 30 (3600 B), lost 3, ..., channel busy 81 %"
std::string describe(const LinkCounters& counters, Microseconds elapsed);

}  // namespace airbridge::linkemu
