#include "store/log.hpp"

#include "store/test_world.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

TEST_CASE("what was synced is there after a restart, what was only buffered is not") {
  SimDisk disk(1);
  Author ana(1);
  {
    auto log = open_log(disk);
    must(log.append_entry(ana.write("one"), command_id(9), noon).has_value());
    must(log.append_seal(ana.seal(), noon).has_value());
    must(log.append_author_key(ana.key().public_key(), noon).has_value());
    CHECK(log.vector().empty());  // nothing is seen before it is durable
    must(log.sync(noon).has_value());
    CHECK(log.durable_arrival() == 3);
    must(log.append_entry(ana.write("two"), {}, noon).has_value());
    CHECK(log.head(ana.stream())->seq == 1);
    CHECK(log.staged_head(ana.stream()).seq == 2);
  }
  disk.crash(SimDisk::Cut::Lose);
  auto log = open_log(disk);
  CHECK(log.durable_arrival() == 3);
  CHECK(log.vector() == model::VersionVector{{ana.stream(), 1}});
  const auto entry = log.read_entry(ana.stream(), 1);
  REQUIRE(entry);
  CHECK(as_text(entry->entry.public_part) == "one");
  CHECK(entry->head == ana.head(1));
  CHECK(entry->arrival == 1);
  CHECK(entry->time == noon);
  REQUIRE(log.command(command_id(9)).size() == 1);
  CHECK(log.command(command_id(9))[0] == ana.entries()[0].dot());
  CHECK(log.author_key(ana.key().id()) == ana.key().public_key());
  CHECK(log.report().damaged.empty());
}

TEST_CASE(
    "the log refuses gaps, other chains, contradictions and events that are too big, and takes duplicates quietly") {
  SimDisk disk(2);
  Author ana(1);
  Author twin(1);  // the same key, other words: a fork
  auto log = open_log(disk);
  ana.write("one");
  ana.write("two");
  CHECK(log.append_entry(ana.entries()[1], {}, noon).error().fault == StoreFault::Gap);
  must(log.append_entry(ana.entries()[0], {}, noon).has_value());
  CHECK(log.append_entry(ana.entries()[0], {}, noon)->duplicate);
  CHECK(log.append_entry(twin.write("uno"), {}, noon).error().fault == StoreFault::Contradiction);
  CHECK(log.append_seal(twin.seal(), noon).error().fault == StoreFault::WrongChain);
  CHECK(log.append_seal(ana.seal(2), noon).error().fault == StoreFault::Gap);
  must(log.sync(noon).has_value());
  CHECK(log.append_entry(ana.entries()[0], {}, noon)->duplicate);
  CHECK(log.append_entry(twin.entries()[0], {}, noon).error().fault == StoreFault::Contradiction);
  auto big = ana.entries()[1];
  big.public_part.resize(model::event_bytes_max + 1);
  CHECK(log.append_entry(big, {}, noon).error().fault == StoreFault::TooBig);
  CHECK(log.buffered_records() == 0);
}

TEST_CASE("a run is taken whole or not at all") {
  SimDisk disk(3);
  Author ana(1);
  for (const auto* text : {"one", "two", "three"}) ana.write(text);
  auto log = open_log(disk);
  auto bad = ana.run(1, 3);
  bad.entries[2].public_part.push_back('!');
  CHECK_FALSE(log.append_run(bad, noon));
  CHECK(log.buffered_records() == 0);
  CHECK(*log.append_run(ana.run(1, 3), noon) == 3);
  must(log.sync(noon).has_value());
  CHECK(*log.append_run(ana.run(1, 3), noon) == 0);
  CHECK(log.vector().at(ana.stream()) == 3);
}

