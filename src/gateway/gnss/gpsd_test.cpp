#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/log.hpp"
#include "gateway/gnss/gpsd_client.hpp"
#include "net/test_peer.hpp"

using namespace airbridge;
using namespace airbridge::gateway::gnss;
using airbridge::net::testing::run_until;

namespace {

const std::string data = std::string(AIRBRIDGE_TEST_DATA) + "/gpsd/";
constexpr std::int64_t start_ms = 1'767'323'045'000;  // 2026-01-02T03:04:05Z

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), path.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

GpsdReport must_read(std::string_view line) {
  const auto report = GpsdReader().read(line);
  REQUIRE(report);
  return *report;
}

class FixedClock final : public Clock {
 public:
  Now now() const override { return {utc_from_ms(start_ms), SteadyTime(Milliseconds(1'000'000))}; }
};

// A gpsd on loopback that tests speak through.
struct World {
  explicit World(Milliseconds idle_max = Milliseconds(60'000)) {
    auto made = net::listen(loop, {"127.0.0.1", 0}, {}, [this](std::shared_ptr<net::Connection> connection) {
      connection->start({[this](ByteView bytes) { asked += as_text(bytes); }, [](const std::string&) {}, {}});
      caller = std::move(connection);
      ++callers;
    });
    REQUIRE(made);
    listener = *std::move(made);
    GpsdClientOptions options;
    options.to = {"127.0.0.1", listener->port()};
    options.own = model::external_name("own", "00112233445566778899aabbccddeeff");
    options.callsign = "POST 1";
    options.idle_max = idle_max;
    options.reconnect_min = Milliseconds(2);
    options.reconnect_max = Milliseconds(10);
    log::set_sink([this](std::string_view text) { logged += std::string(text) + "\n"; });
    client = std::make_unique<GpsdClient>(loop, clock, options,
                                          [this](model::Observation&& o) { heard.push_back(std::move(o)); });
    client->start();
    REQUIRE(until([&] { return callers == 1 && client->status().state == net::LinkState::Connected; }));
  }
  ~World() { log::set_sink({}); }
  bool until(const std::function<bool()>& done) { return run_until(loop, done); }
  void say(std::string_view text) { caller->send(to_bytes(as_bytes(text))); }

  net::EventLoop loop;
  FixedClock clock;
  std::unique_ptr<net::Listener> listener;
  std::shared_ptr<net::Connection> caller;
  int callers = 0;
  std::string asked;
  std::vector<model::Observation> heard;
  std::string logged;
  std::unique_ptr<GpsdClient> client;
};

const std::string fix =
    R"({"class":"TPV","device":"/dev/ttyUSB0","mode":3,"time":"2026-01-02T03:04:04.500Z","lat":46.8,"lon":8.23,)"
    R"("altHAE":1125.9,"altMSL":1077.0,"epx":6.3,"epy":10.9,"speed":0.5,"track":91.5,"climb":-0.2,"eph":17.3})"
    "\r\n";

}  // namespace

TEST_CASE("a 3D fix is read whole") {
  const auto report = must_read(std::string_view(fix).substr(0, fix.size() - 2));
  CHECK(report.kind == ReportKind::Fix);
  CHECK(report.mode == FixMode::ThreeD);
  CHECK(report.position == Position::from_degrees(46.8, 8.23));
  CHECK(report.height->above().value == doctest::Approx(1125.9));
  CHECK(report.speed->value == 0.5);
  CHECK(report.track->degrees() == 91.5);
  CHECK(report.climb->value == -0.2);
  CHECK(report.error_95->value == doctest::Approx(17.3));
  CHECK(ms_of(*report.time) == start_ms - 500);
}

TEST_CASE("without a fix there is no position, and a 2D fix has no height") {
  CHECK_FALSE(must_read(R"({"class":"TPV","mode":1,"lat":46.8,"lon":8.2})").position);
  CHECK_FALSE(must_read(R"({"class":"TPV","lat":46.8,"lon":8.2})").position);
  CHECK_FALSE(must_read(R"({"class":"TPV","mode":3,"lat":0.0,"lon":0})").position);
  const auto flat = must_read(R"({"class":"TPV","mode":2,"lat":46.8,"lon":8.2,"altHAE":100,"epx":3,"epy":4})");
  CHECK(flat.position);
  CHECK_FALSE(flat.height);
  CHECK(flat.error_95->value == doctest::Approx(5));
}

