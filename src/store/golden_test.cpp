// The example log of format 2, read by every later version, and the bytes docs/protocol/store.md shows of it.
// AIRBRIDGE_WRITE_GOLDEN=1 writes the files anew; a changed golden file is explained in the commit.
#include <cstdlib>
#include <filesystem>
#include <fstream>

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
  }
};

}  // namespace

TEST_CASE("the log is written as the golden log of format 2") {
  GoldenWorld world;
  if (std::getenv("AIRBRIDGE_WRITE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(golden_folder);
    for (const auto& name : {std::string(version_name), segment_name(1)}) {
      const auto bytes = world.disk.content(name);
      std::ofstream(golden_folder + name, std::ios::binary) << as_text(bytes);
    }
  }
  for (const auto& name : {std::string(version_name), segment_name(1)}) {
    CAPTURE(name);
    CHECK(to_hex(world.disk.content(name)) == to_hex(content_of(golden_folder + name)));
  }
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

TEST_CASE("docs/protocol/store.md shows the bytes of the golden log's first record") {
  const auto page = content_of(std::string(AIRBRIDGE_DOCS) + "/protocol/store.md");
  const auto text = as_text(page);
  constexpr std::string_view fence = "```hex record\n";
  const auto start = text.find(fence);
  REQUIRE(start != text.npos);
  const auto block = text.substr(start + fence.size(), text.find("```", start + fence.size()) - start - fence.size());
  std::string digits;
  for (const char c : block) {
    if (c != ' ' && c != '\n') digits.push_back(c);
  }
  const auto golden = content_of(golden_folder + segment_name(1));
  REQUIRE(golden.size() > segment_header_bytes + 56);
  CHECK(digits == to_hex(ByteView(golden).subspan(segment_header_bytes, 56)));
}

}  // namespace airbridge::store
