// Comparing on demand: with a peer, and the log with itself.
#include <doctest/doctest.h>

#include <functional>

#include "sync/refold.hpp"
#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

namespace {

// A log whose index may say other things than its entries are, and whose disk may give other entries than were written.
class Rotten final : public LogView {
 public:
  explicit Rotten(const LogView& good) : good_(good) {}
  std::function<void(std::uint64_t seq, std::optional<model::Hash>& head)> index = [](auto, auto&) {};
  std::function<void(std::vector<model::SealedRun>& runs)> disk = [](auto&) {};

  model::VersionVector vector() const override { return good_.vector(); }
  std::optional<model::Hash> chain_at(const model::StreamId& stream, std::uint64_t seq) const override {
    auto head = good_.chain_at(stream, seq);
    index(seq, head);
    return head;
  }
  std::vector<model::SealedRun> runs_after(const model::StreamId& stream, std::uint64_t seq,
                                           std::size_t bytes_max) const override {
    auto runs = good_.runs_after(stream, seq, bytes_max);
    disk(runs);
    return runs;
  }
  std::optional<model::PublicKey> author_key(const model::KeyId& author) const override {
    return good_.author_key(author);
  }
  model::Writer own_writer() const override { return good_.own_writer(); }

 private:
  const LogView& good_;
};

void flip(model::Hash& head) { head.value[0] ^= 1; }

// Two cores joined by a wire that loses nothing; what they accept is not written.
struct Pair {
  Core a, b;
  PeerId to_b, to_a;
  std::vector<Output> seen;  // by a
  Pair(const LogView& left, const LogView& right)
      : a({incident, key_of(1).id(), "N1"}, left), b({incident, key_of(2).id(), "N2"}, right) {
    a.durable(at_ms(0));
    b.durable(at_ms(0));
    LinkProfile link;
    link.dialed = true;
    to_b = a.connect(link, at_ms(0));
    link.dialed = false;
    to_a = b.connect(link, at_ms(0));
    pump();
  }
  void pump() {
    for (bool more = true; more;) {
      more = false;
      for (auto& output : a.take_outputs()) {
        more = true;
        if (const auto* send = std::get_if<Send>(&output)) b.receive(to_a, send->bytes, at_ms(0));
        seen.push_back(std::move(output));
      }
      for (auto& output : b.take_outputs()) {
        more = true;
        if (const auto* send = std::get_if<Send>(&output)) a.receive(to_b, send->bytes, at_ms(0));
      }
      a.drained(to_b, at_ms(0));
      b.drained(to_a, at_ms(0));
    }
  }
  std::vector<Compared> compare() {
    seen.clear();
    REQUIRE(a.compare_all(to_b, at_ms(0)));
    pump();
    std::vector<Compared> out;
    for (const auto& output : seen) {
      if (const auto* compared = std::get_if<Compared>(&output)) out.push_back(*compared);
    }
    return out;
  }
};

MemoryLog log_with(int events, std::uint8_t fill_after = 7, int alike = 1'000'000) {
  MemoryLog log(incident, {key_of(9).id(), 1});
  for (int i = 0; i < events; ++i) log.write(key_of(9), Class::Important, 20, i < alike ? std::uint8_t{7} : fill_after);
  return log;
}

Compared only(const std::vector<Compared>& all) {
  REQUIRE(all.size() == 1);
  return all.front();
}

}  // namespace

TEST_CASE("nodes that hold the same find no difference, however far each is") {
  for (const int right : {1, 2, 5, 40, 100}) {
    CAPTURE(right);
    const auto left_log = log_with(40), right_log = log_with(right);
    Pair pair(left_log, right_log);
    const auto compared = only(pair.compare());
    CHECK(compared.why.empty());
    CHECK(compared.streams == 1);
    CHECK(compared.differences.empty());
    CHECK(compared.name == "N2");
  }
}

TEST_CASE("an index that lies below its head is found, though heads and numbers are equal") {
  const auto left = log_with(64), right = log_with(64);
  Rotten liar(right);
  liar.index = [](std::uint64_t seq, auto& head) {
    if (seq == 16 && head) flip(*head);
  };
  Pair pair(left, liar);
  const auto compared = only(pair.compare());
  REQUIRE(compared.differences.size() == 1);
  CHECK(compared.differences[0].kind == Difference::Kind::Contradiction);
  CHECK(compared.differences[0].from == 16);
  CHECK(compared.differences[0].stream == stream_of(9, Class::Important));
}

TEST_CASE("an index that was mended since is compared as it is now, on either side") {
  for (const bool own : {false, true}) {
    CAPTURE(own);
    const auto left = log_with(64), right = log_with(64);
    Rotten mended(own ? left : right);
    bool bad = true;
    mended.index = [&](std::uint64_t seq, auto& head) {
      if (bad && seq == 64 && head) flip(*head);
    };
    Pair pair(own ? static_cast<const LogView&>(mended) : left, own ? right : static_cast<const LogView&>(mended));
    CHECK_FALSE(only(pair.compare()).differences.empty());
    bad = false;
    CHECK(only(pair.compare()).differences.empty());
    CHECK(pair.a.digest() == pair.b.digest());
  }
}

