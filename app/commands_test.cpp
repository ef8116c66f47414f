// Commands over HTTP: what is written, what is refused, and in which words.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

json::array casualty(std::string_view triage) {
  return {write_of("triage", triage), write_of("name", "Roof, Mill Lane"),
          write_of("place", json::object{{"lat", 51.4225}, {"lon", -0.5275}}), write_of("identity", "Jo Example"),
          write_of("condition", "Hypothermia")};
}

struct OneNode {
  Folder folder;
  std::optional<TestNode> node;
  OneNode() {
    init_node(folder / "n", "POST 1");
    node.emplace(folder / "n");
    // The node's and the operator's grants are written after the start, and the status is made once a second.
    REQUIRE(eventually([&] { return node->events() == 2; }));
  }
  TestNode* operator->() { return &*node; }
};

}  // namespace

TEST_CASE("a casualty is written with its private part, once, however often the command comes") {
  OneNode node;
  const auto command = command_of("casualty", casualty("red"));
  const auto before = node->events();
  const auto first = node->command(command);
  REQUIRE(first.status == 200);
  CHECK(first.body.at("ok").as_bool());
  CHECK_FALSE(first.body.at("repeated").as_bool());
  CHECK(std::string(first.body.at("display").as_string()).starts_with("C-"));
  const std::string id(first.body.at("entity").as_string());
  const auto seen = node->entity(id);
  REQUIRE(seen.is_object());
  CHECK(field_of(seen.as_object(), "triage").at("value") == "red");
  CHECK(field_of(seen.as_object(), "identity").at("value") == "Jo Example");
  CHECK(field_of(seen.as_object(), "identity").at("private").as_bool());
  CHECK_FALSE(field_of(seen.as_object(), "triage").at("private").as_bool());
  CHECK(seen.at("created").at("actor") == "Ana Kovac");

  CHECK(eventually([&] { return node->events() > before; }));
  const auto events = node->events();
  const auto again = node->command(command);
  REQUIRE(again.status == 200);
  CHECK(again.body.at("repeated").as_bool());
  CHECK(again.body.at("entity") == first.body.at("entity"));
  CHECK(again.body.at("dots") == first.body.at("dots"));
  auto other = command;
  other["writes"] = casualty("green");
  const auto refused = node->command(other);
  CHECK(refused.status == 409);
  CHECK(refused.body.at("error").at("code") == "id_used");

  // The same after a restart, when the answer comes from the log.
  REQUIRE(node->stop() == 0);
  node->start();
  CHECK(node->command(command).body.at("repeated").as_bool());
  CHECK(node->command(other).status == 409);
  CHECK(node->events() == events);
  CHECK(node->journal("&record=casualty").size() == first.body.at("dots").as_array().size());
}

TEST_CASE("a wrong value is refused and the answer names the field") {
  OneNode node;
  const auto place = [](double lat, double lon) { return json::object{{"lat", lat}, {"lon", lon}}; };
  const struct {
    std::string_view record, field;
    Value value;
  } rows[] = {
      {"casualty", "triage", "purple"},
      {"casualty", "triage", 7.5},
      {"casualty", "count", "two"},
      {"casualty", "place", place(91, 0)},
      {"casualty", "place", place(0, 181)},
      {"casualty", "place", "here"},
      {"casualty", "name", std::string(121, 'n')},
      {"casualty", "name", 5},
      {"casualty", "winch", "yes"},
      {"casualty", "same_as", "not an id"},
      {"casualty", "size_of_boots", 43},
      {"hazard", "geometry", json::object{{"type", "Polygon"}, {"coordinates", json::array{}}}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.field);
    json::array writes;
    if (row.record == "casualty" && row.field != "triage") writes.push_back(write_of("triage", "red"));
    if (row.record == "hazard") writes = {write_of("category", "flood"), write_of("state", "raised")};
    writes.push_back(write_of(row.field, row.value));
    const auto answer = node->command(command_of(row.record, writes));
    CAPTURE(answer.text);
    CHECK(answer.status == 400);
    CHECK(answer.field() == row.field);
    CHECK(answer.message().find(row.field) != std::string::npos);
  }
  CHECK(node->command(command_of("casualty", {write_of("name", "no triage")})).field() == "triage");
  CHECK(node->command(command_of("dragon", {write_of("name", "x")})).status == 400);
  CHECK(node->command(command_of("casualty", json::array{})).status == 400);
  auto short_id = command_of("casualty", casualty("red"));
  short_id["id"] = "12";
  CHECK(node->command(short_id).status == 400);
  for (const auto* body : {"", "[]", "null", "7", "\"x\"", "{}", R"({"id":5})", R"({"writes":[{}]})"}) {
    CAPTURE(body);
    CHECK(call(node->http(), "POST", "/api/v1/commands", body).status == 400);
  }
  CHECK(node->get("/api/v1/entities/d.zz").status == 404);
  CHECK(node->get("/api/v1/nothing").status == 404);
  CHECK(call(node->http(), "DELETE", "/api/v1/commands").status == 405);
  CHECK(node->journal("&record=casualty").empty());
}

