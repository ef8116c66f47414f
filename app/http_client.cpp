#include "http_client.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "net/connection.hpp"
#include "net/http_message.hpp"

namespace airbridge::app {
namespace {
constexpr std::size_t answer_bytes_max = std::size_t{256} << 20;
constexpr int wait_seconds = 30;

struct Socket {
  int fd = -1;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};
}  // namespace

Result<HttpAnswer, std::string> http_call(const std::string& address, std::string_view method, std::string_view path,
                                          std::string_view body) {
  const auto endpoint = net::Endpoint::parse(address, 8080);
  if (!endpoint) return failure(endpoint.error().what);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error =
          ::getaddrinfo(endpoint->host.c_str(), fmt::format("{}", endpoint->port).c_str(), &hints, &found);
      error != 0) {
    return failure(fmt::format("cannot find {}: {}", endpoint->host, ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  Socket socket;
  for (const auto* at = list.get(); at != nullptr; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0) continue;
    const timeval limit{wait_seconds, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
      socket.fd = fd;
      break;
    }
    ::close(fd);
  }
  if (socket.fd < 0)
    return failure(
        fmt::format("cannot connect to {}: {}; start the node there (airbridge node), or give the address it printed",
                    endpoint->text(), std::strerror(errno)));

  auto request = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", method, path, endpoint->text());
  if (!body.empty()) request += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  request += "\r\n";
  request += body;
  for (std::size_t done = 0; done < request.size();) {
    const auto n = ::send(socket.fd, request.data() + done, request.size() - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;  // whoever notes a signal and goes on wants the answer still
    if (n <= 0) return failure(fmt::format("{} stopped listening: {}", endpoint->text(), std::strerror(errno)));
    done += static_cast<std::size_t>(n);
  }
  std::string answer;
  char buffer[64 * 1024];
  for (;;) {
    const auto n = ::recv(socket.fd, buffer, sizeof buffer, 0);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failure(fmt::format("{} does not answer: {}", endpoint->text(), std::strerror(errno)));
    answer.append(buffer, static_cast<std::size_t>(n));
    if (answer.size() > answer_bytes_max) return failure(fmt::format("{} answers without end", endpoint->text()));
  }
  const auto head_end = answer.find("\r\n\r\n");
  HttpAnswer out;
  if (!answer.starts_with("HTTP/1.1 ") || head_end == std::string::npos)
    return failure(fmt::format("{} does not speak HTTP", endpoint->text()));
  std::from_chars(answer.data() + 9, answer.data() + 12, out.status);
  out.head = answer.substr(0, head_end + 2);
  out.body = answer.substr(head_end + 4);
  return out;
}

std::string HttpAnswer::header(std::string_view name) const {
  for (std::size_t from = 0; from < head.size();) {
    const auto end = std::min(head.find("\r\n", from), head.size());
    const auto line = std::string_view(head).substr(from, end - from);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && net::equals_ignoring_case(line.substr(0, colon), name)) {
      const auto value = line.substr(colon + 1);
      return std::string(value.substr(std::min(value.find_first_not_of(' '), value.size())));
    }
    from = end + 2;
  }
  return {};
}

}  // namespace airbridge::app
