// Rot: bits that flip and sectors that cannot be read, what is lost by them, and what takes its place.
#include <fmt/format.h>

#include "store/test_world.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

TEST_CASE("every flipped bit is found and named, and only the record it hit is lost") {
  SimDisk clean_disk(1);
  Author ana(1);
  Author ben(2);
  {
    auto log = open_log(clean_disk);
    must(log.begin_incarnation({test_key(9).id(), 1}, IncarnationReason::Fresh, noon).has_value());
    for (int i = 0; i < 6; ++i) {
      must(log.append_entry(ana.write("ana " + std::to_string(i)), {}, noon).has_value());
      must(log.append_entry(ben.write("ben " + std::to_string(i)), {}, noon).has_value());
      must(log.append_seal(ana.seal(), noon).has_value());
      must(log.append_seal(ben.seal(), noon).has_value());
      must(log.sync(noon).has_value());
    }
  }
  const auto name = segment_name(1);
  auto bytes = clean_disk.content(name);
  const auto end = open_log(clean_disk).extents()[0].end;
  const auto version = clean_disk.content(version_name);
  for (std::uint64_t at = 0; at < end; ++at) {
    CAPTURE(at);
    SimDisk disk(2);
    disk.set_content(version_name, version);
    disk.set_content(name, bytes);
    REQUIRE(disk.flip(name, at, static_cast<std::uint8_t>(1U << (at % 8))));
    auto log = open_log(disk);
    REQUIRE(log.damaged().size() == 1);
    const auto& range = log.damaged()[0];
    CHECK(range.segment == 1);
    CHECK(range.offset <= at);
    CHECK(at < range.offset + range.length);
    std::size_t readable = 0;
    for (auto* author : {&ana, &ben}) {
      for (std::uint64_t seq = 1; seq <= 6; ++seq) {
        const auto entry = log.read_entry(author->stream(), seq);
        if (!entry) continue;
        ++readable;
        CHECK(entry->entry == author->entries()[static_cast<std::size_t>(seq - 1)]);
      }
    }
    CHECK(readable >= 11);
    if (at >= segment_header_bytes) CHECK(log.report().records + 1 == 25);
    CHECK(log.must_begin_new_incarnation(test_key(9).id()) == (at >= segment_header_bytes));
    // Peers send again what the vector says is not here, and then all is well.
    for (auto* author : {&ana, &ben}) {
      const auto vector = log.vector();
      const auto have = vector.contains(author->stream()) ? vector.at(author->stream()) : 0;
      if (have < 6) REQUIRE(log.append_run(author->run(have + 1, 6), noon));
    }
    if (log.buffered_records() > 0) REQUIRE(log.sync(noon));
    CHECK(log.holes().empty());
    CHECK(log.vector() == model::VersionVector{{ana.stream(), 6}, {ben.stream(), 6}});
    auto again = open_log(disk);
    CHECK(again.holes().empty());
    CHECK(again.entries() == 12);
    CHECK(again.vector() == log.vector());
  }
}

TEST_CASE("rot that comes while the log is open is found when read or scrubbed, and repaired from a peer") {
  for (const bool by_scrub : {false, true}) {
    SimDisk disk(3);
    Author ana(1);
    auto log = open_log(disk);
    for (int i = 0; i < 20; ++i) ana.write("event " + std::to_string(i));
    for (int i = 1; i <= 20; i += 4)
      must(log.append_run(ana.run(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(i) + 3), noon).has_value());
    must(log.sync(noon).has_value());
    const auto content = disk.content(segment_name(1));
    const auto at = as_text(content).find("event 9");
    REQUIRE(disk.flip(segment_name(1), at, 4));
    if (by_scrub) {
      std::size_t found = 0;
      for (int i = 0; i < 50; ++i) found += log.scrub(500);
      CHECK(found == 1);
    } else {
      CHECK(log.read_entry(ana.stream(), 10).error().fault == StoreFault::Damaged);
    }
    CHECK(log.read_entry(ana.stream(), 10).error().fault == StoreFault::NotFound);
    CHECK(log.damaged().size() == 1);
    CHECK(log.holes() == std::vector<Hole>{{ana.stream(), 10, 10}});
    CHECK(log.vector().at(ana.stream()) == 8);
    CHECK(log.head(ana.stream())->seq == 20);
    must(log.append_entry(ana.write("event 20"), {}, noon).has_value());  // the head is known: writing goes on
    CHECK(*log.append_run(ana.run(9, 12), noon) == 1);
    must(log.sync(noon).has_value());
    CHECK(log.holes().empty());
    CHECK(log.vector().at(ana.stream()) == 20);
    CHECK(log.read_entry(ana.stream(), 10)->entry == ana.entries()[9]);
    // Rot that is found after other rot was mended is news, although no more of it is there than before.
    CHECK(log.damage_count() == 0);
    CHECK(log.damage_found() == 1);
    const auto next = as_text(disk.content(segment_name(1))).find("event 3");
    REQUIRE(disk.flip(segment_name(1), next, 4));
    CHECK_FALSE(log.read_entry(ana.stream(), 4));
    CHECK(log.damage_count() == 1);
    CHECK(log.damage_found() == 2);
  }
}