TEST_CASE("only sealed events are offered to others, from anywhere on") {
  SimDisk disk(4);
  Author ana(1);
  auto log = open_log(disk);
  for (int i = 0; i < 40; ++i) {
    must(log.append_entry(ana.write(Bytes(1000, 'x')), {}, noon).has_value());
    if (i % 16 == 15) must(log.append_seal(ana.seal(), noon).has_value());
  }
  must(log.sync(noon).has_value());
  CHECK(log.vector().at(ana.stream()) == 32);
  const auto all = log.runs_after(ana.stream(), 0, 1 << 20);
  REQUIRE(all);
  std::uint64_t next = 1;
  for (const auto& run : *all) {
    for (const auto& entry : run.entries) CHECK(entry == ana.entries()[static_cast<std::size_t>(next++ - 1)]);
    CHECK(trust::verify_seal(ana.key().public_key(), test_incident(), run.seal));
  }
  CHECK(next == 33);
  CHECK(log.runs_after(ana.stream(), 20, 1)->at(0).entries.size() == 12);
  CHECK(log.runs_after(ana.stream(), 32, 1 << 20)->empty());
}

TEST_CASE("reading by arrival number pages through everything, across segments") {
  SimDisk disk(5);
  Author ana(1);
  auto log = open_log(disk);
  for (int i = 0; i < 200; ++i) {
    must(log.append_entry(ana.write("event " + std::to_string(i)), {}, noon).has_value());
    if (i % 7 == 0) must(log.sync(noon).has_value());
  }
  must(log.sync(noon).has_value());
  CHECK(log.extents().size() > 3);
  std::uint64_t next = 1;
  while (true) {
    const auto page = log.read_from(next, 13, 1 << 20);
    REQUIRE(page);
    if (page->empty()) break;
    for (const auto& record : *page) {
      CHECK(record.header.arrival == next);
      const auto entry = as_entry(record);
      REQUIRE(entry);
      CHECK(entry->entry == ana.entries()[static_cast<std::size_t>(next - 1)]);
      ++next;
    }
  }
  CHECK(next == 201);
}

TEST_CASE("a withheld private part that arrives later replaces the copy without it") {
  SimDisk disk(6);
  Author ana(1);
  auto full = ana.write("public");
  full.private_part = model::PrivatePart::here({1, 2, 3});
  auto bare = full;
  bare.private_part = model::PrivatePart::withheld(full.private_part.hash);
  {
    auto log = open_log(disk);
    must(log.append_entry(bare, {}, noon).has_value());
    must(log.sync(noon).has_value());
    CHECK_FALSE(log.append_entry(full, {}, noon)->duplicate);
    must(log.sync(noon).has_value());
    CHECK(log.append_entry(bare, {}, noon)->duplicate);
    CHECK(log.entries() == 1);
  }
  auto log = open_log(disk);
  CHECK(log.read_entry(full.stream, 1)->entry == full);
  CHECK(log.entries() == 1);
}

TEST_CASE("a branch is chained to its trunk and named by its first event") {
  SimDisk disk(7);
  Author ana(1);
  Author fork(1);
  for (auto* author : {&ana, &fork}) {
    author->write("one");
    author->write("two");
  }
  ana.write("three");
  fork.write("drei");
  fork.write("vier");
  auto log = open_log(disk);
  must(log.append_run(ana.run(1, 3), noon).has_value());
  auto branch = fork.stream();
  branch.branch.from = 3;
  std::copy_n(fork.head(3).value.begin(), 8, branch.branch.head.begin());
  auto run = fork.run(3, 4);
  for (auto& entry : run.entries) entry.stream = branch;
  run.seal.stream = branch;
  auto wrong = run;
  for (auto& entry : wrong.entries) entry.stream.branch.head[0] ^= 1;
  wrong.seal.stream = wrong.entries[0].stream;
  CHECK(log.append_run(wrong, noon).error().fault == StoreFault::WrongChain);
  CHECK(*log.append_run(run, noon) == 2);
  must(log.sync(noon).has_value());
  auto again = open_log(disk);
  CHECK(again.vector() == model::VersionVector{{ana.stream(), 3}, {branch, 4}});
  CHECK(again.runs_after(branch, 0, 1 << 20)->at(0).entries.size() == 2);
  CHECK(again.report().set_aside.empty());
}

