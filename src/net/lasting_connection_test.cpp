#include "net/lasting_connection.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "net/test_peer.hpp"

using namespace airbridge;
using namespace airbridge::net;
using airbridge::net::testing::run_until;

namespace {

// A server that greets each caller and, when told so, hangs up.
struct Server {
  explicit Server(EventLoop& loop, std::uint16_t port = 0) {
    auto made = listen(loop, {"127.0.0.1", port}, {}, [this](std::shared_ptr<Connection> connection) {
      connection->start({[](ByteView) {}, [](const std::string&) {}, {}});
      if (greets) connection->send(to_bytes(as_bytes("hello")));
      if (hangs_up) connection->close_after_sending();
      connections.push_back(std::move(connection));
    });
    REQUIRE(made);
    listener = *std::move(made);
  }
  bool greets = true;
  bool hangs_up = false;
  std::vector<std::shared_ptr<Connection>> connections;
  std::unique_ptr<Listener> listener;
};

LastingOptions quick(std::uint16_t port) {
  LastingOptions options;
  options.to = {"127.0.0.1", port};
  options.wait_min = Milliseconds(2);
  options.wait_max = Milliseconds(8);
  return options;
}

}  // namespace

TEST_CASE("a lost connection is made again, and the reason is kept until then") {
  EventLoop loop;
  Server server(loop);
  int lost = 0;
  std::string got;
  LastingConnection lasting(loop, quick(server.listener->port()),
                            {{}, [&](ByteView bytes) { got += as_text(bytes); }, [&](const std::string&) { ++lost; }});
  CHECK(lasting.state() == LinkState::Off);
  lasting.start();
  CHECK(lasting.state() == LinkState::Connecting);
  REQUIRE(run_until(loop, [&] { return got == "hello"; }));
  server.connections[0]->close();
  REQUIRE(run_until(loop, [&] { return lost == 1; }));
  CHECK(lasting.state() == LinkState::Lost);
  CHECK_FALSE(lasting.why().empty());
  REQUIRE(run_until(loop, [&] { return got == "hellohello"; }));
  CHECK(lasting.state() == LinkState::Connected);
  CHECK(lasting.why().empty());
  CHECK(lasting.connects() == 2);
}

TEST_CASE("the wait grows to its limit while nobody answers, and shrinks after a byte") {
  EventLoop loop;
  std::uint16_t port = 0;
  {
    port = Server(loop).listener->port();
  }
  int lost = 0;
  LastingConnection lasting(loop, quick(port), {{}, {}, [&](const std::string&) { ++lost; }});
  lasting.start();
  REQUIRE(run_until(loop, [&] { return lost >= 4; }));
  CHECK(lasting.next_wait() == Milliseconds(8));
  Server server(loop, port);
  REQUIRE(run_until(loop, [&] { return lasting.state() == LinkState::Connected; }));
  REQUIRE(run_until(loop, [&] { return lasting.next_wait() == Milliseconds(2); }));
}

TEST_CASE("a server that accepts and hangs up without a word keeps the wait long") {
  EventLoop loop;
  Server server(loop);
  server.greets = false;
  server.hangs_up = true;
  int lost = 0;
  LastingConnection lasting(loop, quick(server.listener->port()), {{}, {}, [&](const std::string&) { ++lost; }});
  lasting.start();
  REQUIRE(run_until(loop, [&] { return lost >= 5; }));
  CHECK(lasting.next_wait() == Milliseconds(8));
}

TEST_CASE("a silent server is lost after idle_max") {
  EventLoop loop;
  Server server(loop);
  server.greets = false;
  auto options = quick(server.listener->port());
  options.limits.idle_max = Milliseconds(50);
  LastingConnection lasting(loop, options, {});
  lasting.start();
  REQUIRE(run_until(loop, [&] { return lasting.connects() >= 2; }));
}

TEST_CASE("after stop no handler is called, and dropping ends as a loss") {
  EventLoop loop;
  Server server(loop);
  std::vector<std::string> lost;
  LastingConnection lasting(loop, quick(server.listener->port()),
                            {{}, {}, [&](const std::string& why) { lost.push_back(why); }});
  lasting.start();
  REQUIRE(run_until(loop, [&] { return lasting.state() == LinkState::Connected; }));
  lasting.drop("nonsense");
  CHECK(lost == std::vector<std::string>{"nonsense"});
  REQUIRE(run_until(loop, [&] { return lasting.connects() == 2; }));
  lasting.stop();
  loop.run_for(Milliseconds(30));
  CHECK(lost.size() == 1);
  CHECK(lasting.state() == LinkState::Off);
  CHECK(lasting.connects() == 2);
}

TEST_CASE("a far side that would refuse again is left alone for as long as was asked, once") {
  EventLoop loop;
  Server server(loop);
  int lost = 0;
  std::unique_ptr<LastingConnection> lasting;
  lasting = std::make_unique<LastingConnection>(
      loop, quick(server.listener->port()),
      LastingConnection::Handlers{
          {}, [&](ByteView) { lasting->hold_off(Milliseconds(60'000)); }, [&](const std::string&) { ++lost; }});
  lasting->start();
  REQUIRE(run_until(loop, [&] { return server.connections.size() == 1 && lasting->state() == LinkState::Connected; }));
  server.hangs_up = true;
  server.connections[0]->close();
  REQUIRE(run_until(loop, [&] { return lost == 1; }));
  CHECK(lasting->last_wait() >= Milliseconds(60'000));
  CHECK(lasting->next_wait() <= Milliseconds(8));
}
