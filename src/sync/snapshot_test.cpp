// The picture before the events: who asks whom, when it is sent, and what of it is refused.
#include <doctest/doctest.h>

#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

namespace {

constexpr int backlog = static_cast<int>(snapshot_lack_min) + 50;

struct Late {
  Node post{1}, late{2};
  bool wants = true;
  std::unique_ptr<Core> post_core, late_core;
  explicit Late(bool post_sends = true, bool late_asks = true, int events = backlog) {
    for (int i = 1; i <= events; ++i) post.log.write(post.key, Class::Routine, 10, 7, i % 50 == 0);
    for (int i = 0; i < 3; ++i) post.write(Class::Urgent, 10);
    Config config{incident, key_of(1).id(), "POST"};
    config.sends_snapshots = post_sends;
    post_core = std::make_unique<Core>(config, post.log);
    config.node = key_of(2).id();
    config.name = "LATE";
    config.sends_snapshots = late_asks;
    if (late_asks) config.wants_snapshot = [this] { return wants; };
    late_core = std::make_unique<Core>(config, late.log);
  }
};

template <class T>
std::vector<T> of(std::vector<Output>& outputs) {
  std::vector<T> out;
  for (auto& output : outputs) {
    if (auto* one = std::get_if<T>(&output)) out.push_back(std::move(*one));
  }
  return out;
}

// The messages in what was sent, in order.
std::vector<Message> messages_of(const std::vector<Output>& outputs) {
  std::vector<Message> out;
  FrameReader reader;
  for (const auto& output : outputs) {
    const auto* send = std::get_if<Send>(&output);
    if (send == nullptr) continue;
    (void)reader.feed(send->bytes, [&](std::uint8_t type, ByteView payload, std::uint64_t) {
      auto message = decode(type, payload);
      if (message && std::holds_alternative<Message>(*message)) out.push_back(std::move(std::get<Message>(*message)));
      return true;
    });
  }
  return out;
}
template <class T>
std::size_t count(const std::vector<Message>& messages) {
  std::size_t n = 0;
  for (const auto& message : messages) n += std::holds_alternative<T>(message) ? 1 : 0;
  return n;
}

// Both greet; what LATE then says to POST.
struct Greeted {
  PeerId at_post = 0, at_late = 0;
  std::vector<Message> said;
  explicit Greeted(Late& world) {
    at_post = world.post_core->connect({}, at_ms(0));
    at_late = world.late_core->connect({}, at_ms(0));
    for (int round = 0; round < 4; ++round) {
      auto from_post = world.post_core->take_outputs(), from_late = world.late_core->take_outputs();
      for (auto& message : messages_of(from_late)) said.push_back(std::move(message));
      for (const auto& output : from_post) {
        if (const auto* send = std::get_if<Send>(&output)) world.late_core->receive(at_late, send->bytes, at_ms(1));
      }
      for (const auto& output : from_late) {
        if (std::holds_alternative<Send>(output) && round < 2)
          world.post_core->receive(at_post, std::get<Send>(output).bytes, at_ms(1));
      }
      world.post_core->drained(at_post, at_ms(1));  // its vector waits until the events of a burst have left
    }
    for (auto& message : messages_of(world.late_core->take_outputs())) said.push_back(std::move(message));
  }
};

Bytes picture_of(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 >> 3);
  return out;
}

}  // namespace

TEST_CASE("who holds next to nothing asks once, and only who answers such questions") {
  Late world;
  CHECK(count<SnapshotAsk>(Greeted(world).said) == 1);
  Late older(false, true);
  CHECK(count<SnapshotAsk>(Greeted(older).said) == 0);
  Late content(true, false);
  CHECK(count<SnapshotAsk>(Greeted(content).said) == 0);
  Late small(true, true, 500);
  CHECK(count<SnapshotAsk>(Greeted(small).said) == 0);
  // Restarted while it caught up: as long as the greater part is missing.
  const auto restarted = [](int held, int of_all) {
    Late midway(true, true, of_all);
    const auto stream = stream_of(1, Class::Routine);
    midway.late.log.add_key(midway.post.key.public_key());
    for (const auto& run : midway.post.log.runs_after(stream, 0, std::size_t{1} << 30)) {
      if (run.seal.seq <= static_cast<std::uint64_t>(held)) REQUIRE(midway.late.log.append(run));
    }
    midway.late_core->durable(at_ms(0));
    return count<SnapshotAsk>(Greeted(midway).said);
  };
  CHECK(restarted(5'000, 15'050) == 1);
  CHECK(restarted(11'500, 22'000) == 0);
  Late busy;
  busy.wants = false;
  CHECK(count<SnapshotAsk>(Greeted(busy).said) == 0);
}

