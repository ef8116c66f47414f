// The sockets around the exchange: what becomes of links that do not keep up.
#include "peers.hpp"

#include <doctest/doctest.h>

#include "net/test_peer.hpp"
#include "sync/memory_log.hpp"
#include "test_world.hpp"

using namespace airbridge;
using namespace airbridge::app;
using net::testing::run_until;
using net::testing::TestPeer;

namespace {
trust::SigningKey key_of(std::uint8_t n) {
  trust::SigningKey::Seed seed;
  seed.value.fill(n);
  return trust::SigningKey::from_seed(seed);
}

const auto nobody_else = [](const model::KeyId& node) { return node == key_of(2).id(); };

struct Stage {
  Stage() : key(key_of(1)), log(incident, {key.id(), 1}) {
    log.write(key, model::Class::Routine, 20);
    Peers::Handlers handlers;
    handlers.on_accept = [](const sync::Accept&) {};
    handlers.on_observation = [](const model::Observation&) {};
    handlers.on_fork = [](const sync::ForkFound&) {};
    handlers.on_own_ahead = [](const sync::OwnStreamAhead&) {};
    handlers.is_member = nobody_else;
    peers.emplace(loop, clock, sync::Config{incident, key.id(), "N1"}, log, std::move(handlers), 64 * 1024);
  }
  // What another node says first: who it is and that it holds nothing.
  Bytes greeting(std::uint8_t node = 2) const {
    auto out = sync::encode(sync::Hello{sync::protocol_version, incident, key_of(node).id(), "N2", 1, {}, 0});
    const auto vector = sync::encode(sync::VectorMessage{});
    out.insert(out.end(), vector.begin(), vector.end());
    return out;
  }
  std::vector<api::PeerInfo> listed(std::string_view state) {
    auto all = peers->status();
    std::erase_if(all, [&](const auto& peer) { return peer.state != state; });
    return all;
  }
  // A greeting, and questions with long answers that nobody will read.
  Bytes flood() const {
    Bytes out = greeting();
    const auto add = [&](const sync::Message& message) {
      const auto frame = sync::encode(message);
      out.insert(out.end(), frame.begin(), frame.end());
    };
    const sync::ChainQuery question{{{key.id(), 1}, model::Class::Routine, {}},
                                    std::vector<std::uint64_t>(sync::chain_query_max, 1)};
    for (int i = 0; i < 60'000; ++i) add(question);
    return out;
  }

  model::IncidentId incident = [] {
    model::IncidentId id;
    id.value.fill(3);
    return id;
  }();
  trust::SigningKey key;
  sync::MemoryLog log;
  SystemClock clock;
  net::EventLoop loop;
  std::optional<Peers> peers;
};
}  // namespace

TEST_CASE("a caller that never reads is cut off, connection and all") {
  Stage stage;
  const auto port = stage.peers->listen({"127.0.0.1", 0});
  REQUIRE(port);
  TestPeer caller(stage.loop, *port, 4096);
  REQUIRE(caller.connected());
  const auto flood = stage.flood();
  caller.send(as_text(flood));
  CHECK(run_until(stage.loop, [&] { return stage.listed("lost").size() == 1; }));
  CHECK(caller.wait_for_end());
}

TEST_CASE("a node that never reads is dialled anew") {
  Stage stage;
  std::vector<std::shared_ptr<net::Connection>> accepted;
  const auto flood = stage.flood();
  net::ListenerLimits limits;
  limits.connection.queue_bytes_max = flood.size() * 2;
  auto server = net::listen(stage.loop, {"127.0.0.1", 0}, limits, [&](std::shared_ptr<net::Connection> connection) {
    connection->start({[](ByteView) {}, [](const std::string&) {}, {}});
    connection->pause_reading(true);
    if (accepted.empty()) connection->send(flood);
    accepted.push_back(std::move(connection));
  });
  REQUIRE(server);
  stage.peers->connect({{"127.0.0.1", (*server)->port()}, {}, 0, {}});
  CHECK(run_until(stage.loop, [&] { return accepted.size() > 1; }));
  stage.peers->stop();
}

TEST_CASE("as many callers as the protocol says are listened to") {
  static_assert(peer_connections_max == sync::peers_max && sync::peers_max == 256);
  Stage stage;
  const auto port = stage.peers->listen({"127.0.0.1", 0});
  REQUIRE(port);
  std::vector<TestPeer> callers;
  for (std::size_t i = 0; i < 70; ++i) callers.emplace_back(stage.loop, *port);
  CHECK(run_until(stage.loop, [&] { return stage.peers->status().size() == 70; }));
}

TEST_CASE("a node that had called and is gone stays listed as lost with its age, until it calls again") {
  Stage stage;
  const auto port = stage.peers->listen({"127.0.0.1", 0});
  REQUIRE(port);
  const auto before = stage.clock.now().utc;
  std::optional<TestPeer> caller(std::in_place, stage.loop, *port);
  caller->send(as_text(stage.greeting()));
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("connected").size() == 1; }));
  caller.reset();
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("lost").size() == 1; }));
  CHECK(stage.peers->status().size() == 1);
  const auto lost = stage.listed("lost").front();
  CHECK(lost.name == "N2");
  CHECK(lost.id == key_of(2).id());
  CHECK(lost.address.starts_with("127.0.0.1:"));
  CHECK(lost.last_heard >= before - Milliseconds(1'000));
  caller.emplace(stage.loop, *port);
  caller->send(as_text(stage.greeting()));
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("connected").size() == 1; }));
  CHECK(stage.peers->status().size() == 1);
}

