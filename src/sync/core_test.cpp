#include "sync/core.hpp"

#include <doctest/doctest.h>

#include "base/rng.hpp"
#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

TEST_CASE("two nodes give each other what each lacks") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 40; ++i) a.write(static_cast<Class>(i % 3));
  for (int i = 0; i < 25; ++i) b.write(static_cast<Class>(i % 3));
  net.join(a, b);
  net.settle();
  CHECK(a.log.vector().size() == 6);
  CHECK(a.log.vector() == b.log.vector());
  CHECK(a.log.entries(stream_of(2, Class::Urgent)) == b.log.entries(stream_of(2, Class::Urgent)));
  CHECK(all<PeerUp>(a).size() == 1);
  CHECK(all<PeerUp>(a).at(0).name == "N2");
  CHECK(a.core.peers().at(0).level == Level::Equal);
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 14}) == std::vector{b.key.id()});
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 15}).empty());

  // Live: what is written now goes at once, and is known to be there when it comes back acknowledged.
  a.write(Class::Important);
  a.core.durable(net.now());
  net.settle();
  CHECK(a.log.vector() == b.log.vector());
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Important, 14}) == std::vector{b.key.id()});
  CHECK(a.core.refused_total() + b.core.refused_total() == 0);
}

TEST_CASE("the stream may arrive in any pieces") {
  for (const std::size_t slice : {1U, 2U, 7U, 100U}) {
    Net net;
    auto& a = net.add(1);
    auto& b = net.add(2);
    for (int i = 0; i < 10; ++i) a.write(Class::Routine, 100);
    net.join(a, b);
    net.settle(slice);
    CHECK(a.log.vector() == b.log.vector());
  }
}

TEST_CASE("nothing new costs at most 40 bytes both ways") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 40; ++i) a.write(Class::Routine);
  auto& cable = net.join(a, b);
  net.pass(20'000);
  const auto before = cable.log.size();
  auto bytes = cable.bytes_ab + cable.bytes_ba;
  net.pass(5'000, 5'000);
  bytes = cable.bytes_ab + cable.bytes_ba - bytes;
  // A ping with the digest and its answer, from each side.
  CHECK(cable.log.size() - before == 4);
  CHECK(bytes / 2 <= 40);
  MESSAGE("bytes of one question and answer: " << bytes / 2);
}

TEST_CASE("nodes that are equal say so in one message each") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 100; ++i) a.write(Class::Routine);
  net.cut(net.join(a, b));
  auto& first = net.join(a, b);
  net.settle();
  REQUIRE(a.log.vector() == b.log.vector());
  net.cut(first);
  auto& again = net.join(a, b);
  net.settle();
  CHECK(again.log.size() == 2);
  CHECK(a.core.peers().at(0).level == Level::Equal);
}

TEST_CASE("after a break only what changed is told") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (std::uint8_t n = 10; n < 40; ++n) {
    MemoryLog other(incident, {key_of(n).id(), 1});
    other.write(key_of(n), Class::Routine, 20);
    a.log.add_key(key_of(n).public_key());
    a.log.append(other.runs_after(stream_of(n, Class::Routine), 0, 1000).at(0));
  }
  auto& first = net.join(a, b);
  net.pass(12'000);
  REQUIRE(a.log.vector() == b.log.vector());
  net.cut(first);
  a.write(Class::Routine);
  b.write(Class::Urgent);
  auto& again = net.join(a, b);
  net.settle();
  CHECK(a.log.vector() == b.log.vector());
  MESSAGE("bytes to level after a break, 30 authors: " << again.bytes_ab + again.bytes_ba);
  // Two greetings of some 90 bytes, two questions, two deltas, two events with seal, key and acknowledgement; the whole
  // vector alone would be 1,000 bytes each way.
  CHECK(again.bytes_ab + again.bytes_ba < 900);
}

TEST_CASE("three nodes in a line converge through the one in the middle") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& c = net.add(3);
  net.join(a, b);
  net.join(b, c);
  for (int i = 0; i < 30; ++i) {
    a.write(static_cast<Class>(i % 3));
    c.write(static_cast<Class>(i % 3));
    a.core.durable(net.now());
    c.core.durable(net.now());
    net.step();
  }
  net.settle();
  CHECK(a.log.vector().size() == 6);
  CHECK(a.log.vector() == b.log.vector());
  CHECK(a.log.vector() == c.log.vector());
  // Known at first hand only: what C holds, A would have from B's word.
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 1}) == std::vector{b.key.id()});
  CHECK(b.core.holders({{a.key.id(), 1}, Class::Urgent, 1}).size() == 2);
}

