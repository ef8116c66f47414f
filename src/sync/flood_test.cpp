// Peers that say much and bring nothing.
#include <doctest/doctest.h>

#include <algorithm>

#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;

namespace {
Bytes hello_of(std::uint8_t n) {
  return encode(Hello{protocol_version, incident, key_of(n).id(), "N2", 1, Digest{1}, 0});
}
}  // namespace

TEST_CASE("who calls is believed no long frame before it said who it is, and any after that") {
  Node node(1);
  const Bytes head{0x00, 0x10, 0x00, 0x00, 0x05};  // of 1 MiB, of which nothing more comes
  const auto stranger = node.core.connect({}, at_ms(0));
  node.core.receive(stranger, head, at_ms(0));
  CHECK(node.core.peers().empty());

  const auto peer = node.core.connect({}, at_ms(0));
  auto greeting = hello_of(2);
  greeting.insert(greeting.end(), head.begin(), head.end());  // in one piece with it
  node.core.receive(peer, greeting, at_ms(0));
  node.core.receive(peer, Bytes(512 * 1'024), at_ms(0));
  CHECK(node.core.peers().size() == 1);
}

TEST_CASE("who says without end what brings nothing is made to wait and named, and what it brings is taken") {
  Node node(1);
  const auto peer = node.core.connect({}, at_ms(0));
  node.core.receive(peer, hello_of(2), at_ms(0));
  Bytes talk;
  while (talk.size() < 64 * 1'024) {
    const auto ping = encode(Ping{7, {}});
    const auto later = make_frame(200, as_bytes("of a version to come"));
    talk.insert(talk.end(), ping.begin(), ping.end());
    talk.insert(talk.end(), later.begin(), later.end());
  }
  std::size_t rests = 0, refusals = 0;
  const auto say = [&](ByteView bytes, std::int64_t ms) {
    node.core.receive(peer, bytes, at_ms(ms));
    for (const auto& output : node.core.take_outputs()) {
      rests += std::holds_alternative<Rest>(output) ? 1 : 0;
      refusals += std::holds_alternative<Refused>(output) ? 1 : 0;
    }
  };
  for (std::size_t said = 0; said < talk_bytes_max / 8; said += talk.size()) say(talk, 0);
  CHECK(rests == 0);
  for (std::size_t said = 0; said < talk_bytes_max; said += talk.size()) say(talk, 0);
  CHECK(rests == 1);  // once in that time
  CHECK(refusals == 1);
  say(talk, talk_window.count());
  CHECK(rests == 1);
  for (std::size_t said = 0; said < talk_bytes_max; said += talk.size()) say(talk, talk_window.count());
  CHECK(rests == 2);
  CHECK(node.core.peers().size() == 1);
}
