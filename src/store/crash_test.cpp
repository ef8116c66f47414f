// The log on disks that forget, tear, flip, fill and fail. Twin: the authors, who remember what they wrote, and the
// list of what was acknowledged.
#include <fmt/format.h>

#include "store/snapshot.hpp"

#include "store/test_world.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

namespace {

bool is_log_file(std::string_view name) { return segment_number(name).has_value(); }

// A peer whose events arrive here as sealed runs, and an own author that writes events of its own.
struct World {
  explicit World(std::uint64_t seed) : rng(seed), disk(rng()) {}
  Rng rng;
  SimDisk disk;
  Author peer{1};
  std::unique_ptr<Author> own = std::make_unique<Author>(2, 1);
  std::vector<std::unique_ptr<Author>> earlier;  // own incarnations that ended
  std::map<model::StreamId, std::uint64_t> acknowledged;
  std::uint64_t arrival_acknowledged = 0;
  std::vector<std::pair<model::CommandId, model::Dot>> commands;

  Bytes content() {
    Bytes bytes(rng.below(600));
    rng.fill(bytes);
    return bytes;
  }
};

// What every acknowledged event owes us after a restart: present, unchanged, chained.
void check_acknowledged(World& world, Log& log) {
  std::vector<const Author*> authors{&world.peer, world.own.get()};
  for (const auto& author : world.earlier) authors.push_back(author.get());
  for (const auto* author : authors) {
    const auto until = world.acknowledged[author->stream()];
    if (until == 0) continue;
    REQUIRE(log.head(author->stream()));
    REQUIRE(log.head(author->stream())->contiguous >= until);
    for (std::uint64_t seq = 1; seq <= until; ++seq) {
      const auto entry = log.read_entry(author->stream(), seq);
      REQUIRE(entry);
      REQUIRE(entry->entry == author->entries()[static_cast<std::size_t>(seq - 1)]);
      REQUIRE(entry->head == author->head(seq));
    }
  }
  for (const auto& [id, dot] : world.commands) {
    const auto dots = log.command(id);
    REQUIRE(std::find(dots.begin(), dots.end(), dot) != dots.end());
  }
  CHECK(log.durable_arrival() >= world.arrival_acknowledged);
}

// The node's rule after a restart: go on where the log ends, or begin anew where it says so.
void resume(World& world, Log& log) {
  // Peers send again what the vector lacks.
  const auto vector = log.vector();
  const auto have = vector.contains(world.peer.stream()) ? vector.at(world.peer.stream()) : 0;
  const auto head = log.head(world.peer.stream());
  if (head && head->seq > have) {
    REQUIRE(log.append_run(world.peer.run(have + 1, head->seq), noon));
    REQUIRE(log.sync(noon));
  }
  const auto own = world.own->key().id();
  if (log.must_begin_new_incarnation(own)) {
    const auto next = world.own->stream().writer.incarnation + 1;
    world.earlier.push_back(std::move(world.own));
    world.own = std::make_unique<Author>(2, next);
    const auto begun = log.begin_incarnation({own, next}, IncarnationReason::Doubt, noon);
    REQUIRE(begun);
    REQUIRE(log.sync(noon));
    REQUIRE_FALSE(log.must_begin_new_incarnation(own));
  } else {
    // Events that were written but not acknowledged may be there or not; none may be there in part.
    const auto own_head = log.head(world.own->stream());
    world.own->forget_after(own_head ? own_head->seq : 0);
  }
}

// Some batches; returns when `batches` are through. Remembers what was acknowledged.
void work(World& world, Log& log, int batches) {
  for (int batch = 0; batch < batches; ++batch) {
    const auto events = 1 + world.rng.below(6);
    std::vector<std::pair<model::CommandId, model::Dot>> commands;
    for (std::uint64_t i = 0; i < events; ++i) {
      if (world.rng.chance(0.5)) {
        model::CommandId id;
        world.rng.fill(id.value);
        const auto& entry = world.own->write(world.content());
        REQUIRE(log.append_entry(entry, id, noon));
        commands.emplace_back(id, entry.dot());
        if (world.rng.chance(0.3)) REQUIRE(log.append_seal(world.own->seal(), noon));
      } else {
        const auto held = log.staged_head(world.peer.stream()).seq;
        const auto count = 1 + world.rng.below(4);
        while (world.peer.last() < held + count) world.peer.write(world.content());
        REQUIRE(log.append_run(world.peer.run(held + 1, held + count), noon));
      }
    }
    const auto own_last = world.own->last();
    const auto peer_last = log.staged_head(world.peer.stream()).seq;
    const auto done = log.sync(noon);
    REQUIRE(done);
    world.acknowledged[world.own->stream()] = own_last;
    world.acknowledged[world.peer.stream()] = peer_last;
    world.arrival_acknowledged = *done;
    world.commands.insert(world.commands.end(), commands.begin(), commands.end());
    if (world.rng.chance(0.1)) REQUIRE(log.write_snapshot(as_bytes("picture")));
  }
}

// Writes part of a batch that is never acknowledged, so that the cut has something to tear.
void leave_unfinished(World& world, Log& log) {
  world.disk.on_fdatasync([&world] { world.disk.crash(SimDisk::Cut::Mixed); });
  for (std::uint64_t i = 0, n = 1 + world.rng.below(12); i < n; ++i) {
    REQUIRE(log.append_entry(world.own->write(world.content()), {}, noon));
    if (world.rng.chance(0.3)) {
      const auto held = log.staged_head(world.peer.stream()).seq;
      while (world.peer.last() < held + 1) world.peer.write(world.content());
      REQUIRE(log.append_run(world.peer.run(held + 1, held + 1), noon));
    }
  }
  CHECK_FALSE(log.sync(noon));
  world.disk.on_fdatasync({});
}

}  // namespace