TEST_CASE("a new store asks for an incarnation, keeps it over a clean stop, and a restore asks again") {
  SimDisk disk(8);
  Author ana(1, 77);
  const auto own = ana.key().id();
  {
    auto log = open_log(disk);
    CHECK(log.must_begin_new_incarnation(own));
    must(log.begin_incarnation({own, 77}, IncarnationReason::Fresh, noon).has_value());
    must(log.append_entry(ana.write("one"), {}, noon).has_value());
    must(log.sync(noon).has_value());
    CHECK_FALSE(log.must_begin_new_incarnation(own));
    CHECK(log.must_begin_new_incarnation(test_key(2).id()));
    must(log.close(noon).has_value());
  }
  {
    auto log = open_log(disk);
    CHECK(log.report().clean_stop);
    CHECK_FALSE(log.must_begin_new_incarnation(own));
    CHECK(log.incarnation() == model::Writer{own, 77});
    CHECK_FALSE(disk.exists(clean_name));
  }
  disk.set_content(doubt_name, to_bytes(as_bytes("restored from a backup")));
  {
    auto log = open_log(disk);
    CHECK(log.why_new_incarnation(own) == "restored from a backup");
  }
  auto log = open_log(disk);
  CHECK(log.must_begin_new_incarnation(own));  // asking does not settle it
  must(log.begin_incarnation({own, 78}, IncarnationReason::Restored, noon).has_value());
  must(log.sync(noon).has_value());
  CHECK_FALSE(log.must_begin_new_incarnation(own));
  CHECK_FALSE(open_log(disk).must_begin_new_incarnation(own));
}

TEST_CASE("heads that are not those of the clean stop ask for a new incarnation") {
  SimDisk disk(9);
  Author ana(1);
  const auto own = ana.key().id();
  Bytes earlier;
  {
    auto log = open_log(disk);
    must(log.begin_incarnation({own, 1}, IncarnationReason::Fresh, noon).has_value());
    must(log.sync(noon).has_value());
    earlier = disk.content(segment_name(1));
    must(log.append_entry(ana.write("one"), {}, noon).has_value());
    must(log.sync(noon).has_value());
    must(log.close(noon).has_value());
  }
  disk.set_content(segment_name(1), earlier);  // somebody put an old copy back
  auto log = open_log(disk);
  CHECK(log.report().heads_disagree);
  CHECK(log.must_begin_new_incarnation(own));
}

TEST_CASE("a newer store and another incident are refused with words") {
  SimDisk disk(10);
  {
    auto log = open_log(disk);
  }
  auto other = test_incident();
  other.value[0] ^= 1;
  CHECK(Log::open(disk, other, small_options(), noon).error().fault == StoreFault::WrongIncident);
  Meta meta = *read_meta(disk);
  meta.format = 3;
  disk.set_content(version_name, to_bytes(as_bytes(encode(meta))));
  const auto refused = Log::open(disk, test_incident(), small_options(), noon);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == StoreFault::OtherFormat);
  CHECK(refused.error().what.find("written by a newer Airbridge (format 3); this program reads up to 2") !=
        std::string::npos);
  meta.format = 1;
  disk.set_content(version_name, to_bytes(as_bytes(encode(meta))));
  const auto older = Log::open(disk, test_incident(), small_options(), noon);
  REQUIRE_FALSE(older);
  CHECK(older.error().fault == StoreFault::OtherFormat);
  CHECK(older.error().what.find("has format 1, which only versions before the first release wrote") !=
        std::string::npos);
}

TEST_CASE("records of kinds this version does not know are kept and stepped over") {
  SimDisk disk(11);
  Author ana(1);
  {
    auto log = open_log(disk);
    must(log.append_entry(ana.write("one"), {}, noon).has_value());
    must(log.sync(noon).has_value());
  }
  auto bytes = disk.content(segment_name(1));
  bytes.resize(static_cast<std::size_t>(open_log(disk).extents()[0].end));
  put_record(bytes, {static_cast<Kind>(99), flag_ends_batch, 2, 2, noon}, {as_bytes("from the future")}, 0x5eed5a17);
  disk.set_content(segment_name(1), bytes);
  auto log = open_log(disk);
  CHECK(log.report().unknown == 1);
  CHECK(log.report().damaged.empty());
  must(log.append_entry(ana.write("two"), {}, noon).has_value());
  CHECK(*log.sync(noon) == 3);
  const auto records = log.read_from(2, 10, 1 << 20);
  CHECK(as_text(records->at(0).payload) == "from the future");
}

}  // namespace airbridge::store
