// What a node takes of authors whom nobody granted, end to end.
#include <doctest/doctest.h>

#include "peers.hpp"
#include "sync/memory_log.hpp"
#include "test_world.hpp"

using namespace airbridge;
using namespace airbridge::app;
using namespace airbridge::app::test;

namespace {

trust::SigningKey key_of(std::uint8_t n) {
  trust::SigningKey::Seed seed;
  seed.value.fill(n);
  return trust::SigningKey::from_seed(seed);
}

model::IncidentId incident_of(const TestNode& node) {
  const auto id = model::IncidentId::from_hex(node.status().at("incident").at("id").as_string());
  REQUIRE(id);
  return *id;
}

// Another device that knows the incident's number and no more, with more streams than there is room for.
struct Stranger {
  Stranger(const TestNode& node, std::uint32_t streams) : incident(incident_of(node)), log(incident, {key.id(), 1}) {
    for (std::uint32_t i = 1; i <= streams; ++i) {
      log.set_own({key.id(), i});
      log.write(key, model::Class::Routine, 20);
    }
    Peers::Handlers handlers;
    handlers.on_accept = [](const sync::Accept&) {};
    handlers.on_observation = [](const model::Observation&) {};
    handlers.on_fork = [](const sync::ForkFound&) {};
    handlers.on_own_ahead = [](const sync::OwnStreamAhead&) {};
    peers.emplace(loop, clock, sync::Config{incident, key.id(), "X"}, log, std::move(handlers));
    peers->connect({*net::Endpoint::parse(node.peers(), 7420), {}, 0, {}});
  }
  ~Stranger() { peers->stop(); }

  trust::SigningKey key = key_of(7);
  model::IncidentId incident;
  sync::MemoryLog log;
  SystemClock clock;
  net::EventLoop loop;
  std::optional<Peers> peers;
};

}  // namespace

TEST_CASE("a stranger's events find only so much room, and those of who belongs here always do") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode a(folder / "a");
  REQUIRE(eventually([&] { return a.events() >= 2; }));
  const auto own = a.events();
  Stranger stranger(a, sync::stranger_streams_max + 50);
  REQUIRE(eventually([&] {
    stranger.loop.run_for(Milliseconds(50));
    return a.events() >= own + sync::stranger_streams_max;
  }));
  // The node says what it does not take; by then all was offered.
  INFO([&] { return a.log(); }());
  REQUIRE(eventually([&] {
    stranger.loop.run_for(Milliseconds(50));
    return a.log().find("whom nobody granted") != std::string::npos;
  }));

  const TestNode b(folder / "b", {"--peer", a.peers()});
  const auto id = b.create("message", {write_of("text", "from the truck")});
  CHECK(a.entity_becomes(id, [](const json::object&) { return true; }));
  std::size_t of_stranger = 0;
  for (const auto& row : a.journal())
    of_stranger += json::serialize(row).find(stranger.key.id().hex()) != std::string::npos ? 1 : 0;
  CHECK(of_stranger == sync::stranger_streams_max);
}
