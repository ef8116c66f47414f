// The bearers of two nodes over real sockets and pseudo-terminals of this machine.
#include "bearers.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "linkemu/emulator.hpp"
#include "net/datagram.hpp"
#include "net/test_peer.hpp"
#include "sync/memory_log.hpp"
#include "test_world.hpp"

using namespace airbridge;
using namespace airbridge::app;
using namespace airbridge::app::test;
using airbridge::net::testing::run_until;

namespace {

trust::SigningKey key_of(std::uint8_t n) {
  trust::SigningKey::Seed seed;
  seed.value.fill(n);
  return trust::SigningKey::from_seed(seed);
}
model::KeyId node_of(std::uint8_t n) { return key_of(n).id(); }
const model::IncidentId incident = [] {
  model::IncidentId id;
  id.value.fill(0x11);
  return id;
}();

// A node without its disk: log in memory, core and bearers.
struct Station {
  Station(net::EventLoop& the_loop, const Folder& folder, std::uint8_t n, const std::vector<std::string>& texts)
      : loop(the_loop), key(key_of(n)), id(key.id()), log(incident, {id, 1}) {
    log.add_key(key.public_key());
    setup.specs = parse_bearers(texts).value();
    setup.folder = folder / fmt::format("bearers-{}", n);
    setup.node = id;
    setup.key.value.fill(7);
  }
  ~Station() { stop(); }
  Station(const Station&) = delete;
  Station& operator=(const Station&) = delete;

  Result<void, std::string> try_start() {
    core = std::make_unique<sync::Core>(sync::Config{incident, id, id.hex().substr(0, 4)}, log);
    core->durable(clock.now());
    bearers = std::make_unique<Bearers>(loop, clock, *core, setup, [this] { settle(); });
    bearers->set_members({node_of(1), node_of(2), node_of(3)});
    return bearers->start();
  }
  void start() {
    const auto started = try_start();
    REQUIRE_MESSAGE(started, (started ? "" : started.error()));
  }
  void stop() {
    bearers.reset();
    core.reset();
  }
  void settle() {
    if (settling || !core) return;
    settling = true;
    for (auto outputs = core->take_outputs(); !outputs.empty(); outputs = core->take_outputs()) {
      for (auto& output : outputs) {
        if (bearers->heed(output)) continue;
        if (auto* const accept = std::get_if<sync::Accept>(&output)) {
          if (accept->author_key) log.add_key(*accept->author_key);
          log.append(accept->run);
          core->accepted(accept->ticket, clock.now());
          core->durable(clock.now());
        } else if (const auto* const up = std::get_if<sync::PeerUp>(&output)) {
          ups.push_back(up->node);
        }
      }
    }
    settling = false;
  }
  void write(std::size_t size, model::Class cls = model::Class::Routine) {
    log.write(key, cls, size, static_cast<std::uint8_t>(size));
    core->durable(clock.now());
    settle();
  }
  bool knows(const Station& other) const {
    const auto peers = core->peers();
    return std::any_of(peers.begin(), peers.end(), [&](const sync::PeerStatus& peer) {
      return peer.node == other.id && peer.state == sync::PeerState::Up;
    });
  }