TEST_CASE("a state goes only where it may, and a value is replaced by naming its dots") {
  OneNode node;
  const auto task = node->create("task", {write_of("state", "draft"), write_of("text", "Search the mill")});
  auto seen = node->entity(task).as_object();
  const auto to = [&](std::string_view state) {
    return node->command(command_of("task", {write_of("state", state, dots_of(field_of(seen, "state")))}, task));
  };
  const auto skipped = to("failed");
  CHECK(skipped.status == 422);
  CHECK(skipped.field() == "state");
  CHECK(skipped.message() == "state cannot go from draft to failed");
  CHECK(to("assigned").status == 200);
  REQUIRE(node->entity_becomes(task, [](const json::object& entity) {
    return field_of(entity, "state").at("value") == "assigned" && entity.at("conflicts").as_array().empty();
  }));

  const auto unit = node->create("unit", {write_of("category", "helicopter"), write_of("state", "available")});
  seen = node->entity(unit).as_object();
  REQUIRE(
      node->command(command_of("unit", {write_of("state", "tasked", dots_of(field_of(seen, "state")))}, unit)).status ==
      200);
  CHECK(node->entity_becomes(unit, [](const json::object& entity) {
    const auto& state = field_of(entity, "state");
    return state.at("value") == "tasked" && dots_of(state).size() == 1 && entity.at("conflicts").as_array().empty();
  }));
}

TEST_CASE("a record that was removed is gone, and comes back when somebody writes to it unaware") {
  OneNode node;
  const auto id = node->create("site", {write_of("category", "shelter"), write_of("name", "School")});
  const auto seen = node->entity(id).as_object();
  std::vector<std::string> all;
  for (const auto& field : seen.at("fields").as_object()) {
    for (const auto& dot : dots_of(field.value().as_object())) {
      if (std::find(all.begin(), all.end(), dot) == all.end()) all.push_back(dot);
    }
  }
  REQUIRE(node->command(command_of("site", {write_of("deleted", true, all)}, id)).status == 200);
  REQUIRE(node->entity_becomes(id, [](const json::object& entity) { return entity.at("deleted").as_bool(); }));
  REQUIRE(node->command(command_of("site", {write_of("capacity", 40)}, id)).status == 200);
  CHECK(node->entity_becomes(id, [](const json::object& entity) {
    return !entity.at("deleted").as_bool() && entity.at("revived").as_bool() &&
           field_of(entity, "capacity").at("value") == 40;
  }));
}

TEST_CASE("two nodes that wrote at once show a conflict, and one command settles it for both") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode a(folder / "a");
  TestNode b(folder / "b", {"--peer", a.peers()});
  const auto id = a.create("casualty", casualty("yellow"));
  const auto seen = b.entity(id).as_object();
  CHECK(field_of(seen, "identity").at("value") == "Jo Example");  // both are in the care group
  b.kill_hard();
  const auto dots = dots_of(field_of(seen, "triage"));
  REQUIRE(a.command(command_of("casualty", {write_of("triage", "red", dots)}, id)).status == 200);
  b.set_args({});  // alone
  b.start();
  REQUIRE(b.command(command_of("casualty", {write_of("triage", "green", dots)}, id)).status == 200);
  REQUIRE(b.stop() == 0);
  b.set_args({"--peer", a.peers()});
  b.start();
  const auto in_conflict = [](const json::object& entity) {
    const auto& conflicts = entity.at("conflicts").as_array();
    return conflicts.size() == 1 && conflicts[0] == "triage";
  };
  REQUIRE(a.entity_becomes(id, in_conflict));
  REQUIRE(b.entity_becomes(id, in_conflict));
  const auto both = a.entity(id).as_object();
  CHECK(field_of(both, "triage").at("value") == "red");  // the graver acts until somebody decides
  CHECK(field_of(both, "triage").at("alternatives").as_array().size() == 1);
  const auto standing = dots_of(field_of(both, "triage"));
  CHECK(standing.size() == 2);
  REQUIRE(b.command(command_of("casualty", {write_of("triage", "green", standing)}, id)).status == 200);
  const auto settled = [](const json::object& entity) {
    return entity.at("conflicts").as_array().empty() && field_of(entity, "triage").at("value") == "green";
  };
  CHECK(a.entity_becomes(id, settled));
  CHECK(b.entity_becomes(id, settled));
  CHECK(agree(a, b));
}

