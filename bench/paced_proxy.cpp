#include "paced_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <list>
#include <vector>

namespace airbridge::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr double burst_seconds = 0.02;  // what may leave at once after a pause

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  return at;
}

// One direction of one call.
struct Way {
  int from = -1, to = -1;
  std::vector<char> held;
  double credit = 0;  // bytes that may leave now
  Clock::time_point since = Clock::now();
  bool ended = false;

  // Moves what it may; false when the call is over.
  bool move(double rate, std::atomic<std::uint64_t>* count) {
    const auto now = Clock::now();
    credit = std::min(credit + std::chrono::duration<double>(now - since).count() * rate, rate * burst_seconds);
    since = now;
    while (!ended && held.size() < buffer_bytes) {
      char bytes[64 * 1024];
      const auto got = ::recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got > 0) {
        held.insert(held.end(), bytes, bytes + got);
        continue;
      }
      ended = got == 0 || (errno != EAGAIN && errno != EINTR);
      break;
    }
    const auto may = std::min(held.size(), static_cast<std::size_t>(std::max(0.0, credit)));
    if (may > 0) {
      const auto sent = ::send(to, held.data(), may, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (sent > 0) {
        held.erase(held.begin(), held.begin() + sent);
        credit -= static_cast<double>(sent);
        if (count != nullptr) *count += static_cast<std::uint64_t>(sent);
      }
    }
    return !ended || !held.empty();
  }
};

struct Call {
  Way there, back;
};

}  // namespace

PacedProxy::PacedProxy(std::uint16_t to_port, double bits_per_second)
    : to_port_(to_port), bytes_per_second_(bits_per_second / 8) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  auto at = loopback(0);
  socklen_t length = sizeof at;
  ::bind(listener_, reinterpret_cast<sockaddr*>(&at), length);
  ::listen(listener_, 16);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &length);
  port_ = ntohs(at.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

PacedProxy::~PacedProxy() {
  thread_.request_stop();
  thread_.join();
  ::close(listener_);
}

void PacedProxy::run(const std::stop_token& stop) {
  std::list<Call> calls;
  while (!stop.stop_requested()) {
    pollfd waiting{listener_, POLLIN, 0};
    ::poll(&waiting, 1, calls.empty() ? 50 : 2);
    if (const int caller = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); caller >= 0) {
      const int far = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const auto at = loopback(to_port_);
      const int on = 1;
      for (const int fd : {caller, far}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (::connect(far, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) {
        calls.emplace_back();
        calls.back().there.from = calls.back().back.to = caller;
        calls.back().there.to = calls.back().back.from = far;
      } else {
        ::close(caller);
        ::close(far);
      }
    }
    for (auto it = calls.begin(); it != calls.end();) {
      const bool there = it->there.move(bytes_per_second_, nullptr);
      const bool back = it->back.move(bytes_per_second_, &bytes_back_);
      if (there && back) {
        ++it;
        continue;
      }
      ::close(it->there.from);
      ::close(it->there.to);
      it = calls.erase(it);
    }
  }
  for (auto& call : calls) {
    ::close(call.there.from);
    ::close(call.there.to);
  }
}

}  // namespace airbridge::bench
