#include "net/datagram.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "net/test_namespaces.hpp"
#include "net/test_peer.hpp"

using namespace airbridge;
using namespace airbridge::net;
using airbridge::net::testing::Namespaces;
using airbridge::net::testing::run_until;
using airbridge::net::testing::say_skipped;

namespace {

struct Heard {
  std::string text;
  Arrival arrival;
};

struct Station {
  explicit Station(EventLoop& loop, const std::string& host = "127.0.0.1", const DatagramLimits& limits = {}) {
    DatagramOptions options;
    options.at = *UdpAddress::from({host, 0});
    options.limits = limits;
    auto made = DatagramSocket::open(loop, options, [this](ByteView bytes, const Arrival& arrival) {
      heard.push_back({std::string(as_text(bytes)), arrival});
    });
    REQUIRE(made);
    socket = *std::move(made);
  }
  UdpAddress address(const std::string& host = "127.0.0.1") const { return *UdpAddress::from({host, socket->port()}); }
  std::vector<Heard> heard;
  std::unique_ptr<DatagramSocket> socket;
};

}  // namespace

TEST_CASE("an address is read from a literal, and is written as it is read") {
  CHECK(UdpAddress::from({"192.0.2.1", 4610})->text() == "192.0.2.1:4610");
  CHECK(UdpAddress::from({"localhost", 1})->text() == "127.0.0.1:1");
  CHECK(UdpAddress::from({"2001:db8::7", 4610})->text() == "[2001:db8::7]:4610");
  CHECK(UdpAddress::from({"fe80::1%1", 4610})->scope == 1);
  CHECK(UdpAddress::from({"::ffff:192.0.2.1", 4610}) == UdpAddress::from({"192.0.2.1", 4610}));
  for (const auto* const bad : {"", "post.example", "192.0.2", "192.0.2.1.5", "fe80::1%no-such-card", "fe80::1%",
                                "fe80::1%99999999999", "%1"}) {
    CAPTURE(bad);
    CHECK_FALSE(UdpAddress::from({bad, 1}));
  }
  CHECK(UdpAddress::from({"239.192.77.1", 1})->is_multicast());
  CHECK(UdpAddress::from({"ff02::4610", 1})->is_multicast());
  CHECK_FALSE(UdpAddress::from({"10.0.0.1", 1})->is_multicast());
  CHECK(UdpAddress::from({"::1", 1})->is_loopback());
  CHECK(UdpAddress::from({"127.9.9.9", 1})->is_loopback());
}

TEST_CASE("a datagram arrives whole, with where it came from and where it went to") {
  EventLoop loop;
  Station a(loop), b(loop);
  const std::string longest(datagram_bytes_max, 'x');
  CHECK(a.socket->send_to(b.address(), as_bytes("to b")) == Sent::Queued);
  CHECK(a.socket->send_to(b.address(), {}) == Sent::Queued);
  CHECK(a.socket->send_to(b.address(), as_bytes(longest)) == Sent::Queued);
  REQUIRE(run_until(loop, [&] { return b.heard.size() == 3; }));
  CHECK(b.heard[0].text == "to b");
  CHECK(b.heard[0].arrival.from == a.address());
  CHECK(b.heard[0].arrival.to == b.address().ip);
  CHECK(b.heard[0].arrival.interface != 0);
  CHECK(b.heard[1].text.empty());
  CHECK(b.heard[2].text == longest);
  CHECK(a.socket->counters().sent == 3);
  CHECK(a.socket->counters().sent_bytes == longest.size() + 4);
  CHECK(b.socket->counters().received_bytes == longest.size() + 4);
}

TEST_CASE("an IPv6 socket speaks to IPv4 too") {
  EventLoop loop;
  Station both(loop, "::"), four(loop);
  both.socket->send_to(four.address(), as_bytes("mapped"));
  REQUIRE(run_until(loop, [&] { return four.heard.size() == 1; }));
  four.socket->send_to(four.heard[0].arrival.from, as_bytes("back"));
  REQUIRE(run_until(loop, [&] { return both.heard.size() == 1; }));
  CHECK(both.heard[0].arrival.from == four.address());
}

TEST_CASE("a datagram that is too long is dropped, one that cannot go is counted with the reason") {
  EventLoop loop;
  Station a(loop), b(loop);
  CHECK(a.socket->send_to(b.address(), Bytes(datagram_bytes_max + 1)) == Sent::Dropped);
  CHECK(a.socket->counters().dropped == 1);
  CHECK(a.socket->send_to(*UdpAddress::from({"2001:db8::1", 9}), as_bytes("x")) == Sent::Queued);
  CHECK(a.socket->counters().failed == 1);
  CHECK(a.socket->problem() == "cannot send 1 bytes to [2001:db8::1]:9: address family not supported by protocol");
  CHECK(a.socket->send_to(b.address(), as_bytes("fine")) == Sent::Queued);
  CHECK(a.socket->problem().empty());
}

