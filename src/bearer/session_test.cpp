#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "bearer/test_world.hpp"

using namespace airbridge;
using namespace airbridge::bearer;
using namespace airbridge::bearer::test;

namespace {
struct Setting {
  const char* preset;
  double loss;
};
AirProfile air_for(const Profile& profile, double loss) {
  AirProfile air;
  air.half_duplex = profile.half_duplex;
  air.turn_round = profile.turn_round;
  air.rate_bps = profile.rate_bps;
  air.delay = profile.delay;
  air.mtu = profile.mtu;
  air.loss.random = loss;
  return air;
}
// Numbered, so that order, gaps and repeats show.
Bytes numbered(Rng& rng, std::uint32_t number) {
  Bytes out = message_of(rng, 40 + rng.below(30));
  for (int i = 0; i < 4; ++i) out[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return out;
}
std::uint32_t number_of(const Bytes& message) {
  std::uint32_t out = 0;
  for (int i = 0; i < 4; ++i) out = out << 8 | message[static_cast<std::size_t>(i)];
  return out;
}
// Within each start of the receiver and each session, numbers go up one by one.
bool in_order(const std::vector<Bytes>& messages) {
  for (std::size_t i = 1; i < messages.size(); ++i) {
    if (number_of(messages[i]) <= number_of(messages[i - 1])) return false;
  }
  return true;
}
}  // namespace

TEST_CASE("a restart of either side in the middle begins a new session, and nothing of the old one is taken into it") {
  for (const auto& setting : {Setting{"radio", 0.05}, Setting{"serial", 0.05}}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      CAPTURE(setting.preset);
      CAPTURE(seed);
      const auto profile = *preset(setting.preset);
      World world(air_for(profile, setting.loss), seed);
      auto& a = world.add(1, profile);
      auto& b = world.add(2, profile);
      Rng rng(seed);
      std::uint32_t next = 0;
      const auto feed = [&] {
        auto& queue = a.source.waiting[b.id].bulk;
        while (queue.size() < 50) queue.push_back(numbered(rng, next++));
        if (a.channel) a.channel->wake(b.id, false, world.now());
      };
      a.source.before_pull = [&] {
        auto& queue = a.source.waiting[b.id].bulk;
        while (queue.size() < 50) queue.push_back(numbered(rng, next++));
      };
      feed();
      world.start_all();
      world.run_for(120'000, [&] { return b.got.size() >= 40; });
      REQUIRE(b.got.size() >= 40);
      const auto ups = b.count<Up>();

      // The sender's power fails. What it held is lost; what comes after is new, in order and without gaps.
      world.stop(a);
      world.run_for(3'000);
      const auto before = b.got.size();
      const std::uint32_t first_new = next + 1'000;
      a.source.waiting[b.id].bulk.clear();
      next = first_new;
      world.start(a);
      CHECK(world.run_for(300'000, [&] { return b.got.size() >= before + 40; }));
      CHECK(b.count<Up>() == ups + 1);
      auto got = reliable_of(b, a.id);
      CHECK(in_order(got));
      std::vector<Bytes> fresh(got.begin() + static_cast<std::ptrdiff_t>(before), got.end());
      CHECK(number_of(fresh.front()) == first_new);
      CHECK(number_of(fresh.back()) == first_new + fresh.size() - 1);

      // The receiver's power fails: the sender hears of it and begins anew with what its source then gives.
      world.stop(b);
      world.run_for(3'000);
      const auto sender_ups = a.count<Up>();
      b.got.clear();
      world.start(b);
      CHECK(world.run_for(300'000, [&] { return b.got.size() >= 40; }));
      CHECK(a.count<Up>() == sender_ups + 1);
      got = reliable_of(b, a.id);
      CHECK(number_of(got.back()) - number_of(got.front()) == got.size() - 1);
      CHECK(world.stuck == 0);
    }
  }
}

TEST_CASE("everything ever heard, played again after a restart, changes nothing when the window was saved") {
  for (const auto planted : {Planted::None, Planted::ReplayWindowLost}) {
    const auto profile = *preset("radio");
    World world(air_for(profile, 0), 3);
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    b.planted = planted;
    Rng rng(1);
    for (std::uint32_t i = 0; i < 300; ++i) a.source.waiting[b.id].bulk.push_back(numbered(rng, i));
    std::vector<Bytes> heard;
    world.on_arrival = [&](Station& to, const Bytes& frame) {
      if (&to == &b) heard.push_back(frame);
    };
    world.start_all();
    world.run_for(300'000, [&] { return reliable_of(b, a.id).size() >= 300; });
    REQUIRE(reliable_of(b, a.id).size() == 300);
    for (int i = 0; i < 20; ++i) world.queue_value(a, message_of(rng, 15));
    world.run_for(10'000);
    REQUIRE(b.got.size() == 320);
    world.on_arrival = {};
    world.stop(a);
    world.stop(b);
    b.got.clear();
    b.seen.clear();
    world.start(b);
    world.run_for(1'000);
    for (const auto& frame : heard) {
      b.channel->receive(frame, world.now());
      world.run_for(50);
    }
    world.run_for(60'000);
    const auto stats = b.channel->stats(world.now());
    const auto old = stats.refused[static_cast<std::size_t>(Refusal::Old)];
    if (planted == Planted::None) {
      CHECK(b.got.empty());
      CHECK(b.count<Up>() == 0);
      CHECK(old == heard.size());
    } else {
      CHECK(b.count<Up>() > 0);  // the mistake shows: somebody is said to be there who is not
      CHECK_FALSE(b.got.empty());
    }
  }
}

TEST_CASE("a node restored from a backup is told that its counters are old, says so, and goes on") {
  for (const char* name : {"radio", "serial"}) {
    CAPTURE(name);
    const auto profile = *preset(name);
    World world(air_for(profile, 0.02), 4);
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    Rng rng(1);
    world.start_all();
    world.run_for(30'000);
    const Bytes backup = a.disk;
    for (std::uint32_t i = 0; i < 600; ++i) world.queue_bulk(a, b, numbered(rng, i));
    world.run_for(600'000, [&] { return reliable_of(b, a.id).size() >= 600; });
    REQUIRE(reliable_of(b, a.id).size() == 600);
    for (const bool lost : {false, true}) {
      world.stop(a);
      a.disk = lost ? Bytes{} : backup;
      a.seen.clear();
      world.start(a);
      const auto before = b.got.size();
      for (std::uint32_t i = 1000; i < 1010; ++i) world.queue_bulk(a, b, numbered(rng, i));
      CHECK(world.run_for(200'000, [&] { return b.got.size() >= before + 10; }));
      CHECK(a.count<StateWasOld>() == 1);
    }
  }
}

TEST_CASE("nothing heard is delivered before its window is saved, and nothing is sent beyond what is reserved") {
  const auto profile = *preset("serial");
  World world(air_for(profile, 0), 4);
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  b.saves = false;  // the disk hangs
  Rng rng(1);
  for (std::uint32_t i = 0; i < 50; ++i) a.source.waiting[b.id].bulk.push_back(numbered(rng, i));
  world.start_all();
  std::size_t sent_by_b = 0;
  world.on_sent = [&](const Station& from, const Bytes&) { sent_by_b += &from == &b ? 1 : 0; };
  world.run_for(60'000);
  CHECK(b.got.empty());
  CHECK(b.count<Up>() == 0);
  CHECK(sent_by_b == 0);
  world.stop(b);
  b.saves = true;
  world.start(b);
  CHECK(world.run_for(120'000, [&] { return reliable_of(b, a.id).size() == 50; }));
}

TEST_CASE("duplicated, reordered, damaged and delayed frames change nothing of what is delivered") {
  for (const char* name : {"lte", "serial"}) {
    for (const bool encrypt : {true, false}) {
      CAPTURE(name);
      auto profile = *preset(name);
      profile.encrypt = encrypt;
      auto air = air_for(profile, 0.05);
      air.duplicated = 0.2;
      air.damaged = 0.1;
      air.jitter = Milliseconds(400);
      World world(air, 6);
      auto& a = world.add(1, profile);
      auto& b = world.add(2, profile);
      Rng rng(1);
      std::vector<Bytes> from_a, from_b, urgent;
      for (std::uint32_t i = 0; i < 300; ++i) {
        from_a.push_back(numbered(rng, i));
        from_b.push_back(numbered(rng, i));
        a.source.waiting[b.id].bulk.push_back(from_a.back());
        b.source.waiting[a.id].bulk.push_back(from_b.back());
      }
      world.start_all();
      CHECK(world.run_for(600'000, [&] { return a.got.size() >= 300 && b.got.size() >= 300; }));
      CHECK(reliable_of(b, a.id) == from_a);
      CHECK(reliable_of(a, b.id) == from_b);
      const auto stats = b.channel->stats(world.now());
      CHECK(stats.refused[static_cast<std::size_t>(Refusal::Replayed)] > 0);
      CHECK(stats.refused[static_cast<std::size_t>(Refusal::Unreadable)] > 0);
      CHECK(stats.blocks_refused == 0);
    }
  }
}

TEST_CASE("a stranger who floods the channel is counted, and takes nothing but the air it uses") {
  const auto profile = *preset("lte");
  World world(air_for(profile, 0.01), 6);
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  Rng rng(1), noise(2);
  std::vector<Bytes> sent;
  for (std::uint32_t i = 0; i < 300; ++i) {
    sent.push_back(numbered(rng, i));
    a.source.waiting[b.id].bulk.push_back(sent.back());
  }
  world.start_all();
  std::uint64_t garbage = 0;
  const auto saves_before = b.channel->stats(world.now()).saves;
  world.on_arrival = [&](Station& to, const Bytes& frame) {
    if (&to != &b) return;
    for (int i = 0; i < 20; ++i, ++garbage) {
      Bytes bad = noise.chance(0.5) ? frame : message_of(noise, 12 + noise.below(400));
      if (bad.size() > 2 && noise.chance(0.5)) bad[1] = slot_of(a.id);
      bad[0] = noise.chance(0.9) ? static_cast<std::uint8_t>(0x40 | (bad[0] & 0x3F)) : bad[0];
      bad.back() ^= 0x55;
      b.channel->receive(bad, world.now());
    }
  };
  CHECK(world.run_for(60'000, [&] { return b.got.size() >= 300; }));
  CHECK(reliable_of(b, a.id) == sent);
  const auto stats = b.channel->stats(world.now());
  std::uint64_t refused = 0;
  for (const auto count : stats.refused) refused += count;
  CHECK(refused >= garbage);
  CHECK(stats.saves - saves_before < 10);
  CHECK(stats.neighbours.size() == 1);
}

TEST_CASE("a neighbour that falls silent is down after two intervals, and up again when it is heard") {
  for (const char* name : {"radio", "lan", "serial"}) {
    CAPTURE(name);
    const auto profile = *preset(name);
    World world(air_for(profile, 0), 6);
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    b.source.told.value.fill(3);
    world.start_all();
    world.run_for(20'000);
    REQUIRE(a.count<Up>() == 1);
    CHECK(a.count<DigestHeard>() >= 1);
    std::map<const Station*, std::int64_t> heard_ms;
    world.on_arrival = [&](const Station& to, const Bytes&) { heard_ms[&to] = world.ms(); };
    // Up to a beacon, so that it is known when each was heard last.
    REQUIRE(world.run_for(profile.interval.count() * 2, [&] { return heard_ms.size() == 2; }));
    world.air.set_outage(true);
    // Two intervals, 2 s, and the time for which another may hold the channel: one full burst on half duplex, else the
    // delay of the profile (docs/protocol/bearer.md).
    const auto burst_ms =
        static_cast<std::int64_t>(std::ceil(static_cast<double>(profile.burst_frames * profile.mtu) * 8 * 1'000 /
                                            std::max(1.0, static_cast<double>(profile.rate_bps))));
    const auto patience_ms =
        2 * profile.interval.count() + 2'000 + (profile.half_duplex ? burst_ms : profile.delay.count());
    std::vector<const Station*> stations{&a, &b};
    std::ranges::sort(stations, {}, [&](const auto* station) { return heard_ms.at(station); });
    for (const auto* station : stations) {
      const auto due = heard_ms.at(station) + patience_ms;
      world.run_for(due - 1 - world.ms());
      CHECK(station->count<Down>() == 0);
      world.run_for(2);
      CHECK(station->count<Down>() == 1);
    }
    world.on_arrival = {};
    world.air.set_outage(false);
    world.run_for(profile.interval.count() * 3 / 2);
    CHECK(a.count<Up>() == 2);
    CHECK(b.count<Up>() == 2);
  }
}

TEST_CASE("a link that carries one way only delivers last values and says that nobody answers") {
  const auto profile = *preset("radio");
  World world(air_for(profile, 0), 6);
  auto& a = world.add(1, profile);
  auto& b = world.add(2, profile);
  world.air.set_reaches(b.on_air, a.on_air, false);
  Rng rng(3);
  for (int i = 0; i < 50; ++i) a.source.waiting[b.id].bulk.push_back(message_of(rng, 50));
  world.start_all();
  world.run_for(20'000);
  for (int i = 0; i < 5; ++i) world.queue_value(a, message_of(rng, 15));
  world.run_for(600'000);
  CHECK(a.channel->neighbours().empty());  // A hears nobody and so sends nothing that wants an answer
  CHECK(b.channel->neighbours().size() == 1);
  CHECK(std::count_if(b.got.begin(), b.got.end(), [](const Got& got) { return !got.what.reliable; }) == 5);
  CHECK(world.stuck == 0);
}

TEST_CASE("loss that is heavy one way only slows that way and stops nothing") {
  for (const char* name : {"radio", "serial"}) {
    CAPTURE(name);
    const auto profile = *preset(name);
    World world(air_for(profile, 0.02), 6);
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    world.air.set_loss(b.on_air, a.on_air, {0.5, 0, 1});
    Rng rng(3);
    std::vector<Bytes> from_a, from_b;
    for (std::uint32_t i = 0; i < 200; ++i) {
      from_a.push_back(numbered(rng, i));
      from_b.push_back(numbered(rng, i));
      a.source.waiting[b.id].bulk.push_back(from_a.back());
      b.source.waiting[a.id].bulk.push_back(from_b.back());
    }
    world.start_all();
    CHECK(world.run_for(1'200'000, [&] { return a.got.size() >= 200 && b.got.size() >= 200; }));
    MESSAGE(fmt::format("{}: {:.0f} s", name, static_cast<double>(world.ms()) / 1000));
    CHECK(reliable_of(b, a.id) == from_a);
    CHECK(reliable_of(a, b.id) == from_b);
  }
}

TEST_CASE("sessions that both sides began anew while frames crossed open again, and no old acknowledgement counts") {
  auto profile = *preset("satellite");
  profile.delay = Milliseconds(2'000);
  profile.interval = Milliseconds(15'000);
  auto nature = air_for(profile, 0.3);
  nature.jitter = Milliseconds(500);
  nature.duplicated = 0.02;
  std::uint64_t again = 0, sent = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    World world(nature, seed);
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    world.start_all();
    world.run_for(30'000);
    Rng rng(seed);
    const auto talk = [&](std::uint32_t from) {
      for (std::uint32_t i = 0; i < 3; ++i) {
        world.queue_urgent(a, b, numbered(rng, from + i));
        world.queue_urgent(b, a, numbered(rng, from + i));
      }
    };
    for (std::uint32_t i = 0; i < 40; ++i) {
      // One side or both hear nothing for just about as long as it takes to give the other up.
      const auto silence = rng.between(30'000, 60'000);
      for (const auto& [from, to] : {std::pair(a.on_air, b.on_air), std::pair(b.on_air, a.on_air)}) {
        if (rng.chance(0.7)) world.air.set_reaches(from, to, false);
      }
      talk(100 * i);
      world.run_for(silence);
      world.air.set_reaches(a.on_air, b.on_air, true);
      world.air.set_reaches(b.on_air, a.on_air, true);
      world.run_for(rng.between(0, 20'000));
    }
    // What is said once all is well arrives, on both sides, and then both are quiet.
    world.air.set_loss(a.on_air, b.on_air, {});
    world.air.set_loss(b.on_air, a.on_air, {});
    world.run_for(180'000);
    talk(100'000);
    const auto has_all = [](const Station& station) {
      return !station.got.empty() && number_of(station.got.back().what.message) == 100'002;
    };
    CHECK(world.run_for(240'000, [&] { return has_all(a) && has_all(b); }));
    world.run_for(30'000);
    const auto before = a.channel->stats(world.now()).frames_sent + b.channel->stats(world.now()).frames_sent;
    world.run_for(60'000);
    const auto after = a.channel->stats(world.now()).frames_sent + b.channel->stats(world.now()).frames_sent;
    CHECK(after - before < 60);
    again += after - before;
    sent += after;
  }
  MESSAGE("frames in a quiet minute: ", again / 12, ", in all ", sent / 12);
}
