// Comparing what is stored, between two processes and with the disk itself.
#include <doctest/doctest.h>

#include <cstring>
#include <fstream>

#include "base/hash.hpp"
#include "store/record.hpp"
#include "test_insider.hpp"
#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app::test;

namespace {

// Changes a letter wherever this is written on the disk, behind the back of the running node. How often.
int rot(const fs::path& dir, std::string_view words) {
  int found = 0;
  for (const auto& item : fs::recursive_directory_iterator(dir)) {
    if (!item.is_regular_file() || item.path().extension() != ".seg") continue;
    const auto content = read_text(item.path());
    std::fstream file(item.path(), std::ios::in | std::ios::out | std::ios::binary);
    for (auto at = content.find(words); at != std::string::npos; at = content.find(words, at + 1), ++found) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put('#');
    }
  }
  return found;
}

}  // namespace

TEST_CASE("compare finds two nodes alike, and then what rotted on the disk of one of them") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode a(folder / "a");
  TestNode b(folder / "b", {"--peer", a.peers()});
  const auto id = a.create("site", {write_of("category", "marker"), write_of("name", "words that will rot")});
  REQUIRE(b.entity_becomes(id, [](const json::object&) { return true; }));
  REQUIRE(eventually([&] { return agree(a, b); }));

  const auto whole = run({"compare", "--url", b.http()});
  CAPTURE(whole.out);
  CAPTURE(whole.err);
  CHECK(whole.status == 0);
  CHECK(whole.out.find("this node  whole: ") != std::string::npos);
  CHECK(whole.out.find("POST 1     alike: ") != std::string::npos);
  CHECK(run({"compare", "--url", b.http(), "POST 1"}).status == 0);
  const auto nobody = run({"compare", "--url", b.http(), "POST 7"});
  CHECK(nobody.status == 1);
  CHECK(nobody.err.find("no node of this name") != std::string::npos);

  // With nobody to fetch a good copy from: else the scrub may have healed it before anybody compares.
  REQUIRE(a.stop() == 0);
  REQUIRE(rot(folder / "b", "words that will rot") > 0);
  // Whether reading it again finds it or the scrub did before, of which the status tells within a second.
  std::string out;
  CHECK(eventually([&] {
    const auto found = run({"compare", "--url", b.http()});
    out = found.out;
    return found.status == 1 && out.find("DAMAGED") != std::string::npos;
  }));
  CAPTURE(out);
  CHECK(out.find("no other node is in reach") != std::string::npos);
}