TEST_CASE("the newest event that rot took gives way to what its author signed for its number") {
  SimDisk disk(3);
  Author ana(1), restored(1);
  for (int i = 0; i < 4; ++i) {
    ana.write("event " + std::to_string(i));
    restored.write("event " + std::to_string(i));
  }
  ana.write("lost 4");
  for (int i = 4; i < 8; ++i) restored.write("other " + std::to_string(i));
  auto log = open_log(disk);
  must(log.append_run(ana.run(1, 4), noon).has_value());
  must(log.append_run(ana.run(5, 5), noon).has_value());
  must(log.sync(noon).has_value());
  REQUIRE(disk.flip(segment_name(1), as_text(disk.content(segment_name(1))).find("lost 4"), 4));
  CHECK_FALSE(log.read_entry(ana.stream(), 5));
  REQUIRE(log.append_accepted(restored.run(5, 8), noon).error().fault == StoreFault::Contradiction);
  CHECK_FALSE(log.give_way(ana.run(5, 5)));
  REQUIRE(log.give_way(restored.run(5, 8)));
  CHECK(log.append_accepted(restored.run(5, 8), noon).has_value());
  must(log.sync(noon).has_value());
  CHECK(log.vector().at(ana.stream()) == 8);
}

TEST_CASE(
    "events whose seal rot took, and no event, give way to what their author signed; where nothing rotted they do "
    "not") {
  for (const bool rots : {false, true}) {
    SimDisk disk(3);
    Author ana(1), restored(1);
    auto log = open_log(disk);
    for (int i = 1; i <= 8; ++i) {
      ana.write(fmt::format("event {}", i));
      restored.write(fmt::format(fmt::runtime(i <= 4 ? "event {}" : "other {}"), i));
    }
    must(log.append_run(ana.run(1, 4), noon).has_value());
    if (rots) {
      must(log.append_run(ana.run(5, 8), noon).has_value());
    } else {  // proven by a seal that comes later
      for (std::size_t i = 4; i < 8; ++i) must(log.append_entry(ana.entries()[i], {}, noon).has_value());
    }
    must(log.sync(noon).has_value());
    if (rots) {
      const auto seal = model::encode(ana.run(5, 8).seal);
      REQUIRE(disk.flip(segment_name(1), as_text(disk.content(segment_name(1))).find(as_text(seal)), 4));
      for (int i = 0; i < 50; ++i) log.scrub(500);
    }
    REQUIRE(log.holes().empty());
    REQUIRE(log.vector().at(ana.stream()) == 4);
    REQUIRE(log.append_accepted(restored.run(5, 8), noon).error().fault == StoreFault::Contradiction);
    CHECK_FALSE(log.give_way(ana.run(5, 8)));
    CHECK(log.give_way(restored.run(5, 8)) == rots);
    CHECK(log.append_accepted(restored.run(5, 8), noon).has_value() == rots);
    if (log.buffered_records() > 0) must(log.sync(noon).has_value());
    CHECK(log.vector().at(ana.stream()) == (rots ? 8 : 4));
  }
}

TEST_CASE("what nothing proves any more gives way to what its author signed, and stays away after a restart") {
  SimDisk disk(3);
  Author ana(1), restored(1);
  for (int i = 0; i < 6; ++i) {
    ana.write("event " + std::to_string(i));
    restored.write("event " + std::to_string(i));
  }
  for (int i = 6; i < 12; ++i) ana.write("lost " + std::to_string(i));
  for (int i = 6; i < 9; ++i) restored.write("other " + std::to_string(i));
  {
    auto log = open_log(disk);
    must(log.append_run(ana.run(1, 4), noon).has_value());
    must(log.append_run(ana.run(5, 12), noon).has_value());
    must(log.sync(noon).has_value());
    CHECK_FALSE(log.give_way(restored.run(5, 9)));  // what is here is proven
    // The seal of 12 proves nothing of 5 to 10 when 11 is lost.
    const auto at = as_text(disk.content(segment_name(1))).find("lost 10");
    REQUIRE(disk.flip(segment_name(1), at, 4));
    CHECK_FALSE(log.read_entry(ana.stream(), 11));
    REQUIRE(log.vector().at(ana.stream()) == 4);
    REQUIRE(log.append_accepted(restored.run(5, 9), noon).error().fault == StoreFault::Contradiction);
    CHECK_FALSE(log.give_way(ana.run(5, 12)));  // which would fill the hole
    REQUIRE(log.give_way(restored.run(5, 9)));
    CHECK(log.append_accepted(restored.run(5, 9), noon).has_value());
    must(log.sync(noon).has_value());
    CHECK(log.vector().at(ana.stream()) == 9);
    CHECK(log.holes().empty());
  }
  auto again = open_log(disk);
  CHECK(again.vector().at(ana.stream()) == 9);
  CHECK(again.head(ana.stream())->seq == 9);
  CHECK(again.read_entry(ana.stream(), 7)->entry == restored.entries()[6]);
}

