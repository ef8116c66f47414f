// Several links to one node, and message links.
#include <doctest/doctest.h>

#include "base/rng.hpp"
#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

namespace {

LinkProfile over(std::string bearer, std::uint32_t cost) {
  LinkProfile profile;
  profile.bearer = std::move(bearer);
  profile.cost = cost;
  return profile;
}
std::size_t events_over(const Net::Cable& cable) {
  std::size_t count = 0;
  for (const auto& [from_a, send] : cable.log) count += send.cls.has_value();
  return count;
}

// Two nodes on a bearer that loses nothing and carries one way at a time, as radios do.
struct Air {
  Node& a;
  Node& b;
  PeerId a_to_b = 0, b_to_a = 0;
  std::size_t bytes = 0, messages = 0;
  Air(Net& net, Node& first, Node& second, LinkProfile profile = over("radio", 1)) : a(first), b(second) {
    a.core.durable(net.now());
    b.core.durable(net.now());
    profile.is_message = true;
    const auto digest_a = a.core.digest(), digest_b = b.core.digest();
    a_to_b = a.core.connect_known(profile, b.key.id(), "B", digest_b, net.now());
    b_to_a = b.core.connect_known(profile, a.key.id(), "A", digest_a, net.now());
    net.collect();
  }
  bool turn(Net& net, bool from_a, std::size_t room) {
    auto& from = from_a ? a : b;
    auto& to = from_a ? b : a;
    const auto sent = from.core.pull(from_a ? a_to_b : b_to_a, room, false, net.now());
    for (const auto& send : sent) {
      bytes += send.bytes.size();
      ++messages;
      to.core.receive_message(from_a ? b_to_a : a_to_b, send.bytes, false, net.now());
      net.collect();
    }
    net.collect();
    return !sent.empty();
  }
  void settle(Net& net, std::size_t room = 1000) {
    for (int i = 0; i < 100'000; ++i) {
      const bool first = turn(net, true, room);
      if (!turn(net, false, room) && !first) return;
    }
  }
  void beacons(Net& net) {
    a.core.beacon(a_to_b, b.core.digest(), net.now());
    b.core.beacon(b_to_a, a.core.digest(), net.now());
    net.collect();
  }
};

}  // namespace

TEST_CASE("of two links to one node the cheap one carries, and each event is sent and stored once") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& dear = net.join(a, b, over("satellite", 5));
  net.settle();
  auto& cheap = net.join(a, b, over("lan", 0));
  net.settle();
  REQUIRE(a.core.peers().size() == 2);
  const auto before = events_over(dear);
  for (int i = 0; i < 30; ++i) {
    a.write(static_cast<Class>(i % 3));
    a.core.durable(net.now());
    net.settle();
  }
  CHECK(a.log.vector() == b.log.vector());
  CHECK(events_over(dear) == before);
  CHECK(events_over(cheap) == 30);
  CHECK(b.core.peers().at(0).bearer == "satellite");
  CHECK(!a.core.peers().at(0).carries);
  CHECK(a.core.peers().at(1).carries);
  CHECK(b.core.peers().at(0).events_duplicate + b.core.peers().at(1).events_duplicate == 0);
  // Acknowledged on one link is known on both.
  CHECK(a.core.peers().at(0).level == Level::Equal);
  net.pass(60'000);
  CHECK(a.core.peers().size() == 2);
}

