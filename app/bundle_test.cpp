// Bundles carried between nodes that never see each other, as a person does it: with the program.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <regex>

#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

json::array site(std::string_view name) { return {write_of("category", "marker"), write_of("name", name)}; }

// Sites and casualties with long texts, as `airbridge import` takes them.
void write_records(const fs::path& path, const std::string& prefix, int records, std::size_t note = 200) {
  json::array list;
  for (int i = 0; i < records; ++i) {
    std::string words;
    for (std::size_t k = 0; words.size() < note; ++k) words += fmt::format("{:x} ", (i + 7) * 2654435761U + k * 40503U);
    list.push_back(json::object{
        {"key", fmt::format("{}{}", prefix, i)},
        {"record", "site"},
        {"fields", json::object{{"name", fmt::format("{} {}", prefix, i)}, {"category", "marker"}, {"note", words}}}});
  }
  write_text(path, json::serialize(json::object{{"airbridge_import", 1}, {"made_up", true}, {"records", list}}));
}

struct Three {
  Folder folder;
  std::vector<std::string> dirs;
  Three() {
    init_node(folder / "a", "POST 1");
    join_node(folder / "a", folder / "b", "TRUCK 2");
    join_node(folder / "a", folder / "c", "BOAT 3");
    for (const auto* name : {"a", "b", "c"}) {
      dirs.push_back((folder / name).string());
      write_records(folder / (std::string(name) + ".json"), name, 12);
      const auto imported = run({"import", "--dir", dirs.back(), (folder / (std::string(name) + ".json")).string()});
      REQUIRE_MESSAGE(imported.status == 0, imported.all());
    }
  }
  std::string file(std::string_view name) const { return (folder / name).string(); }
  Ended write(int from, const std::string& name, Args more = {}) const {
    Args args{"bundle", "write", "--dir", dirs[static_cast<std::size_t>(from)], file(name)};
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  }
  Ended read(int at, const std::vector<std::string>& names) const {
    Args args{"bundle", "read", "--dir", dirs[static_cast<std::size_t>(at)]};
    for (const auto& name : names) args.push_back(file(name));
    return run(args);
  }
  std::string state(int at) const {
    const auto replayed = run({"replay", "--dir", dirs[static_cast<std::size_t>(at)]});
    std::smatch found;
    return std::regex_search(replayed.out, found, std::regex("state ([0-9a-f]{64})")) ? found[1].str() : replayed.all();
  }
};

}  // namespace

TEST_CASE("three nodes that never see each other are equal after bundles went round") {
  const Three three;
  const auto carry = [&](int from, int to, const std::string& name, Args more = {}) {
    const auto written = three.write(from, name, std::move(more));
    REQUIRE_MESSAGE(written.status == 0, written.all());
    return three.read(to, {name});
  };
  const auto first = carry(0, 1, "ab");
  CHECK_MESSAGE(first.status == 0, first.all());
  CHECK(first.out.find("brought 1") != std::string::npos);
  CHECK(first.out.find("12 site") != std::string::npos);
  CHECK(first.out.find("written by POST 1") != std::string::npos);
  const auto second = carry(1, 2, "bc");
  CHECK_MESSAGE(second.status == 0, second.all());
  CHECK(second.out.find("24 site") != std::string::npos);
  const auto third = carry(2, 0, "ca");
  CHECK_MESSAGE(third.status == 0, third.all());
  CHECK(third.out.find("were here already") != std::string::npos);
  // The one who came with its first bundle is known from then on by what it said to hold.
  const auto answer = three.write(0, "ac", {"--for", "BOAT 3"});
  CHECK_MESSAGE(answer.out.find("Leaving out what BOAT 3 held when it wrote") != std::string::npos, answer.all());
  CHECK_MESSAGE(answer.out.find(": 0 events") != std::string::npos, answer.all());
  // And once more round, so that all that the last one wrote arrives.
  CHECK(carry(0, 1, "ab2", {"--for", "TRUCK 2"}).status == 0);
  CHECK(carry(1, 2, "bc2", {"--for", "BOAT 3"}).status == 0);
  const auto hash = three.state(0);
  CHECK(hash.size() == 64);
  CHECK(three.state(1) == hash);
  CHECK(three.state(2) == hash);

  SUBCASE("a courier may hand over everything again, and in any order") {
    const auto again = three.read(0, {"bc2", "ca", "ab", "ab2", "bc"});
    CHECK_MESSAGE(again.status == 0, again.all());
    CHECK(again.out.find("brought 1") == std::string::npos);
    CHECK(three.state(0) == hash);
  }
  SUBCASE("what is for somebody leaves out what he is known to hold") {
    // TRUCK 2 read this, and told its own bundle for BOAT 3 that it holds it; POST 1 has heard nothing of that.
    const auto all = three.write(0, "all", {"--for", "TRUCK 2", "--all"});
    const auto news = three.write(0, "news", {"--for", "TRUCK 2"});
    CHECK(news.status == 0);
    CHECK_MESSAGE(news.out.find("Leaving out") != std::string::npos, news.all());
    CHECK(news.out.find(": 0 events") != std::string::npos);
    CHECK(all.out.find(": 0 events") == std::string::npos);
    CHECK(fs::file_size(three.file("news")) < fs::file_size(three.file("all")) / 2);
  }
}

