// What may come over a datagram channel that should not: of a member of the incident whose every message the test
// writes, and of somebody who only has a transmitter. Two good stations hear it; each judges alike, names it, and goes
// on as if nothing had been.
#include <doctest/doctest.h>

#include <algorithm>

#include "exchange/test_station.hpp"
#include "sync/compact.hpp"

using namespace airbridge;
using namespace airbridge::exchange;
using namespace airbridge::exchange::test;
using model::Class;

namespace {

const bearer::Profile lan = [] {
  auto profile = *bearer::preset("lan");
  profile.broadcast = true;
  return profile;
}();

bearer::AirProfile lan_air() {
  bearer::AirProfile air;
  air.half_duplex = false;
  air.rate_bps = 0;
  air.delay = Milliseconds(2);
  air.mtu = 1'500;
  return air;
}

// A member with a real channel, and in place of the protocol what the test has it say.
class Rogue final : public Guest, private bearer::Source {
 public:
  Rogue(World& world, std::uint8_t n, const bearer::Profile& profile)
      : world_(world),
        key(key_of(n)),
        log(incident, {key.id(), 1}),
        on_air_(world.add_guest(*this, key.id())),
        channel_(setup(profile), *this, plain_, Rng(n), world.now()) {
    log.add_key(key.public_key());
    std::vector<model::KeyId> members{key.id()};
    for (const auto& station : world.stations) members.push_back(station->key.id());
    channel_.set_members(members, world.now());
    take();
  }
  void receive(ByteView frame, Now now) override {
    channel_.receive(frame, now);
    take();
  }
  std::optional<SteadyTime> next_deadline() const override { return channel_.next_deadline(); }
  void poll(Now now) override {
    channel_.poll(now);
    take();
  }

  void say_bytes(const Station& to, Bytes message) {
    waiting_[to.key.id()].push_back({std::move(message), false, true});
    channel_.wake(to.key.id(), false, world_.now());
    take();
  }
  void say(const Station& to, const sync::Message& message) { say_bytes(to, sync::encode_compact(message, {})); }
  void say_key(const Station& to) { say(to, sync::Keys{{key.public_key()}}); }
  void say(const Station& to, const model::SealedRun& run) {
    say(to, sync::Run{run.seal.stream, run.entries, run.seal});
  }
  std::vector<model::SealedRun> runs(Class cls, std::uint64_t after = 0) const {
    return log.runs_after(stream(cls), after, 1 << 20);
  }
  model::StreamId stream(Class cls) const { return {{key.id(), 1}, cls, {}}; }
  int on_air() const { return on_air_; }
  bool hears(std::size_t nodes) const { return channel_.neighbours().size() == nodes; }
  std::size_t answers() const { return answers_; }

