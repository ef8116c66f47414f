#pragma once
// The Fanout over TCP connections; inside net/ only.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "net/fanout.hpp"

namespace airbridge::net {

class TcpConnection;

class FanoutList final : public Fanout, public std::enable_shared_from_this<FanoutList> {
 public:
  FanoutList(boost::asio::io_context& io, Milliseconds span);
  ~FanoutList() override;

  void join(Connection& connection) override;
  void leave(Connection& connection) override;
  std::size_t send(SharedBytes bytes, const Connection* except,
                   const std::function<void(Connection&)>& dropped) override;
  std::size_t members() const override { return members_.size(); }
  void end_turn() override;

  // For its members. settle: moves what is gathered for the member into its own queue, where something will follow.
  // caught_up: its own queue is empty again.
  void settle(TcpConnection& connection);
  void caught_up(TcpConnection& connection);
  void remove(TcpConnection& connection);

 private:
  // Compact, because a fan-out to hundreds of members finds all it touches cold.
  struct Member {
    int fd = -1;
    bool ready = true;      // its own queue is empty; if not, all that is gathered is in that queue
    std::uint8_t skip = 0;  // how many of the gathered messages it has already
    TcpConnection* connection = nullptr;
  };
  struct Message {
    SharedBytes bytes;
    const TcpConnection* except = nullptr;
  };

  void judge();
  void arm();
  void flush();
  void flush_to(Member& member);

  Milliseconds span_;
  boost::asio::steady_timer timer_;
  std::vector<Member> members_;
  std::vector<Message> gathered_;
  std::size_t gathered_bytes_ = 0;
  std::size_t not_ready_ = 0;
  bool armed_ = false;
  bool waits_ = false;
  std::size_t judged_ = 0;
  std::chrono::steady_clock::time_point judged_since_{};
  std::vector<std::pair<TcpConnection*, int>> failed_;  // during a flush: who, errno
};

}  // namespace airbridge::net