TEST_CASE("a node says what it holds, and gets what it lacks") {
  const Three three;
  REQUIRE(run({"bundle", "ask", "--dir", three.dirs[1], three.file("ask")}).status == 0);
  const auto written = three.write(0, "answer", {"--since", three.file("ask")});
  REQUIRE_MESSAGE(written.status == 0, written.all());
  CHECK(three.read(1, {"answer"}).status == 0);
  REQUIRE(run({"bundle", "ask", "--dir", three.dirs[1], three.file("ask2")}).status == 0);
  const auto nothing = three.write(0, "nothing", {"--since", three.file("ask2")});
  CHECK(nothing.out.find("of 0 nodes") != std::string::npos);
  // Who lacks what was left out is told so, in words and by the exit status.
  REQUIRE(run({"import", "--dir", three.dirs[0], (three.folder / "b.json").string()}).status == 0);
  REQUIRE(three.write(0, "later", {"--since", three.file("ask2")}).status == 0);
  const auto lacking = three.read(2, {"later"});
  CHECK(lacking.status == 1);
  CHECK_MESSAGE(lacking.out.find("lacks") != std::string::npos, lacking.all());
  CHECK(lacking.out.find("--all") != std::string::npos);
  CHECK(three.read(1, {"later"}).status == 0);
}