 private:
  bearer::Setup setup(const bearer::Profile& profile) const {
    bearer::Setup out;
    out.profile = profile;
    out.node = key.id();
    out.key.value.fill(5);
    out.start = 77;
    return out;
  }
  bearer::Digest8 digest() override { return {}; }
  std::vector<bearer::Item> pull(const model::KeyId& node, std::size_t, bearer::Wanted wanted, Now) override {
    if (wanted != bearer::Wanted::Everything) return {};
    auto& queue = waiting_[node];
    std::vector<bearer::Item> out;
    for (std::size_t bytes = 0; !queue.empty() && bytes < 32 * 1024;) {
      bytes += queue.front().bytes.size();
      out.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    return out;
  }
  void take() {
    for (auto& output : channel_.take_outputs()) {
      if (auto* const transmit = std::get_if<bearer::Transmit>(&output)) {
        world_.air.send(on_air_, std::move(transmit->frame), world_.now().steady);
      } else if (std::holds_alternative<bearer::Save>(output)) {
        channel_.saved(world_.now());
        take();
      } else {
        answers_ += std::holds_alternative<bearer::Deliver>(output) ? 1 : 0;
      }
    }
  }

  World& world_;

 public:
  trust::SigningKey key;
  sync::MemoryLog log;

 private:
  int on_air_;
  bearer::PlainSqueezer plain_;
  std::map<model::KeyId, std::deque<bearer::Item>> waiting_;
  std::size_t answers_ = 0;
  bearer::Channel channel_;
};

// Two good stations and a rogue, who have met.
struct Stage {
  explicit Stage(std::uint64_t seed) : world(lan_air(), seed), a(world.add(1, lan)), b(world.add(2, lan)) {
    rogue.emplace(world, std::uint8_t{9}, lan);
    world.start();
    REQUIRE(world.run_until(60'000, [&] { return rogue->hears(2) && a.core.peers().size() == 2; }));
    for (auto* station : {&a, &b}) rogue->say_key(*station);
    world.run_for(1'000);
  }
  // The same to both.
  template <class T>
  void say(const T& what) {
    for (auto* station : {&a, &b}) rogue->say(*station, what);
    world.run_for(5'000);
  }
  std::vector<std::string> refusals(const Station& station) const {
    std::vector<std::string> out;
    for (const auto& output : station.seen) {
      if (const auto* refused = std::get_if<sync::Refused>(&output)) out.push_back(refused->what);
    }
    return out;
  }
  // Both say why, in the same words, and hold nothing of it.
  void both_refuse(std::string_view words, Class cls) {
    for (auto* station : {&a, &b}) {
      const auto all = refusals(*station);
      CAPTURE(station->core.peers().size());
      REQUIRE_FALSE(all.empty());
      CHECK_MESSAGE(all.back().find(words) != std::string::npos, all.back());
      CHECK_FALSE(station->log.vector().contains(rogue->stream(cls)));
    }
    CHECK(refusals(a) == refusals(b));
  }
  // Nobody was harmed: the stations go on with each other, and what the rogue says well is taken.
  void all_goes_on() {
    world.write(a, Class::Important);
    world.write(b, Class::Urgent);
    rogue->log.write(rogue->key, Class::Important, 40);
    for (auto* station : {&a, &b}) {
      rogue->say_key(*station);
      for (const auto& run : rogue->runs(Class::Important)) rogue->say(*station, run);
    }
    const auto own = rogue->log.vector().at(rogue->stream(Class::Important));
    CHECK(world.run_until(world.ms() + 120'000, [&] {
      const auto vector = a.log.vector();
      return world.is_level() && vector.contains(rogue->stream(Class::Important)) &&
             vector.at(rogue->stream(Class::Important)) == own && vector.contains({{b.key.id(), 1}, Class::Urgent, {}});
    }));
  }

  World world;
  Station& a;
  Station& b;
  std::optional<Rogue> rogue;
};

std::size_t forks_seen(const Station& station) {
  return static_cast<std::size_t>(std::ranges::count_if(
      station.seen, [](const auto& output) { return std::holds_alternative<sync::ForkFound>(output); }));
}

}  // namespace

TEST_CASE("over a message link what its author did not sign is refused by both who hear it, in the same words") {
  Stage stage(1);
  auto& rogue = *stage.rogue;
  rogue.log.write(rogue.key, Class::Routine, 40);
  auto run = rogue.runs(Class::Routine).at(0);
  SUBCASE("a signature with a flipped bit") {
    run.seal.signature.value[3] ^= 1;
    stage.say(run);
    stage.both_refuse("bad seal", Class::Routine);
  }
  SUBCASE("entries that are not the sealed ones") {
    run.entries.at(0).public_part.at(0) ^= 1;
    stage.say(run);
    stage.both_refuse("wrong chain", Class::Routine);
  }
  SUBCASE("a run in the name of another, sealed by the rogue") {
    stage.world.write(stage.b, Class::Important);  // so that its key is known
    REQUIRE(stage.world.run_until(stage.world.ms() + 60'000, [&] { return stage.world.is_level(); }));
    const auto victim = model::StreamId{{stage.b.key.id(), 1}, Class::Urgent, {}};
    sync::MemoryLog forged(incident, {stage.b.key.id(), 1});
    forged.write(rogue.key, Class::Urgent, 40);
    stage.rogue->say(stage.a, forged.runs_after(victim, 0, 1'000).at(0));
    stage.world.run_for(5'000);
    CHECK_FALSE(stage.a.log.vector().contains(victim));
    CHECK_FALSE(stage.refusals(stage.a).empty());
  }
  stage.all_goes_on();
}

TEST_CASE("over a message link an event that is too long is refused, and the link goes on") {
  Stage stage(2);
  stage.rogue->log.write(stage.rogue->key, Class::Routine, model::event_bytes_max + 1);
  stage.say(stage.rogue->runs(Class::Routine).at(0));
  stage.both_refuse("out of range", Class::Routine);
  stage.all_goes_on();
}

TEST_CASE("two contents for one number, one told to each station, end as two branches of one name on both") {
  Stage stage(3);
  auto& rogue = *stage.rogue;
  sync::MemoryLog other(incident, {rogue.key.id(), 1});
  rogue.log.write(rogue.key, Class::Routine, 40, 1);
  other.write(rogue.key, Class::Routine, 40, 2);
  // Neither hears what the other is told.
  const auto hear = [&](const Station& a, const Station& b, bool each_other) {
    stage.world.air.set_reaches(a.on_air, b.on_air, each_other);
    stage.world.air.set_reaches(b.on_air, a.on_air, each_other);
  };
  hear(stage.a, stage.b, false);
  stage.world.air.set_reaches(rogue.on_air(), stage.b.on_air, false);
  rogue.say(stage.a, rogue.runs(Class::Routine).at(0));
  stage.world.run_for(2'000);
  stage.world.air.set_reaches(rogue.on_air(), stage.a.on_air, false);
  stage.world.air.set_reaches(rogue.on_air(), stage.b.on_air, true);
  rogue.say(stage.b, other.runs_after(rogue.stream(Class::Routine), 0, 1'000).at(0));
  stage.world.run_for(2'000);
  REQUIRE(stage.a.log.entries(rogue.stream(Class::Routine)).size() == 1);
  REQUIRE(stage.b.log.entries(rogue.stream(Class::Routine)).size() == 1);
  REQUIRE_FALSE(stage.world.is_alike());
  stage.world.air.set_reaches(rogue.on_air(), stage.a.on_air, true);
  hear(stage.a, stage.b, true);
  REQUIRE(stage.world.run_until(stage.world.ms() + 10 * 60'000, [&] {
    return forks_seen(stage.a) > 0 && forks_seen(stage.b) > 0 && stage.world.is_level();
  }));
  CHECK(stage.world.is_alike());
  std::size_t branches = 0;
  for (const auto& [stream, seq] : stage.a.log.vector()) branches += stream.is_branch() ? 1 : 0;
  CHECK(branches == 2);
  stage.all_goes_on();
}

TEST_CASE("over a message link the same again and again is counted and written once") {
  Stage stage(4);
  stage.rogue->log.write(stage.rogue->key, Class::Routine, 40);
  const auto run = stage.rogue->runs(Class::Routine).at(0);
  for (int i = 0; i < 200; ++i) stage.rogue->say(stage.a, run);
  stage.world.run_for(60'000);
  CHECK(stage.a.log.entries(stage.rogue->stream(Class::Routine)).size() == 1);
  std::uint64_t again = 0;
  for (const auto& peer : stage.a.core.peers()) again += peer.events_duplicate;
  CHECK(again >= 199);
  CHECK(stage.refusals(stage.a).empty());
  stage.all_goes_on();
}

TEST_CASE("over a message link a member that lies about what it holds gains nothing and holds nobody up") {
  Stage stage(5);
  for (int i = 0; i < 5; ++i) stage.world.write(stage.a, Class::Important);
  stage.say(sync::Message(sync::Ack{{{{{stage.a.key.id(), 1}, Class::Urgent, {}}, 1'000'000, sync::Head4{1, 2, 3, 4}},
                                     {{{stage.b.key.id(), 1}, Class::Important, {}}, UINT64_MAX, {}},
                                     {{{key_of(33).id(), 1}, Class::Urgent, {}}, 7, {}}}}));
  stage.say(sync::Message(sync::VectorMessage{{}, {{{{stage.a.key.id(), 1}, Class::Routine, {}}, UINT64_MAX, {}}}}));
  stage.world.run_for(3 * 60'000);
  for (const auto* station : {&stage.a, &stage.b}) {
    // No proof, so no new incarnation.
    for (const auto& output : station->seen) CHECK_FALSE(std::holds_alternative<sync::OwnStreamAhead>(output));
  }
  stage.all_goes_on();
}

TEST_CASE("a member that says nonsense at full rate is refused again and again, and the others do not notice") {
  Stage stage(6);
  Rng rng(6);
  for (int i = 0; i < 5'000; ++i) {
    Bytes nonsense(rng.below(600));
    rng.fill(nonsense);
    stage.rogue->say_bytes(stage.a, std::move(nonsense));
    if (i % 500 == 0) stage.world.write(stage.a, Class::Important);
  }
  stage.world.run_for(120'000);
  CHECK(stage.a.core.refused_total() > 500);
  // Whatever it was given, the number of links and of things that wait stays what it was.
  CHECK(stage.a.core.peers().size() == 2);
  CHECK(stage.a.writing.empty());
  CHECK(stage.world.is_level());
  stage.all_goes_on();
}

TEST_CASE("an author that floods class 0 does not hold up the urgent report of another on a narrow link") {
  bearer::AirProfile air;
  World world(air, 7);
  const auto radio = *bearer::preset("radio");
  auto& a = world.add(1, radio);
  auto& b = world.add(2, radio);
  // What A took of the flood before the radio was there.
  const auto flooder = key_of(8);
  sync::MemoryLog flood(incident, {flooder.id(), 1});
  for (int i = 0; i < 400; ++i) flood.write(flooder, Class::Urgent, 200, static_cast<std::uint8_t>(i));
  const model::StreamId flooded{{flooder.id(), 1}, Class::Urgent, {}};
  a.log.add_key(flooder.public_key());
  world.start();
  REQUIRE(world.run_until(5 * 60'000, [&] { return a.core.peers().size() == 1 && b.core.peers().size() == 1; }));
  for (const auto& run : flood.runs_after(flooded, 0, 1 << 20)) REQUIRE(a.log.append(run));
  a.core.durable(world.now());
  world.settle(a);
  world.run_for(60'000);
  const auto flood_at_b = [&] { return sync::held_of(b.log.vector(), flooded); };
  const model::StreamId urgent{{a.key.id(), 1}, Class::Urgent, {}};
  // The flood is past its allowance, so between the report and B there is only what the channel has in hand: no more
  // events than a full burst has frames, for each is longer than one.
  REQUIRE(flood_at_b() > sync::Core::flood_events_max);
  for (std::uint64_t report = 1; report <= 8; ++report) {
    CAPTURE(report);
    const auto before = flood_at_b();
    const auto written = world.ms();
    world.write(a, Class::Urgent);
    REQUIRE(world.run_until(written + 20 * 60'000, [&] { return sync::held_of(b.log.vector(), urgent) == report; }));
    const auto ahead = flood_at_b() - before;
    const auto took_ms = world.ms() - written;
    MESSAGE(ahead << " of the flood came before the report, which took " << took_ms << " ms");
    CHECK(ahead <= radio.burst_frames);
    world.run_for(7'300);
  }
  CHECK(flood_at_b() < 400);                                                           // it was there all the time
  CHECK(world.run_until(world.ms() + 60 * 60'000, [&] { return world.is_level(); }));  // and nothing of it is lost
}

namespace {

// Who hears every frame and sends it again: as it was, later, cut short or with a bit flipped, and noise besides.
class Jammer final : public Guest {
 public:
  Jammer(World& world, std::uint64_t seed) : world_(world), rng_(seed), on_air_(world.add_guest(*this)) {}
  void receive(ByteView frame, Now) override {
    if (heard_.size() < 4'000) heard_.emplace_back(frame.begin(), frame.end());
    ++frames;
  }
  std::optional<SteadyTime> next_deadline() const override { return next_; }
  void poll(Now now) override {
    next_ = now.steady + Milliseconds(5);
    for (int i = 0; i < 4; ++i) {
      Bytes frame;
      if (!heard_.empty()) frame = heard_[rng_.below(heard_.size())];
      switch (rng_.below(4)) {
        case 0:
          break;
        case 1:
          frame.resize(rng_.below(frame.size() + 1));
          break;
        case 2:
          if (!frame.empty()) frame[rng_.below(frame.size())] ^= static_cast<std::uint8_t>(1U << rng_.below(8));
          break;
        default:
          frame.resize(rng_.below(1'500));
          rng_.fill(frame);
      }
      ++sent;
      world_.air.send(on_air_, std::move(frame), now.steady);
    }
  }
  std::uint64_t frames = 0, sent = 0;

 private:
  World& world_;
  Rng rng_;
  std::vector<Bytes> heard_;
  SteadyTime next_ = SteadyTime(Milliseconds(1'000'000));
  int on_air_;
};

}  // namespace

TEST_CASE(
    "replayed, reordered, doubled, cut and flipped frames and noise at full rate change nothing of what is held") {
  auto air = lan_air();
  air.jitter = Milliseconds(50);
  air.duplicated = 0.2;
  air.damaged = 0.1;
  World world(air, 8);
  auto& a = world.add(1, lan);
  auto& b = world.add(2, lan);
  Jammer jammer(world, 8);
  world.start();
  for (int i = 0; i < 30; ++i) {
    world.write(a, static_cast<Class>(i % 3));
    world.write(b, static_cast<Class>(i % 3));
    world.run_for(500);
  }
  REQUIRE(world.run_until(world.ms() + 120'000, [&] { return world.is_level(); }));
  CHECK(jammer.sent > 5'000);
  for (auto* station : {&a, &b}) {
    CHECK(station->core.refused_total() == 0);  // nothing of it came as far as a message
    CHECK(station->core.peers().size() == 1);
    const auto stats = station->links->stats(world.now());
    CHECK(stats.blocks_refused == 0);
    for (const auto refusal : {bearer::Refusal::Short, bearer::Refusal::Unreadable}) {
      CAPTURE(bearer::to_text(refusal));
      CHECK(stats.refused[static_cast<std::size_t>(refusal)] > 100);
    }
    CHECK(stats.refused[static_cast<std::size_t>(bearer::Refusal::Replayed)] +
              stats.refused[static_cast<std::size_t>(bearer::Refusal::Old)] >
          100);
    for (int cls = 0; cls < 3; ++cls) {
      for (auto* author : {&a, &b})
        CHECK(station->log.entries({{author->key.id(), 1}, static_cast<Class>(cls), {}}).size() == 10);
    }
  }
}