TEST_CASE("what the system does not take waits in a bounded queue, the rest is dropped and counted") {
  // A cable that carries 400 kbit/s: what is sent into it counts as the sender's until it has gone.
  Namespaces world;
  if (!world.why_not().empty()) return say_skipped(world.why_not());
  if (!world.connect("cable0", "cable1") ||
      !world.run_in(0, "tc qdisc add dev cable0 root tbf rate 400kbit burst 3000 limit 100000"))
    return say_skipped("ip and tc cannot make a slow veth pair here");
  EventLoop loop;
  DatagramLimits limits;
  limits.queue_datagrams_max = 3;
  std::unique_ptr<Station> a, b;
  world.in(0, [&] { a = std::make_unique<Station>(loop, "10.77.0.1", limits); });
  world.in(1, [&] { b = std::make_unique<Station>(loop, "10.77.0.2"); });
  const int small = 1;  // the smallest buffer the system allows
  ::setsockopt(a->socket->descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  const Bytes big(1'000);
  std::uint64_t queued = 0;
  // The first ones may be lost while the address is being asked for; the queue is what matters.
  for (int i = 0; i < 40; ++i) {
    if (a->socket->send_to(b->address("10.77.0.2"), big) == Sent::Queued) ++queued;
  }
  CHECK(a->socket->counters().dropped == 40 - queued);
  CHECK(a->socket->counters().dropped > 0);
  CHECK(a->socket->waiting_bytes() >= 3 * big.size());
  REQUIRE(run_until(loop, [&] { return a->socket->counters().sent == queued && !b->heard.empty(); }));
  REQUIRE(run_until(loop, [&] { return a->socket->waiting_bytes() == 0; }));
  CHECK(b->heard.size() <= queued);
}

TEST_CASE("a taken port says what to do, and a shared one is shared") {
  EventLoop loop;
  Station a(loop);
  DatagramOptions options;
  options.at = a.address();
  const auto second = DatagramSocket::open(loop, options, {});
  REQUIRE_FALSE(second);
  CHECK(second.error().what == "cannot receive datagrams at " + a.address().text() +
                                   ": address already in use (another program listens there; stop it or choose another "
                                   "port)");
  options.at.port = 0;
  options.share_port = true;
  const auto shared = DatagramSocket::open(loop, options, {});
  REQUIRE(shared);
  options.at.port = (*shared)->port();
  CHECK(DatagramSocket::open(loop, options, {}));
}

TEST_CASE("a callback may drop its own socket") {
  EventLoop loop;
  Station a(loop);
  DatagramOptions options;
  options.at = *UdpAddress::from({"127.0.0.1", 0});
  std::unique_ptr<DatagramSocket> gone;
  int calls = 0;
  auto made = DatagramSocket::open(loop, options, [&](ByteView, const Arrival&) {
    ++calls;
    gone.reset();
  });
  REQUIRE(made);
  gone = *std::move(made);
  const auto to = *UdpAddress::from({"127.0.0.1", gone->port()});
  a.socket->send_to(to, as_bytes("1"));
  a.socket->send_to(to, as_bytes("2"));
  REQUIRE(run_until(loop, [&] { return calls == 1; }));
  loop.run_for(Milliseconds(5));
  CHECK(calls == 1);
}

TEST_CASE("a name is resolved on the loop, and one that nobody knows says so") {
  EventLoop loop;
  std::optional<Result<UdpAddress, NetError>> outcome;
  const auto done = [&](Result<UdpAddress, NetError> got) { outcome = std::move(got); };
  auto resolving = resolve_udp(loop, {"127.0.0.1", 4610}, done);
  CHECK_FALSE(outcome);
  REQUIRE(run_until(loop, [&] { return outcome.has_value(); }));
  CHECK(outcome->value().text() == "127.0.0.1:4610");
  outcome.reset();
  resolving = resolve_udp(loop, {"no-such-host.invalid", 4610}, done);
  REQUIRE(run_until(loop, [&] { return outcome.has_value(); }));
  REQUIRE_FALSE(*outcome);
  CHECK(outcome->error().what.starts_with("the name 'no-such-host.invalid' is not known: "));
  outcome.reset();
  resolving = resolve_udp(loop, {"127.0.0.1", 4610}, done);
  resolving.reset();
  loop.run_for(Milliseconds(2));
  CHECK_FALSE(outcome);
}
