#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

namespace {
// Two copies of device 9: alike up to `alike`, then each with events of its own.
struct Copies {
  explicit Copies(int alike, int left, int right) : a(incident, writer()), b(incident, writer()) {
    for (int i = 0; i < alike; ++i) {
      a.write(key_of(9), Class::Important, 20);
      b.write(key_of(9), Class::Important, 20);
    }
    for (int i = 0; i < left; ++i) a.write(key_of(9), Class::Important, 20, 1);
    for (int i = 0; i < right; ++i) b.write(key_of(9), Class::Important, 20, 2);
  }
  static model::Writer writer() { return {key_of(9).id(), 1}; }
  static void give(const MemoryLog& from, Node& node) {
    node.log.add_key(key_of(9).public_key());
    for (const auto& run : from.runs_after(stream_of(9, Class::Important), 0, SIZE_MAX)) CHECK(node.log.append(run));
    node.core.durable(at_ms(0));
  }
  MemoryLog a, b;
};

model::VersionVector counted(const Node& node) { return cut_at_forks(node.log.vector(), node.log); }
}  // namespace

TEST_CASE("a fork is found, named alike, and both branches are exchanged") {
  const struct {
    int alike, left, right;
  } rows[] = {{5, 3, 3}, {5, 3, 4}, {0, 1, 1}, {100, 1, 50}, {1000, 7, 1}, {1, 40, 2}};
  for (const auto& row : rows) {
    CAPTURE(row.alike);
    CAPTURE(row.left);
    CAPTURE(row.right);
    const Copies copies(row.alike, row.left, row.right);
    Net net;
    auto& a = net.add(1);
    auto& b = net.add(2);
    Copies::give(copies.a, a);
    Copies::give(copies.b, b);
    net.join(a, b);
    net.settle();
    net.pass(10'000);
    CHECK(counted(a) == counted(b));
    CHECK(counted(a).size() == (row.alike > 0 ? 3U : 2U));
    CHECK(held_of(counted(a), stream_of(9, Class::Important)) == static_cast<std::uint64_t>(row.alike));
    std::size_t events = 0;
    for (const auto& [stream, seq] : counted(a)) {
      if (!stream.is_branch()) continue;
      CHECK(stream.branch.from == static_cast<std::uint64_t>(row.alike) + 1);
      events += seq - static_cast<std::uint64_t>(row.alike);
      CHECK(a.log.entries(stream) == b.log.entries(stream));
    }
    CHECK(events == static_cast<std::size_t>(row.left + row.right));
    for (const auto* node : {&a, &b}) {
      CHECK(all<ForkFound>(*node).size() == 2);
      CHECK(node->core.peers().at(0).level == Level::Equal);
      CHECK(
          node->core.holders({Copies::writer(), Class::Important, static_cast<std::uint64_t>(row.alike) + 1}).empty());
    }
  }
}

TEST_CASE("a third node learns of a fork it did not see, whatever it holds") {
  for (int held = 0; held < 3; ++held) {
    CAPTURE(held);
    const Copies copies(4, 3, 2);
    Net net;
    auto& a = net.add(1);
    auto& b = net.add(2);
    auto& c = net.add(3);
    Copies::give(copies.a, a);
    Copies::give(copies.b, b);
    if (held == 1) Copies::give(copies.a, c);
    if (held == 2) Copies::give(copies.b, c);
    net.join(a, b);
    net.join(b, c);
    net.pass(20'000);
    CHECK(counted(a) == counted(b));
    CHECK(counted(a) == counted(c));
    CHECK(counted(c).size() == 3);
  }
}

TEST_CASE("a copy that writes on learns that it must begin anew, and both its branches live") {
  const Copies copies(4, 3, 0);
  Net net;
  auto& a = net.add(1);
  Copies::give(copies.a, a);
  auto& restored = net.add(9);  // from a backup that ends at 4
  for (int i = 0; i < 4; ++i) restored.write(Class::Important, 20);
  restored.write(Class::Important, 20, 5);
  restored.core.durable(net.now());
  net.join(a, restored);
  net.pass(5'000);
  REQUIRE(all<OwnStreamAhead>(restored).size() == 1);
  restored.log.set_own({restored.key.id(), 2});
  restored.write(Class::Important);
  restored.core.durable(net.now());
  net.pass(20'000);
  CHECK(counted(a) == counted(restored));
  CHECK(counted(a).size() == 4);
}

TEST_CASE("what rot took before a fork is whole again, though every seal of it stands behind the fork") {
  // The author wrote 4 to 13 in one go, and 4 to 14 after it had been restored.
  const auto base = stream_of(9, Class::Important);
  MemoryLog left(incident, Copies::writer()), right(incident, Copies::writer());
  for (int i = 1; i <= 13; ++i) left.write(key_of(9), Class::Important, 20, i > 10 ? 1 : 7, i < 4 || i == 13);
  for (int i = 1; i <= 14; ++i) right.write(key_of(9), Class::Important, 20, i > 10 ? 2 : 7, i < 4 || i == 14);
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  Copies::give(left, a);
  Copies::give(right, b);
  auto& cable = net.join(a, b);
  net.settle();
  net.pass(10'000);
  const auto whole = counted(b);
  REQUIRE(whole == counted(a));
  REQUIRE(held_of(whole, base) == 10);
  net.cut(cable);
  // What the other side sends of it is another content from the fork on, and its seal stands there.
  b.log.lose(base, 3, 14);
  REQUIRE(held_of(b.log.vector(), base) == 3);
  b.core.durable(net.now());
  net.join(a, b);
  net.pass(20'000);
  CHECK(counted(b) == whole);
}

TEST_CASE("a relabelled piece of a good stream is not believed to be a fork") {
  Net net;
  auto& a = net.add(1);
  auto& liar = net.add(2);
  const Copies copies(6, 0, 0);
  Copies::give(copies.a, a);
  // The liar keeps the tail of the good stream under a branch name, with seals that hold.
  Copies::give(copies.a, liar);
  auto branch = stream_of(9, Class::Important);
  branch.branch = {4, head_start<8>(*copies.a.chain_at(branch, 4))};
  for (auto run : copies.a.runs_after(stream_of(9, Class::Important), 3, SIZE_MAX)) {
    for (auto& entry : run.entries) entry.stream = branch;
    run.seal.stream = branch;
    REQUIRE(liar.log.append(run));
  }
  net.join(a, liar);
  net.pass(5'000);
  CHECK(counted(a).at(stream_of(9, Class::Important)) == 6);
  CHECK_FALSE(a.log.vector().contains(branch));
}

namespace {
// The entries of a stream from `from` on, under the name a branch with them would have.
std::vector<model::SealedRun> as_branch(const MemoryLog& log, std::uint64_t from) {
  auto branch = stream_of(9, Class::Important);
  branch.branch = {from, head_start<8>(*log.chain_at(branch.base(), from))};
  auto runs = log.runs_after(branch.base(), from - 1, SIZE_MAX);
  for (auto& run : runs) {
    for (auto& entry : run.entries) entry.stream = branch;
    run.seal.stream = branch;
  }
  return runs;
}

std::size_t refusals_carried(const Net::Cable& cable) {
  return static_cast<std::size_t>(std::count_if(cable.log.begin(), cable.log.end(), [](const auto& carried) {
    return carried.second.bytes[4] == static_cast<std::uint8_t>(MessageType::RunRefused);
  }));
}
}  // namespace

TEST_CASE("a single relabelled branch before its stream silences nothing, and nobody offers it for ever") {
  const Copies copies(6, 0, 0);
  const auto base = stream_of(9, Class::Important);
  Net net;
  auto& victim = net.add(1);
  auto& liar = net.add(2);
  auto& honest = net.add(3);
  victim.log.add_key(key_of(9).public_key());
  liar.log.add_key(key_of(9).public_key());
  for (const auto& run : copies.a.runs_after(base, 0, SIZE_MAX)) {
    if (run.seal.seq <= 3) CHECK(victim.log.append(run));
    if (run.seal.seq <= 3) CHECK(liar.log.append(run));
  }
  for (const auto& run : as_branch(copies.a, 4)) CHECK(liar.log.append(run));
  victim.core.durable(net.now());
  liar.core.durable(net.now());
  auto& lie = net.join(victim, liar);
  net.settle();
  // A node that keeps to the protocol does not send it; one that does not is not bound by that.
  for (const auto& run : as_branch(copies.a, 4)) {
    victim.core.receive(lie.a.peer, encode(Run{run.seal.stream, run.entries, run.seal}), net.now());
    net.settle();
  }
  CHECK(counted(victim).at(base) == 6);
  Copies::give(copies.a, honest);
  auto& cable = net.join(victim, honest);
  net.pass(60'000);
  for (const auto* node : {&victim, &honest}) {
    CHECK(counted(*node) == model::VersionVector{{base, 6}});
    CHECK(node->log.entries(base) == copies.a.entries(base));
    CHECK(all<ForkFound>(*node).empty());
  }
  CHECK(refusals_carried(cable) == 0);
}

TEST_CASE("a log that holds a relabelled branch already goes on with its stream") {
  const Copies copies(6, 0, 0);
  const auto base = stream_of(9, Class::Important);
  Net net;
  auto& victim = net.add(1);
  auto& other = net.add(2);
  victim.log.add_key(key_of(9).public_key());
  for (const auto& run : copies.a.runs_after(base, 0, SIZE_MAX)) {
    if (run.seal.seq <= 3) CHECK(victim.log.append(run));
  }
  for (const auto& run : as_branch(copies.a, 4)) CHECK(victim.log.append(run));
  victim.core.durable(net.now());
  net.join(victim, other);
  net.pass(10'000);
  CHECK(counted(victim) == model::VersionVector{{base, 6}});
  CHECK(counted(other) == counted(victim));
  CHECK(all<ForkFound>(victim).empty());
}

TEST_CASE("whatever the order of streams, true branches and relabelled ones, the same counts in the end") {
  const Copies copies(3, 3, 2);
  const auto base = stream_of(9, Class::Important);
  using Runs = std::vector<model::SealedRun>;
  Runs start, rest;
  for (const auto& run : copies.a.runs_after(base, 0, SIZE_MAX)) (run.seal.seq <= 3 ? start : rest).push_back(run);
  for (const bool forked : {false, true}) {
    std::vector<Runs> pieces{start, rest, as_branch(copies.a, 4), as_branch(copies.a, forked ? 5 : 2)};
    if (forked) pieces.push_back(as_branch(copies.b, 4));
    std::vector<std::size_t> order(pieces.size());
    std::iota(order.begin(), order.end(), 0);
    std::optional<model::VersionVector> first;
    do {
      Net net;
      auto& node = net.add(1);
      auto& source = net.add(2);
      auto& cable = net.join(node, source);
      net.settle();
      node.core.receive(cable.a.peer, encode(Keys{{key_of(9).public_key()}}), net.now());
      // What was refused for a gap comes again, as from a real peer.
      for (int round = 0; round < 3; ++round) {
        for (const auto piece : order) {
          for (const auto& run : pieces[piece]) {
            node.core.receive(cable.a.peer, encode(Run{run.seal.stream, run.entries, run.seal}), net.now());
            net.collect();
          }
        }
      }
      if (!first) first = counted(node);
      REQUIRE(counted(node) == *first);
      REQUIRE(node.log.entries(base).size() >= 3);
      REQUIRE(all<ForkFound>(node).empty() != forked);
    } while (std::next_permutation(order.begin(), order.end()));
    REQUIRE(first->size() == (forked ? 3 : 1));
    CHECK(first->at(base) == (forked ? 3 : 6));
  }
}

TEST_CASE("two streams that differ at the same length are not called equal") {
  const Copies copies(3, 1, 1);
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  Copies::give(copies.a, a);
  Copies::give(copies.b, b);
  REQUIRE(a.log.vector() == b.log.vector());
  net.join(a, b);
  net.step();
  net.step();
  CHECK(a.core.peers().at(0).state == PeerState::Greeting);
  net.settle();
  CHECK(all<ForkFound>(a).size() == 2);
}

namespace {
// A node, and somebody who tells it runs and answers nothing.
struct Told {
  Told(Net& the_net, std::uint8_t n, const MemoryLog& held) : net(the_net), node(net.add(n)) {
    Copies::give(held, node);
    peer = node.core.connect({}, net.now());
    say(Hello{protocol_version, incident, key_of(3).id(), "N3", 1, Digest{1}, 0});
    say(VectorMessage{});
    say(Keys{{key_of(9).public_key()}});
  }
  void say(const Message& message) {
    node.core.receive(peer, encode(message), net.now());
    net.settle();
  }
  void tell(const model::SealedRun& run) { say(Run{run.seal.stream, run.entries, run.seal}); }
  Net& net;
  Node& node;
  PeerId peer = 0;
};

std::vector<model::SealedRun> all_runs(const MemoryLog& log, std::uint64_t after) {
  return log.runs_after(stream_of(9, Class::Important), after, SIZE_MAX);
}
// All of it under its last seal.
model::SealedRun in_one(const std::vector<model::SealedRun>& runs) {
  model::SealedRun out{{}, runs.back().seal};
  for (const auto& run : runs) out.entries.insert(out.entries.end(), run.entries.begin(), run.entries.end());
  return out;
}
}  // namespace

TEST_CASE("a second content of a number is a fork by its seal alone, though whoever tells it answers nothing") {
  const Copies copies(5, 3, 2);
  const Copies longer(5, 1, 4);  // reaches beyond what is held
  for (const bool together : {false, true}) {
    CAPTURE(together);
    Net net;
    Told one(net, 1, copies.a), other(net, 2, copies.b);
    const auto tell = [&](Told& to, const MemoryLog& from) {
      if (together) return to.tell(in_one(all_runs(from, 3)));  // begins where both are alike
      for (const auto& run : all_runs(from, 3)) to.tell(run);
    };
    tell(one, copies.b);
    tell(other, copies.a);
    // Each holds both contents and counts the stream up to there, whichever came first.
    for (const auto* told : {&one, &other}) {
      CHECK(all<ForkFound>(told->node).size() == 2);
      CHECK(counted(told->node).size() == 3);
      CHECK(counted(told->node).at(stream_of(9, Class::Important)) == 5);
      CHECK(told->node.core.peers().size() == 1);
    }
    // And both name them alike.
    if (together) CHECK(counted(one.node) == counted(other.node));
    net.join(one.node, other.node);
    net.pass(10'000);
    CHECK(counted(one.node) == counted(other.node));
    CHECK(counted(one.node).size() == 3);
    for (const auto& [stream, seq] : counted(one.node)) {
      if (stream.is_branch()) CHECK(one.node.log.entries(stream) == other.node.log.entries(stream));
    }
  }
  Net net;
  Told shorter(net, 1, longer.a);
  shorter.tell(in_one(all_runs(longer.b, 4)));
  CHECK(all<ForkFound>(shorter.node).size() == 2);
  CHECK(counted(shorter.node).size() == 3);
}

TEST_CASE("forks proven by their seals are bounded for each stream, and what no seal covers proves none") {
  const Copies copies(2, 1, 0);
  Net net;
  Told told(net, 1, copies.a);
  for (std::uint8_t i = 0; i < branches_max + 10; ++i) {
    MemoryLog other(incident, Copies::writer());
    for (int n = 0; n < 2; ++n) other.write(key_of(9), Class::Important, 20);
    other.write(key_of(9), Class::Important, 30U + i);
    told.tell(all_runs(other, 2).at(0));
  }
  CHECK(counted(told.node).size() <= 1 + branches_max);
  CHECK(counted(told.node).size() > 2);

  Told fooled(net, 2, copies.a);
  const Copies longer(2, 1, 1);
  auto run = all_runs(longer.b, 2).at(0);
  run.seal.signature.value[0] ^= 1;
  fooled.tell(run);
  run = all_runs(longer.b, 2).at(0);
  run.entries.at(0).public_part.push_back(0);  // other entries than were sealed
  fooled.tell(run);
  CHECK(all<ForkFound>(fooled.node).empty());
  CHECK(counted(fooled.node).size() == 1);
}
