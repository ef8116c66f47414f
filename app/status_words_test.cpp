// What `airbridge status` says of the exchange with other nodes, as a person reads it.
#include <doctest/doctest.h>

#include <regex>

#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app::test;

namespace {

std::string status_of(const TestNode& node) {
  const auto ended = run({"status", "--dir", node.dir().string()});
  REQUIRE(ended.status == 0);
  return ended.out;
}

// The line that begins with the words; without them the first line that has them. Empty: none.
std::string line_of(const std::string& text, std::string_view words) {
  const auto at = text.find(words);
  if (at == std::string::npos) return {};
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

bool reads(const std::string& line, const std::string& pattern) { return std::regex_search(line, std::regex(pattern)); }

}  // namespace

TEST_CASE("airbridge status says what each side lacks, until when, and what a lossy link costs") {
  linkemu::LinkNature nature;
  nature.rate_bps = 4'800;
  nature.delay = std::chrono::milliseconds(50);
  nature.loss = 0.2;
  nature.mtu = 250;
  Crew crew(2);
  BadLink link(nature, 2);
  crew.start(link, "rate=4800&delay=100ms&mtu=250");
  // More than the link carries, and hard to squeeze.
  Rng chance(1);
  int written = 0;
  const auto write_more = [&] {
    for (const int end = std::min(written + 3, 30); written < end; ++written) {
      std::string noise(400, ' ');
      for (auto& letter : noise) letter = static_cast<char>('0' + chance.between(0, 74));
      crew[1].create("message", {write_of("text", noise)});
    }
  };

  // Of the same moment: what is missing there by class and how long it will take, while the link works.
  std::string peer, way;
  const auto says_all = [&] {
    write_more();
    const auto text = status_of(crew[1]);
    peer = line_of(text, "peer       POST 1");
    way = line_of(text, "           udp ");
    return reads(peer, R"(connected .*heard \d+ s ago, level in about \d+ (s|min); lacks here \d+)") &&
           reads(peer, R"(there \d+ \(\d+ (urgent|important).*\); [\d.]+ k?B out, [\d.]+ k?B in)") &&
           reads(way, R"( active .*heard \d+ s ago; out [\d.]+ k?B, in [\d.]+ k?B, answers in )") &&
           reads(way, R"(channel busy \d+ %, in use [\d.]+ k?bit/s, positions every \d+ s, lost \d+ %)") &&
           reads(way, R"(sent again [1-9]\d*)");
  };
  CHECK_MESSAGE(eventually(says_all), peer, "\n", way);
  const auto text = status_of(crew[1]);
  const auto bearer = line_of(text, "bearer     udp");
  CHECK_MESSAGE(reads(bearer, R"(up +4800 bit/s, frames of 250 B, .*encrypted, beacon every 1 s; out .*, in )"),
                bearer);
  CHECK_MESSAGE(reads(bearer, R"(channel busy \d+ %, in use [\d.]+ k?bit/s)"), bearer);
  CHECK(link.counters().lost > 0);
  // What a node was sent is what went over its links, not what that was before it was squeezed.
  const auto peers = crew[1].status().at("peers").as_array();
  REQUIRE(peers.size() == 1);
  for (const std::string_view way_of : {"bytes_sent", "bytes_received"}) {
    std::uint64_t sum = 0;
    for (const auto& one : peers[0].at("links").as_array()) sum += one.at(way_of).to_number<std::uint64_t>();
    CHECK(peers[0].at(way_of).to_number<std::uint64_t>() == sum);
    CHECK(sum > 0);
  }

  CHECK(eventually(
      [&] { return reads(line_of(status_of(crew[1]), "peer       POST 1"), "ago, level; lacks here 0, there 0; "); }));
  crew[0].kill_hard();
  std::string whole;
  CHECK_MESSAGE(eventually([&] {
                  whole = status_of(crew[1]);
                  return reads(line_of(whole, "peer       POST 1"), R"( lost .*heard \d+ s ago)") &&
                         reads(line_of(whole, "PROBLEM"), "Cut off since");
                }),
                whole);
}

TEST_CASE("airbridge status says of a TCP connection what is in use, and what the system sent again") {
  Crew crew(2);
  crew.start(0, {});
  crew.start(1, {"--peer", fmt::format("lan={}", crew[0].peers())});
  REQUIRE(crew.comes_to_hold(0, crew.write(1, "over TCP")));
  std::string way;
  CHECK_MESSAGE(eventually([&] {
                  way = line_of(status_of(crew[1]), "           lan ");
                  return reads(way, R"( tcp +active +heard \d+ s ago; both ways at once, signed only; out .*, in )") &&
                         reads(way, R"(answers in [\d.]+ m?s, in use [\d.]+ k?bit/s, lost \d+ %, sent again \d+)");
                }),
                way);
  // No rate is known, so that nothing is said of how busy the channel is.
  CHECK(way.find("channel busy") == std::string::npos);
  CHECK(eventually([&] {
    const auto status = crew[0].status();
    const auto& link = status.at("peers").at(0).at("links").at(0).as_object();
    return link.contains("retransmissions") && link.contains("loss_percent") && link.contains("in_use_bps") &&
           !link.contains("occupancy_percent");
  }));
}
