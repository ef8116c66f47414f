#include "bearer_spec.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::app;

namespace {
BearerSpec spec(const std::string& text) {
  auto parsed = parse_bearer(text);
  REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error()));
  return *std::move(parsed);
}
std::string error_of(const std::string& text) {
  const auto parsed = parse_bearer(text);
  return parsed ? std::string() : parsed.error();
}
}  // namespace

TEST_CASE("bearers are read as people write them") {
  const auto lan = spec("lan");
  CHECK(lan.kind == BearerSpec::Kind::Multicast);
  CHECK(lan.name == "lan");
  CHECK(lan.to->text() == "239.192.77.1:4610");
  CHECK(lan.profile.broadcast);
  CHECK(lan.profile.rate_bps == 0);

  const auto udp = spec("udp://post.example:4711?rate=64k&delay=2s");
  CHECK(udp.to->text() == "post.example:4711");
  CHECK(udp.profile.rate_bps == 64'000);
  CHECK(udp.profile.delay == Milliseconds(2'000));
  CHECK(spec("udp://post.example").to->port == bearer_port);
  CHECK(spec("udp://?listen=0.0.0.0:4610").listen->port == 4610);

  const auto group = spec("multicast://[ff02::4610]:4610?interface=eth0&hops=2");
  CHECK(group.interface == "eth0");
  CHECK(group.hops == 2);
  CHECK(group.address() == "[ff02::4610]:4610 on eth0");

  const auto radio = spec(
      "radio=serial:///dev/ttyUSB0?baud=9600&rate=2400&half-duplex=yes&turn-round=350ms&tx-delay=300ms&persistence=25%"
      "&slot-time=100ms&full-duplex=no&port=2&encrypt=no&duty-cycle=10%&burst=8&mtu=128");
  CHECK(radio.name == "radio");
  CHECK(radio.device == "/dev/ttyUSB0");
  CHECK(radio.baud == 9'600);
  CHECK(radio.profile.rate_bps == 2'400);
  CHECK(radio.profile.half_duplex);
  CHECK(radio.profile.turn_round == Milliseconds(350));
  CHECK_FALSE(radio.profile.encrypt);
  CHECK(radio.profile.duty_cycle == doctest::Approx(0.1));
  CHECK(radio.profile.mtu == 128);
  CHECK(radio.kiss_port == 2);
  CHECK(radio.kiss.tx_delay == 30);
  CHECK(radio.kiss.persistence == 63);
  CHECK(radio.kiss.slot_time == 10);
  CHECK(radio.kiss.full_duplex == false);
  CHECK_FALSE(radio.kiss.tx_tail);
  CHECK(
      describe(radio.profile) ==
      "2400 bit/s, frames of 128 B, 10 ms on the way, half duplex, turns in 350 ms, signed only, may send 10 % of the "
      "time, beacon every 15 s");
  auto other = radio.profile;
  other.encrypt = other.broadcast = true;
  other.duty_cycle = 1;
  other.cost = 5;
  other.interval = Milliseconds(2'500);
  CHECK(
      describe(other) ==
      "2400 bit/s, frames of 128 B, 10 ms on the way, half duplex, turns in 350 ms, broadcast, encrypted, beacon every "
      "2.5 s, cost 5");

  CHECK(spec("serial:///dev/ttyS0?baud=1200").profile.rate_bps == 960);
  const auto tnc = spec("kiss-tcp://127.0.0.1:8001?rate=1200");
  CHECK(tnc.profile.half_duplex);
  CHECK(tnc.profile.rate_bps == 1'200);

  const auto satellite = spec("satellite=udp://post.example?rate=2400&cost=5&budget=20MB/day&preset=satellite");
  CHECK(satellite.profile.rate_bps == 2'400);  // the preset is what the others change, wherever it stands
  CHECK(satellite.profile.mtu == 600);
  CHECK(satellite.profile.cost == 5);
  CHECK(satellite.budget_bytes_per_day == 20'000'000u);
  CHECK(satellite.kind_name() == "satellite");

  // A preset whose bytes are paid for ranks behind those that cost nothing, and what a person says goes before it.
  CHECK(spec("lan").profile.cost == 0);
  CHECK(spec("lan?preset=radio").profile.cost == 0);
  const auto lte = spec("udp://post.example?preset=lte").profile.cost;
  CHECK(lte > 0);
  CHECK(spec("udp://post.example?preset=satellite").profile.cost > lte);
  CHECK(spec("udp://post.example?cost=0&preset=satellite").profile.cost == 0);
  CHECK(spec("udp://post.example?cost=7").profile.cost == 7);
}

TEST_CASE("what is no bearer is refused with what would be one") {
  CHECK(error_of("wifi") == "\"wifi\": write lan, multicast://, udp://, serial:// or kiss-tcp://");
  CHECK(error_of("lora://x").find("there are no bearers lora://") != std::string::npos);
  CHECK(error_of("udp://").find("must say where to") != std::string::npos);
  CHECK(error_of("serial://ttyUSB0").find("must name a device, such as serial:///dev/ttyUSB0") != std::string::npos);
  CHECK(error_of("kiss-tcp://").find("such as kiss-tcp://127.0.0.1:8001") != std::string::npos);
  CHECK(error_of("serial:///dev/ttyUSB0?baud=9601").find("baud must be one of 300, 600") != std::string::npos);
  CHECK(error_of("udp://a:1?rate=fast").find("rate must be a rate in bit/s such as 2400") != std::string::npos);
  CHECK(error_of("udp://a:1?delay=2").find("delay must be a time with its unit") != std::string::npos);
  CHECK(error_of("udp://a:1?baud=9600").find("there is no option baud here; there are preset, rate") !=
        std::string::npos);
  CHECK(error_of("udp://a:1?rate=1k&rate=2k").find("rate stands twice") != std::string::npos);
  CHECK(error_of("udp://a:1?preset=moon").find("preset must be one of lan, lte, satellite") != std::string::npos);
  CHECK(error_of("udp://a:1?mtu=20").find("mtu must be a whole number in 64..1500") != std::string::npos);
  CHECK(error_of("udp://a:1?budget=20MB").find("20MB/day") != std::string::npos);
  CHECK(error_of("my radio=lan").find("before the = stands a name of letters") != std::string::npos);
  CHECK(error_of("udp://a:99999").find("0..65535") != std::string::npos);
  CHECK(error_of("multicast://239.192.77.1:4610?interface=").find("the name of an interface") != std::string::npos);
  for (const auto* const bad : {"", "=", "=lan", "://", "?", "lan://x", "../x=lan", "udp://a:1?&", "udp://a:1?rate"}) {
    CAPTURE(bad);
    CHECK_FALSE(error_of(bad).empty());
  }
}

TEST_CASE("names are unique, because files are called by them") {
  const auto specs = parse_bearers({"lan", "udp://a:1", "udp://b:1", "sat=udp://c:1"});
  REQUIRE(specs);
  CHECK((*specs)[1].name == "udp");
  CHECK((*specs)[2].name == "udp-2");
  CHECK((*specs)[3].name == "sat");
  CHECK(parse_bearers({"sat=udp://a:1", "sat=udp://b:1"}).error().find("the name sat is given twice") !=
        std::string::npos);
  CHECK_FALSE(parse_bearers(std::vector<std::string>(bearers_max + 1, "lan")));
}
