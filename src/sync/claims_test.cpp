// What a peer says that it holds, and does not send.
#include <doctest/doctest.h>

#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

TEST_CASE("what a peer claims to hold and does not send is bounded, said, and harms nobody") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  net.join(a, b);
  net.settle();
  LinkProfile patient;
  patient.heartbeat = Milliseconds(24 * 3'600'000);
  const auto liar = a.core.connect(patient, net.now());
  const auto say = [&](const Message& message) { a.core.receive(liar, encode(message), net.now()); };
  const auto of_liar = [&] {
    for (auto& status : a.core.peers()) {
      if (status.peer == liar) return status;
    }
    return PeerStatus{};
  };
  constexpr auto routine = static_cast<std::size_t>(Class::Routine);
  say(Hello{protocol_version, incident, key_of(5).id(), "LIAR", 1, Digest{1}, 0});
  VectorMessage vector;

  SUBCASE("more events than any stream has") {
    for (std::uint8_t i = 0; i < 8; ++i)
      vector.items.push_back({stream_of(static_cast<std::uint8_t>(20 + i), Class::Routine), UINT64_MAX, {}});
    say(vector);
    CHECK(of_liar().lacks_here[routine] == 8 * stream_events_max);
    CHECK(of_liar().level == Level::Behind);
    net.pass(1'000);
    REQUIRE(a.core.doubtful().size() == 8);
    CHECK(a.core.doubtful().at(0).first == liar);
    CHECK(a.core.doubtful().at(0).second.is_impossible);
    // Said later, in passing.
    say(Ack{{{stream_of(40, Class::Routine), UINT64_MAX, {}}}});
    net.pass(1'000);
    CHECK(a.core.doubtful().size() == 9);
  }
  SUBCASE("in so many streams that their sum is more than a number holds") {
    for (std::uint32_t i = 1; i <= items_per_frame_max; ++i)
      vector.items.push_back({stream_of(9, Class::Routine, i), UINT64_MAX, {}});
    say(vector);
    CHECK(of_liar().lacks_here[routine] == claimed_events_max);
  }
  SUBCASE("what could be, and does not come") {
    vector.items.push_back({stream_of(5, Class::Routine), 7, {}});
    say(vector);
    CHECK(of_liar().lacks_here[routine] == 7);
    net.pass(claim_doubt_after.count() - 60'000);
    CHECK(a.core.doubtful().empty());
    net.pass(2 * 60'000);
    REQUIRE(a.core.doubtful().size() == 1);
    CHECK(a.core.doubtful().at(0).second.claimed == 7);
    CHECK(a.core.doubtful().at(0).second.here == 0);
    CHECK_FALSE(a.core.doubtful().at(0).second.is_impossible);
    // It comes after all.
    MemoryLog log(incident, {key_of(5).id(), 1});
    say(Keys{{key_of(5).public_key()}});
    for (int i = 0; i < 7; ++i) log.write(key_of(5), Class::Routine, 10);
    for (const auto& run : log.runs_after(stream_of(5, Class::Routine), 0, 1000))
      say(Run{run.seal.stream, run.entries, run.seal});
    net.settle();
    net.pass(60'000);
    CHECK(a.core.doubtful().empty());
    CHECK(of_liar().level == Level::Equal);
  }
  SUBCASE("while it sends other things all the time") {
    vector.items.push_back({stream_of(6, Class::Routine), 7, {}});
    say(vector);
    say(Keys{{key_of(5).public_key()}});
    MemoryLog log(incident, {key_of(5).id(), 1});
    for (int minute = 0; minute < 62; ++minute) {
      if (minute == 58) CHECK(a.core.doubtful().empty());
      log.write(key_of(5), Class::Routine, 10);
      const auto held = log.vector()[stream_of(5, Class::Routine)];
      for (const auto& run : log.runs_after(stream_of(5, Class::Routine), held - 1, 1000))
        say(Run{run.seal.stream, run.entries, run.seal});
      net.settle();
      net.pass(60'000, 5'000);
    }
    CHECK(a.core.doubtful().size() == 1);
  }
  // The others go on, and nothing is said of them.
  b.write(Class::Important);
  b.core.durable(net.now());
  net.settle();
  CHECK(a.log.vector().at(stream_of(2, Class::Important)) == 1);
  for (const auto& [peer, claim] : a.core.doubtful()) CHECK(peer == liar);
}

TEST_CASE("who claims more than any stream has is not asked for its picture") {
  Node node(1);
  Config config{incident, node.key.id(), "N1"};
  config.wants_snapshot = [] { return true; };
  for (const bool is_lie : {false, true}) {
    Core core(config, node.log);
    const auto peer = core.connect({}, at_ms(0));
    core.receive(peer, encode(Hello{protocol_version, incident, key_of(5).id(), "X", 1, Digest{1}, feature_snapshots}),
                 at_ms(0));
    const auto claimed = is_lie ? stream_events_max + 1 : snapshot_lack_min;
    core.receive(peer, encode(VectorMessage{{}, {{stream_of(5, Class::Routine), claimed, {}}}, {}}), at_ms(0));
    bool asked = false;
    for (const auto& output : core.take_outputs()) {
      const auto* send = std::get_if<Send>(&output);
      asked = asked || (send != nullptr && send->bytes[4] == static_cast<std::uint8_t>(MessageType::SnapshotAsk));
    }
    CHECK(asked == !is_lie);
  }
}
