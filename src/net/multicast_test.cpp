#include "net/multicast.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "net/test_namespaces.hpp"
#include "net/test_peer.hpp"

using namespace airbridge;
using namespace airbridge::net;
using airbridge::net::testing::Namespaces;
using airbridge::net::testing::run_until;
using airbridge::net::testing::say_skipped;

namespace {

struct Node {
  Node(EventLoop& loop, const MulticastOptions& options) {
    auto made = MulticastSocket::open(loop, options, [this](ByteView bytes, const UdpAddress& from) {
      heard.emplace_back(as_text(bytes));
      last_from = from;
    });
    REQUIRE_MESSAGE(made, (made ? "" : made.error().what));
    socket = *std::move(made);
  }
  bool has_heard(std::string_view text) const { return std::find(heard.begin(), heard.end(), text) != heard.end(); }
  std::vector<std::string> heard;
  UdpAddress last_from;
  std::unique_ptr<MulticastSocket> socket;
};

// A port of its own for each test process, so that two runs on one machine do not hear each other.
std::uint16_t free_port(EventLoop& loop) {
  DatagramOptions options;
  options.at = *UdpAddress::from({"127.0.0.1", 0});
  const auto probe = DatagramSocket::open(loop, options, {});
  REQUIRE(probe);
  return (*probe)->port();
}

MulticastOptions on_loopback(EventLoop& loop, const std::string& group) {
  MulticastOptions options;
  options.group = {group, free_port(loop)};
  options.interface = "lo";
  return options;
}

}  // namespace

TEST_CASE("nodes of one machine share the port, hear each other, and know their own datagrams") {
  EventLoop loop;
  const auto options = on_loopback(loop, "239.192.77.1");
  Node a(loop, options), b(loop, options), c(loop, options);
  CHECK(a.socket->send(as_bytes("here is a")) == Sent::Queued);
  CHECK(b.socket->send(as_bytes("here is b")) == Sent::Queued);
  REQUIRE(run_until(loop, [&] { return c.heard.size() == 2 && a.heard.size() == 1 && b.heard.size() == 1; }));
  CHECK(a.heard[0] == "here is b");
  CHECK(b.heard[0] == "here is a");
  REQUIRE(run_until(loop, [&] { return a.socket->own() == 1 && b.socket->own() == 1; }));
  CHECK(c.socket->own() == 0);
  // The neighbour can be answered alone.
  CHECK(b.socket->send_to(b.last_from, as_bytes("only you")) == Sent::Queued);
  REQUIRE(run_until(loop, [&] { return a.has_heard("only you"); }));
  CHECK_FALSE(c.has_heard("only you"));
}

TEST_CASE("a group that is none is refused with what would be one") {
  EventLoop loop;
  for (const auto& bad : {Endpoint{"10.0.0.1", 4610}, Endpoint{"239.192.77.1", 0}, Endpoint{"group.example", 4610},
                          Endpoint{"2001:db8::1", 4610}}) {
    MulticastOptions options;
    options.group = bad;
    const auto made = MulticastSocket::open(loop, options, {});
    REQUIRE_FALSE(made);
    CHECK(made.error().what.find("is no multicast group with a port") != std::string::npos);
  }
}

TEST_CASE("an interface that is not there is named, and nothing is sent meanwhile") {
  EventLoop loop;
  auto options = on_loopback(loop, "239.192.77.1");
  options.interface = "nosuch0";
  Node a(loop, options);
  CHECK(a.socket->problem() == "interface nosuch0 is not there or is down; `ip link` lists those of this machine");
  CHECK(a.socket->interfaces().empty());
  CHECK(a.socket->send(as_bytes("x")) == Sent::Dropped);
}

TEST_CASE("two machines on a cable find each other, and again after the cable was out") {
  Namespaces world;
  if (!world.why_not().empty()) return say_skipped(world.why_not());
  if (!world.connect("cable0", "cable1")) return say_skipped("ip cannot make a veth pair here");
  for (const auto* const group : {"239.192.77.1", "ff02::4610"}) {
    CAPTURE(group);
    EventLoop loops[2];
    std::unique_ptr<Node> nodes[2];
    MulticastOptions options;
    options.group = {group, 4610};
    options.look_every = Milliseconds(50);
    options.rejoin_every = Milliseconds(200);
    for (int i = 0; i < 2; ++i) {
      world.in(i, [&] { nodes[i] = std::make_unique<Node>(loops[i], options); });
    }
    // A second node on the first machine shares the port with it.
    std::unique_ptr<Node> beside;
    world.in(0, [&] { beside = std::make_unique<Node>(loops[0], options); });
    // Both say a word each turn until both have heard it: an IPv6 address takes its time to be usable.
    const auto meet = [&](const std::string& word) {
      const auto end = std::chrono::steady_clock::now() + testing::patience;
      while (std::chrono::steady_clock::now() < end) {
        for (int i = 0; i < 2; ++i) {
          world.in(i, [&] {
            nodes[i]->socket->send(as_bytes(word));
            loops[i].run_for(Milliseconds(5));
          });
        }
        if (nodes[0]->has_heard(word) && nodes[1]->has_heard(word) && beside->has_heard(word)) return true;
      }
      return false;
    };
    REQUIRE(meet("hello"));
    CHECK(nodes[0]->socket->own() > 0);
    CHECK(beside->socket->own() == 0);
    CHECK(nodes[0]->socket->interfaces() == std::vector<std::string>{"cable0"});
    CHECK(nodes[1]->last_from.ip != nodes[0]->last_from.ip);

    REQUIRE(world.run_in(1, "ip link set cable1 down"));
    REQUIRE(world.in(0, [&] {
      return run_until(loops[0], [&] { return nodes[0]->socket->interfaces() != std::vector<std::string>{"cable0"}; });
    }));
    nodes[0]->socket->send(as_bytes("into the void"));
    REQUIRE(world.run_in(1, "ip link set cable1 up"));
    REQUIRE(meet("again"));
    CHECK_FALSE(nodes[1]->has_heard("into the void"));

    // Another card in its place: the old one is gone for good, the new one has another number.
    REQUIRE(world.run_in(0, "ip link del cable0"));
    REQUIRE(world.connect("cable0", "cable1"));
    REQUIRE(meet("with a new card"));
    CHECK(nodes[0]->socket->problem().empty());
  }
}