TEST_CASE("an event heard on two bearers is stored once, and the second copy counts as held") {
  constexpr std::uint64_t written = 10;
  for (const bool slow_disk : {false, true}) {
    CAPTURE(slow_disk);
    Net net;
    auto& a = net.add(1);
    auto& b = net.add(2);
    auto& dear = net.join(a, b, over("satellite", 5));
    auto& cheap = net.join(a, b, over("lan", 0));
    net.settle();
    for (std::uint64_t i = 0; i < written; ++i) a.write(Class::Urgent);
    a.core.durable(net.now());
    net.collect();
    // The cable keeps what it was given until A, which hears nothing of it, has said it again on the dear link.
    const auto late = std::exchange(cheap.a.urgent, {});
    REQUIRE_FALSE(late.empty());
    cheap.a.open = cheap.b.open = false;
    b.writes_to_disk = !slow_disk;
    net.pass(4'000);
    REQUIRE(a.core.peers().size() == 2);
    CHECK(a.core.peers().at(0).events_sent == written);
    CHECK(a.core.peers().at(1).events_sent == written);
    CHECK(b.core.peers().at(0).events_received == written);
    cheap.a.open = cheap.b.open = true;
    cheap.a.urgent = late;
    net.settle();
    CHECK(events_over(dear) > 0);
    CHECK(events_over(cheap) > 0);
    if (slow_disk) CHECK(b.log.vector().empty());  // both copies came before the first was written
    b.writes_to_disk = true;
    net.settle();
    // On the links: all of the first copy is taken, all of the second is held already. On the disk: each once.
    CHECK(b.core.peers().at(0).events_duplicate == 0);
    CHECK(b.core.peers().at(1).events_received == 0);
    CHECK(b.core.peers().at(1).events_duplicate == written);
    std::uint64_t to_disk = 0;
    for (const auto& accept : b.took) to_disk += accept.run.entries.size();
    CHECK(to_disk == written);
    CHECK(b.log.entries(stream_of(1, Class::Urgent)).size() == written);
    CHECK(b.core.refused_total() == 0);
    CHECK(b.log.vector() == a.log.vector());
  }
}

TEST_CASE("when the cheap link falls silent the other takes over without a person, the urgent first") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& dear = net.join(a, b, over("satellite", 5));
  auto& cheap = net.join(a, b, over("lan", 0));
  net.settle();
  // The cable is cut and nobody is told.
  cheap.b.open = false;
  cheap.a.open = false;
  a.write(Class::Urgent);
  a.write(Class::Routine);
  a.core.durable(net.now());
  net.pass(2'500);
  CHECK(b.log.vector().empty());
  net.pass(1'500);
  CHECK(b.log.vector().size() == 1);  // the urgent one, after urgent_patience
  net.pass(20'000);
  CHECK(b.log.vector() == a.log.vector());
  CHECK(events_over(dear) == 2);
}

TEST_CASE("a link whose budget is spent carries what is urgent and nothing else") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto profile = over("satellite", 5);
  net.join(a, b, profile);
  net.settle();
  const auto peer = a.core.peers().at(0).peer;
  a.core.set_budget(peer, 0, net.now());
  a.write(Class::Urgent);
  a.write(Class::Important);
  a.write(Class::Routine);
  a.core.durable(net.now());
  net.settle();
  CHECK(b.log.vector().size() == 1);
  CHECK(a.core.peers().at(0).budget == 0);
  a.core.set_budget(peer, 100'000, net.now());
  net.settle();
  CHECK(b.log.vector() == a.log.vector());
  CHECK(*a.core.peers().at(0).budget < 100'000);
}

TEST_CASE("a budget that ends within a burst is passed by a frame at most, not by the burst") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto profile = over("satellite", 5);
  profile.frame_bytes = 500;
  net.join(a, b, profile);
  net.settle();
  const auto peer = a.core.peers().at(0).peer;
  for (int i = 0; i < 200; ++i) a.write(Class::Important);
  const std::uint64_t budget = 3'000, before = a.core.peers().at(0).bytes_sent;
  a.core.set_budget(peer, budget, net.now());
  a.core.durable(net.now());
  const auto went = a.core.peers().at(0).bytes_sent - before;
  CHECK(went >= budget);
  CHECK(went < budget + 2 * profile.frame_bytes);
}

TEST_CASE("the other side of a link whose budget is spent is told, and sends what is urgent and nothing else") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  const auto write_each = [&] {
    for (const auto cls : {Class::Urgent, Class::Important, Class::Routine}) b.write(cls);
    b.core.durable(net.now());
  };
  SUBCASE("on a stream") {
    net.join(a, b, over("satellite", 5));
    net.settle();
    const auto peer = a.core.peers().at(0).peer;
    a.core.set_budget(peer, 0, net.now());
    net.settle();
    write_each();
    net.settle();
    CHECK(a.log.vector().size() == 1);
    CHECK_FALSE(b.core.peers().at(0).budget);
    a.core.set_budget(peer, 100'000, net.now());
    net.settle();
    CHECK(a.log.vector() == b.log.vector());
  }
  SUBCASE("on a message link") {
    Air air(net, a, b);
    air.settle(net);
    a.core.set_budget(air.a_to_b, 0, net.now());
    air.settle(net);
    write_each();
    air.settle(net);
    CHECK(a.log.vector().size() == 1);
    a.core.set_budget(air.a_to_b, 100'000, net.now());
    air.settle(net);
    CHECK(a.log.vector() == b.log.vector());
  }
  CHECK(a.core.refused_total() + b.core.refused_total() == 0);
}

TEST_CASE("a message link levels two nodes in both directions, and a beacon says when there is nothing new") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 40; ++i) a.write(static_cast<Class>(i % 3));
  for (int i = 0; i < 25; ++i) b.write(static_cast<Class>(i % 3));
  Air air(net, a, b);
  air.settle(net);
  CHECK(a.log.vector().size() == 6);
  CHECK(a.log.vector() == b.log.vector());
  CHECK(a.core.peers().at(0).level == Level::Equal);
  CHECK(b.core.peers().at(0).level == Level::Equal);
  CHECK(a.core.refused_total() + b.core.refused_total() == 0);
  const auto messages = air.messages;
  air.beacons(net);
  air.settle(net);
  CHECK(air.messages == messages);
}

TEST_CASE("what a message link may say is decided when it may speak: the urgent overtakes what came before it") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 200; ++i) a.write(Class::Routine, 100);
  Air air(net, a, b);
  for (int i = 0; i < 6; ++i) {
    air.turn(net, true, 1000);
    air.turn(net, false, 1000);
  }
  REQUIRE(!b.log.vector().empty());
  REQUIRE(b.log.vector() != a.log.vector());
  a.write(Class::Urgent);
  a.core.durable(net.now());
  a.core.take_outputs();
  const auto sent = a.core.pull(air.a_to_b, 1000, false, net.now());
  REQUIRE(!sent.empty());
  bool seen = false;
  for (const auto& send : sent) {
    if (send.cls == Class::Urgent) seen = true;
    if (send.cls == Class::Routine) CHECK(seen);
  }
  CHECK(seen);
}

