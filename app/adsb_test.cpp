// Aircraft end to end: from a receiver's socket to the API of two nodes and to TAK clients.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

// A receiver on a port the system chose, that says its lines to one client.
class Receiver {
 public:
  Receiver() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(listener_, 4) == 0);
    socklen_t length = sizeof at;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &length);
    address_ = fmt::format("127.0.0.1:{}", ntohs(at.sin_port));
  }
  ~Receiver() {
    if (client_ >= 0) ::close(client_);
    ::close(listener_);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  const std::string& address() const { return address_; }
  // The node is running and connects by itself.
  void say(std::string_view lines) {
    if (client_ < 0) client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    REQUIRE(::send(client_, lines.data(), lines.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(lines.size()));
  }

 private:
  int listener_;
  int client_ = -1;
  std::string address_;
};

std::string line(int kind, std::string_view rest) {
  return fmt::format("MSG,{},1,1,4B1234,1,2026/01/02,03:04:05.678,2026/01/02,03:04:05.700,{}\r\n", kind, rest);
}

bool has_squawk(const TestNode& node, std::string_view squawk) {
  return eventually([&] {
    for (const auto& track : node.tracks()) {
      const auto* said = track.as_object().if_contains("squawk");
      if (said != nullptr && said->as_string() == squawk) return true;
    }
    return false;
  });
}

}  // namespace

TEST_CASE("an aircraft that squawks 7700 without another position is shown so, on both nodes and at TAK clients") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  Receiver receiver;
  const TestNode a(folder / "a", {"--set", "adsb.connect=" + receiver.address()});
  const TestNode b(folder / "b", {"--peer", a.peers()});
  TcpClient phone(a.tak());
  // In one piece: position and squawks are read in the same moment.
  receiver.say(line(3, ",4300,,,46.80000,8.23000,,,0,0,0,0") + line(6, ",,,,,,,7000,0,0,0,0") +
               line(6, ",,,,,,,7700,1,1,0,0"));
  CHECK(has_squawk(a, "7700"));
  CHECK(has_squawk(b, "7700"));
  CHECK(phone.receives("EMERGENCY general"));
}