TEST_CASE("a dialled node that is gone has the age at which it was heard, and its return over the other link counts") {
  Stage stage;
  std::vector<std::shared_ptr<net::Connection>> accepted;
  auto server = net::listen(stage.loop, {"127.0.0.1", 0}, {}, [&](std::shared_ptr<net::Connection> connection) {
    connection->start({[](ByteView) {}, [](const std::string&) {}, {}});
    connection->send(stage.greeting());
    accepted.push_back(std::move(connection));
  });
  REQUIRE(server);
  const auto before = stage.clock.now().utc;
  stage.peers->connect({{"127.0.0.1", (*server)->port()}, {}, 0, {}});
  CHECK(stage.peers->status().at(0).last_heard == UtcTime{});
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("connected").size() == 1; }));
  server->reset();
  accepted.front()->close();
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("lost").size() == 1; }));
  CHECK(stage.peers->status().size() == 1);
  CHECK(stage.peers->status().at(0).last_heard >= before - Milliseconds(1'000));
  const auto port = stage.peers->listen({"127.0.0.1", 0});
  REQUIRE(port);
  TestPeer caller(stage.loop, *port);
  caller.send(as_text(stage.greeting()));
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("connected").size() == 1; }));
  CHECK(stage.peers->status().size() == 1);
}

TEST_CASE("nobody misses a caller that was granted nothing") {
  Stage stage;
  const auto port = stage.peers->listen({"127.0.0.1", 0});
  REQUIRE(port);
  std::optional<TestPeer> caller(std::in_place, stage.loop, *port);
  caller->send(as_text(stage.greeting(3)));
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("connected").size() == 1; }));
  caller.reset();
  CHECK(run_until(stage.loop, [&] { return stage.peers->status().empty(); }));
}