TEST_CASE("nothing is acknowledged or passed on before it is on disk") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& c = net.add(3);
  net.join(a, b);
  net.join(b, c);
  net.settle();
  b.writes_to_disk = false;
  for (int i = 0; i < 5; ++i) a.write(Class::Urgent);
  a.core.durable(net.now());
  net.settle();
  CHECK(b.waiting.size() == 1);
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 1}).empty());
  CHECK(c.log.vector().empty());
  CHECK(a.core.peers().at(0).lacks_there[0] == 5);
  b.writes_to_disk = true;
  net.settle();
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 5}).size() == 1);
  CHECK(c.log.vector() == a.log.vector());
}

TEST_CASE("an unsealed event is not advertised") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  net.join(a, b);
  net.settle();
  a.log.write(a.key, Class::Routine, 10, 1, false);
  a.core.durable(net.now());
  net.settle();
  CHECK(b.log.vector().empty());
  a.log.write(a.key, Class::Routine, 10, 2, true);
  a.core.durable(net.now());
  net.settle();
  CHECK(b.log.vector().at(stream_of(1, Class::Routine)) == 2);
}

TEST_CASE("what a disk refused is sent again") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  net.join(a, b);
  net.settle();
  b.writes_to_disk = false;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) a.write(Class::Routine);
    a.core.durable(net.now());
    net.settle();
  }
  REQUIRE(b.waiting.size() == 3);
  for (const auto& accept : b.waiting) b.core.refused(accept.ticket, net.now());
  b.waiting.clear();
  b.writes_to_disk = true;
  net.settle();
  CHECK(b.log.vector().empty());
  net.pass(3'000);
  CHECK(b.log.vector() == a.log.vector());
}

TEST_CASE("a disk that refuses many runs at once is tried again as soon as after one") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  net.join(a, b);
  net.settle();
  b.writes_to_disk = false;
  for (const auto cls : {Class::Urgent, Class::Important, Class::Routine}) a.write(cls);
  a.core.durable(net.now());
  net.settle();
  REQUIRE(b.waiting.size() == 3);
  for (const auto& accept : b.waiting) b.core.refused(accept.ticket, net.now());
  b.waiting.clear();
  b.writes_to_disk = true;
  net.pass(3'000);
  CHECK(b.log.vector() == a.log.vector());
}

TEST_CASE("an urgent event goes before a backlog that is under way") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 2'000; ++i) a.write(Class::Routine, 1'000);
  auto& cable = net.join(a, b);
  while (b.log.vector().empty()) net.step();
  a.write(Class::Urgent);
  a.core.durable(net.now());
  net.collect();
  const auto before = cable.log.size();
  net.settle();
  std::size_t place = 0;
  for (std::size_t i = before; i < cable.log.size(); ++i) {
    if (cable.log[i].first && cable.log[i].second.cls == Class::Routine) ++place;
    if (cable.log[i].second.cls == Class::Urgent) break;
  }
  CHECK(place == 0);
  CHECK(a.log.vector() == b.log.vector());
}

TEST_CASE("the backlog goes by class, and the routine class keeps a tenth") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 12; ++i) a.write(Class::Urgent, 200);
  for (int i = 0; i < 3'000; ++i) {
    a.write(Class::Routine, 500);
    a.write(Class::Important, 500);
  }
  auto& cable = net.join(a, b);
  net.settle();
  CHECK(a.log.vector() == b.log.vector());
  std::size_t important = 0, routine = 0, urgent_after = 0;
  std::size_t important_left = 0;
  for (const auto& [from_a, send] : cable.log) {
    if (send.cls == Class::Important) important_left += send.bytes.size();
  }
  for (const auto& [from_a, send] : cable.log) {
    if (send.cls == Class::Urgent && important + routine > 0) ++urgent_after;
    if (important == important_left) break;  // from here on there is only routine
    if (send.cls == Class::Important) important += send.bytes.size();
    if (send.cls == Class::Routine) routine += send.bytes.size();
  }
  CHECK(urgent_after == 0);
  const auto share = static_cast<double>(routine) / static_cast<double>(routine + important);
  MESSAGE("routine share: " << share);
  CHECK(share >= 0.09);
  CHECK(share <= 0.15);
}