TEST_CASE("an urgent event of now goes before the urgent backlog, also one written during the greeting") {
  for (const bool is_greeting_over : {true, false}) {
    CAPTURE(is_greeting_over);
    Net net;
    auto& a = net.add(1);
    auto& b = net.add(2);
    // Authors on both sides of the own one in any order of keys.
    for (std::uint8_t n = 10; n < 40; ++n) {
      MemoryLog other(incident, {key_of(n).id(), 1});
      other.write(key_of(n), Class::Urgent, 100);
      a.log.add_key(key_of(n).public_key());
      a.log.append(other.runs_after(stream_of(n, Class::Urgent), 0, 1000).at(0));
    }
    Air air(net, a, b);
    const auto write = [&] {
      a.write(Class::Urgent);
      a.core.durable(net.now());
      net.collect();
    };
    if (!is_greeting_over) write();
    for (int i = 0; i < 3; ++i) {
      air.turn(net, false, 600);
      if (i < 2) air.turn(net, true, 600);
    }
    if (is_greeting_over) write();
    REQUIRE(held_of(b.log.vector(), stream_of(39, Class::Urgent)) +
                held_of(b.log.vector(), stream_of(20, Class::Urgent)) <
            2);
    if (is_greeting_over) air.turn(net, true, 600);
    CHECK(held_of(b.log.vector(), stream_of(1, Class::Urgent)) == 1);
    CHECK(b.log.vector().size() < 25);
    air.settle(net);
    CHECK(a.log.vector() == b.log.vector());
  }
}

TEST_CASE("on a message link what waits of a stream goes under one seal, though little room is left") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  Air air(net, a, b);
  air.settle(net);
  for (int i = 0; i < 6; ++i) a.write(Class::Urgent, 100);
  a.core.durable(net.now());
  net.collect();
  std::size_t runs = 0;
  for (int i = 0; i < 10; ++i) {
    const auto sent = a.core.pull(air.a_to_b, 100, false, net.now());
    for (const auto& send : sent) runs += send.cls == Class::Urgent;
    for (const auto& send : sent) b.core.receive_message(air.b_to_a, send.bytes, false, net.now());
    net.collect();
    air.turn(net, false, 100);
  }
  CHECK(a.log.vector() == b.log.vector());
  CHECK(runs == 1);
}