TEST_CASE("a body that is too large, too deep or from a foreign page is refused, and the node goes on") {
  OneNode node;
  auto large = command_of("casualty", casualty("red"));
  large["padding"] = std::string(70'000, 'x');
  CHECK(node->command(large).status == 413);
  for (const auto& bomb : {std::string(60'000, '['), std::string(60'000, '{'), "{\"id\":" + std::string(50'000, '['),
                           "[" + std::string(60'000, '1') + "]"}) {
    CHECK(call(node->http(), "POST", "/api/v1/commands", bomb).status == 400);
  }
  CHECK(call(node->http(), "POST", "/api/v1/commands", std::string(100'000, '[')).status == 413);
  CHECK(call(node->http(), "POST", "/api/v1/own-position", std::string(4'000, '[')).status == 400);
  CHECK(call(node->http(), "POST", "/api/v1/own-position", std::string(5'000, '[')).status == 413);

  const auto body = json::serialize(command_of("casualty", casualty("red")));
  const auto post = [&](const std::string& headers) {
    return raw_call(node->http(), fmt::format("POST /api/v1/commands HTTP/1.1\r\n{}Content-Type: application/json\r\n"
                                              "Connection: close\r\nContent-Length: {}\r\n\r\n{}",
                                              headers, body.size(), body));
  };
  CHECK(post("Host: " + node->http() + "\r\nOrigin: http://evil.example\r\n").starts_with("HTTP/1.1 403"));
  CHECK(post("Host: evil.example\r\n").starts_with("HTTP/1.1 403"));
  CHECK(post("").starts_with("HTTP/1.1 400"));
  CHECK(node->journal("&record=casualty").empty());
  CHECK(post("Host: " + node->http() + "\r\nOrigin: http://" + node->http() + "\r\n").starts_with("HTTP/1.1 200"));
  CHECK(node->is_running());
}

TEST_CASE("an own position is taken back by true alone, and a number in a question must be one") {
  OneNode node;
  const auto post = [&](const char* body) { return call(node->http(), "POST", "/api/v1/own-position", body); };
  REQUIRE(post(R"({"lat":51.5,"lon":-0.5})").status == 200);
  for (const auto* body : {R"({"clear":false})", R"({"clear":null})", R"({"clear":1})", R"({"clear":"true"})"}) {
    CAPTURE(body);
    const auto refused = post(body);
    CHECK(refused.status == 400);
    CHECK(refused.field() == "clear");
  }
  CHECK(fs::exists(node.folder / "n/own-position"));
  REQUIRE(post(R"({"clear":true})").status == 200);
  CHECK_FALSE(fs::exists(node.folder / "n/own-position"));

  const auto id = node->create("journal", {write_of("text", "something")});
  for (const auto* query : {"limit=abc", "limit=", "limit=-1", "limit=5x", "after=abc", "after=1.5"}) {
    CAPTURE(query);
    const auto refused = node->get(fmt::format("/api/v1/events?{}", query));
    CHECK(refused.status == 400);
    CHECK(refused.message().find("write a whole number") != std::string::npos);
    CHECK(node->get(fmt::format("/api/v1/entities/{}/history?{}", id, query)).status == 400);
  }
  CHECK(node->get("/api/v1/events?limit=1&after=0").body.at("events").as_array().size() == 1);
}

TEST_CASE("no file of the JSON parsers' test suite breaks the node when it comes as a command") {
  OneNode node;
  const auto events = node->events();
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(AIRBRIDGE_TEST_DATA) / "gpsd/badjson")) {
    CAPTURE(entry.path().string());
    const auto answer = call(node->http(), "POST", "/api/v1/commands", read_text(entry.path()));
    CAPTURE(answer.text);
    const bool refused = answer.status == 400 || answer.status == 413;
    CHECK(refused);
    CHECK_FALSE(answer.message().empty());
    ++files;
  }
  CHECK(files > 250);
  CHECK(node->is_running());
  CHECK(node->events() == events);
  CHECK(node->get("/healthz").status == 200);
}