TEST_CASE("compare names what two level nodes hold differently under the same numbers, on both, and what to do") {
  Crew crew(3);
  auto& a = crew[0];
  auto& b = crew[1];
  crew.start(0, {});
  crew.start(1, {});
  // The device of TEAM 3 was copied, and the copy copied in turn: three contents, all sealed with its key. While the
  // nodes are apart both meet the first, and each another of the two copies that are alike up to their first event.
  const auto meets = [&](const TestNode& node, const std::vector<std::uint8_t>& contents) {
    Insider device(crew[2].dir(), 80);
    const model::StreamId stream{device.log.own_writer(), model::Class::Important, {}};
    for (const auto content : contents)
      device.log.write(device.home.node_key, stream.cls, 300, content, content == contents.back());
    const auto run = device.log.runs_after(stream, 0, 100'000).at(0);
    const auto end = node.events() + 1;
    const Link link(node, device);
    link.client.send(as_text(sync::encode(sync::Run{stream, run.entries, run.seal})));
    return eventually([&] { return node.events() >= end; });
  };
  for (auto* node : {&a, &b}) REQUIRE(meets(*node, {1}));
  REQUIRE(meets(a, {2, 3}));
  REQUIRE(meets(b, {2, 4}));
  REQUIRE(b.stop() == 0);
  crew.start(1, {"--peer", a.peers()});
  crew.write(0, "written at the post");
  crew.write(1, "written by the team");

  // They exchange everything, say the same hash and that they are level: nothing tells of it.
  CHECK(eventually([&] { return crew.holds_all(0) && crew.holds_all(1); }));
  CHECK(agree(a, b));
  const std::pair<const TestNode*, std::string> sides[]{{&a, "TEAM 2"}, {&b, "POST 1"}};
  for (const auto& [node, other] : sides) {
    CHECK(eventually(
        [&] { return json::serialize(node->status().at("peers")).find(R"("level":"equal")") != std::string::npos; }));
    const auto said = run({"compare", "--url", node->http()});
    CAPTURE(said.out);
    CHECK(said.status == 1);
    CHECK(said.out.find("this node  whole: ") != std::string::npos);
    CHECK(said.out.find(fmt::format("\n{:<10} DIFFERS: ", other)) != std::string::npos);
    CHECK(said.out.find(fmt::format("\nDIFFERS    important events of TEAM 3 from number 2 on: {} holds other events "
                                    "under these numbers; a copy of a device was copied in turn: each node keeps what "
                                    "it has, and none of it is in the picture. Let those who wrote it write it again, "
                                    "each device with keys of its own\n           stream ",
                                    other)) != std::string::npos);
    CHECK(said.out.find("DIFFERS    ") == said.out.rfind("DIFFERS    "));  // and nothing else
  }
}

namespace {

// What memory that failed before the checksum was made leaves behind: the event with these words has another letter and
// another chain value, and its record is whole. How many.
int spoil(const fs::path& dir, std::string_view words) {
  int found = 0;
  for (const auto& item : fs::recursive_directory_iterator(dir)) {
    if (!item.is_regular_file() || item.path().extension() != ".seg") continue;
    auto content = read_text(item.path());
    const auto bytes = as_bytes(content);
    const auto header = store::decode_segment_header(bytes.first(store::segment_header_bytes));
    REQUIRE(header);
    const auto u32 = [&](std::size_t at) {
      std::uint32_t out = 0;
      std::memcpy(&out, content.data() + at, sizeof out);
      return out;
    };
    for (auto at = store::segment_header_bytes; at + store::record_header_bytes <= content.size();) {
      if (u32(at) != store::record_magic) break;
      const auto size = store::record_size(u32(at + 4));
      const auto text = content.substr(at, size).find(words);
      if (static_cast<store::Kind>(content[at + 12]) == store::Kind::Entry && text != std::string::npos) {
        content[at + text] = '#';
        content[at + store::record_header_bytes] = static_cast<char>(content[at + store::record_header_bytes] ^ 1);
        const auto record = as_bytes(content).subspan(at, size);
        const auto crc = crc32c(record.subspan(12), crc32c(record.first(8), header->salt));
        std::memcpy(content.data() + at + 8, &crc, sizeof crc);
        ++found;
      }
      at += size;
    }
    if (found > 0) write_text(item.path(), content);
  }
  return found;
}

}  // namespace

TEST_CASE("compare finds on both nodes what a snapshot covers on the disk of one, and what it says to do mends it") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode a(folder / "a");
  TestNode b(folder / "b", {"--peer", a.peers()});
  const auto id = a.create("site", site("words that will rot"));
  std::uint64_t seq = 0;
  for (const auto& row : a.journal()) {
    const std::string dot(row.at("dot").as_string());
    if (row.at("entity") == json::value(id)) seq = std::stoull(dot.substr(dot.rfind('.') + 1));
  }
  REQUIRE(seq > 0);
  for (std::uint64_t i = 0; i < seq; ++i) a.create("site", site(fmt::format("later {}", i)));
  REQUIRE(eventually([&] { return agree(a, b); }));
  REQUIRE(b.stop() == 0);
  REQUIRE(spoil(folder / "b", "words that will rot") == 1);
  b.start();

  // The same hash, the same numbers, no problem: the snapshot was made before.
  REQUIRE(eventually([&] { return agree(a, b) && b.status().at("peers").at(0).at("level") == "equal"; }));
  CHECK(json::serialize(b.status().at("problems")) == "[]");
  const auto differs = [&](const std::string& whose) {
    return fmt::format("DIFFERS    important events of POST 1 from number {} on: {}", seq, whose);
  };
  const auto at_a = run({"compare", "--url", a.http()}), at_b = run({"compare", "--url", b.http()});
  CAPTURE(at_a.out);
  CAPTURE(at_b.out);
  CHECK(at_a.status == 1);
  CHECK(at_a.out.find("this node  whole: ") != std::string::npos);
  CHECK(at_a.out.find("TRUCK 2    DIFFERS: ") != std::string::npos);
  CHECK(at_a.out.find(differs("what TRUCK 2 says of this event and of later ones does not fit what is stored here; "
                              "compare on TRUCK 2 too: the node that finds itself damaged says what to do")) !=
        std::string::npos);
  CHECK(at_b.status == 1);
  CHECK(at_b.out.find("this node  DAMAGED: ") != std::string::npos);
  CHECK(at_b.out.find(differs("the stored entry does not make the chain value that is remembered of it; keep a backup "
                              "of the folder, stop this node, remove the snapshot-*.snap files beside its log and "
                              "start it")) != std::string::npos);

  REQUIRE(b.stop() == 0);
  std::vector<fs::path> snapshots;
  for (const auto& item : fs::recursive_directory_iterator(folder / "b")) {
    if (item.path().extension() == ".snap") snapshots.push_back(item.path());
  }
  CHECK_FALSE(snapshots.empty());
  for (const auto& snapshot : snapshots) fs::remove(snapshot);
  b.start();
  Ended mended;
  CHECK_MESSAGE(eventually([&] { return (mended = run({"compare", "--url", b.http()})).status == 0; }), mended.out);
  CHECK(agree(a, b));
  CHECK(run({"compare", "--url", a.http()}).status == 0);
}