TEST_CASE("of lost nodes the one heard longest ago is forgotten when there are too many") {
  LostPeers lost;
  for (std::size_t i = 0; i <= lost_peers_max; ++i) {
    lost.put(key_of(static_cast<std::uint8_t>(i)).id(),
             {"", "", utc_from_ms(static_cast<std::int64_t>(1'000 - i)), ""});
  }
  CHECK(lost.all().size() == lost_peers_max);
  CHECK(lost.all().contains(key_of(static_cast<std::uint8_t>(lost_peers_max)).id()));
  CHECK_FALSE(lost.all().contains(key_of(static_cast<std::uint8_t>(lost_peers_max - 1)).id()));
}

TEST_CASE("only what granted nodes say to hold counts as saved there") {
  Stage stage;
  const auto port = stage.peers->listen({"127.0.0.1", 0});
  REQUIRE(port);
  const model::StreamId stream{{stage.key.id(), 1}, model::Class::Routine, {}};
  const auto head = stage.log.chain_at(stream, 1);
  REQUIRE(head);
  std::vector<TestPeer> callers;
  for (const auto who : {std::uint8_t{2}, std::uint8_t{3}}) {
    auto said = sync::encode(sync::Hello{sync::protocol_version, stage.incident, key_of(who).id(), "N", 1, {}, 0});
    sync::VectorMessage vector;
    vector.items.push_back({stream, 1, sync::Head4{head->value[0], head->value[1], head->value[2], head->value[3]}});
    const auto more = sync::encode(vector);
    said.insert(said.end(), more.begin(), more.end());
    callers.emplace_back(stage.loop, *port);
    callers.back().send(as_text(said));
  }
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("connected").size() == 2; }));
  const auto held = stage.peers->held({{stream, 1}});
  REQUIRE(held->contains(stream));
  CHECK(held->at(stream).size() == 1);
  CHECK(held->at(stream).contains(key_of(2).id()));
}

TEST_CASE("a peer that is a web page is named as such") {
  Stage stage;
  std::vector<std::shared_ptr<net::Connection>> accepted;
  auto server = net::listen(stage.loop, {"127.0.0.1", 0}, {}, [&](std::shared_ptr<net::Connection> connection) {
    connection->start({[](ByteView) {}, [](const std::string&) {}, {}});
    connection->send(to_bytes(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n")));
    accepted.push_back(std::move(connection));
  });
  REQUIRE(server);
  stage.peers->connect({{"127.0.0.1", (*server)->port()}, {}, 0, {}});
  REQUIRE(run_until(stage.loop, [&] { return stage.listed("lost").size() == 1; }));
  CHECK(stage.peers->status().at(0).why.find("is it its page?") != std::string::npos);
  CHECK(stage.peers->status().at(0).last_heard == UtcTime{});
}

TEST_CASE("ways of one name spend one budget, and a count that cannot be read is said") {
  const test::Folder folder;
  test::write_text(folder / "lte.spent", "nonsense");
  Stage stage;
  const PeerAddress first{{"127.0.0.1", 1}, "lte", 3, 1'000'000};
  const PeerAddress second{{"127.0.0.1", 2}, "lte", 3, 1'000'000};
  stage.peers->connect(first, folder.path());
  stage.peers->connect(second, folder.path());
  const auto problems = stage.peers->problems();
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].find("lte.spent") != std::string::npos);
  stage.peers->stop();
}

TEST_CASE("what another node was heard to hold is known after a restart, and a damaged file of it is left aside") {
  app::test::Folder folder;
  const auto file = folder.path() / "heard";
  const auto counted = [](Stage& stage) { return stage.peers->held(stage.log.vector())->size(); };
  {
    Stage stage;
    stage.peers->keep_heard_in(file);
    const auto port = stage.peers->listen({"127.0.0.1", 0});
    REQUIRE(port);
    stage.peers->durable();
    TestPeer caller(stage.loop, *port);
    const model::StreamId stream{{stage.key.id(), 1}, model::Class::Routine, {}};
    const auto head = sync::head_start<4>(*stage.log.chain_at(stream, 1));
    auto words = sync::encode(sync::Hello{sync::protocol_version, stage.incident, key_of(2).id(), "N2", 1, {1}, 0});
    const auto vector = sync::encode(sync::VectorMessage{{}, {{stream, 1, head}}, {}});
    words.insert(words.end(), vector.begin(), vector.end());
    caller.send(as_text(words));
    REQUIRE(run_until(stage.loop, [&] { return stage.listed("connected").size() == 1; }));
    REQUIRE(counted(stage) == 1);
    stage.peers->stop();
  }
  {
    Stage stage;
    CHECK(counted(stage) == 0);
    stage.peers->keep_heard_in(file);
    CHECK(counted(stage) == 1);
  }
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  Stage stage;
  stage.peers->keep_heard_in(file);
  CHECK(counted(stage) == 0);
}
