#include "linkemu/settings.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::linkemu;
using namespace std::chrono_literals;

TEST_CASE("stations are read, and a bare port is of loopback") {
  const auto udp = parse_station("udp:4610");
  REQUIRE(udp);
  CHECK(udp->kind == StationSpec::Kind::Udp);
  CHECK(udp->at.text() == "127.0.0.1:4610");
  CHECK_FALSE(udp->to);
  CHECK(parse_station("udp:[::1]:4610,to=127.0.0.1:99")->to->port == 99);
  CHECK(parse_station("tnc:0")->kind == StationSpec::Kind::Tnc);
  CHECK(parse_station("tty:/tmp/radio,a")->path == "/tmp/radio,a");
  CHECK(parse_station("raw:/tmp/x")->kind == StationSpec::Kind::Raw);
  CHECK(parse_station("tcp:7500,to=127.0.0.1:7420")->to->text() == "127.0.0.1:7420");
  for (const auto* const bad : {"", "udp", "udp:", "radio:1", "udp:x:y:z", "udp:70000", "udp:1,from=2", "tnc:1,to=2",
                                "tcp:7500", "tcp:7500,to=", "tty:"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_station(bad));
  }
}

TEST_CASE("a link has two stations, or is one proxy") {
  const auto one = *parse_station("udp:1"), proxy = *parse_station("tcp:1,to=2");
  CHECK(check_stations({one, one}));
  CHECK(check_stations({proxy}));
  CHECK(check_stations({one}).error() == "a link needs two stations at least, or one tcp proxy");
  CHECK(check_stations({one, proxy}).error() == "a tcp proxy is both ends of a link: it stands alone");
  CHECK_FALSE(check_stations(std::vector<StationSpec>(stations_max + 1, one)));
}

TEST_CASE("outages and bursts are read, and what is none is refused with what would be") {
  const auto outages = parse_outages("30s-45s,2min-150s");
  REQUIRE(outages);
  REQUIRE(outages->size() == 2);
  CHECK((*outages)[1].from == 120s);
  CHECK((*outages)[1].to == 150s);
  CHECK(parse_outages("")->empty());
  CHECK(parse_outages("45s-30s").error() == "the outage '45s-30s' ends before it begins");
  CHECK(parse_outages("45s").error() == "'45s' is no outage; write FROM-TO such as 30s-45s");
  CHECK_FALSE(parse_outages("30-45"));
  CHECK(parse_burst_loss("20%:6")->length == doctest::Approx(6));
  CHECK(parse_burst_loss("0.2")->share == doctest::Approx(0.2));
  for (const auto* const bad : {"", "20%:", "20%:0", "20%:x", "200%:4", "20%:nan"}) CHECK_FALSE(parse_burst_loss(bad));
}