TEST_CASE("the picture goes after what is urgent and before the rest, and arrives whole") {
  Late world;
  auto& post = *world.post_core;
  const auto id = post.connect({}, at_ms(0));
  (void)post.take_outputs();
  post.receive(id, encode(Hello{protocol_version, incident, key_of(2).id(), "LATE", 1, {9}, 0}), at_ms(1));
  post.receive(id, encode(SnapshotAsk{1 << 30}), at_ms(1));
  auto outputs = post.take_outputs();
  CHECK(of<SnapshotAsked>(outputs).size() == 1);
  const auto picture = picture_of(3 * snapshot_part_bytes + 7);
  post.offer_snapshot(id, std::make_shared<const Bytes>(picture), at_ms(2));
  CHECK(messages_of(post.take_outputs()).empty());  // its vector is not known yet
  post.receive(id, encode(VectorMessage{}), at_ms(3));
  std::vector<Message> sent;
  for (int i = 0; i < 20; ++i) {
    for (auto& message : messages_of(post.take_outputs())) sent.push_back(std::move(message));
    post.drained(id, at_ms(4 + i));
  }
  Bytes arrived;
  bool routine = false, urgent = false;
  std::uint32_t parts = 0;
  for (const auto& message : sent) {
    if (const auto* run = std::get_if<Run>(&message)) {
      routine |= run->stream.cls == Class::Routine;
      urgent |= run->stream.cls == Class::Urgent;
    } else if (const auto* part = std::get_if<SnapshotPart>(&message)) {
      CHECK(urgent);
      CHECK_FALSE(routine);
      CHECK(part->number == parts++);
      CHECK(part->count == 4);
      arrived.insert(arrived.end(), part->bytes.begin(), part->bytes.end());
    }
  }
  CHECK(arrived == picture);
  CHECK(routine);

  // Asked again at once, it is busy with others.
  post.receive(id, encode(SnapshotAsk{1 << 30}), at_ms(60));
  outputs = post.take_outputs();
  CHECK(of<SnapshotAsked>(outputs).empty());
}

TEST_CASE("a picture that was asked for is handed on whole, and anything else is refused and not kept") {
  Late world;
  const Greeted greeted(world);
  REQUIRE(count<SnapshotAsk>(greeted.said) == 1);
  auto& late = *world.late_core;
  const auto send = [&](std::uint32_t number, std::uint32_t parts, std::size_t bytes) {
    late.receive(greeted.at_late, encode(SnapshotPart{number, parts, picture_of(bytes)}), at_ms(10));
    return late.take_outputs();
  };
  SUBCASE("whole") {
    auto first = send(0, 2, 100);
    CHECK(of<SnapshotCame>(first).empty());
    auto second = send(1, 2, 50);
    const auto came = of<SnapshotCame>(second);
    REQUIRE(came.size() == 1);
    CHECK(came[0].bytes.size() == 150);
    CHECK(came[0].name == "POST");
    auto more = send(0, 2, 100);
    CHECK(of<Refused>(more).size() == 1);
  }
  SUBCASE("out of order") {
    (void)send(0, 3, 100);
    auto third = send(2, 3, 100);
    CHECK(of<Refused>(third).size() == 1);
    auto second = send(1, 3, 100);
    CHECK(of<Refused>(second).size() == 1);
  }
  SUBCASE("another number of stretches") {
    (void)send(0, 2, 100);
    auto second = send(1, 3, 100);
    CHECK(of<Refused>(second).size() == 1);
  }
  SUBCASE("too many") {
    auto first = send(0, 0xFFFFFFFF, 100);
    CHECK(of<Refused>(first).size() == 1);
  }
  SUBCASE("nothing in it") {
    auto first = send(0, 1, 0);
    CHECK(of<Refused>(first).size() == 1);
  }
}
