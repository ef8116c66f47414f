#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "base/log.hpp"
#include "gateway/adsb/adsb_client.hpp"
#include "gateway/adsb/adsb_file.hpp"
#include "net/test_peer.hpp"

using namespace airbridge;
using namespace airbridge::gateway::adsb;
using airbridge::net::testing::run_until;

namespace {

const std::string data = std::string(AIRBRIDGE_TEST_DATA) + "/adsb/";
const auto sample = model::EntityId(model::external_name("icao", "4d2023"));

std::string line(int subtype, const std::string& tail) {
  return "MSG," + std::to_string(subtype) + ",1,1,4B1234,1,2026/01/02,03:04:05.678,2026/01/02,03:04:05.700," + tail +
         "\r\n";
}
const std::string good = line(3, ",4500,,,46.80000,8.23000,,,0,0,0,0");
const std::string named = line(1, "REGA1   ,,,,,,,,,,,0");

// An SBS feed on loopback that tests speak through.
struct Feed {
  explicit Feed(net::EventLoop& loop, std::uint16_t port = 0) {
    auto made = net::listen(loop, {"127.0.0.1", port}, {}, [this](std::shared_ptr<net::Connection> connection) {
      connection->start({[](ByteView) {}, [](const std::string&) {}, {}});
      caller = std::move(connection);
      ++callers;
    });
    REQUIRE(made);
    listener = *std::move(made);
  }
  void say(std::string_view text) { caller->send(to_bytes(as_bytes(text))); }
  int callers = 0;
  std::shared_ptr<net::Connection> caller;
  std::unique_ptr<net::Listener> listener;
};

struct World {
  explicit World(Milliseconds idle_max = Milliseconds(60'000)) : feed(loop) {
    AdsbClientOptions options;
    options.to = {"127.0.0.1", feed.listener->port()};
    options.idle_max = idle_max;
    options.reconnect_min = Milliseconds(2);
    options.reconnect_max = Milliseconds(10);
    client = std::make_unique<AdsbClient>(loop, clock, options,
                                          [this](model::Observation&& o) { heard.push_back(std::move(o)); });
    client->start();
    log::set_sink([this](std::string_view text) { logged += std::string(text) + "\n"; });
    REQUIRE(run_until(loop, [&] { return feed.callers == 1 && client->status().state == net::LinkState::Connected; }));
  }
  ~World() { log::set_sink({}); }
  bool until(const std::function<bool()>& done) { return run_until(loop, done); }

  net::EventLoop loop;
  SystemClock clock;
  Feed feed;
  std::vector<model::Observation> heard;
  std::string logged;
  std::unique_ptr<AdsbClient> client;
};

}  // namespace

TEST_CASE("a live line becomes an observation that is marked as heard only") {
  World world;
  const auto before = world.clock.now().utc;
  world.feed.say(good);
  world.feed.say(named.substr(0, 20));
  world.feed.say(named.substr(20));
  REQUIRE(world.until([&] { return world.heard.size() == 2; }));
  const auto& first = world.heard[0];
  CHECK(first.subject == model::EntityId(model::external_name("icao", "4b1234")));
  CHECK(first.kind == model::SubjectKind::Aircraft);
  CHECK(first.via == model::Via::Adsb);
  CHECK(first.source == "127.0.0.1:" + std::to_string(world.feed.listener->port()));
  CHECK(first.position == *Position::from_degrees(46.8, 8.23));
  CHECK(first.pressure_altitude->above().feet() == doctest::Approx(4500));
  CHECK(first.measured >= before);  // dated by arrival, whatever the line says
  CHECK(first.heard_only);
  CHECK_FALSE(first.replayed);
  CHECK(world.heard[1].callsign == "REGA1");
  CHECK(world.heard[1].measured == first.measured);  // the position is not younger for it
  const auto status = world.client->status();
  CHECK(status.aircraft == 1);
  CHECK(status.lines.lines == 2);
  CHECK(status.lines.observations == 2);
  CHECK(status.last_line >= before);
}

TEST_CASE("garbage, oversized and half lines are refused with source and place, and the next good line is read") {
  World world;
  world.feed.say("MSG,3,1,1,ZZ1234,1,,,,,,,,,,,,,,,,\r\n" + std::string(3000, 'x') + "\r\n" +
                 std::string("\0\xff\x1b[2J\n", 7) + good);
  REQUIRE(world.until([&] { return world.heard.size() == 1; }));
  const auto lines = world.client->status().lines;
  CHECK(lines.refused == 2);
  CHECK(lines.oversized == 1);
  CHECK(world.logged.find("source=" + world.client->status().address) != std::string::npos);
  CHECK(world.logged.find("line=1 column=11") != std::string::npos);
  CHECK(world.logged.find("line=3 column=1") != std::string::npos);
  CHECK(world.logged.find('\x1b') == std::string::npos);
}

TEST_CASE("a lost feed is connected again, and half a line from before does not spoil the first after") {
  World world;
  world.feed.say(good + named.substr(0, 30));
  REQUIRE(world.until([&] { return world.heard.size() == 1; }));
  world.feed.caller->close_after_sending();
  REQUIRE(world.until([&] { return world.feed.callers == 2; }));
  world.feed.say(named);
  REQUIRE(world.until([&] { return world.heard.size() == 2; }));
  CHECK(world.client->status().lines.refused == 0);
  CHECK(world.client->status().connects == 2);
  CHECK(world.client->status().state == net::LinkState::Connected);
}

TEST_CASE("a server that never sends counts as lost and is tried again") {
  World world(Milliseconds(50));
  REQUIRE(world.until([&] { return world.feed.callers >= 2; }));
  CHECK(world.logged.find("the feed is lost") != std::string::npos);
}

TEST_CASE("a wrong port is named in the status, and the log stays short") {
  World world;
  for (int i = 0; i < 1000; ++i) world.feed.say("$GPGGA,,,,,,0,00,,,M,0.0,M,,0000*5E\r\n");
  REQUIRE(world.until([&] { return world.client->status().lines.refused == 1000; }));
  CHECK(world.client->status().why.find("is not SBS-1") != std::string::npos);
  CHECK(std::count(world.logged.begin(), world.logged.end(), '\n') <= 20);
  world.feed.say(good);
  REQUIRE(world.until([&] { return world.heard.size() == 1; }));
  CHECK(world.client->status().why.empty());
}

TEST_CASE("the recorded flight imports as one aircraft over its true time") {
  const auto recording = load_recording(data + "modes1.sbs.txt");
  REQUIRE(recording);
  CHECK(recording->items.size() == 217);
  CHECK(recording->length == Milliseconds(54'000));
  const auto now = utc_from_ms(1'800'000'000'000);
  std::vector<model::Observation> heard;
  const auto summary =
      import_recording(*recording, now, [&](model::Observation&& o) { heard.push_back(std::move(o)); });
  CHECK(summary.items == 217);
  CHECK(summary.refused == 0);
  CHECK(summary.aircraft == 1);
  REQUIRE(heard.size() == summary.observations);
  for (const auto& observation : heard) {
    CHECK(observation.subject == sample);
    CHECK(observation.replayed);
    CHECK(observation.heard_only);
    CHECK(observation.measured <= now);
    CHECK(observation.measured >= now - recording->length);
  }
  CHECK(heard.back().callsign == "AMC421");
  CHECK(heard.back().squawk == "0112");
  CHECK(heard.back().position == *Position::from_degrees(36.99614, 13.83827));
}

TEST_CASE("a recording whose clock runs is played in its own time, with long silences cut") {
  const std::string text =
      "MSG,8,1,1,4B1234,1,2026/01/02,23:59:59.000,2026/01/02,23:59:59.000,,,,,,,,,,,,0\n"
      "MSG,8,1,1,4B1234,1,2026/01/03,00:00:00.500,2026/01/03,00:00:00.500,,,,,,,,,,,,0\n"
      "MSG,8,1,1,4B1234,1,2026/01/03,09:00:00.500,2026/01/03,09:00:00.500,,,,,,,,,,,,0\n"
      "MSG,8,1,1,4B1234,1,2026/01/03,08:00:00.500,2026/01/03,08:00:00.500,,,,,,,,,,,,0";
  const auto recording = read_recording("clock.sbs", text);
  REQUIRE(recording);
  REQUIRE(recording->items.size() == 4);
  CHECK(recording->items[1].at == Milliseconds(1'500));
  CHECK(recording->items[2].at == Milliseconds(31'500));
  CHECK(recording->items[3].at == Milliseconds(31'500));
}

TEST_CASE("a readsb file imports its 25 positions with their ages") {
  const auto recording = load_recording(data + "dump1090mqtt_aircraft.json");
  REQUIRE(recording);
  const auto now = utc_from_ms(1'800'000'000'000);
  std::map<model::EntityId, model::Observation> heard;
  const auto summary =
      import_recording(*recording, now, [&](model::Observation&& o) { heard.insert_or_assign(o.subject, o); });
  CHECK(summary.items == 44);
  CHECK(heard.size() == 25);
  const auto& one = heard.at(model::EntityId(model::external_name("icao", "3c71a1")));
  CHECK(one.measured == now - Milliseconds(5'900));
  CHECK(one.callsign == "BCS361");
  CHECK(one.source == "dump1090mqtt_aircraft.json");
}

TEST_CASE("the hostile file is read to its end: bad lines counted, the jump held back") {
  const auto recording = load_recording(data + "sbs_bad.txt");
  REQUIRE(recording);
  std::vector<model::Observation> heard;
  const auto summary = import_recording(*recording, utc_from_ms(1'800'000'000'000),
                                        [&](model::Observation&& o) { heard.push_back(std::move(o)); });
  CHECK(summary.items == 11);
  CHECK(summary.refused == 4);
  CHECK(summary.aircraft == 1);
  for (const auto& observation : heard) CHECK(observation.position == *Position::from_degrees(46.8, 8.23));
  CHECK(heard.back().emergency == "general");
}

TEST_CASE("files that are none are refused in words") {
  CHECK(load_recording("/nonexistent.sbs").error().what.starts_with("/nonexistent.sbs: cannot open"));
  CHECK(load_recording("/").error().what == "/: cannot open: not a file");
  CHECK(read_recording("a", " \n").error().what == "a: the file is empty");
  CHECK(read_recording("a", "{\"now\":1}").error().what == "a: there is no list \"aircraft\"");
  CHECK(read_recording("a", "hello\nworld\n").error().what == "a: neither SBS-1 text nor an aircraft.json");
}

TEST_CASE("a player repeats a recording without a jump, and stops when told") {
  net::EventLoop loop;
  SystemClock clock;
  RecordingOptions options;
  options.lines_per_second = 100'000;
  auto recording = load_recording(data + "modes1.sbs.txt", options);
  REQUIRE(recording);
  std::size_t first_positions = 0;
  AdsbPlayer player(loop, clock, *recording, Repeat::Forever, [&](model::Observation&& o) {
    CHECK(o.replayed);
    if (o.position == *Position::from_degrees(37.1044, 13.78323)) ++first_positions;
  });
  player.start();
  REQUIRE(run_until(loop, [&] { return player.rounds() == 2; }));
  CHECK(first_positions >= 2);
  CHECK(player.counters().lines == 2 * 217);
  CHECK(player.counters().refused == 0);
  player.stop();
  CHECK_FALSE(player.is_playing());
}

TEST_CASE("a player that plays once ends by itself") {
  net::EventLoop loop;
  SystemClock clock;
  RecordingOptions options;
  options.json_spread = Milliseconds(20);
  auto recording = load_recording(data + "dump1090mqtt_aircraft.json", options);
  REQUIRE(recording);
  std::size_t heard = 0;
  AdsbPlayer player(loop, clock, *recording, Repeat::Once, [&](model::Observation&&) { ++heard; });
  player.start();
  REQUIRE(run_until(loop, [&] { return !player.is_playing(); }));
  CHECK(heard == 25);
}