TEST_CASE("a peer that does not show what it says it holds is named, and so is this node's own index") {
  for (const bool own : {false, true}) {
    CAPTURE(own);
    const auto left = log_with(64), right = log_with(64);
    Rotten gap(own ? left : right);
    bool open = false;
    gap.index = [&](std::uint64_t seq, auto& head) {
      if (open && seq == 32) head.reset();
    };
    Pair pair(own ? static_cast<const LogView&>(gap) : left, own ? right : static_cast<const LogView&>(gap));
    open = true;
    const auto compared = only(pair.compare());
    REQUIRE(compared.differences.size() == 1);
    CHECK(compared.differences[0].kind == (own ? Difference::Kind::OwnIndex : Difference::Kind::NotShown));
    CHECK(compared.differences[0].from == 32);
  }
}

TEST_CASE("other contents under the same numbers are found with the first number that differs") {
  for (const int alike : {0, 1, 17, 63, 64, 499, 999}) {
    CAPTURE(alike);
    const auto left = log_with(1'000, 1, alike), right = log_with(1'000, 2, alike);
    Pair pair(left, right);  // what they make of the fork is not written: it stays as it is
    const auto compared = only(pair.compare());
    REQUIRE(compared.differences.size() == 1);
    CHECK(compared.differences[0].kind == Difference::Kind::Contents);
    CHECK(compared.differences[0].from == static_cast<std::uint64_t>(alike) + 1);
  }
}

TEST_CASE("a peer whose head is as ours and whose chain before it is not contradicts itself") {
  const auto left = log_with(1'000, 1, 300), right = log_with(1'000, 2, 300);
  Rotten liar(right);
  liar.index = [&](std::uint64_t seq, auto& head) {
    if (seq == 1'000) head = left.chain_at(stream_of(9, Class::Important), seq);
  };
  Pair pair(left, liar);
  const auto compared = only(pair.compare());
  REQUIRE(compared.differences.size() == 1);
  CHECK(compared.differences[0].kind == Difference::Kind::Contradiction);
  CHECK(compared.differences[0].from > 300);
}

TEST_CASE("a fork that one side only knows is named as one") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  const auto left = log_with(8, 1, 5), right = log_with(8, 2, 5);
  const auto give = [](const MemoryLog& from, Node& node) {
    node.log.add_key(key_of(9).public_key());
    for (const auto& run : from.runs_after(stream_of(9, Class::Important), 0, SIZE_MAX)) REQUIRE(node.log.append(run));
    node.core.durable(at_ms(0));
  };
  give(left, a);
  auto& c = net.add(3);
  give(right, c);
  net.join(a, c);
  net.pass(10'000);  // a and c know of the fork
  give(left, b);
  b.writes_to_disk = false;  // and b's disk takes nothing more
  auto& cable = net.join(a, b);
  net.pass(2'000);
  REQUIRE(a.core.compare_all(cable.a.peer, net.now()));
  net.settle();
  const auto compared = only(all<Compared>(a));
  REQUIRE(compared.differences.size() == 2);
  for (const auto& difference : compared.differences) {
    CHECK(difference.kind == Difference::Kind::ForkHere);
    CHECK(difference.from == 6);
  }
}

TEST_CASE("a comparison ends with a reason when the link is lost, and is refused before the greeting is over") {
  const auto left = log_with(4), right = log_with(4);
  Pair pair(left, right);
  REQUIRE(pair.a.compare_all(pair.to_b, at_ms(0)));
  pair.a.disconnect(pair.to_b, "cable pulled", at_ms(0));
  bool told = false;
  for (const auto& output : pair.a.take_outputs()) {
    if (const auto* compared = std::get_if<Compared>(&output)) {
      told = true;
      CHECK(compared->why == "cable pulled");
    }
  }
  CHECK(told);
  CHECK_FALSE(pair.a.compare_all(pair.to_b, at_ms(0)));
  LinkProfile link;
  CHECK_FALSE(pair.a.compare_all(pair.a.connect(link, at_ms(0)), at_ms(0)));
}

TEST_CASE("a log that is whole refolds without a fault, in steps of any size") {
  const auto log = log_with(50);
  for (const std::size_t bytes : {1UL, 100UL, 1UL << 20}) {
    Refold refold(log, incident);
    while (refold.step(bytes)) {
    }
    CHECK(refold.faults().empty());
    CHECK(refold.events() == 50);
    CHECK(refold.streams() == 1);
  }
}

TEST_CASE("rot on the disk under an intact index, an index under an intact disk, and what cannot be read are named") {
  const auto log = log_with(50);
  const auto found = [&](const Rotten& rotten) {
    Refold refold(rotten, incident);
    while (refold.step(100)) {
    }
    REQUIRE(refold.faults().size() == 1);
    return refold.faults()[0].from;
  };
  Rotten disk(log), index(log), gone(log), moved(log);
  disk.disk = [](auto& runs) {
    for (auto& run : runs) {
      for (auto& entry : run.entries) {
        if (entry.seq == 30) entry.public_part[3] ^= 0x40;
      }
    }
  };
  CHECK(found(disk) == 30);
  index.index = [](std::uint64_t seq, auto& head) {
    if (seq == 20 && head) flip(*head);
  };
  CHECK(found(index) == 20);
  gone.disk = [](auto& runs) {
    if (!runs.empty() && runs.front().seal.seq >= 41) runs.clear();
  };
  CHECK(found(gone) == 41);
  moved.disk = [](auto& runs) {
    for (auto& run : runs) {
      for (auto& entry : run.entries) entry.seq += entry.seq >= 10 ? 1 : 0;
    }
  };
  CHECK(found(moved) == 10);
}