TEST_CASE("a fork that only chain heads show is found over a message link, which leaves them out") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  // One author, two contents for number 3, and equal numbers.
  MemoryLog one(incident, {key_of(9).id(), 1}), two(incident, {key_of(9).id(), 1});
  for (auto* log : {&one, &two}) {
    log->write(key_of(9), Class::Routine, 20);
    log->write(key_of(9), Class::Routine, 20);
  }
  one.write(key_of(9), Class::Routine, 20, 1);
  two.write(key_of(9), Class::Routine, 20, 2);
  for (auto* node : {&a, &b}) node->log.add_key(key_of(9).public_key());
  for (const auto& run : one.runs_after(stream_of(9, Class::Routine), 0, 1000)) a.log.append(run);
  for (const auto& run : two.runs_after(stream_of(9, Class::Routine), 0, 1000)) b.log.append(run);
  Air air(net, a, b);
  for (int i = 0; i < 6; ++i) {
    air.settle(net);
    air.beacons(net);
  }
  CHECK(all<ForkFound>(a).size() == 2);
  CHECK(all<ForkFound>(b).size() == 2);
  CHECK(a.log.vector().size() == 3);
  CHECK(a.core.digest() == b.core.digest());
}

TEST_CASE("a message link goes on from what was told before the break") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (std::uint8_t n = 10; n < 60; ++n) {
    MemoryLog other(incident, {key_of(n).id(), 1});
    other.write(key_of(n), Class::Routine, 20);
    a.log.add_key(key_of(n).public_key());
    a.log.append(other.runs_after(stream_of(n, Class::Routine), 0, 1000).at(0));
  }
  Air first(net, a, b);
  first.settle(net);
  REQUIRE(a.log.vector() == b.log.vector());
  first.beacons(net);
  a.core.disconnect(first.a_to_b, "out of reach", net.now());
  b.core.disconnect(first.b_to_a, "out of reach", net.now());
  a.write(Class::Routine);
  b.write(Class::Urgent);
  Air again(net, a, b);
  again.settle(net);
  CHECK(a.log.vector() == b.log.vector());
  MESSAGE("bytes to level after a break, 50 authors: " << again.bytes);
  CHECK(again.bytes < 600);
}

TEST_CASE("one way: what the other side is not known to hold is said, and said again with growing pauses") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  a.write(Class::Important);
  auto profile = over("broadcast", 0);
  profile.is_one_way = true;
  Air air(net, a, b, profile);
  // Nothing of B is ever heard.
  const auto say = [&] { return a.core.pull(air.a_to_b, 4000, false, net.now()).size(); };
  CHECK(say() > 0);
  CHECK(say() == 0);
  int times = 0;
  for (int minute = 0; minute < 60; ++minute) {
    net.time += 60'000;
    a.core.poll(net.now());
    if (say() > 0) ++times;
  }
  CHECK(times >= 3);
  CHECK(times <= 7);
}

TEST_CASE("who acts through nodes is named by place on message links, as the nodes are") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  const auto person = key_of(9).id();
  a.log.set_persons({person});
  a.write(Class::Routine);
  a.core.durable(net.now());
  auto profile = over("radio", 1);
  profile.is_message = true;
  const auto peer = a.core.connect_known(profile, b.key.id(), "B", Digest{1}, net.now());
  net.collect();
  a.core.receive_message(peer, encode_compact(AskVector{}, {}), false, net.now());
  const WriterTable table({{a.key.id(), 1}, {person, 0}});
  bool named = false;
  for (const auto& send : a.core.pull(peer, 1000, false, net.now())) {
    CompactContext context;
    context.tables = [&](WriterTag tag) {
      named = named || tag == table.tag();
      return std::vector<const WriterTable*>{&table};
    };
    CHECK(decode_compact(send.bytes, context));
  }
  CHECK(named);
}

TEST_CASE("what was said on a message link of its own goes with the link") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  a.write(Class::Routine);
  for (int i = 0; i < 20; ++i) {
    Air air(net, a, b);
    air.settle(net);
    a.core.disconnect(air.a_to_b, "out of reach", net.now());
    b.core.disconnect(air.b_to_a, "out of reach", net.now());
  }
  CHECK(a.core.airs() == 0);
  CHECK(b.core.airs() == 0);
}

TEST_CASE("a picture goes over streams only, whoever asks for one by radio") {
  Config config{incident, key_of(1).id(), "N1"};
  config.sends_snapshots = true;
  MemoryLog log(incident, {key_of(1).id(), 1});
  Core core(config, log);
  auto profile = over("radio", 1);
  profile.is_message = true;
  const auto peer = core.connect_known(profile, key_of(2).id(), "B", core.digest(), at_ms(0));
  core.take_outputs();
  core.receive_message(peer, encode_compact(SnapshotAsk{1000}, {}), false, at_ms(0));
  for (const auto& output : core.take_outputs()) CHECK(!std::holds_alternative<SnapshotAsked>(output));
}
