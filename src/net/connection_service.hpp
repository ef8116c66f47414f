#pragma once
// What all connections of one loop share, inside net/ only: the read buffer, the flush windows and the coarse clock.
// An idle connection so holds no buffer and no timer, and a burst to N clients arms one timer instead of N.
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace airbridge::net {

class TcpConnection;

inline constexpr std::size_t read_buffer_size = 64 * 1024;  // one a loop
inline constexpr std::size_t flush_windows_max = 16;        // distinct `coalesce` values a loop tells apart
inline constexpr Milliseconds coarse_tick{500};             // how exact idle and stall limits are

// Connections of the same `coalesce` that have something to send, flushed together when the first one's time is up.
class FlushWindow {
 public:
  FlushWindow(boost::asio::io_context& io, Milliseconds span);
  Milliseconds span() const { return span_; }
  void add(std::shared_ptr<TcpConnection> connection);
  void shutdown();

 private:
  void flush();

  boost::asio::io_context& io_;
  Milliseconds span_;
  boost::asio::steady_timer timer_;
  std::vector<std::shared_ptr<TcpConnection>> waiting_;
  std::vector<std::shared_ptr<TcpConnection>> flushing_;  // kept for its capacity: no allocation in the steady state
};

class ConnectionService : public boost::asio::execution_context::service {
 public:
  using key_type = ConnectionService;
  static boost::asio::execution_context::id id;

  explicit ConnectionService(boost::asio::execution_context& context);
  static ConnectionService& of(boost::asio::io_context& io);

  FlushWindow& window(Milliseconds span);
  FlushWindow& next_turn() { return *windows_.front(); }  // the window of span 0
  std::array<std::uint8_t, read_buffer_size>& read_buffer() { return *read_buffer_; }
  static SteadyTime now() { return std::chrono::time_point_cast<Milliseconds>(std::chrono::steady_clock::now()); }

  // The coarse tick looks at the limits of every connection between enter() and leave().
  void enter(TcpConnection& connection);
  void leave(TcpConnection& connection);
  void watch();  // a limit of time has begun to run for one of them; without any the tick rests

 private:
  void shutdown() override;
  void arm_tick();
  void tick();

  boost::asio::io_context& io_;
  std::unique_ptr<std::array<std::uint8_t, read_buffer_size>> read_buffer_;
  std::vector<std::unique_ptr<FlushWindow>> windows_;
  std::vector<TcpConnection*> connections_;
  boost::asio::steady_timer tick_timer_;
  bool tick_armed_ = false;
  SteadyTime last_tick_{};
};

}  // namespace airbridge::net