TEST_CASE(
    "of a run that contradicts what is here, what fills the hole before it is taken when the chain vouches for it") {
  // The other's words are the same up to `fork`, others from there on. Events 9 and 10 have rotted here.
  for (const int fork : {6, 9, 10, 11, 14, 20}) {
    CAPTURE(fork);
    SimDisk disk(3);
    Author ana(1), restored(1);
    auto log = open_log(disk);
    for (int i = 1; i <= 20; ++i) {
      ana.write(fmt::format("event {:02}", i));
      restored.write(fmt::format(fmt::runtime(i < fork ? "event {:02}" : "other {:02}"), i));
    }
    must(log.append_run(ana.run(1, 20), noon).has_value());
    must(log.sync(noon).has_value());
    for (const std::uint64_t seq : {9U, 10U}) {
      REQUIRE(
          disk.flip(segment_name(1), as_text(disk.content(segment_name(1))).find(fmt::format("event {:02}", seq)), 4));
      CHECK_FALSE(log.read_entry(ana.stream(), seq));
    }
    const auto run = restored.run(1, 20);
    CHECK(log.append_accepted(run, noon).error().fault == StoreFault::Contradiction);
    CHECK(log.buffered_records() == 0);
    const auto taken = log.append_before_contradiction(run, noon);
    if (fork <= 10) {  // nothing here says that they are the ones that were lost
      CHECK(taken.empty());
      CHECK(log.buffered_records() == 0);
      continue;
    }
    CHECK(taken.size() == static_cast<std::size_t>(fork) - 1);
    must(log.sync(noon).has_value());
    CHECK(log.holes().empty());
    CHECK(log.vector().at(ana.stream()) == 20);
    CHECK(log.read_entry(ana.stream(), 10)->entry == ana.entries()[9]);
    CHECK(log.append_before_contradiction(run, noon).empty());
  }
}

TEST_CASE("what was found lost is not believed to be here by a start from an older snapshot") {
  SimDisk disk(3);
  Author ana(1);
  {
    auto log = open_log(disk);
    for (int i = 0; i < 20; ++i) ana.write("event " + std::to_string(i));
    must(log.append_run(ana.run(1, 20), noon).has_value());
    must(log.sync(noon).has_value());
    ana.write("the batch before was durable");
    must(log.append_run(ana.run(21, 21), noon).has_value());
    must(log.sync(noon).has_value());
    must(log.write_snapshot({}).has_value());
    REQUIRE(disk.flip(segment_name(1), as_text(disk.content(segment_name(1))).find("event 9"), 4));
    CHECK_FALSE(log.read_entry(ana.stream(), 10));
    CHECK(log.vector().count(ana.stream()) == 0);  // its seals are behind the hole
  }
  disk.crash(SimDisk::Cut::Keep);
  auto log = open_log(disk);
  CHECK(log.vector().count(ana.stream()) == 0);
  CHECK(log.holes() == std::vector<Hole>{{ana.stream(), 10, 10}});
}

TEST_CASE("a sector that cannot be read costs what lies in it and no more") {
  SimDisk disk(4);
  Author ana(1);
  {
    auto log = open_log(disk);
    for (int i = 0; i < 60; ++i) must(log.append_entry(ana.write(Bytes(100, 'x')), {}, noon).has_value());
    must(log.sync(noon).has_value());
    must(log.append_entry(ana.write("the batch before was durable"), {}, noon).has_value());
    must(log.sync(noon).has_value());
  }
  disk.set_bad_sector(segment_name(1), 4096, 512);
  auto log = open_log(disk);
  CHECK(log.damaged().size() == 1);
  CHECK(log.entries() < 60);
  CHECK(log.entries() > 20);
  CHECK(log.report().damaged[0].arrival_from > 0);
}

TEST_CASE("bytes inside an event that look like a record do not pass for one behind damage") {
  SimDisk disk(5);
  Author ana(1);
  Author mallory(66);
  Bytes forged;
  // Everything right but the salt, which never leaves the store.
  put_record(forged, {Kind::AuthorKey, flag_ends_batch, 1, 2, noon}, {mallory.key().public_key().view()}, 0);
  {
    auto log = open_log(disk);
    Bytes content(800, 0);
    for (std::size_t shift = 0; shift < 8; ++shift) {  // one of the copies is aligned
      std::copy(forged.begin(), forged.end(),
                content.begin() + static_cast<std::ptrdiff_t>(shift * (forged.size() + 1)));
    }
    must(log.append_entry(ana.write(content), {}, noon).has_value());
    must(log.append_entry(ana.write("two"), {}, noon).has_value());
    must(log.sync(noon).has_value());
  }
  disk.flip(segment_name(1), segment_header_bytes, 1);
  auto log = open_log(disk);
  CHECK(log.damaged().size() == 1);
  CHECK_FALSE(log.author_key(mallory.key().id()));
}

}  // namespace airbridge::store
