// The example log, snapshot and backup of format 2, read by every later version, and the bytes docs/protocol/store.md
// shows of them.
// AIRBRIDGE_WRITE_GOLDEN=1 writes the files anew; a changed golden file is explained in the commit.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "store/backup.hpp"
#include "store/snapshot.hpp"
#include "store/test_folder.hpp"
#include "store/test_world.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

namespace {

const std::string golden_folder = std::string(AIRBRIDGE_GOLDEN) + "/store/v2/";

Bytes content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct GoldenWorld {
  Author ana{1, 7};
  Author ben{2, 9, model::Class::Urgent};
  SimDisk disk{1};
  TestFolder folder;
  std::string backup = folder.file("backup.tar");
  GoldenWorld() {
    auto options = small_options();
    options.created_by = "airbridge golden";
    auto log = open_log(disk, options);
    must(log.begin_incarnation(ana.stream().writer, IncarnationReason::Fresh, noon).has_value());
    must(log.append_author_key(ana.key().public_key(), noon).has_value());
    must(log.sync(noon).has_value());
    must(log.append_entry(ana.write("first"), command_id(0xC1), noon).has_value());
    must(log.append_entry(ana.write("second"), {}, noon + Milliseconds(1500)).has_value());
    must(log.append_seal(ana.seal(), noon + Milliseconds(1500)).has_value());
    must(log.sync(noon).has_value());
    ben.write("urgent");
    must(log.append_run(ben.run(1, 1), noon + Milliseconds(2000)).has_value());
    must(log.sync(noon).has_value());
    auto bytes = disk.content(segment_name(1));
    bytes.resize(static_cast<std::size_t>(log.extents()[0].end));
    disk.set_content(segment_name(1), std::move(bytes));
    must(log.write_snapshot(as_bytes("a picture")).has_value());
    must(write_backup(disk, plan_backup(log), {{"note", to_bytes(as_bytes("extra"))}}, backup, noon).has_value());
  }
};

const std::string snapshot_file = snapshot_name(7);

// What stands in the block of the page that begins with ```HEADING.
std::string block_of(const std::string& heading) {
  const auto page = content_of(std::string(AIRBRIDGE_DOCS) + "/protocol/store.md");
  const auto text = as_text(page);
  const auto fence = "```" + heading + "\n";
  const auto start = text.find(fence);
  REQUIRE(start != text.npos);
  return std::string(text.substr(start + fence.size(), text.find("```", start + fence.size()) - start - fence.size()));
}

std::string digits_of(const std::string& heading) {
  std::string digits;
  for (const char c : block_of(heading)) {
    if (c != ' ' && c != '\n') digits.push_back(c);
  }
  return digits;
}

}  // namespace

TEST_CASE("the log is written as the golden log of format 2") {
  GoldenWorld world;
  if (std::getenv("AIRBRIDGE_WRITE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(golden_folder);
    for (const auto& name : {std::string(version_name), segment_name(1), snapshot_file}) {
      const auto bytes = world.disk.content(name);
      std::ofstream(golden_folder + name, std::ios::binary) << as_text(bytes);
    }
    std::ofstream(golden_folder + "backup.tar", std::ios::binary) << as_text(content_of(world.backup));
  }
  for (const auto& name : {std::string(version_name), segment_name(1), snapshot_file}) {
    CAPTURE(name);
    CHECK(to_hex(world.disk.content(name)) == to_hex(content_of(golden_folder + name)));
  }
  CHECK(to_hex(content_of(world.backup)) == to_hex(content_of(golden_folder + "backup.tar")));
}

TEST_CASE("the golden snapshot of format 2 is used, and gives its picture back") {
  const GoldenWorld world;
  SimDisk disk(3);
  for (const auto& name : {std::string(version_name), segment_name(1), snapshot_file}) {
    disk.set_content(name, content_of(golden_folder + name));
  }
  auto log = open_log(disk);
  CHECK(log.report().snapshot_arrival == 7);
  CHECK(log.report().records == 0);
  CHECK(log.entries() == 3);
  CHECK(log.vector() == model::VersionVector{{world.ana.stream(), 2}, {world.ben.stream(), 1}});
  const auto picture = log.take_picture();
  REQUIRE(picture);
  CHECK(as_text(picture->bytes()) == "a picture");
}

TEST_CASE("the golden backup of format 2 is restored whole") {
  const TestFolder folder;
  const auto restored = restore(golden_folder + "backup.tar", folder.file("store"), noon);
  REQUIRE(restored);
  CHECK(restored->entries == 3);
  CHECK(restored->arrival == 7);
  REQUIRE(restored->extra.size() == 1);
  CHECK(as_text(restored->extra[0].content) == "extra");
}

TEST_CASE("the golden log of format 2 is read whole") {
  const GoldenWorld world;
  SimDisk disk(2);
  for (const auto& name : {std::string(version_name), segment_name(1)}) {
    disk.set_content(name, content_of(golden_folder + name));
  }
  auto log = open_log(disk);
  CHECK(log.report().damaged.empty());
  CHECK(log.report().records == 7);
  CHECK(log.entries() == 3);
  CHECK(log.vector() == model::VersionVector{{world.ana.stream(), 2}, {world.ben.stream(), 1}});
  CHECK(log.incarnation() == world.ana.stream().writer);
  CHECK(log.command(command_id(0xC1)).size() == 1);
  CHECK(log.read_entry(world.ana.stream(), 2)->entry == world.ana.entries()[1]);
  CHECK(log.read_entry(world.ana.stream(), 2)->time == noon + Milliseconds(1500));
  CHECK(trust::verify_seal(world.ben.key().public_key(), test_incident(), *log.read_seal(world.ben.stream(), 1)));
}

TEST_CASE("docs/protocol/store.md shows the bytes of the golden files") {
  const auto segment = content_of(golden_folder + segment_name(1));
  REQUIRE(segment.size() > segment_header_bytes + 56);
  CHECK(digits_of("hex segment-header") == to_hex(ByteView(segment).first(segment_header_bytes)));
  CHECK(digits_of("hex record") == to_hex(ByteView(segment).subspan(segment_header_bytes, 56)));
  CHECK(digits_of("hex snapshot") == to_hex(content_of(golden_folder + snapshot_file)));
  const auto backup = content_of(golden_folder + "backup.tar");
  CHECK(as_text(backup).find("MANIFEST") != std::string_view::npos);
  CHECK(as_text(backup).find(block_of("text manifest")) != std::string_view::npos);
}

}  // namespace airbridge::store