TEST_CASE("parts are read in their order, one alone brings what it can, and a missing one is told") {
  const Three three;
  write_records(three.folder / "more.json", "more", 600, 1'500);
  REQUIRE(run({"import", "--dir", three.dirs[0], three.file("more.json")}).status == 0);
  const auto written = three.write(0, "big", {"--max-size", "256KiB"});
  REQUIRE_MESSAGE(written.status == 0, written.all());
  REQUIRE(fs::exists(three.file("big.part2")));
  for (int part = 2; fs::exists(three.file(fmt::format("big.part{}", part))); ++part)
    CHECK(fs::file_size(three.file(fmt::format("big.part{}", part))) <= 256 * 1024);
  const auto alone = three.read(1, {"big.part2"});
  CHECK(alone.status == 1);
  CHECK(alone.out.find("lacks") != std::string::npos);
  CHECK(alone.out.find("other parts") != std::string::npos);
  std::vector<std::string> all{"big"};
  for (int part = 2; fs::exists(three.file(fmt::format("big.part{}", part))); ++part)
    all.insert(all.begin(), fmt::format("big.part{}", part));
  const auto read = three.read(1, all);
  CHECK_MESSAGE(read.status == 0, read.all());
  CHECK(three.read(0, all).status == 0);
  REQUIRE(three.write(1, "back").status == 0);
  REQUIRE(three.read(0, {"back"}).status == 0);
  CHECK(three.state(0) == three.state(1));
}

TEST_CASE("a running node writes and reads bundles, and shows at once what one brought") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode a(folder / "a", {"--tak", "off"}), b(folder / "b", {"--tak", "off"});
  const auto id = a.create("site", site("from a"));
  const auto written = run({"bundle", "write", "--dir", a.dir().string(), (folder / "file").string()});
  REQUIRE_MESSAGE(written.status == 0, written.all());
  const auto read = run({"bundle", "read", "--url", b.http(), (folder / "file").string()});
  CHECK_MESSAGE(read.status == 0, read.all());
  CHECK(field_of(b.entity(id).as_object(), "name").at("value") == "from a");
  // A file is no session: nobody counts as a holder because of it.
  CHECK(a.entity(id).at("saved").at("others") == 0);
  CHECK_FALSE(b.entity(id).at("saved").as_object().contains("reported"));

  SUBCASE("what the writer of a bundle says to hold is shown as its word, also after a restart, and not counted") {
    const auto back = run({"bundle", "write", "--url", b.http(), (folder / "back").string()});
    REQUIRE_MESSAGE(back.status == 0, back.all());
    const auto taken = run({"bundle", "read", "--url", a.http(), (folder / "back").string()});
    REQUIRE_MESSAGE(taken.status == 0, taken.all());
    const auto news = run({"bundle", "write", "--url", a.http(), "--for", "TRUCK 2", (folder / "news").string()});
    CHECK_MESSAGE(news.out.find("Leaving out what TRUCK 2 held when it wrote") != std::string::npos, news.all());
    CHECK_MESSAGE(news.out.find(": 0 events") != std::string::npos, news.all());
    const auto is_reported = [&] {
      return eventually([&] {
        a.status();
        const auto saved = a.entity(id).at("saved").as_object();
        return saved.at("others") == 0 && saved.contains("reported") &&
               saved.at("reported") == json::array{json::object{{"node", "TRUCK 2"}, {"by", "TRUCK 2"}}};
      });
    };
    CHECK(is_reported());
    CHECK(a.status().at("unshared").to_number<int>() > 0);
    REQUIRE(a.stop() == 0);
    a.start();
    CHECK(is_reported());
  }
  SUBCASE("the pieces of a file can be sent again, but none be left out") {
    std::string bytes = read_text(folder / "file");
    const auto begun = b.post("/api/v1/bundles/reading", json::object{});
    REQUIRE(begun.status == 200);
    const auto path = "/api/v1/bundles/reading/" + std::string(begun.body.at("id").as_string());
    CHECK(call(b.http(), "POST", path + "?at=10", bytes.substr(10, 20)).status == 409);
    CHECK(call(b.http(), "POST", path + "?at=0", bytes.substr(0, 100)).status == 200);
    CHECK(call(b.http(), "POST", path + "?at=0", bytes.substr(0, 100)).status == 200);
    const auto end = call(b.http(), "POST", path + "?at=50&last=1", bytes.substr(50));
    REQUIRE(end.status == 200);
    CHECK(end.body.at("state") == "done");
    CHECK(end.body.at("whole") == true);
    CHECK(end.body.at("events_new") == 0);
    CHECK(call(b.http(), "POST", "/api/v1/bundles/reading/77?at=0", "x").status == 404);
    CHECK(call(b.http(), "GET", "/api/v1/bundles/writing/77/pieces/1").status == 404);
    CHECK(call(b.http(), "POST", "/api/v1/bundles/writing?class=7").status == 400);
    CHECK(call(b.http(), "POST", "/api/v1/bundles/writing", "no bundle at all").status == 400);
  }
  SUBCASE("many that begin and do nothing keep nobody out for long, and no more than a few at once") {
    int refused = 0;
    for (int i = 0; i < 8; ++i) refused += b.post("/api/v1/bundles/reading", json::object{}).status == 503 ? 1 : 0;
    CHECK(refused >= 3);
  }
}

TEST_CASE("info tells what a bundle is without any node, and damage is told with what to do") {
  const Three three;
  REQUIRE(three.write(0, "file", {"--class", "1"}).status == 0);
  const auto info = run({"bundle", "info", three.file("file")});
  CHECK_MESSAGE(info.status == 0, info.all());
  CHECK(info.out.find("POST 1") != std::string::npos);
  CHECK(info.out.find("less urgent than important") != std::string::npos);
  auto bytes = read_text(three.folder / "file");
  write_text(three.folder / "cut", bytes.substr(0, bytes.size() - 40));
  const auto cut = run({"bundle", "info", three.file("cut")});
  CHECK(cut.status == 1);
  CHECK(cut.all().find("cut") != std::string::npos);
  const auto read = three.read(1, {"cut"});
  CHECK(read.status == 1);
  CHECK(read.out.find("DAMAGED at byte") != std::string::npos);
  CHECK(read.out.find("brought") != std::string::npos);
  CHECK(three.write(0, "file").all().find("exists already") != std::string::npos);
  write_text(three.folder / "text", "hello");
  CHECK(three.read(1, {"text"}).all().find("no Airbridge bundle") != std::string::npos);
  CHECK(three.read(1, {"not there"}).status == 1);
  // Another incident's.
  init_node(three.folder / "other", "ELSEWHERE");
  const auto other = run({"bundle", "read", "--dir", three.file("other"), three.file("file")});
  CHECK(other.status == 1);
  CHECK(other.all().find("is of incident") != std::string::npos);
}