TEST_CASE("unacknowledged bytes stay within the window") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  b.writes_to_disk = false;
  for (int i = 0; i < 600; ++i) a.write(Class::Routine, 10'000);
  LinkProfile profile;
  profile.window_bytes = 500'000;
  net.join(a, b, profile);
  net.settle();
  const auto flying = a.core.peers().at(0).in_flight_bytes;
  CHECK(flying >= 500'000);
  CHECK(flying < 500'000 + profile.frame_bytes * 2);
  b.writes_to_disk = true;
  net.settle();
  CHECK(a.log.vector() == b.log.vector());
  CHECK(a.core.peers().at(0).in_flight_bytes == 0);
}

TEST_CASE("a run larger than a frame goes in parts and waits for its seal") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 16; ++i) a.log.write(a.key, Class::Routine, 60'000, 3, i == 15);
  net.join(a, b);
  int frames = 0;
  while (b.took.empty() && ++frames < 1000) {
    CHECK(b.log.vector().empty());
    net.step();
  }
  net.settle();
  CHECK(b.took.size() == 1);
  CHECK(b.log.vector() == a.log.vector());
}

TEST_CASE("an author that floods class 0 waits as class 1") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& c = net.add(3);
  net.join(a, b);
  net.settle();
  for (int i = 0; i < 100; ++i) a.write(Class::Urgent, 1'000);
  a.core.durable(net.now());
  net.settle();
  REQUIRE(b.log.vector() == a.log.vector());
  b.write(Class::Urgent);
  b.core.durable(net.now());
  auto& cable = net.join(b, c);
  net.settle();
  CHECK(b.log.vector() == c.log.vector());
  // The one report of B goes before the hundred of A.
  std::vector<std::pair<Class, std::size_t>> runs;
  for (const auto& [from_b, send] : cable.log) {
    if (from_b && send.cls) runs.emplace_back(*send.cls, send.bytes.size());
  }
  REQUIRE(runs.size() > 2);
  CHECK(runs.front().first == Class::Urgent);
  CHECK(runs.front().second < 400);
  for (std::size_t i = 1; i < runs.size(); ++i) CHECK(runs[i].first == Class::Important);
}

TEST_CASE("a silent peer is lost after two missed intervals") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& cable = net.join(a, b);
  net.pass(20'000);
  CHECK(all<PeerDown>(a).empty());
  CHECK(a.core.peers().at(0).round_trip.has_value());
  cable.a.open = cable.b.open = false;  // the wire is dead, and nobody was told
  net.pass(12'000);
  CHECK(all<PeerDown>(a).empty());
  net.pass(2'000);
  REQUIRE(all<PeerDown>(a).size() == 1);
  const auto down = all<PeerDown>(a).at(0);
  CHECK(down.why == "nothing heard for two intervals");
  CHECK(down.was_up);
  CHECK(down.name == "N2");
  CHECK(down.last_heard > SteadyTime{});
  CHECK(down.last_heard < net.now().steady - Milliseconds(10'000));
  CHECK(a.core.peers().empty());
}

TEST_CASE("two links between the same nodes become one on both sides") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  net.join(a, b);
  net.join(b, a);
  net.settle();
  CHECK(a.core.peers().size() == 1);
  CHECK(b.core.peers().size() == 1);
  a.write(Class::Urgent);
  a.core.durable(net.now());
  net.settle();
  CHECK(a.log.vector() == b.log.vector());
}

TEST_CASE("what a node held is remembered while it is away") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  a.write(Class::Urgent);
  auto& cable = net.join(a, b);
  net.settle();
  net.cut(cable);
  CHECK(a.core.peers().empty());
  CHECK(a.core.holders({{a.key.id(), 1}, Class::Urgent, 1}) == std::vector{b.key.id()});
}

TEST_CASE("a tree of nodes converges whatever the order of writing and cutting") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Net net;
    const auto count = 2 + rng.below(4);
    for (std::size_t i = 0; i < count; ++i) net.add(static_cast<std::uint8_t>(i + 1));
    std::vector<Net::Cable*> cables;
    for (std::size_t i = 1; i < count; ++i) cables.push_back(&net.join(*net.nodes[rng.below(i)], *net.nodes[i]));
    for (int step = 0; step < 300; ++step) {
      auto& node = *net.nodes[rng.below(count)];
      node.write(static_cast<Class>(rng.below(3)), 10 + rng.below(3000));
      if (rng.chance(0.7)) node.core.durable(net.now());
      if (rng.chance(0.5)) net.step(rng.chance(0.3) ? 13 : SIZE_MAX);
      if (rng.chance(0.05)) {
        auto& cable = cables[rng.below(cables.size())];
        auto *x = cable->a.node, *y = cable->b.node;
        net.cut(*cable);
        cable = &net.join(*x, *y);
      }
    }
    for (auto& node : net.nodes) node->core.durable(net.now());
    net.settle();
    net.pass(3'000);
    for (const auto& node : net.nodes) CHECK(node->log.vector() == net.nodes[0]->log.vector());
  }
}