// One command that became two events, each with its seal, as app/ writes them.
void append_command(Log& log, Author& first, Author& second, const model::CommandId& id) {
  for (auto* author : {&first, &second}) {
    must(log.append_entry(author->write(Bytes(700, 'x')), id, noon).has_value());
    must(log.append_seal(author->seal(), noon).has_value());
  }
}

TEST_CASE("a power cut inside a command leaves the whole command or nothing of it") {
  int whole = 0, nothing = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    SimDisk disk(seed);
    Author urgent(2, 1, model::Class::Urgent), important(2, 1, model::Class::Important);
    {
      auto log = open_log(disk);
      must(log.begin_incarnation(urgent.stream().writer, IncarnationReason::Fresh, noon).has_value());
      must(log.sync(noon).has_value());
      append_command(log, urgent, important, command_id(1));
      must(log.sync(noon).has_value());
      append_command(log, urgent, important, command_id(2));
      disk.on_fdatasync([&] { disk.crash(SimDisk::Cut::Mixed); });
      REQUIRE_FALSE(log.sync(noon));
      disk.on_fdatasync({});
    }
    for (int opening = 0; opening < 2; ++opening) {  // the second one reads what the first one wrote about it
      auto log = open_log(disk);
      CHECK(log.command(command_id(1)).size() == 2);
      const auto there = log.command(command_id(2)).size();
      CHECK((there == 0 || there == 2));
      if (opening == 1) continue;
      ++(there == 2 ? whole : nothing);
      for (const auto& [stream, head] : log.heads()) {
        CHECK(head.seq == head.sealed_seq);  // so it goes to the peers, or is nowhere
        CHECK(head.seq == (there == 2 ? 2 : 1));
      }
    }
  }
  MESSAGE("whole: ", whole, ", nothing: ", nothing);
  CHECK(whole > 5);
  CHECK(nothing > 100);
}

TEST_CASE("a batch that lacks its end was never acknowledged: own events in it are withdrawn under a new incarnation") {
  SimDisk disk(5);
  Author own(2, 1);
  std::uint64_t end = 0;
  {
    auto log = open_log(disk);
    must(log.begin_incarnation(own.stream().writer, IncarnationReason::Fresh, noon).has_value());
    must(log.append_entry(own.write("acknowledged"), command_id(1), noon).has_value());
    must(log.append_seal(own.seal(), noon).has_value());
    must(log.sync(noon).has_value());
    must(log.append_entry(own.write("half"), command_id(2), noon).has_value());
    const auto before_seal = log.buffered_bytes();
    end = log.extents().back().end + before_seal;
    must(log.append_seal(own.seal(), noon).has_value());
    must(log.sync(noon).has_value());
  }
  auto bytes = disk.content("log-00000001.seg");
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(end), bytes.end(), std::uint8_t{0});
  disk.set_content("log-00000001.seg", bytes);
  auto log = open_log(disk);
  CHECK(log.head(own.stream())->seq == 1);
  CHECK(log.command(command_id(2)).empty());
  CHECK(log.must_begin_new_incarnation(own.key().id()));
}

