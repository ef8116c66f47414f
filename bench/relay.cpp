// The yardstick of the fan-out benchmark: a relay that parses nothing. What it reads from one client it writes at once
// to every other. What a client's socket does not take waits, up to a bound; beyond it that client loses bytes.
//   relay            listens on a free port of 127.0.0.1 and prints "port N"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <unordered_map>

namespace {

constexpr std::size_t pending_max = 256 * 1024;

struct Client {
  std::string pending;
};

int epoll_fd = -1;
std::unordered_map<int, Client> clients;

void watch(int fd, std::uint32_t events, int how) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(epoll_fd, how, fd, &event);
}

void write_to(int fd, Client& client, const char* bytes, std::size_t size) {
  std::size_t done = 0;
  if (client.pending.empty()) {
    const auto sent = ::send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) done = static_cast<std::size_t>(sent);
  }
  if (done == size || client.pending.size() + size > pending_max) return;
  client.pending.append(bytes + done, size - done);
  watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

void flush(int fd, Client& client) {
  const auto sent = ::send(fd, client.pending.data(), client.pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) client.pending.erase(0, static_cast<std::size_t>(sent));
  if (client.pending.empty()) watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

}  // namespace

int main() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), length) != 0 || ::listen(listener, 1024) != 0) return 1;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length);
  std::printf("port %d\n", static_cast<int>(ntohs(at.sin_port)));
  std::fflush(stdout);

  epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
  watch(listener, EPOLLIN, EPOLL_CTL_ADD);
  static char buffer[64 * 1024];
  epoll_event events[256];
  while (true) {
    const int ready = ::epoll_wait(epoll_fd, events, 256, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0) continue;
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        clients.try_emplace(client);
        watch(client, EPOLLIN, EPOLL_CTL_ADD);
        continue;
      }
      if ((events[i].events & EPOLLOUT) != 0) flush(fd, clients[fd]);
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) continue;
      const auto got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) {
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        ::close(fd);
        clients.erase(fd);
        continue;
      }
      for (auto& [other, client] : clients) {
        if (other != fd) write_to(other, client, buffer, static_cast<std::size_t>(got));
      }
    }
  }
}
