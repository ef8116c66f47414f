#include "net/tcp_path.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "net/connection.hpp"
#include "net/test_namespaces.hpp"
#include "net/test_peer.hpp"

namespace airbridge::net {

using testing::Namespaces;
using testing::run_until;
using testing::say_skipped;
using testing::TestPeer;

namespace {

Bytes some_bytes() { return Bytes(1000, std::uint8_t{'x'}); }

}  // namespace

TEST_CASE("the path of an open connection is told, of a closed one it is not") {
  EventLoop loop;
  std::shared_ptr<Connection> connection;
  const auto listener = listen(loop, {"127.0.0.1", 0}, {}, [&](std::shared_ptr<Connection> c) { connection = c; });
  REQUIRE(listener);
  const TestPeer peer(loop, (*listener)->port());
  REQUIRE(run_until(loop, [&] { return connection != nullptr; }));
  connection->start({});
  REQUIRE(tcp_path(*connection));
  CHECK(tcp_path(*connection)->segments_sent == 0);
  CHECK(connection->send(some_bytes()) == Sent::Queued);
  CHECK(run_until(loop, [&] { return tcp_path(*connection)->segments_sent > 0; }));
  CHECK(tcp_path(*connection)->segments_again == 0);
  connection->close();
  CHECK_FALSE(tcp_path(*connection));
}

TEST_CASE("a descriptor that is no TCP socket has no path") {
  CHECK_FALSE(tcp_path(-1));
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  CHECK_FALSE(tcp_path(file));
  ::close(file);
}

TEST_CASE("what a cable loses is sent again, and the path says so") {
  Namespaces world;
  if (!world.why_not().empty()) return say_skipped(world.why_not());
  if (!world.connect("cable0", "cable1")) return say_skipped("ip cannot make a veth pair here");
  EventLoop loops[2];
  std::shared_ptr<Connection> ends[2];
  std::size_t heard = 0;
  std::unique_ptr<Listener> listener;
  world.in(1, [&] {
    listener = listen(loops[1], {"10.77.0.2", 0}, {}, [&](std::shared_ptr<Connection> c) { ends[1] = c; }).value();
  });
  std::unique_ptr<Connector> connector;
  world.in(0, [&] {
    connector = connect(loops[0], {"10.77.0.2", listener->port()}, {}, testing::patience,
                        [&](Result<std::shared_ptr<Connection>, NetError> made) {
                          if (made) ends[0] = *made;
                        });
  });
  const auto both = [&](const std::function<bool()>& holds) {
    // A connector makes its socket only when its loop runs.
    return world.in(0, [&] {
      return run_until(loops[0], [&] {
        loops[1].run_for(Milliseconds(1));
        return holds();
      });
    });
  };
  REQUIRE(both([&] { return ends[0] && ends[1]; }));
  ends[0]->start({});
  Connection::Handlers handlers;
  handlers.on_bytes = [&](ByteView bytes) { heard += bytes.size(); };
  ends[1]->start(std::move(handlers));
  ends[0]->send(some_bytes());
  REQUIRE(both([&] { return heard == 1000; }));
  CHECK(tcp_path(*ends[0])->segments_again == 0);
  REQUIRE(world.run_in(1, "ip link set cable1 down"));
  ends[0]->send(some_bytes());
  CHECK(both([&] { return tcp_path(*ends[0])->segments_again > 0; }));
  REQUIRE(world.run_in(1, "ip link set cable1 up"));
  CHECK(both([&] { return heard == 2000; }));
  const auto path = tcp_path(*ends[0]);
  REQUIRE(path);
  CHECK(path->segments_again < path->segments_sent);
  for (const auto& end : ends) end->close();
}

}  // namespace airbridge::net
