#include "net/connection.hpp"
#include "net/connection_service.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "base/log.hpp"
#include "net/test_peer.hpp"

namespace airbridge::net {

using testing::run_until;
using testing::TestPeer;

namespace {

SharedBytes shared(std::string_view text) { return std::make_shared<const Bytes>(to_bytes(as_bytes(text))); }

// A listener on a free loopback port that keeps what it accepted.
struct Server {
  EventLoop loop;
  std::vector<std::shared_ptr<Connection>> accepted;
  std::unique_ptr<Listener> listener;
  explicit Server(const ListenerLimits& limits = {}) {
    auto made = listen(loop, {"127.0.0.1", 0}, limits,
                       [this](std::shared_ptr<Connection> c) { accepted.push_back(std::move(c)); });
    REQUIRE(made);
    listener = *std::move(made);
  }
  ~Server() {
    for (const auto& connection : accepted) connection->close();
    accepted.clear();
    listener.reset();
  }
  TestPeer peer(int receive_buffer = 0) { return {loop, listener->port(), receive_buffer}; }
  std::shared_ptr<Connection> wait_for_connection() {
    const auto before = accepted.size();
    REQUIRE(run_until(loop, [&] { return accepted.size() > before; }));
    return accepted.back();
  }
};

// Much more than the kernel's buffers take, so that something stays queued.
const SharedBytes& big_message() {
  static const auto bytes = std::make_shared<const Bytes>(std::size_t{16} << 20, std::uint8_t{'x'});
  return bytes;
}

}  // namespace

TEST_CASE("an endpoint is read with and without a port") {
  const auto ok = [](std::string_view text) { return Endpoint::parse(text, 8087)->text(); };
  CHECK(ok("localhost") == "localhost:8087");
  CHECK(ok("127.0.0.1:9") == "127.0.0.1:9");
  CHECK(ok("[::1]:9") == "[::1]:9");
  CHECK(ok("[::1]") == "[::1]:8087");
  CHECK(ok("::1") == "[::1]:8087");
  CHECK(Endpoint{"::1", 1}.is_loopback());
  CHECK(Endpoint{"127.8.8.8", 1}.is_loopback());
  CHECK(Endpoint{"localhost", 1}.is_loopback());
  CHECK_FALSE(Endpoint{"0.0.0.0", 1}.is_loopback());
  CHECK_FALSE(Endpoint{"localhost.example.org", 1}.is_loopback());
}

TEST_CASE("an endpoint that is none is refused with words") {
  for (const auto* text : {"", ":80", "host:", "host:65536", "host:-1", "host:8x", "[::1", "[::1]80", "ho st:80",
                           "::1::2", "host:80\n", "a/b"}) {
    CAPTURE(std::string(text));
    const auto got = Endpoint::parse(text, 1);
    REQUIRE_FALSE(got);
    CHECK(got.error().what.find("HOST:PORT") != std::string::npos);
  }
}

TEST_CASE("bytes go both ways and the peer's end is told once") {
  Server server;
  auto peer = server.peer();
  const auto connection = server.wait_for_connection();
  std::string got;
  int closed = 0;
  std::string why;
  connection->start({.on_bytes = [&](ByteView b) { got += as_text(b); },
                     .on_close =
                         [&](const std::string& w) {
                           ++closed;
                           why = w;
                         },
                     .on_drained = {}});
  REQUIRE(peer.send("hello"));
  REQUIRE(run_until(server.loop, [&] { return got == "hello"; }));
  CHECK(connection->send(shared("good ")) == Sent::Queued);
  CHECK(connection->send(shared("day")) == Sent::Queued);
  CHECK(peer.take(8) == "good day");
  CHECK(server.listener->open_connections() == 1);
  peer.close();
  REQUIRE(run_until(server.loop, [&] { return closed > 0; }));
  CHECK(closed == 1);
  CHECK(why == "closed by the peer");
  CHECK(connection->send(shared("late")) == Sent::Closed);
  CHECK(server.listener->open_connections() == 0);
}

TEST_CASE("messages sent within the coalesce time arrive in order") {
  ListenerLimits limits;
  limits.connection.coalesce = Milliseconds{5};
  Server server(limits);
  auto peer = server.peer();
  const auto connection = server.wait_for_connection();
  int drained = 0;
  connection->start({.on_bytes = {}, .on_close = {}, .on_drained = [&] { ++drained; }});
  std::string want;
  for (int i = 0; i < 500; ++i) {  // more than one gather write takes
    want += std::to_string(i) + ";";
    REQUIRE(connection->send(shared(std::to_string(i) + ";")) == Sent::Queued);
  }
  CHECK(connection->queued_bytes() == want.size());
  CHECK(drained == 0);
  CHECK(peer.take(want.size()) == want);
  REQUIRE(run_until(server.loop, [&] { return drained == 1; }));
  CHECK(connection->queued_bytes() == 0);
}

TEST_CASE("connections with different coalesce times do not disturb each other, nor does a change of it") {
  Server server;
  auto one = server.peer();
  const auto first = server.wait_for_connection();
  auto two = server.peer();
  const auto second = server.wait_for_connection();
  ConnectionLimits slow;
  slow.coalesce = Milliseconds{3};
  first->send(shared("a"));
  first->set_limits(slow);
  second->set_limits(slow);
  second->send(shared("1"));
  second->set_limits({});
  second->send(shared("2"));
  CHECK(one.take(1) == "a");
  CHECK(two.take(2) == "12");
  first->send(shared("b"));
  second->send(shared("3"));
  CHECK(one.take(1) == "b");
  CHECK(two.take(1) == "3");
}

TEST_CASE("a full queue drops, urgent messages have room to spare, and a slow reader gets everything else") {
  ListenerLimits limits;
  limits.connection.queue_bytes_max = big_message()->size() + 1000;
  Server server(limits);
  auto peer = server.peer(4096);
  const auto connection = server.wait_for_connection();
  connection->start({});
  REQUIRE(connection->send(big_message()) == Sent::Queued);
  REQUIRE(run_until(server.loop, [&] { return connection->queued_bytes() < big_message()->size(); }));
  const auto room = limits.connection.queue_bytes_max - connection->queued_bytes();
  CHECK(connection->send(Bytes(room + 1, 'y')) == Sent::Dropped);
  CHECK(connection->send(Bytes(room, 'y')) == Sent::Queued);
  CHECK(connection->send(shared("z")) == Sent::Dropped);
  CHECK(connection->send_urgent(shared("U")) == Sent::Queued);
  CHECK(connection->send_urgent(shared("V")) == Sent::Queued);
  CHECK(connection->send_urgent(std::make_shared<const Bytes>(std::size_t{64} << 10, std::uint8_t{0})) ==
        Sent::Dropped);
  const auto got = peer.take(big_message()->size() + room + 2);
  REQUIRE(got.size() == big_message()->size() + room + 2);
  CHECK(got.substr(big_message()->size() - 1, 4) == "xUVy");  // after the message under way, before what was queued
  CHECK(got.find_first_not_of('y', big_message()->size() + 2) == std::string::npos);
}

TEST_CASE("urgent messages go first while nothing is under way") {
  ListenerLimits limits;
  limits.connection.coalesce = Milliseconds{5};
  Server server(limits);
  auto peer = server.peer();
  const auto connection = server.wait_for_connection();
  for (const auto* text : {"a", "b"}) connection->send(shared(text));
  for (const auto* text : {"1", "2"}) connection->send_urgent(shared(text));
  connection->send(shared("c"));
  CHECK(peer.take(5) == "12abc");
  connection->send(shared("d"));
  connection->send_urgent(shared("3"));
  CHECK(peer.take(2) == "3d");
}

TEST_CASE("a peer that never reads is closed after the stall limit, and a silent one after the idle limit") {
  ListenerLimits limits;
  limits.connection.queue_bytes_max = std::size_t{64} << 20;
  limits.connection.write_stall_max = Milliseconds{50};
  Server server(limits);
  const auto peer = server.peer(4096);
  const auto connection = server.wait_for_connection();
  std::string why;
  const auto handlers = [&why] {
    return Connection::Handlers{.on_bytes = {}, .on_close = [&](const std::string& w) { why = w; }, .on_drained = {}};
  };
  connection->start(handlers());
  connection->send(big_message());
  REQUIRE(run_until(server.loop, [&] { return !why.empty(); }));
  CHECK(why.find("read nothing") != std::string::npos);

  why.clear();
  const auto silent = server.peer();
  const auto idle = server.wait_for_connection();
  idle->start(handlers());
  idle->set_limits({.idle_max = Milliseconds{30}});
  REQUIRE(run_until(server.loop, [&] { return !why.empty(); }));
  CHECK(why.find("nothing received") != std::string::npos);
}

TEST_CASE("a stall is noticed although nothing was timed for a long while before") {
  ListenerLimits limits;
  limits.connection.queue_bytes_max = std::size_t{64} << 20;
  limits.connection.write_stall_max = Milliseconds{50};
  Server server(limits);
  const auto peer = server.peer(4096);
  const auto connection = server.wait_for_connection();
  std::string why;
  connection->start({.on_bytes = {}, .on_close = [&](const std::string& w) { why = w; }, .on_drained = {}});
  server.loop.run_for(3 * coarse_tick);  // the tick rests
  CHECK(why.empty());
  connection->send(big_message());
  REQUIRE(run_until(server.loop, [&] { return !why.empty(); }));
  CHECK(why.find("read nothing") != std::string::npos);
}

TEST_CASE("close_after_sending delivers all, although the peer's bytes were never read") {
  ListenerLimits limits;
  limits.connection.queue_bytes_max = std::size_t{64} << 20;
  Server server(limits);
  auto peer = server.peer();
  const auto connection = server.wait_for_connection();
  int told = 0;
  connection->start(
      {.on_bytes = [&](ByteView) { ++told; }, .on_close = [&](const std::string&) { ++told; }, .on_drained = {}});
  connection->send(big_message());
  connection->close_after_sending();
  CHECK(connection->send(shared("more")) == Sent::Closed);
  REQUIRE(peer.send(std::string(100'000, 'u')));
  CHECK(peer.take(big_message()->size()).size() == big_message()->size());
  REQUIRE(peer.wait_for_end());
  CHECK(told == 0);
  peer.close();
  REQUIRE(run_until(server.loop, [&] { return server.listener->open_connections() == 0; }));
}

TEST_CASE("a callback may close its connection and drop the last handle") {
  Server server;
  auto peer = server.peer();
  server.wait_for_connection();
  const auto witness = std::make_shared<int>(0);
  server.accepted.back()->start({.on_bytes =
                                     [&server, witness](ByteView) {
                                       server.accepted.back()->close();
                                       server.accepted.clear();
                                       ++*witness;  // the callback's own captures are still there
                                     },
                                 .on_close = [witness](const std::string&) { *witness += 100; },
                                 .on_drained = {}});
  REQUIRE(peer.send("x"));
  REQUIRE(peer.wait_for_end());
  CHECK(*witness == 1);
  CHECK(witness.use_count() == 1);
}

TEST_CASE("paused reading leaves bytes with the sender until resumed") {
  Server server;
  auto peer = server.peer();
  const auto connection = server.wait_for_connection();
  std::string got;
  connection->start({.on_bytes =
                         [&](ByteView b) {
                           got += as_text(b);
                           connection->pause_reading(true);
                         },
                     .on_close = {},
                     .on_drained = {}});
  REQUIRE(peer.send("one"));
  REQUIRE(run_until(server.loop, [&] { return got == "one"; }));
  REQUIRE(peer.send("two"));
  server.loop.run_for(Milliseconds{20});
  CHECK(got == "one");
  connection->pause_reading(false);
  REQUIRE(run_until(server.loop, [&] { return got == "onetwo"; }));
  connection->close();
}

TEST_CASE("writing to a peer that reset is an error, not a signal") {
  Server server;
  auto peer = server.peer();
  const auto connection = server.wait_for_connection();
  std::string why;
  connection->start({.on_bytes = {}, .on_close = [&](const std::string& w) { why = w; }, .on_drained = {}});
  connection->pause_reading(true);
  const linger reset{1, 0};
  ::setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  peer.close();
  REQUIRE(run_until(server.loop, [&] {
    connection->send(shared("x"));
    return !why.empty();
  }));
}

TEST_CASE("a thousand idle sockets are turned away beyond the limit, and the rest is served") {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  rlimit more = files;
  more.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  setrlimit(RLIMIT_NOFILE, &more);
  log::set_sink([](std::string_view) {});
  {
    ListenerLimits limits;
    limits.connections_max = 100;
    Server server(limits);
    std::vector<TestPeer> peers;
    for (int i = 0; i < 1000; ++i) {
      peers.push_back(server.peer());
      if (i % 50 == 0) server.loop.run_for(Milliseconds{1});
    }
    REQUIRE(run_until(server.loop, [&] { return server.accepted.size() + server.listener->refused() == 1000; }));
    CHECK(server.accepted.size() == 100);
    CHECK(server.listener->refused() == 900);
    CHECK(peers.back().wait_for_end());
    server.accepted.front()->send(shared("still here"));
    CHECK(peers.front().take(10) == "still here");
    server.accepted.back()->close();
    auto late = server.peer();
    const auto served = server.wait_for_connection();
    served->send(shared("welcome"));
    CHECK(late.take(7) == "welcome");
  }
  log::set_sink({});
  setrlimit(RLIMIT_NOFILE, &files);
}

TEST_CASE("a listener outlives a full descriptor table") {
  std::vector<std::string> lines;
  log::set_sink([&](std::string_view line) { lines.emplace_back(line); });
  {
    Server server;
    auto peer = server.peer();  // connected by the kernel, not yet accepted
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    rlimit few = files;
    few.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &few);
    REQUIRE(run_until(server.loop, [&] { return !lines.empty(); }));
    setrlimit(RLIMIT_NOFILE, &files);
    CHECK(lines.front().find("cannot accept") != std::string::npos);
    const auto connection = server.wait_for_connection();
    connection->send(shared("hi"));
    CHECK(peer.take(2) == "hi");
  }
  log::set_sink({});
}

TEST_CASE("listening twice on one port says what to do") {
  Server server;
  const auto again = listen(server.loop, {"127.0.0.1", server.listener->port()}, {}, [](auto) {});
  REQUIRE_FALSE(again);
  CHECK(again.error().code == EADDRINUSE);
  CHECK(again.error().what.find("another program listens") != std::string::npos);
}

TEST_CASE("connect gives a connection, or the reason, or nothing when dropped") {
  Server server;
  std::shared_ptr<Connection> made;
  std::string error;
  int calls = 0;
  const auto done = [&](Result<std::shared_ptr<Connection>, NetError> outcome) {
    ++calls;
    if (outcome) {
      made = *std::move(outcome);
    } else {
      error = outcome.error().what;
    }
  };
  const auto port = server.listener->port();
  auto handle = connect(server.loop, {"localhost", port}, {}, Milliseconds{5'000}, done);
  CHECK(calls == 0);
  REQUIRE(run_until(server.loop, [&] { return made && !server.accepted.empty(); }));
  std::string got;
  made->start({.on_bytes = [&](ByteView b) { got += as_text(b); }, .on_close = {}, .on_drained = {}});
  server.accepted.back()->send(shared("hello"));
  REQUIRE(run_until(server.loop, [&] { return got == "hello"; }));
  CHECK(made->peer() == Endpoint{"127.0.0.1", port}.text());
  made->close();

  connect(server.loop, {"127.0.0.1", port}, {}, Milliseconds{5'000}, done).reset();
  server.loop.run_for(Milliseconds{20});
  CHECK(calls == 1);

  server.listener.reset();
  handle = connect(server.loop, {"127.0.0.1", port}, {}, Milliseconds{5'000}, done);
  REQUIRE(run_until(server.loop, [&] { return !error.empty(); }));
  CHECK(error.find("nothing listens there") != std::string::npos);
  CHECK(calls == 2);
}

}  // namespace airbridge::net