TEST_CASE("on a full disk what was concluded from a torn end is written before anything else, when there is room") {
  SimDisk disk(6);
  Author own(2, 1), peer(1);
  {
    auto log = open_log(disk);
    must(log.begin_incarnation(own.stream().writer, IncarnationReason::Fresh, noon).has_value());
    must(log.sync(noon).has_value());
    must(log.append_entry(own.write(Bytes(3000, 'x')), command_id(1), noon).has_value());
    const auto end = log.extents().back().end + log.buffered_bytes();
    must(log.append_seal(own.seal(), noon).has_value());
    must(log.sync(noon).has_value());
    auto bytes = disk.content("log-00000001.seg");
    bytes.resize(end + 20);  // a torn seal
    disk.set_content("log-00000001.seg", bytes);
  }
  disk.set_quota(0);
  {
    auto log = open_log(disk);
    CHECK(log.must_begin_new_incarnation(own.key().id()));
    CHECK(log.entries() == 0);
    peer.write("1");
    CHECK_FALSE(log.append_run(peer.run(1, 1), noon));
    CHECK_FALSE(disk.exists(doubt_name));
    disk.set_quota(UINT64_MAX);
    must(log.append_run(peer.run(1, 1), noon).has_value());
    must(log.sync(noon).has_value());
    CHECK(disk.exists(doubt_name));
  }
  auto log = open_log(disk);
  CHECK(log.must_begin_new_incarnation(own.key().id()));
  CHECK(log.command(command_id(1)).empty());
  CHECK(log.head(own.stream())->seq == 0);
  CHECK(log.vector().at(peer.stream()) == 1);
}

TEST_CASE("a power cut at any moment loses nothing acknowledged and never gives a sequence number two contents") {
  int torn = 0;
  int withdrawn = 0;
  int fresh = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int life = 0; life < 4; ++life) {
      CAPTURE(life);
      auto log = open_log(world.disk);
      check_acknowledged(world, log);
      torn += log.report().torn_bytes > 0 ? 1 : 0;
      withdrawn += log.report().set_aside.empty() ? 0 : 1;
      const auto before = world.earlier.size();
      resume(world, log);
      fresh += world.earlier.size() > before && life > 0 ? 1 : 0;
      // An own stream that goes on has no hole, or its later events could never be sent.
      const auto head = log.head(world.own->stream());
      if (head) CHECK(head->contiguous == head->seq);
      work(world, log, 1 + static_cast<int>(world.rng.below(8)));
      leave_unfinished(world, log);
    }
    auto log = open_log(world.disk);
    check_acknowledged(world, log);
    // What a snapshot vouches for and what a full scan finds are the same.
    auto options = small_options();
    options.use_snapshot = false;
    auto whole = open_log(world.disk, options);
    CHECK(whole.vector() == log.vector());
    CHECK(whole.entries() == log.entries());
    CHECK(whole.durable_arrival() == log.durable_arrival());
    for (const auto& [stream, head] : log.heads()) {
      REQUIRE(whole.head(stream));
      CHECK(whole.head(stream)->seq == head.seq);
      CHECK(whole.head(stream)->head == head.head);
    }
  }
  MESSAGE("torn ends: ", torn, ", withdrawn batches: ", withdrawn, ", new incarnations: ", fresh, " in 1600 cuts");
  CHECK(torn > 50);  // the seeds do reach the cases
  CHECK(withdrawn > 10);
}

TEST_CASE("a killed process loses nothing and needs no new incarnation") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int life = 0; life < 4; ++life) {
      auto log = open_log(world.disk);
      check_acknowledged(world, log);
      if (life > 0) CHECK_FALSE(log.must_begin_new_incarnation(world.own->key().id()));
      resume(world, log);
      work(world, log, 4);
      world.disk.crash(SimDisk::Cut::Keep);
    }
  }
}

