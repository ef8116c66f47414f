#include "store/backup.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "store/posix_disk.hpp"
#include "store/test_folder.hpp"
#include "store/test_world.hpp"
#include "store/writer.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

namespace {

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void put_content(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

}  // namespace

TEST_CASE("a backup made while the node writes restores to a whole prefix of the log, and asks for a new incarnation") {
  TestFolder folder;
  Author ana(1);
  const auto own = ana.key().id();
  const SystemClock clock;
  const auto path = folder.file("backup.tar");
  {
    auto disk = PosixDisk::open(folder.file("store"));
    REQUIRE(disk);
    auto opened = open_log(**disk);
    must(opened.begin_incarnation({own, 1}, IncarnationReason::Fresh, noon).has_value());
    must(opened.sync(noon).has_value());
    Writer writer(std::move(opened), clock);
    for (int i = 0; i < 100; ++i) ana.write(fmt::format("event {}", i));
    std::jthread writing([&] {
      for (std::uint64_t seq = 1; seq <= 100; ++seq) {
        must(writer.submit(ana.entries()[static_cast<std::size_t>(seq - 1)], {}, {}).has_value());
      }
    });
    while (writer.durable_arrival() < 20) std::this_thread::yield();
    const auto plan = writer.read([](Log& log) { return plan_backup(log); });
    const auto made =
        write_backup(**disk, plan, {{"node.toml", to_bytes(as_bytes("name = 'POST 1'\n"))}, {"empty", {}}}, path, noon);
    if (!made) FAIL(made.error().what);
    CHECK(made->arrival == plan.arrival);
    CHECK_FALSE(write_backup(**disk, plan, {}, path, noon));  // never over an earlier one
    writing.join();
  }
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  const auto restored = restore(path, folder.file("restored"), noon);
  if (!restored) FAIL(restored.error().what);
  CHECK(restored->entries >= 19);
  CHECK(restored->damaged.empty());
  REQUIRE(restored->extra.size() == 2);
  CHECK(as_text(restored->extra[0].content) == "name = 'POST 1'\n");
  auto disk = PosixDisk::open(folder.file("restored"));
  REQUIRE(disk);
  auto log = open_log(**disk);
  CHECK(log.durable_arrival() == restored->arrival);
  CHECK(log.why_new_incarnation(own) == "restored from a backup");
  CHECK(log.next_reason() == IncarnationReason::Restored);
  for (std::uint64_t seq = 1; seq <= restored->entries; ++seq) {
    CHECK(log.read_entry(ana.stream(), seq)->entry == ana.entries()[static_cast<std::size_t>(seq - 1)]);
  }
  CHECK_FALSE(restore(path, folder.file("restored"), noon));  // never into a store
}

TEST_CASE("a damaged or cut backup is refused with words and leaves nothing behind") {
  TestFolder folder;
  Author ana(1);
  const auto path = folder.file("backup.tar");
  {
    SimDisk disk(1);
    auto log = open_log(disk);
    for (int i = 0; i < 5; ++i) must(log.append_entry(ana.write(Bytes(200, 'x')), {}, noon).has_value());
    must(log.sync(noon).has_value());
    REQUIRE(write_backup(disk, plan_backup(log), {{"extra", {1, 2, 3}}}, path, noon));
  }
  const auto whole = content_of(path);
  const auto target = folder.file("restored");
  const auto refused = [&](const std::string& content) {
    put_content(path, content);
    const auto outcome = restore(path, target, noon);
    REQUIRE_FALSE(outcome);
    CHECK_FALSE(outcome.error().what.empty());
    CHECK_FALSE(std::filesystem::exists(target));
    CHECK_FALSE(std::filesystem::exists(target + ".restoring"));
  };
  // The end of the manifest's text; behind it there is only padding.
  const auto text_end = whole.find_last_not_of('\0');
  for (std::size_t at = 0; at <= text_end; at += 131) {
    CAPTURE(at);
    refused(whole.substr(0, at));
  }
  // Bits in names, sizes, contents and the manifest; padding and the header's unused fields do not matter.
  int found = 0;
  for (std::size_t at = 0; at + 2 * 512 < whole.size(); at += 97) {
    auto flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    put_content(path, flipped);
    const auto outcome = restore(path, target, noon);
    if (outcome) {
      CHECK(outcome->entries == 5);
      std::filesystem::remove_all(target);
    } else {
      ++found;
    }
  }
  CHECK(found > 10);
  put_content(path, whole);
  CHECK(restore(path, target, noon));
  CHECK(restore(folder.file("nothing.tar"), folder.file("x"), noon).error().fault == StoreFault::NotFound);
}

TEST_CASE("names that would leave the folder are refused") {
  TestFolder folder;
  SimDisk disk(1);
  auto log = open_log(disk);
  for (const auto* name : {"../keys", "a/b", ".hidden", "", "with space"}) {
    CHECK(write_backup(disk, plan_backup(log), {{name, {}}}, folder.file("b.tar"), noon).error().fault ==
          StoreFault::Malformed);
    CHECK_FALSE(std::filesystem::exists(folder.file("b.tar")));
    CHECK_FALSE(std::filesystem::exists(folder.file("b.tar.partial")));
  }
}

}  // namespace airbridge::store
