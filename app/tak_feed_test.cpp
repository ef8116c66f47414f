// What stands is said to TAK clients again and again, at a pace no link feels.
#include "tak_feed.hpp"

#include <doctest/doctest.h>

#include "codec/cot/event.hpp"
#include "gateway/tak/model_to_cot.hpp"
#include "model/geometry.hpp"
#include "net/test_peer.hpp"
#include "test_ledger.hpp"

namespace airbridge::app {
namespace {

using net::testing::TestPeer;
using namespace test;

struct Stage {
  explicit Stage(std::size_t told_waiting_max = 4'000)
      : server(world.loop, world.clock, options(told_waiting_max), {}) {
    world.start();
    REQUIRE(server.start());
    feed.emplace(*world.ledger, server, world.clock, world.home.node_key.id());
  }
  static gateway::tak::TakOptions options(std::size_t told_waiting_max) {
    gateway::tak::TakOptions out{.at = {"127.0.0.1", 0}, .limits = {}};
    out.limits.silent_max = Milliseconds(INT32_MAX);  // the test's clock leaps
    out.limits.told_waiting_max = told_waiting_max;
    return out;
  }
  TestPeer join() {
    const auto before = server.status().clients;
    TestPeer client(world.loop, server.port());
    REQUIRE(world.until([&] { return server.status().clients == before + 1; }));
    return client;
  }
  model::EntityId site(std::string_view name) {
    model::Draft draft;
    draft.record = static_cast<std::uint16_t>(model::RecordKind::Site);
    draft.via = model::Via::Web;
    draft.writes = {write_of(model::RecordKind::Site, "category", 3),
                    write_of(model::RecordKind::Site, "name", model::Value(std::string(name))),
                    write_of(model::RecordKind::Site, "place",
                             model::to_value(model::Place{*Position::from_degrees(46.5, 7.9), {}}))};
    const auto made = world.command(std::move(draft));
    REQUIRE(made);
    return made->entity;
  }
  void remove(const model::EntityId& site) {
    model::Draft draft;
    draft.record = static_cast<std::uint16_t>(model::RecordKind::Site);
    draft.entity = site;
    draft.writes = {write_of(model::RecordKind::Site, "deleted", model::Value(true))};
    draft.writes.front().replaced = world.ledger->publish()->find(site)->coverage;
    REQUIRE(world.command(std::move(draft)));
  }
  // All a client is told until a line that is said now.
  std::string told(TestPeer& client) {
    const auto mark = "mark-" + std::to_string(++marks);
    server.broadcast(std::make_shared<const Bytes>(
        to_bytes(as_bytes(R"(<event version="2.0" uid=")" + mark + R"(" type="b-m-p-s-m" how="h-g-i-g-o" time=")" +
                          format_utc(world.clock.now().utc) + R"(" start=")" + format_utc(world.clock.now().utc) +
                          R"(" stale=")" + format_utc(world.clock.now().utc + Milliseconds(60'000)) +
                          R"("><point lat="46" lon="7" hae="0" ce="9999999" le="9999999"/><detail/></event>)"))));
    const auto end = mark + R"(")";
    REQUIRE(client.wait_for([&](const std::string& got) {
      const auto at = got.find(end);
      return at != got.npos && got.find("</event>", at) != got.npos;
    }));
    return std::exchange(client.received(), {});
  }

  LedgerWorld world;
  gateway::tak::TakServer server;
  std::optional<TakFeed> feed;
  int marks = 0;
};

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t out = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++out;
  return out;
}

// When the first event of the text runs out.
UtcTime stale_of(std::string_view text) {
  const auto begin = text.find("<event");
  const auto end = text.find("</event>") + 8;
  const auto envelope = codec::cot::scan(as_bytes(text.substr(begin, end - begin)));
  REQUIRE(envelope);
  return envelope->stale;
}

}  // namespace

TEST_CASE("what stands is said to TAK clients again every six hours, a few records at a time, until it is gone") {
  Stage stage;
  constexpr std::size_t sites = 2 * TakFeed::renew_batch + 2;
  std::optional<model::EntityId> last;
  for (std::size_t i = 0; i < sites; ++i) last = stage.site("Meadow");
  auto client = stage.join();
  stage.feed->renew();
  CHECK(count(stage.told(client), "Meadow") == sites);  // at the start in one go

  stage.world.clock.pass(TakFeed::renew_every - Milliseconds(60'000));
  stage.feed->renew();
  CHECK(count(stage.told(client), "Meadow") == 0);

  stage.world.clock.pass(Milliseconds(120'000));
  const auto due = stage.world.clock.now().utc;
  stage.feed->renew();
  const auto first = stage.told(client);
  CHECK(count(first, "Meadow") == TakFeed::renew_batch);
  // For as long from now on as when it was made.
  CHECK(stale_of(first) >= due + gateway::tak::record_lifetime);
  stage.feed->renew();
  CHECK(count(stage.told(client), "Meadow") == TakFeed::renew_batch);
  stage.feed->renew();
  CHECK(count(stage.told(client), "Meadow") == 2);
  stage.feed->renew();
  CHECK(count(stage.told(client), "Meadow") == 0);  // all were told

  stage.remove(*last);
  stage.world.clock.pass(TakFeed::renew_every);
  for (int i = 0; i < 4; ++i) stage.feed->renew();
  CHECK(count(stage.told(client), "Meadow") == sites - 1);
}

TEST_CASE("what the gateway has no room for is told when it has, the newest of each, and a removal too") {
  Stage stage(2);
  stage.world.loop.run_for(Milliseconds(5));
  auto client = stage.join();
  const auto gone = stage.site("Gone"), kept = stage.site("Kept"), last = stage.site("Last");
  stage.remove(gone);
  model::Observation aircraft;
  aircraft.subject = model::EntityId(model::external_name("icao", "4b1234"));
  aircraft.position = *Position::from_degrees(46.5, 7.9);
  aircraft.measured = stage.world.clock.now().utc;
  aircraft.emergency = "general";
  stage.feed->show({kept, last, gone});  // the third finds no room
  aircraft.callsign = "OLD";
  stage.feed->show(aircraft);
  aircraft.callsign = "NEW";
  aircraft.emergency = "none";
  stage.feed->show(aircraft);
  for (int i = 0; i < 100 && count(client.received(), "t-x-d-d") == 0; ++i) {
    stage.world.loop.run_for(Milliseconds(5));
    stage.feed->renew();
  }
  stage.world.loop.run_for(Milliseconds(5));
  stage.feed->renew();
  const auto told = stage.told(client);
  CHECK(count(told, "Kept") >= 1);
  CHECK(count(told, "t-x-d-d") == 1);
  CHECK(count(told, "NEW") == 1);
  CHECK(count(told, "OLD") == 0);
  CHECK(stage.feed->dropped() == 0);
}

TEST_CASE("who joins after days is told what stands, because it was renewed meanwhile") {
  Stage stage;
  stage.site("Meadow");
  stage.feed->renew();
  for (int i = 0; i < 12; ++i) {
    stage.world.clock.pass(TakFeed::renew_every);
    stage.feed->renew();
    stage.world.loop.run_for(Milliseconds(5));
  }
  auto late = stage.join();
  const auto told = stage.told(late);
  REQUIRE(count(told, "Meadow") == 1);
  CHECK(stale_of(told) > stage.world.clock.now().utc);
}

}  // namespace airbridge::app