TEST_CASE("height comes from altMSL and geoidSep when altHAE is missing, never from plain alt") {
  const std::string head = R"({"class":"TPV","mode":3,"lat":46.8,"lon":8.2,)";
  CHECK(must_read(head + R"("altMSL":500,"geoidSep":48.5})").height->above().value == doctest::Approx(548.5));
  CHECK_FALSE(must_read(head + R"("alt":500})").height);
}

TEST_CASE("satellites in use are counted, by gpsd or by us") {
  CHECK(must_read(R"({"class":"SKY","uSat":9,"satellites":[{"used":true}]})").satellites_used == 9);
  CHECK(
      must_read(R"({"class":"SKY","satellites":[{"used":true},{"used":false},{},7,{"used":true}]})").satellites_used ==
      2);
  CHECK_FALSE(must_read(R"({"class":"SKY","hdop":50.0})").satellites_used);
}

TEST_CASE("values that do not fit are left out and counted; a mode that is none refuses the report") {
  for (const std::string value : {R"("lat":91)", R"("lon":-181)", R"("lat":"46")"}) {
    CAPTURE(value);
    const auto report = must_read(R"({"class":"TPV","mode":3,)" + value + R"(,"lat":1,"lon":1})");
    CHECK(report.bad_values == 1);
    CHECK_FALSE(report.position);
  }
  const auto report = must_read(
      R"({"class":"TPV","mode":3,"lat":46.8,"lon":8.2,"altHAE":1e9,"speed":-1,"track":1e6,"climb":[],"eph":-1,"time":"yesterday"})");
  CHECK(report.position);
  CHECK(report.bad_values == 5);
  CHECK_FALSE(report.time);
  for (const std::string mode : {"4", "-1", "2.5", "\"3\"", "true", "1e99"}) {
    CAPTURE(mode);
    const auto refused = GpsdReader().read(R"({"class":"TPV","mode":)" + mode + "}");
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == GpsdFault::BadMode);
  }
}

TEST_CASE("gpsd's own regression logs read as its decoder wrote them") {
  const struct {
    const char* name;
    int fixes;
  } rows[] = {{"beidou-bd.log.chk", 18},
              {"bu303-nofix.log.chk", 7},
              {"bu353-glonass.log.chk", 20},
              {"gp-320fw-2019-04-06-overflow.log.chk", 26},
              {"neo-m8n.log.chk", 23}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    GpsdReader reader;
    int fixes = 0;
    int with_position = 0;
    int want_position = 0;
    std::istringstream lines(read_file(data + row.name));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("{")) {
        CHECK_FALSE(reader.read(line));  // NMEA sentences lie between the reports
        continue;
      }
      const auto report = reader.read(line);
      REQUIRE_MESSAGE(report, line);
      CHECK(report->bad_values == 0);
      if (report->kind != ReportKind::Fix) continue;
      ++fixes;
      if (report->position) ++with_position;
      const bool has_mode = line.find("\"mode\":2") != line.npos || line.find("\"mode\":3") != line.npos;
      if (has_mode && line.find("\"lat\"") != line.npos) ++want_position;
    }
    CHECK(fixes == row.fixes);
    CHECK(with_position == want_position);
  }
}

TEST_CASE("of the JSON test suite the files that must be refused are refused, and none does harm") {
  GpsdReader reader;
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(data + "badjson")) {
    const auto name = file.path().filename().string();
    CAPTURE(name);
    const auto text = read_file(file.path());
    const auto report = reader.read(text);
    CHECK_FALSE(report);  // none of them has a "class"
    if (name.starts_with("n_")) CHECK(report.error() == GpsdFault::NotJson);
    if (name.starts_with("y_")) CHECK(report.error() == GpsdFault::NotAReport);
    ++files;
  }
  CHECK(files == 318);
  CHECK(reader.read(R"({"class":"TPV","mode":1})"));
}

