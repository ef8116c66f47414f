// The emulator over real sockets and pseudo-terminals. What the channel does with packets is channel_test.cpp's; here
// they only have to come through, so nothing is timed.
#include "linkemu/emulator.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "net/datagram.hpp"
#include "net/kiss_line.hpp"
#include "net/test_peer.hpp"

using namespace airbridge;
using namespace airbridge::linkemu;
using airbridge::net::testing::run_until;
using airbridge::net::testing::TestPeer;

namespace {

std::unique_ptr<Link> open_link(net::EventLoop& loop, const LinkNature& nature,
                                const std::vector<std::string>& stations) {
  std::vector<StationSpec> specs;
  for (const auto& text : stations) specs.push_back(parse_station(text).value());
  auto link = open_packet_link(loop, nature, 1, specs);
  REQUIRE_MESSAGE(link, (link ? "" : link.error().what));
  return *std::move(link);
}

// "udp 127.0.0.1:4610" to the port.
std::uint16_t port_of(const Link& link, std::size_t station) {
  const auto text = link.stations()[station];
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

struct UdpEnd {
  UdpEnd(net::EventLoop& loop, std::uint16_t port) : to(*net::UdpAddress::from({"127.0.0.1", port})) {
    net::DatagramOptions options;
    options.at = *net::UdpAddress::from({"127.0.0.1", 0});
    socket = net::DatagramSocket::open(loop, options, [this](ByteView bytes, const net::Arrival&) {
               heard.emplace_back(as_text(bytes));
             }).value();
  }
  void say(std::string_view text) { socket->send_to(to, as_bytes(text)); }
  net::UdpAddress to;
  std::vector<std::string> heard;
  std::unique_ptr<net::DatagramSocket> socket;
};

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("airbridge-linkemu-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("datagrams pass from each station to all others, and not in an outage") {
  net::EventLoop loop;
  LinkNature nature;
  nature.rate_bps = 1'000'000;
  nature.half_duplex = true;
  const auto link = open_link(loop, nature, {"udp:0", "udp:0", "udp:0"});
  UdpEnd a(loop, port_of(*link, 0)), b(loop, port_of(*link, 1)), c(loop, port_of(*link, 2));
  // Where to deliver is learnt from the first datagram.
  b.say("b is here");
  c.say("c is here");
  REQUIRE(run_until(loop, [&] { return link->counters().carried == 2; }));
  a.say("to all");
  REQUIRE(
      run_until(loop, [&] { return !b.heard.empty() && b.heard.back() == "to all" && c.heard.back() == "to all"; }));
  link->set_down(true);
  a.say("into the outage");
  REQUIRE(run_until(loop, [&] { return link->counters().lost_in_outage == 2; }));
  link->set_down(false);
  a.say("after it");
  REQUIRE(run_until(loop, [&] { return b.heard.back() == "after it"; }));
  CHECK(describe(link->counters(), Microseconds(2'000'000)).starts_with("2 s: offered 5 ("));
  CHECK(describe(link->counters(), Microseconds(2'000'000)).find("lost in outages 2") != std::string::npos);
}

TEST_CASE("modems on a serial line and on TCP meet on one channel with a datagram station") {
  const Folder folder;
  const auto path = (folder.path / "radio").string();
  net::EventLoop loop;
  const auto link = open_link(loop, LinkNature{}, {"tty:" + path, "tnc:0", "udp:0"});
  UdpEnd udp(loop, port_of(*link, 2));
  std::vector<std::string> serial_heard, tcp_heard;
  net::SerialOptions serial;
  serial.device = path;
  net::KissLine on_serial(loop, {serial}, {{}, [&](ByteView frame) { serial_heard.emplace_back(as_text(frame)); }, {}});
  net::LastingOptions to;
  to.to = {"127.0.0.1", port_of(*link, 1)};
  net::KissLine on_tcp(loop, {to}, {{}, [&](ByteView frame) { tcp_heard.emplace_back(as_text(frame)); }, {}});
  on_serial.start();
  on_tcp.start();
  REQUIRE(run_until(loop, [&] {
    return on_serial.state() == net::LinkState::Connected && on_tcp.state() == net::LinkState::Connected;
  }));
  on_serial.send(as_bytes("from the \xC0 serial line"));
  REQUIRE(run_until(loop, [&] { return tcp_heard.size() == 1; }));
  CHECK(tcp_heard[0] == "from the \xC0 serial line");
  udp.say("by datagram");
  REQUIRE(run_until(loop, [&] { return serial_heard.size() == 1 && tcp_heard.size() == 2; }));
  on_tcp.send(as_bytes("by TCP"));
  REQUIRE(run_until(loop, [&] { return serial_heard.size() == 2 && udp.heard.size() == 1; }));
  // The line may be closed and opened again, as by a process that is killed and started anew.
  on_serial.stop();
  loop.run_for(Milliseconds(5));
  on_serial.start();
  on_serial.send(as_bytes("again"));
  REQUIRE(run_until(loop, [&] { return !udp.heard.empty() && udp.heard.back() == "again"; }));
}

TEST_CASE("bytes pass a proxy whole and in order, an outage holds them up, and the end is passed on") {
  net::EventLoop loop;
  std::vector<std::shared_ptr<net::Connection>> callers;
  std::string got;
  bool ended = false;
  auto server =
      net::listen(loop, {"127.0.0.1", 0}, {}, [&](std::shared_ptr<net::Connection> caller) {
        caller->start({[&](ByteView bytes) { got += as_text(bytes); }, [&](const std::string&) { ended = true; }, {}});
        callers.push_back(std::move(caller));
      }).value();
  LinkNature nature;
  nature.rate_bps = 50'000'000;
  nature.queue_bytes_max = 20'000;
  auto spec = parse_station("tcp:0,to=" + std::to_string(server->port())).value();
  auto link = open_tcp_link(loop, nature, 1, spec, false);
  REQUIRE(link);
  TestPeer peer(loop, port_of(**link, 0));
  std::string sent(700'000, ' ');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7 + i / 251);
  REQUIRE(peer.send(sent));
  REQUIRE(run_until(loop, [&] { return got.size() == sent.size(); }));
  CHECK(got == sent);
  (*link)->set_down(true);
  REQUIRE(peer.send("held up"));
  REQUIRE(run_until(loop, [&] { return (*link)->counters().offered_bytes == sent.size() + 7; }));
  loop.run_for(Milliseconds(5));
  CHECK(got.size() == sent.size());
  (*link)->set_down(false);
  REQUIRE(run_until(loop, [&] { return got.size() == sent.size() + 7; }));
  callers.at(0)->send(to_bytes(as_bytes("answer")));
  REQUIRE(peer.wait_for_size(6));
  peer.close();
  REQUIRE(run_until(loop, [&] { return ended; }));
}

TEST_CASE("an outage may end the connections, and none is made until it is over") {
  net::EventLoop loop;
  auto server = net::listen(loop, {"127.0.0.1", 0}, {}, [](std::shared_ptr<net::Connection> caller) {
                  caller->start({});
                  caller->send(to_bytes(as_bytes("hello")));
                }).value();
  auto spec = parse_station("tcp:0,to=" + std::to_string(server->port())).value();
  auto link = open_tcp_link(loop, LinkNature{}, 1, spec, true);
  REQUIRE(link);
  TestPeer peer(loop, port_of(**link, 0));
  REQUIRE(peer.wait_for_size(5));
  (*link)->set_down(true);
  CHECK(peer.wait_for_end());
  TestPeer second(loop, port_of(**link, 0));
  CHECK(second.wait_for_end());
  CHECK(second.received().empty());
  (*link)->set_down(false);
  TestPeer third(loop, port_of(**link, 0));
  CHECK(third.wait_for_size(5));
}
