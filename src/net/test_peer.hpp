#pragma once
// For tests only: the far side of a TCP connection as plain blocking-looking calls. While it waits it runs `pump`, so
// that a server on the test's own loop makes progress; without one it just polls, for a server on another thread.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "net/event_loop.hpp"

namespace airbridge::net::testing {

// Far above what any test needs: it ends a hanging test, it times nothing.
inline constexpr std::chrono::seconds patience{20};

// Runs the loop until `done`; false when patience ran out.
inline bool run_until(EventLoop& loop, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    loop.run_for(Milliseconds{1});
  }
  return true;
}

class TestPeer {
 public:
  using Pump = std::function<void()>;
  explicit TestPeer(std::uint16_t port, Pump pump = {}, int receive_buffer = 0) : pump_(std::move(pump)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  TestPeer(EventLoop& loop, std::uint16_t port, int receive_buffer = 0)
      : TestPeer(port, [&loop] { loop.run_for(Milliseconds{1}); }, receive_buffer) {}
  TestPeer(TestPeer&& other) noexcept
      : pump_(std::move(other.pump_)),
        fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        ended_(other.ended_),
        received_(std::move(other.received_)) {}
  TestPeer(const TestPeer&) = delete;
  TestPeer& operator=(const TestPeer&) = delete;
  ~TestPeer() { close(); }

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void end_sending() const { ::shutdown(fd_, SHUT_WR); }

  // False when the other side is gone.
  bool send(std::string_view bytes) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!bytes.empty() && std::chrono::steady_clock::now() < end) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == EINTR) {
        wait();
      } else {
        return false;
      }
    }
    return bytes.empty();
  }
  // What has come so far, unread. Filled by the calls below.
  std::string& received() { return received_; }
  bool ended() const { return ended_; }  // the other side closed

  bool wait_for(const std::function<bool(const std::string&)>& enough) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!enough(received_)) {
      if (std::chrono::steady_clock::now() > end) return false;
      if (!read_once()) {
        if (ended_) return enough(received_);
        wait();
      }
    }
    return true;
  }
  bool wait_for_size(std::size_t size) {
    return wait_for([size](const std::string& got) { return got.size() >= size; });
  }
  bool wait_for_end() {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!ended_ && std::chrono::steady_clock::now() < end) {
      if (!read_once()) wait();
    }
    return ended_;
  }
  // Exactly `size` bytes, or fewer when the other side ended.
  std::string take(std::size_t size) {
    wait_for_size(size);
    auto out = received_.substr(0, size);
    received_.erase(0, size);
    return out;
  }

 private:
  bool read_once() {
    char buffer[64 * 1024];
    const auto got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) received_.append(buffer, static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
    return got > 0;
  }
  void wait() const {
    if (pump_) return pump_();
    pollfd entry{fd_, POLLIN, 0};
    ::poll(&entry, 1, 10);
  }

  Pump pump_;
  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string received_;
};

}  // namespace airbridge::net::testing
