#include "sync/heard.hpp"

#include <doctest/doctest.h>

#include "base/hash.hpp"
#include "sync/frame.hpp"
#include "sync/limits.hpp"
#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

namespace {
const auto here = key_of(1).id();
Bytes example() {
  HeldVector held;
  held[stream_of(1, Class::Urgent)] = {7, Head4{1, 2, 3, 4}};
  held[stream_of(2, Class::Routine, 3)] = {900, {}};
  model::StreamId branch = stream_of(3, Class::Important);
  branch.branch = {5, {1, 2, 3, 4, 5, 6, 7, 8}};
  held[branch] = {6, Head4{9, 9, 9, 9}};
  return encode_heard(incident, here, {{key_of(2).id(), held}, {key_of(3).id(), {}}});
}
// With the checksum made anew: damage that somebody made on purpose.
Bytes sealed(Bytes body) {
  const auto sum = blake2b<8>({body});
  body.insert(body.end(), sum.begin(), sum.end());
  return body;
}
LinkProfile one_way() {
  LinkProfile link;
  link.is_message = link.is_one_way = true;
  link.bearer = "beacon";
  return link;
}
std::size_t pulled_bytes(Core& core, PeerId peer) {
  std::size_t bytes = 0;
  for (;;) {
    const auto sends = core.pull(peer, 64 * 1024, false, at_ms(0));
    if (sends.empty()) return bytes;
    for (const auto& send : sends) bytes += send.bytes.size();
  }
}
}  // namespace

TEST_CASE("what was heard is read as it was written") {
  const auto nodes = decode_heard(example(), incident, here);
  REQUIRE(nodes);
  REQUIRE(nodes->size() == 2);
  CHECK(nodes->at(0).node == key_of(2).id());
  CHECK(nodes->at(0).held->size() == 3);
  CHECK(nodes->at(0).held->at(stream_of(1, Class::Urgent)) == Held{7, Head4{1, 2, 3, 4}});
  CHECK(nodes->at(0).held->at(stream_of(2, Class::Routine, 3)) == Held{900, {}});
  CHECK(nodes->at(1).held->empty());
}

TEST_CASE("of a damaged, cut, strange or foreign file nothing is taken, and it is said why") {
  const auto good = example();
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bytes = good;
      bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ 1U << bit);
      REQUIRE_FALSE(decode_heard(bytes, incident, here));
    }
    REQUIRE_FALSE(decode_heard(ByteView(good).first(i), incident, here));
  }
  CHECK(decode_heard(good, incident, key_of(9).id()).error() == "another node heard it");
  CHECK(decode_heard(good, model::IncidentId{}, here).error() == "it is of another incident");
  CHECK_FALSE(decode_heard(Bytes(heard_bytes_max + 1), incident, here));
  // Well sealed nonsense.
  auto body = Bytes(good.begin(), good.end() - 8);
  auto longer = body;
  longer.push_back(0);
  CHECK_FALSE(decode_heard(sealed(longer), incident, here));
  const auto with = [&](std::uint8_t type, const Bytes& payload) {
    auto more = body;
    const auto frame = make_frame(type, payload);
    more.insert(more.end(), frame.begin(), frame.end());
    return sealed(more);
  };
  CHECK_FALSE(decode_heard(with(3, Bytes(5)), incident, here));
  CHECK_FALSE(decode_heard(with(3, Bytes(40, 0xFF)), incident, here));
  CHECK_FALSE(decode_heard(with(6, Bytes(40)), incident, here));
  auto many = body;
  for (std::size_t i = 0; i <= remembered_nodes_max; ++i) {
    const auto frame = make_frame(3, [] {
      Bytes payload(model::KeyId::size);
      const auto empty = encode(VectorMessage{});
      payload.insert(payload.end(), empty.begin() + frame_head_bytes, empty.end() - 4);
      return payload;
    }());
    many.insert(many.end(), frame.begin(), frame.end());
  }
  CHECK_FALSE(decode_heard(sealed(many), incident, here));
}

TEST_CASE("after a restart it is known at once who holds what, and each is believed when it says less") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 20; ++i) a.write(Class::Important);
  net.join(a, b);
  net.settle();
  const model::Dot last{{a.key.id(), 1}, Class::Important, 20};
  REQUIRE(a.core.holders(last).size() == 1);
  const auto kept = a.core.heard();
  REQUIRE(kept.size() < 200);

  Core again(Config{incident, a.key.id(), "N1"}, a.log);
  CHECK(again.holders(last).empty());
  CHECK(again.recall(kept) == 1);
  CHECK(again.holders(last) == std::vector{b.key.id()});
  CHECK(again.heard() == kept);

  // B's disk was lost: what it says when it comes back counts.
  Net later;
  auto& a2 = later.add(1);
  auto& b2 = later.add(2);
  for (int i = 0; i < 20; ++i) a2.write(Class::Important);
  b2.writes_to_disk = false;
  a2.core.durable(later.now());
  CHECK(a2.core.recall(kept) == 1);
  CHECK(a2.core.holders(last).size() == 1);
  later.join(a2, b2);
  later.settle();
  CHECK(a2.core.holders(last).empty());
  b2.writes_to_disk = true;
  later.settle();
  CHECK(a2.core.holders(last).size() == 1);
}

TEST_CASE("what does not fit what is here now is not shown as saved elsewhere") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 20; ++i) a.write(Class::Important);
  net.join(a, b);
  net.settle();
  const auto kept = a.core.heard();
  // This node's disk was restored to before what B was told, and went on with other words under the same numbers.
  Node restored(1);
  for (int i = 0; i < 10; ++i) restored.write(Class::Important);
  Core shorter(Config{incident, restored.key.id(), "N1"}, restored.log);
  CHECK(shorter.recall(kept) == 0);
  for (int i = 0; i < 15; ++i) restored.write(Class::Important, 40, 8);
  Core other(Config{incident, restored.key.id(), "N1"}, restored.log);
  CHECK(other.recall(kept) == 0);
  CHECK(other.holders({{a.key.id(), 1}, Class::Important, 20}).empty());
  CHECK_FALSE(other.recall(ByteView(kept).first(kept.size() - 1)));
}

TEST_CASE("a one-way link says after a restart only what the other side was not heard to hold") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 50; ++i) a.write(Class::Important, 60);
  net.join(a, b);
  net.settle();
  const auto kept = a.core.heard();
  a.write(Class::Important, 60);

  Core without(Config{incident, a.key.id(), "N1"}, a.log);
  const auto all = pulled_bytes(without, without.connect_known(one_way(), b.key.id(), "N2", {}, at_ms(0)));
  Core with(Config{incident, a.key.id(), "N1"}, a.log);
  REQUIRE(with.recall(kept) == 1);
  const auto rest = pulled_bytes(with, with.connect_known(one_way(), b.key.id(), "N2", {}, at_ms(0)));
  MESSAGE("one new event of 51: " << rest << " B instead of " << all);
  CHECK(rest > 60);
  CHECK(rest * 10 < all);
}