TEST_CASE("a full disk refuses the batch, keeps serving, and takes it when there is room again") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    World world(seed);
    auto options = small_options();
    options.resume_free_bytes = 64 * 1024;  // more than any batch that is refused gives back
    auto log = open_log(world.disk, options);
    resume(world, log);
    work(world, log, 3);
    world.disk.set_quota(8000 + world.rng.below(30000));
    StoreError refused;
    std::uint64_t acknowledged = world.own->last();
    for (int i = 0; i < 400; ++i) {
      const auto appended = log.append_entry(world.own->write(world.content()), {}, noon);
      if (appended) {
        if (world.rng.chance(0.5)) continue;
        if (const auto done = log.sync(noon)) {
          acknowledged = world.own->last();
          continue;
        } else {
          refused = done.error();
        }
      } else {
        refused = appended.error();
      }
      break;
    }
    REQUIRE(refused.fault == StoreFault::DiskFull);
    CHECK_FALSE(log.refusing().empty());
    world.own->forget_after(acknowledged);
    world.acknowledged[world.own->stream()] = acknowledged;
    CHECK(log.append_entry(world.own->write("more"), {}, noon).error().fault == StoreFault::DiskFull);
    world.own->forget_after(acknowledged);
    check_acknowledged(world, log);
    CHECK(log.staged_head(world.own->stream()).seq == acknowledged);
    if (world.rng.chance(0.5)) {  // room comes back while it runs
      world.disk.set_quota(UINT64_MAX);
      work(world, log, 2);
      CHECK(log.refusing().empty());
    } else {  // it is restarted full, then there is room
      world.disk.crash(SimDisk::Cut::Mixed);
      auto again = open_log(world.disk);
      check_acknowledged(world, again);
      world.disk.set_quota(UINT64_MAX);
      resume(world, again);
      work(world, again, 2);
    }
    world.disk.crash(SimDisk::Cut::Mixed);
    auto last = open_log(world.disk);
    check_acknowledged(world, last);
  }
}

TEST_CASE("after a failed fdatasync nothing of the batch counts, and what follows is safe in a new segment") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    World world(seed);
    {
      auto log = open_log(world.disk);
      resume(world, log);
      work(world, log, 3);
      const auto acknowledged = world.own->last();
      const auto segments = log.extents().size();
      REQUIRE(log.append_entry(world.own->write("never durable"), command_id(5), noon));
      world.disk.fail_fdatasync(1 + static_cast<int>(world.rng.below(2)));
      CHECK(log.sync(noon).error().fault == StoreFault::DiskError);
      CHECK(log.command(command_id(5)).empty());
      world.own->forget_after(acknowledged);
      CHECK(log.staged_head(world.own->stream()).seq == acknowledged);
      world.disk.fail_fdatasync(0);
      work(world, log, 2);  // the same sequence number, other content: only safe if the first never comes back
      CHECK(log.extents().size() > segments);
      check_acknowledged(world, log);
      world.disk.crash(world.rng.chance(0.5) ? SimDisk::Cut::Mixed : SimDisk::Cut::Keep);
    }
    auto log = open_log(world.disk);
    check_acknowledged(world, log);
    CHECK(log.report().set_aside.empty());
    CHECK_FALSE(log.must_begin_new_incarnation(world.own->key().id()));
  }
}

TEST_CASE("a write error is like a full disk: nothing counts, the next batch does") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    World world(seed);
    auto log = open_log(world.disk);
    resume(world, log);
    work(world, log, 2);
    const auto acknowledged = world.own->last();
    REQUIRE(log.append_entry(world.own->write(world.content()), {}, noon));
    world.disk.fail_writes(100);
    CHECK_FALSE(log.sync(noon));
    world.disk.fail_writes(0);
    world.own->forget_after(acknowledged);
    work(world, log, 2);
    world.disk.crash(SimDisk::Cut::Mixed);
    auto again = open_log(world.disk);
    check_acknowledged(world, again);
  }
}

TEST_CASE("random flips anywhere in a store never stop it from opening, and whatever is read is what was written") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    World world(seed);
    {
      auto log = open_log(world.disk);
      resume(world, log);
      work(world, log, 12);
      REQUIRE(log.write_snapshot(as_bytes("picture")));
      work(world, log, 4);
    }
    for (std::uint64_t i = 0, n = 1 + world.rng.below(5); i < n; ++i) {
      world.disk.flip_random(
          [&](std::string_view name) { return is_log_file(name) || snapshot_arrival(name) || name == version_name; });
    }
    auto log = open_log(world.disk);
    for (const auto* author : {&world.peer, world.own.get()}) {
      const auto head = log.head(author->stream());
      for (std::uint64_t seq = 1; head && seq <= head->seq; ++seq) {
        const auto entry = log.read_entry(author->stream(), seq);
        if (entry) REQUIRE(entry->entry == author->entries()[static_cast<std::size_t>(seq - 1)]);
      }
    }
    // The peer sends everything behind the vector again; then its stream is whole.
    const auto vector = log.vector();
    const auto have = vector.contains(world.peer.stream()) ? vector.at(world.peer.stream()) : 0;
    if (have < world.peer.last()) {
      const auto repaired = log.append_run(world.peer.run(have + 1, world.peer.last()), noon);
      if (!repaired) FAIL(repaired.error().what);
      REQUIRE(log.sync(noon));
    }
    CHECK(log.vector().at(world.peer.stream()) == world.peer.last());
  }
}

}  // namespace airbridge::store
