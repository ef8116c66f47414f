#pragma once
// The Connection over a TCP socket; inside net/ only.
//
// Reads are reactor style: the loop waits for "readable" and reads into the loop's shared buffer. Writes never happen
// inside send(): messages gather until their flush window is up, then leave in one non-blocking gather write, and only
// a full socket buffer costs a wait in the reactor. So send() costs one queue slot and no callback runs inside it.
#include <boost/asio/ip/tcp.hpp>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "net/connection.hpp"
#include "net/connection_service.hpp"
#include "net/fanout_list.hpp"

namespace airbridge::net {

inline constexpr std::size_t gather_max = 64;         // buffers in one write
inline constexpr std::size_t gather_rounds_max = 16;  // writes before other connections get their turn
inline constexpr std::size_t read_rounds_max = 4;     // full read buffers before other connections get their turn
inline constexpr std::size_t queue_messages_max = 16 * 1024;  // bounds the slots of a queue of tiny messages
inline constexpr std::size_t queue_slots_kept = 256;          // slots that stay allocated when the queue is empty
inline constexpr std::size_t urgent_bytes_extra = 64 * 1024;  // send_urgent may pass queue_bytes_max by so much
inline constexpr Milliseconds linger_max{2'000};              // how long a closed side waits for the peer's goodbye
inline constexpr Milliseconds drain_stall_max{30'000};        // write_stall_max of a closing connection that has none

class TcpConnection final : public Connection {
 public:
  static constexpr std::size_t not_registered = std::numeric_limits<std::size_t>::max();

  // `open_count`, when given, goes down by one when the connection closes.
  TcpConnection(boost::asio::ip::tcp::socket socket, const ConnectionLimits& limits,
                std::shared_ptr<std::size_t> open_count);
  ~TcpConnection() override;

  void start(Handlers handlers) override;
  Sent send(SharedBytes bytes) override;
  Sent send_urgent(SharedBytes bytes) override;
  void close_after_sending() override;
  void close() override;
  void want_drained(bool wanted) override { drained_wanted_ = wanted; }
  void pause_reading(bool pause) override;
  std::size_t queued_bytes() const override { return queued_bytes_; }
  std::size_t system_bytes() const override;
  const std::string& peer() const override { return peer_; }
  const ConnectionLimits& limits() const override { return limits_; }
  void set_limits(const ConnectionLimits& limits) override;

  // For the service.
  std::size_t registry_index = not_registered;
  void flush_window(const FlushWindow& window, SteadyTime now);
  bool expired(SteadyTime now) const;
  bool is_timed() const;  // may expire without anything happening before
  void expire(SteadyTime now);
  void forgive(Milliseconds pause);
  std::shared_ptr<TcpConnection> self();

  // For the fan-out it is a member of. take_rest: what its socket did not take, the first `offset` bytes of the first
  // are gone; take_over: what was gathered for it, to go out with what is sent to it next. Both are bounded by what a
  // fan-out gathers, and may pass queue_bytes_max by that.
  FanoutList* fanout() const { return fanout_; }
  std::size_t fanout_index() const { return fanout_index_; }
  void set_fanout(FanoutList* fanout, std::size_t index) {
    fanout_ = fanout;
    fanout_index_ = index;
  }
  bool is_open() const { return state_ == State::Open; }
  int descriptor() const { return fd_; }
  Sent enqueue(SharedBytes bytes);
  void take_rest(const std::vector<SharedBytes>& messages, std::size_t offset);
  void take_over(const std::vector<SharedBytes>& messages);
  void send_failed(int code);

 private:
  // Open, then Draining (the queue still goes out), then Lingering (we said goodbye and wait for theirs), then Closed.
  enum class State { Open, Draining, Lingering, Closed };

  bool has_room(std::size_t size, std::size_t limit) const;
  void schedule();
  void schedule_urgent();
  void flush(SteadyTime now);
  void advance(std::size_t written);
  void wait_writable();
  void wait_readable();
  void read_some();
  void begin_linger();
  void shut(const std::string& why, bool tell);

  // What every send and flush touches comes first and together: a fan-out to hundreds of clients finds them all cold,
  // and each line of cache it does not need is one it does not wait for.
  State state_ = State::Open;
  bool started_ = false;
  bool paused_ = false;
  bool read_waiting_ = false;
  bool write_waiting_ = false;
  bool urgent_scheduled_ = false;
  bool drained_wanted_ = true;
  int fd_ = -1;
  FlushWindow* window_ = nullptr;        // of limits_.coalesce
  FlushWindow* scheduled_in_ = nullptr;  // the window that will flush us
  FanoutList* fanout_ = nullptr;
  std::size_t fanout_index_ = 0;
  std::vector<SharedBytes> queue_;  // from head_ on; the first `head_offset_` bytes of queue_[head_] are gone
  std::size_t head_ = 0;
  std::size_t head_offset_ = 0;
  std::size_t urgent_ = 0;  // messages after an unfinished head that came through send_urgent
  std::size_t queued_bytes_ = 0;
  SteadyTime last_progress_{};
  ConnectionLimits limits_;  // queue_bytes_max is its first

  ConnectionService& service_;
  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<Handlers> handlers_;  // shared: a running callback outlives close()
  std::shared_ptr<std::size_t> open_count_;
  std::string peer_;
  SteadyTime last_received_{};
};

}  // namespace airbridge::net
