#include "http_client.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace airbridge::app {

TEST_CASE("a signal that comes while an answer is waited for costs nobody the answer") {
  static std::atomic<int> signals{0};
  signals = 0;
  struct sigaction action{}, before{};
  action.sa_handler = [](int) { ++signals; };  // without SA_RESTART
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&at), length) == 0);
  REQUIRE(::listen(listener, 1) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length) == 0);
  const auto caller = ::pthread_self();
  std::thread server([&] {
    const int fd = ::accept(listener, nullptr, nullptr);
    char request[1024];
    (void)!::read(fd, request, sizeof request);
    const std::string_view answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole";
    for (const char c : answer) {  // a signal a byte: some find the caller waiting
      ::pthread_kill(caller, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ::send(fd, &c, 1, MSG_NOSIGNAL);
    }
    ::close(fd);
  });
  const auto answer = http_call(fmt::format("127.0.0.1:{}", ntohs(at.sin_port)), "GET", "/");
  server.join();
  ::close(listener);
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(signals > 0);
  REQUIRE_MESSAGE(answer, (answer ? std::string() : answer.error()));
  CHECK(answer->body == "whole");
}

}  // namespace airbridge::app
