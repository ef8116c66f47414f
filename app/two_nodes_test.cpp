// Two nodes as processes: live, apart, and killed in the middle.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

json::array site(std::string_view name) { return {write_of("category", "marker"), write_of("name", name)}; }

struct Pair {
  Folder folder;
  std::optional<TestNode> a, b;
  Pair() {
    init_node(folder / "a", "POST 1");
    join_node(folder / "a", folder / "b", "TRUCK 2");
    a.emplace(folder / "a");
    b.emplace(folder / "b", Args{"--peer", a->peers()});
  }
};

// A file of records for `airbridge import`.
void write_backlog(const fs::path& path, int records) {
  json::array list;
  for (int i = 0; i < records; ++i) {
    list.push_back(json::object{{"key", fmt::format("s{}", i)},
                                {"record", "site"},
                                {"fields", json::object{{"name", fmt::format("Marker {}", i)},
                                                        {"category", "marker"},
                                                        {"note", std::string(1'000, 'n')}}}});
  }
  write_text(path, json::serialize(json::object{{"airbridge_import", 1}, {"made_up", true}, {"records", list}}));
}

bool saved_elsewhere(const TestNode& node, const std::string& id) {
  return node.entity_becomes(id, [](const json::object& entity) { return entity.at("saved").at("others") == 1; });
}

}  // namespace

TEST_CASE("what one node writes is at the other, live, and each says so") {
  Pair pair;
  const auto from_a = pair.a->create("site", site("from a"));
  const auto from_b = pair.b->create("site", site("from b"));
  CHECK(field_of(pair.b->entity(from_a).as_object(), "name").at("value") == "from a");
  CHECK(field_of(pair.a->entity(from_b).as_object(), "name").at("value") == "from b");
  CHECK(agree(*pair.a, *pair.b));
  CHECK(saved_elsewhere(*pair.a, from_a));
  CHECK(saved_elsewhere(*pair.b, from_b));
  CHECK(pair.a->entity(from_a).at("saved").at("others_names").as_array().at(0) == "TRUCK 2");
  CHECK(pair.a->entity(from_a).at("saved").as_object().contains("post_here"));
  CHECK_FALSE(pair.b->entity(from_a).at("saved").as_object().contains("post_here"));
  CHECK(pair.b->entity(from_a).at("saved").at("post") == true);
  CHECK(eventually([&] { return pair.a->status().at("unshared") == 0 && pair.b->status().at("unshared") == 0; }));
  CHECK_FALSE(pair.b->status().at("cut_off").as_bool());
}

TEST_CASE("two nodes that worked apart agree when they meet again") {
  Pair pair;
  REQUIRE(agree(*pair.a, *pair.b));
  pair.a->kill_hard();
  CHECK(eventually([&] { return pair.b->status().at("cut_off").as_bool(); }));
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(pair.b->create("site", site(fmt::format("b {}", i))));
  CHECK(eventually([&] { return pair.b->status().at("unshared").to_number<int>() >= 20; }));
  REQUIRE(pair.b->stop() == 0);
  pair.a->start();
  for (int i = 0; i < 20; ++i) ids.push_back(pair.a->create("site", site(fmt::format("a {}", i))));
  CHECK(pair.a->get("/api/v1/entities/" + ids.front()).status == 404);
  pair.b->set_args({"--peer", pair.a->peers()});
  pair.b->start();
  CHECK(agree(*pair.a, *pair.b));
  for (const auto& id : ids) {
    CHECK(saved_elsewhere(*pair.a, id));
    CHECK(saved_elsewhere(*pair.b, id));
  }
  CHECK_FALSE(pair.b->status().at("cut_off").as_bool());
}

TEST_CASE("a lost node is missed with its age on both sides, whoever had dialled") {
  Pair pair;
  REQUIRE(agree(*pair.a, *pair.b));
  const auto misses = [](const TestNode& node, std::string_view name) {
    return eventually([&] {
      const auto status = node.status();
      const auto& peers = status.at("peers").as_array();
      if (peers.size() != 1 || peers[0].at("state") != "lost") return false;
      CHECK(peers[0].at("name").as_string() == name);
      CHECK(peers[0].at("last_heard_ms").to_number<std::int64_t>() > 0);
      return status.at("cut_off").as_bool() && !status.at("problems").as_array().empty();
    });
  };
  CHECK_FALSE(pair.a->status().at("cut_off").as_bool());
  pair.b->kill_hard();
  CHECK(misses(*pair.a, "TRUCK 2"));
  pair.b->start();
  CHECK(eventually([&] { return !pair.a->status().at("cut_off").as_bool(); }));
  CHECK(pair.a->status().at("peers").as_array().size() == 1);
  pair.a->kill_hard();
  CHECK(misses(*pair.b, "POST 1"));
}

TEST_CASE("a second device with the same keys is a problem on both, and the node's own port is not") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  TestNode a(folder / "a");
  const auto file = (folder / "copy.backup").string();
  REQUIRE(run({"backup", "--dir", a.dir().string(), "--with-keys", file}).status == 0);
  const auto restored = run({"restore", "--dir", (folder / "b").string(), file});
  REQUIRE(restored.status == 0);
  CHECK(restored.out.find("must not run any more") != std::string::npos);
  TestNode b(folder / "b", {"--peer", a.peers()});
  const auto sees_twin = [](const TestNode& node) {
    return eventually([&] {
      return json::serialize(node.status().at("problems")).find("second device runs with this node's keys") !=
             std::string::npos;
    });
  };
  CHECK(sees_twin(a));
  CHECK(sees_twin(b));
}

TEST_CASE("the status says of a peer that never answered just that") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  const TestNode a(folder / "a", {"--peer", "127.0.0.1:1"});  // nobody listens at port 1
  const auto status = run({"status", "--dir", (folder / "a").string()});
  CHECK(status.out.find("127.0.0.1:1  never heard") != std::string::npos);
  CHECK(status.out.find("lacks here") == std::string::npos);
}

TEST_CASE("a node is called as its settings say, in its log and by those it is linked to") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode a(folder / "a");
  TestNode b(folder / "b", {"--peer", a.peers()}, {{"AIRBRIDGE_NODE_NAME", "TRUCK 9"}});
  CHECK(b.status().at("node").at("name") == "TRUCK 9");
  CHECK(b.log().find("TRUCK 9") != std::string::npos);
  CHECK(eventually([&] {
    const auto status = a.status();
    const auto& peers = status.at("peers").as_array();
    return peers.size() == 1 && peers[0].at("name") == "TRUCK 9";
  }));
}

TEST_CASE("a node killed in the middle of a backlog converges after its restart, and the urgent came first") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode a(folder / "a");
  write_backlog(folder / "backlog.json", 2'000);
  const auto imported = run({"import", "--dir", a.dir().string(), (folder / "backlog.json").string()});
  REQUIRE(imported.status == 0);
  const auto urgent = a.create(
      "hazard", {write_of("category", "fire"), write_of("state", "raised"),
                 write_of("geometry", json::object{{"type", "Point"}, {"coordinates", json::array{-0.5, 51.4}}})});
  TestNode b(folder / "b", {"--peer", a.peers()});
  // Killed once some of it is here; when the machine was quicker than this loop, killed after the fact.
  REQUIRE(eventually([&] { return b.events() > 200; }));
  b.kill_hard();
  b.start();
  REQUIRE(agree(a, b));
  CHECK(a.events() > 2'000);

  const auto journal = b.journal();
  CHECK(journal.size() == a.events());
  std::size_t before = 0, after = 0;
  bool seen = false;
  for (const auto& event : journal) {
    const auto* entity = event.if_contains("entity");
    if (entity != nullptr && *entity == json::value(urgent)) {
      CHECK(event.at("class") == 0);
      seen = true;
    } else if (event.at("class").to_number<int>() > 0) {
      ++(seen ? after : before);
    }
  }
  CHECK(seen);
  CHECK(before < 1'000);
  CHECK(after > 1'000);
}

TEST_CASE("a sender killed in the middle of a backlog goes on after its restart") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode b(folder / "b");
  write_backlog(folder / "backlog.json", 1'000);
  // Nobody runs a: the import starts it for itself.
  const auto imported = run({"import", "--dir", (folder / "a").string(), (folder / "backlog.json").string()});
  CAPTURE(imported.all());
  REQUIRE(imported.status == 0);
  TestNode a(folder / "a", {"--peer", b.peers()});
  REQUIRE(eventually([&] { return b.events() > 100; }));
  a.kill_hard();
  a.start();
  CHECK(agree(a, b));
  CHECK(b.events() > 1'000);
  // The same file again changes nothing.
  const auto events = a.events();
  const auto again = run({"import", "--dir", (folder / "a").string(), (folder / "backlog.json").string()});
  CHECK(again.status == 0);
  CHECK(a.events() == events);
}