TEST_CASE("the client asks gpsd to watch, and a fix becomes the node's own position") {
  World world;
  world.say("{\"class\":\"VERSION\",\"release\":\"3.22\"}\r\n{\"class\":\"DEVICES\",\"devices\":[]}\r\n");
  REQUIRE(world.until([&] { return world.asked == gpsd_watch_command && world.client->status().reports == 2; }));
  CHECK(world.client->status().why == "gpsd has no receiver open");
  world.say("{\"class\":\"DEVICES\",\"devices\":[{\"path\":\"/dev/ttyUSB0\"}]}\r\n{\"class\":\"TPV\",\"mode\":1}\r\n");
  REQUIRE(world.until([&] { return world.client->status().reports == 4; }));
  CHECK(world.client->status().why == "the receiver has no fix yet");
  CHECK(world.heard.empty());
  world.say("{\"class\":\"SKY\",\"uSat\":9}\r\n" + fix.substr(0, 50));
  world.say(fix.substr(50));
  REQUIRE(world.until([&] { return world.heard.size() == 1; }));
  const auto& own = world.heard[0];
  CHECK(own.subject == model::EntityId(model::external_name("own", "00112233445566778899aabbccddeeff")));
  CHECK(own.kind == model::SubjectKind::OwnNode);
  CHECK(own.via == model::Via::Gnss);
  CHECK(own.source == "gpsd");
  CHECK(own.callsign == "POST 1");
  CHECK(own.position == *Position::from_degrees(46.8, 8.23));
  CHECK(own.horizontal_error_95->value == doctest::Approx(17.3));
  CHECK(own.measured == utc_from_ms(start_ms - 500));
  CHECK_FALSE(own.heard_only);
  const auto status = world.client->status();
  CHECK(status.why.empty());
  CHECK(status.satellites_used == 9);
  CHECK(status.mode == FixMode::ThreeD);
  CHECK(status.clock_ahead == Milliseconds(-500));
}

TEST_CASE("a receiver whose firmware is 1,024 weeks off is dated by our clock") {
  World world;
  auto old = fix;
  old.replace(old.find("2026-01-02"), 10, "2006-05-19");
  world.say(old);
  REQUIRE(world.until([&] { return world.heard.size() == 1; }));
  CHECK(world.heard[0].measured == utc_from_ms(start_ms));
  CHECK(world.client->status().clock_ahead < Milliseconds(-600'000'000'000));
}

TEST_CASE("garbage and oversized lines are refused with a place, and the next fix is read") {
  World world;
  world.say("$GPGGA,125106,3854.5087,N\r\n" + std::string(40'000, '[') + "\r\n{\"class\":\"TPV\",\"mode\":9}\r\n" +
            fix);
  REQUIRE(world.until([&] { return world.heard.size() == 1; }));
  const auto status = world.client->status();
  CHECK(status.refused == 2);
  CHECK(status.oversized == 1);
  CHECK(world.logged.find("line=1 reason=\"the line is not JSON\"") != std::string::npos);
  CHECK(world.logged.find("line=3") != std::string::npos);
}

TEST_CASE("what is not gpsd is named in the status") {
  World world;
  for (int i = 0; i < 200; ++i) world.say("MSG,8,1,1,4D2023,1,,,,,,,,,,,,,,,,\r\n");
  REQUIRE(world.until([&] { return world.client->status().refused == 200; }));
  CHECK(world.client->status().why.find("is not gpsd's JSON") != std::string::npos);
  CHECK(std::count(world.logged.begin(), world.logged.end(), '\n') <= 20);
}

TEST_CASE("a lost or silent gpsd is connected again, and asked again") {
  World world(Milliseconds(200));
  world.say(fix + fix.substr(0, 30));
  REQUIRE(world.until([&] { return world.heard.size() == 1; }));
  world.caller->close_after_sending();
  REQUIRE(world.until([&] { return world.callers == 2; }));
  world.say(fix);
  REQUIRE(world.until([&] { return world.heard.size() == 2; }));
  CHECK(world.client->status().refused == 0);
  REQUIRE(world.until([&] { return world.callers == 3; }));  // nothing was said for 200 ms
  CHECK(world.asked.starts_with(std::string(gpsd_watch_command) + std::string(gpsd_watch_command)));
}
