// PosixDisk on real file systems; a full one is a small tmpfs.
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store/posix_disk.hpp"
#include "store/snapshot.hpp"
#include "store/test_folder.hpp"
#include "store/test_world.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

namespace {

// A tmpfs of so many bytes, unmounted whatever happens to the test.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& options) {
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
    if (!mounted_) why_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string& why() const { return why_; }
  std::string file(const std::string& name) const { return folder_.file(name); }

 private:
  TestFolder folder_;
  bool mounted_ = false;
  std::string why_;
};

}  // namespace

TEST_CASE("a disk that is full refuses writes with words, serves what it has, and goes on when there is room") {
  const SmallDisk small("size=1m,mode=0700");
  if (!small.mounted()) {
    MESSAGE("skipped: cannot mount a tmpfs (", small.why(), "); it needs root");
    return;
  }
  Author ana(1);
  const auto ballast = small.file("ballast");
  std::uint64_t acknowledged = 0;
  {
    auto disk = PosixDisk::open(small.file("store"));
    REQUIRE(disk);
    auto options = small_options();
    options.resume_free_bytes = 128 * 1024;
    auto log = open_log(**disk, options);
    StoreError refused{};
    for (int i = 0; i < 2000; ++i) {
      const auto appended = log.append_entry(ana.write(Bytes(10'000, 'x')), {}, noon);
      const auto done = appended ? log.sync(noon) : StoreResult<std::uint64_t>(failure(appended.error()));
      if (!done) {
        refused = done.error();
        break;
      }
      acknowledged = ana.last();
    }
    CHECK(refused.fault == StoreFault::DiskFull);
    CHECK(refused.what.find("No space left on device") != std::string::npos);
    CHECK(acknowledged > 50);
    ana.forget_after(acknowledged);
    CHECK(log.append_entry(ana.write("more"), {}, noon).error().fault == StoreFault::DiskFull);
    ana.forget_after(acknowledged);
    CHECK_FALSE(log.write_snapshot(Bytes(200'000, 'p')));
    for (std::uint64_t seq = 1; seq <= acknowledged; ++seq) {
      REQUIRE(log.read_entry(ana.stream(), seq)->entry == ana.entries()[static_cast<std::size_t>(seq - 1)]);
    }
  }
  {
    // Started again while full: it serves.
    auto disk = PosixDisk::open(small.file("store"));
    auto log = open_log(**disk);
    CHECK(log.head(ana.stream())->contiguous == acknowledged);
    CHECK(log.damaged().empty());
  }
  REQUIRE(::mount("tmpfs", std::filesystem::path(ballast).parent_path().c_str(), "tmpfs", MS_REMOUNT, "size=2m") == 0);
  auto disk = PosixDisk::open(small.file("store"));
  auto log = open_log(**disk);
  must(log.append_entry(ana.write("room again"), {}, noon).has_value());
  must(log.sync(noon).has_value());
  CHECK(log.head(ana.stream())->contiguous == acknowledged + 1);
}

TEST_CASE("errors of the real disk are told with the file's name") {
  TestFolder folder;
  auto disk = PosixDisk::open(folder.file("store"));
  REQUIRE(disk);
  const auto missing = (*disk)->open("nothing", OpenMode::Read);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == DiskFault::NotFound);
  CHECK(missing.error().what.find("store/nothing") != std::string::npos);
  CHECK(PosixDisk::open(folder.file("absent"), PosixDisk::Missing::Refuse).error().kind == DiskFault::NotFound);
  CHECK(*(*disk)->free_bytes() > 0);
  REQUIRE(write_file_atomically(**disk, "small", as_bytes("content")));
  CHECK(as_text(*read_file(**disk, "small", 100)) == "content");
  CHECK_FALSE(read_file(**disk, "small", 3));
  CHECK(*(*disk)->list() == std::vector<std::string>{"small"});
}

TEST_CASE("a snapshot and the tail behind it equal a scan of everything, picture included") {
  SimDisk disk(1);
  Author ana(1, 5);
  Author ben(2);
  {
    auto log = open_log(disk);
    must(log.begin_incarnation(ana.stream().writer, IncarnationReason::Fresh, noon).has_value());
    for (int i = 0; i < 60; ++i) {
      must(log.append_entry(ana.write(fmt::format("ana {}", i)), command_id(static_cast<std::uint8_t>(i + 1)), noon)
               .has_value());
      must(log.append_author_key(ben.key().public_key(), noon).has_value());
      ben.write(fmt::format("ben {}", i));
      if (i % 5 == 4)
        must(log.append_run(ben.run(static_cast<std::uint64_t>(i) - 3, static_cast<std::uint64_t>(i) + 1), noon)
                 .has_value());
      must(log.sync(noon).has_value());
      if (i % 13 == 12) must(log.write_snapshot(as_bytes(fmt::format("picture {}", i))).has_value());
    }
  }
  int snapshots = 0;
  const auto names = disk.list();
  for (const auto& name : *names) snapshots += snapshot_arrival(name) ? 1 : 0;
  CHECK(snapshots == 2);
  auto quick = open_log(disk);
  auto options = small_options();
  options.use_snapshot = false;
  auto whole = open_log(disk, options);
  CHECK(quick.report().snapshot_arrival > 0);
  CHECK(quick.report().records < 30);
  CHECK(whole.report().snapshot_arrival == 0);
  const auto picture = quick.take_picture();
  REQUIRE(picture);
  CHECK(as_text(picture->bytes()) == "picture 51");
  CHECK(picture->arrival == quick.report().snapshot_arrival);
  CHECK_FALSE(quick.take_picture());
  for (auto* log : {&quick, &whole}) {
    CHECK(log->durable_arrival() == whole.durable_arrival());
    CHECK(log->entries() == 120);
    CHECK(log->vector() == whole.vector());
    CHECK(log->incarnation() == ana.stream().writer);
    CHECK(log->author_key(ben.key().id()) == ben.key().public_key());
    CHECK(log->command(command_id(7)).size() == 1);
    CHECK(log->runs_after(ben.stream(), 0, 1 << 20)->size() == 1);
    CHECK(log->read_from(1, 1000, 1 << 20)->size() == whole.durable_arrival());
    for (std::uint64_t seq = 1; seq <= 60; ++seq) CHECK(log->chain_at(ana.stream(), seq) == ana.head(seq));
  }
}

TEST_CASE("a picture older than the log is handed over with the arrival number it goes up to") {
  SimDisk disk(1);
  Author ana(1);
  {
    auto log = open_log(disk);
    for (int i = 0; i < 3; ++i) must(log.append_entry(ana.write("x"), {}, noon).has_value());
    must(log.sync(noon).has_value());
    must(Log::save_snapshot(disk, log.make_snapshot(), as_bytes("older"), 2).has_value());
  }
  auto log = open_log(disk);
  CHECK(log.report().snapshot_arrival == 3);
  CHECK(log.take_picture()->arrival == 2);
}

TEST_CASE("a damaged snapshot is named and an older one, or the log alone, serves") {
  SimDisk disk(1);
  Author ana(1);
  {
    auto log = open_log(disk);
    for (int i = 0; i < 3; ++i) {
      must(log.append_entry(ana.write("x"), {}, noon).has_value());
      must(log.sync(noon).has_value());
      must(log.write_snapshot(as_bytes("picture")).has_value());
    }
  }
  REQUIRE(disk.flip(snapshot_name(3), 100, 1));
  {
    auto log = open_log(disk);
    CHECK(log.report().snapshot_arrival == 2);
    REQUIRE(log.report().notes.size() == 1);
    CHECK(log.report().notes[0] == snapshot_name(3) + " is damaged and was not used");
    CHECK(log.entries() == 3);
  }
  REQUIRE(disk.flip(snapshot_name(2), 100, 1));
  auto log = open_log(disk);
  CHECK(log.report().snapshot_arrival == 0);
  CHECK(log.entries() == 3);
}

TEST_CASE("a snapshot never says more than the log holds") {
  SimDisk disk(1);
  Author ana(1);
  const auto own = ana.key().id();
  {
    auto log = open_log(disk);
    must(log.begin_incarnation({own, 1}, IncarnationReason::Fresh, noon).has_value());
    for (int i = 0; i < 20; ++i) {
      must(log.append_entry(ana.write("x"), {}, noon).has_value());
      must(log.append_seal(ana.seal(), noon).has_value());
    }
    must(log.sync(noon).has_value());
    must(log.write_snapshot({}).has_value());
  }
  auto bytes = disk.content(segment_name(1));
  bytes.resize(2000);
  disk.set_content(segment_name(1), bytes);
  auto log = open_log(disk);
  CHECK(log.report().snapshot_arrival == 0);
  CHECK(log.entries() < 20);
  CHECK(log.vector().at(ana.stream()) <= log.entries());
  CHECK(log.report().heads_disagree);
  CHECK(log.must_begin_new_incarnation(own));
}

}  // namespace airbridge::store