  net::EventLoop& loop;
  trust::SigningKey key;
  model::KeyId id;
  SystemClock clock;
  sync::MemoryLog log;
  BearersSetup setup;
  std::vector<model::KeyId> ups;
  bool settling = false;
  std::unique_ptr<sync::Core> core;
  std::unique_ptr<Bearers> bearers;
};

// Both find each other, and what each writes is soon at the other.
void converse(net::EventLoop& loop, Station& a, Station& b) {
  REQUIRE(run_until(loop, [&] { return a.knows(b) && b.knows(a); }));
  a.write(40);
  a.write(5'000);
  b.write(60);
  REQUIRE(run_until(loop, [&] { return a.log.vector() == b.log.vector(); }));
}

std::uint16_t free_udp_port(net::EventLoop& loop) {
  net::DatagramOptions options;
  options.at = *net::UdpAddress::from({"127.0.0.1", 0});
  return net::DatagramSocket::open(loop, options, {}).value()->port();
}

}  // namespace

TEST_CASE("two nodes speak over UDP, one of them waiting for whoever comes") {
  const Folder folder;
  net::EventLoop loop;
  Station post(loop, folder, 1, {"udp://?listen=127.0.0.1:0&interval=1s"});
  post.start();
  Station vehicle(loop, folder, 2, {fmt::format("udp://127.0.0.1:{}?interval=1s", post.bearers->port(0))});
  vehicle.start();
  converse(loop, vehicle, post);
  const auto status = post.bearers->status();
  REQUIRE(status.size() == 1);
  CHECK(status[0].state == "up");
  CHECK(status[0].kind == "udp");
  CHECK(status[0].bytes_received > 200);
  api::LinkInfo link;
  link.bearer = "udp";
  post.bearers->complete(link, vehicle.id);
  CHECK(link.kind == "udp");
  CHECK(link.bytes_received > 200);
  REQUIRE(link.loss_percent);
}

TEST_CASE("a stranger's frames get no answer and make nobody a neighbour") {
  const Folder folder;
  net::EventLoop loop;
  Station post(loop, folder, 1, {"udp://?listen=127.0.0.1:0&interval=500ms"});
  post.start();
  const auto to = fmt::format("udp://127.0.0.1:{}?interval=500ms", post.bearers->port(0));
  Station stranger(loop, folder, 2, {to});
  stranger.setup.key.value.fill(8);
  stranger.start();
  REQUIRE(run_until(loop, [&] { return stranger.bearers->stats(0)->frames_sent >= 2; }));
  REQUIRE(run_until(loop, [&] {
    return post.bearers->stats(0)->refused[static_cast<std::size_t>(bearer::Refusal::Unreadable)] >= 2;
  }));
  CHECK(post.ups.empty());
  CHECK(post.bearers->status()[0].refused.at("forged, damaged or under another key") >= 2);
  CHECK(stranger.bearers->stats(0)->frames_received == 0);
}

TEST_CASE("nodes find each other by multicast on this machine, without an address of anybody") {
  const Folder folder;
  net::EventLoop loop;
  const auto text = fmt::format("multicast://239.192.77.1:{}?interface=lo&interval=1s", free_udp_port(loop));
  Station a(loop, folder, 1, {text}), b(loop, folder, 2, {text}), c(loop, folder, 3, {text});
  a.start();
  b.start();
  c.start();
  REQUIRE(run_until(loop, [&] { return c.knows(a) && c.knows(b); }));
  converse(loop, a, b);
}

TEST_CASE("nodes speak through modems on serial lines, on one half-duplex channel") {
  const Folder folder;
  net::EventLoop loop;
  linkemu::LinkNature nature;
  nature.rate_bps = 200'000;  // a test should not wait for 2400
  nature.half_duplex = true;
  nature.turn_round = std::chrono::milliseconds(5);
  const auto path = [&](int n) { return (folder / fmt::format("radio{}", n)).string(); };
  auto link = linkemu::open_packet_link(
      loop, nature, 1,
      {linkemu::parse_station("tty:" + path(1)).value(), linkemu::parse_station("tty:" + path(2)).value()});
  REQUIRE(link);
  const auto text = [&](int n) {
    return fmt::format("serial://{}?baud=115200&rate=200k&half-duplex=yes&turn-round=10ms&interval=1s&tx-delay=50ms",
                       path(n));
  };
  Station a(loop, folder, 1, {text(1)}), b(loop, folder, 2, {text(2)});
  a.start();
  b.start();
  converse(loop, a, b);
  CHECK(a.bearers->status()[0].state == "up");
  CHECK(a.bearers->status()[0].occupancy_percent);
}

TEST_CASE("a node that starts anew goes on from its saved state and is greeted again") {
  const Folder folder;
  net::EventLoop loop;
  Station post(loop, folder, 1, {"udp://?listen=127.0.0.1:0&interval=1s"});
  post.start();
  Station vehicle(loop, folder, 2, {fmt::format("udp://127.0.0.1:{}?interval=1s", post.bearers->port(0))});
  vehicle.start();
  converse(loop, vehicle, post);
  vehicle.stop();  // what was to be saved is saved
  CHECK(std::filesystem::file_size(vehicle.setup.folder / "udp.state") > 0);
  post.ups.clear();
  vehicle.start();
  REQUIRE(run_until(loop, [&] { return !post.ups.empty(); }));
  converse(loop, vehicle, post);
  CHECK(vehicle.bearers->problems().empty());
  // Without the file: the post tells where the counters are to go on, and a person is told.
  vehicle.stop();
  std::filesystem::remove(vehicle.setup.folder / "udp.state");
  vehicle.start();
  converse(loop, vehicle, post);
}

TEST_CASE("a node whose disk refuses is silent and says why, and speaks when it can write again") {
  const Folder folder;
  net::EventLoop loop;
  Station post(loop, folder, 1, {"udp://?listen=127.0.0.1:0&interval=1s"});
  post.start();
  Station vehicle(loop, folder, 2, {fmt::format("udp://127.0.0.1:{}?interval=1s", post.bearers->port(0))});
  // A folder stands where the file should be.
  std::filesystem::create_directories(vehicle.setup.folder / "udp.state" / "in the way");
  vehicle.start();
  REQUIRE(run_until(loop, [&] { return !vehicle.bearers->problems().empty(); }));
  CHECK(vehicle.bearers->problems()[0].starts_with("bearer udp is silent: "));
  CHECK(vehicle.bearers->status()[0].state == "down");
  CHECK(vehicle.bearers->stats(0)->frames_sent == 0);
  std::filesystem::remove_all(vehicle.setup.folder / "udp.state");
  REQUIRE(run_until(loop, [&] { return vehicle.bearers->problems().empty(); }));
  converse(loop, vehicle, post);
}

TEST_CASE("bytes on a metered bearer are counted, both ways, and the count outlives the node") {
  const Folder folder;
  net::EventLoop loop;
  Station post(loop, folder, 1, {"udp://?listen=127.0.0.1:0&interval=1s"});
  post.start();
  const auto text =
      fmt::format("sat=udp://127.0.0.1:{}?preset=satellite&rate=10M&delay=1ms&interval=1s&cost=5&budget=1MB/day",
                  post.bearers->port(0));
  Station vehicle(loop, folder, 2, {text});
  vehicle.start();
  CHECK(vehicle.bearers->budget_left(0) == 1'000'000u);
  CHECK_FALSE(post.bearers->budget_left(0));
  converse(loop, vehicle, post);
  const auto left = *vehicle.bearers->budget_left(0);
  CHECK(left < 1'000'000u);
  const auto stats = *vehicle.bearers->stats(0);
  CHECK(1'000'000u - left >= stats.bytes_sent + stats.bytes_received + 28 * stats.frames_sent);
  CHECK(vehicle.bearers->status()[0].kind == "satellite");
  CHECK(vehicle.bearers->status()[0].budget_bytes == 1'000'000u);
  vehicle.stop();
  vehicle.start();
  CHECK(*vehicle.bearers->budget_left(0) <= left);
}

TEST_CASE("a bearer whose budget of the day is spent carries urgent events and nothing else, in both directions") {
  const Folder folder;
  net::EventLoop loop;
  Station post(loop, folder, 1, {"sat=udp://?listen=127.0.0.1:0&interval=1s&cost=5&budget=6kB/day"});
  post.start();
  // Somebody's noise is paid for like everything that comes, and spends it all before anybody has joined.
  net::DatagramOptions options;
  options.at = *net::UdpAddress::from({"127.0.0.1", 0});
  const auto to = *net::UdpAddress::from({"127.0.0.1", post.bearers->port(0)});
  const auto stranger = net::DatagramSocket::open(loop, options, {}).value();
  CHECK(*post.bearers->budget_left(0) > 5'000u);
  for (int i = 0; i < 8; ++i) stranger->send_to(to, Bytes(1'000, 0xAA));
  REQUIRE(run_until(loop, [&] { return post.bearers->budget_left(0) == 0u; }));

  post.write(40);
  post.write(50, model::Class::Urgent);
  Station vehicle(loop, folder, 2, {fmt::format("udp://127.0.0.1:{}?interval=1s", post.bearers->port(0))});
  vehicle.start();
  const auto holds = [](const Station& at, const Station& whose, model::Class cls) {
    return at.log.vector().contains({{whose.id, 1}, cls, {}});
  };
  REQUIRE(run_until(loop, [&] { return holds(vehicle, post, model::Class::Urgent); }));
  // By now the vehicle was told; what it writes takes the same way.
  vehicle.write(60);
  vehicle.write(70, model::Class::Urgent);
  REQUIRE(run_until(loop, [&] { return holds(post, vehicle, model::Class::Urgent); }));
  post.write(80, model::Class::Urgent);
  REQUIRE(run_until(loop, [&] { return vehicle.log.vector().at({{post.id, 1}, model::Class::Urgent, {}}) == 2; }));
  CHECK_FALSE(holds(vehicle, post, model::Class::Routine));
  CHECK_FALSE(holds(post, vehicle, model::Class::Routine));
  CHECK(post.bearers->budget_left(0) == 0u);
  CHECK(post.bearers->status()[0].budget_left_bytes == 0u);
  const auto stats = *post.bearers->stats(0);
  CHECK(stats.bytes_sent > 0);
  CHECK(stats.bytes_received > 0);
}

TEST_CASE("a bearer that cannot be opened stops the start with its name, a modem that is away does not") {
  const Folder folder;
  net::EventLoop loop;
  Station first(loop, folder, 1, {"udp://?listen=127.0.0.1:0"});
  first.start();
  Station second(loop, folder, 2,
                 {"serial:///dev/ttyNOSUCH0", fmt::format("udp://?listen=127.0.0.1:{}", first.bearers->port(0))});
  const auto started = second.try_start();
  REQUIRE_FALSE(started);
  CHECK(started.error().starts_with("bearer udp: cannot receive datagrams at 127.0.0.1:"));
  Station third(loop, folder, 3, {"serial:///dev/ttyNOSUCH0"});
  third.start();
  const auto status = third.bearers->status();
  CHECK(status[0].state == "down");
  CHECK(status[0].why.find("is it plugged in?") != std::string::npos);
}
