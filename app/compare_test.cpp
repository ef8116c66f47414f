// Comparing what is stored, between two processes and with the disk itself.
#include <doctest/doctest.h>

#include <fstream>

#include "test_world.hpp"

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
