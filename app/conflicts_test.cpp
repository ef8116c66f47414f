// Contradictions between two nodes that could not hear each other: listed and settled from the command line.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

// Sets triage on a node that is alone, naming what it sees.
void set_triage(TestNode& node, const std::string& id, std::string_view triage) {
  const auto seen = node.entity(id);
  json::array dots = field_of(seen.as_object(), "triage").at("dots").as_array();
  json::array writes{json::object{{"field", "triage"}, {"value", triage}, {"replaces", dots}}};
  auto command = command_of("casualty", writes);
  command["entity"] = id;
  REQUIRE(node.command(command).status == 200);
}

}  // namespace

TEST_CASE("what two nodes said apart is listed with who and when on both, and settled once for both") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  std::string id;
  {
    TestNode a(folder / "a");
    id = a.create("casualty", {write_of("triage", "yellow"), write_of("name", "Roof")});
    TestNode b(folder / "b", {"--peer", a.peers()});
    REQUIRE(b.entity_becomes(id, [](const json::object&) { return true; }));
  }
  {
    TestNode a(folder / "a");
    set_triage(a, id, "green");
  }
  {
    TestNode b(folder / "b");
    set_triage(b, id, "red");
  }
  TestNode a(folder / "a");
  TestNode b(folder / "b", {"--peer", a.peers()});
  const auto listed = [&](const TestNode& node) { return run({"conflicts", "--url", node.http()}).out; };
  const auto comes = [&](const TestNode& node, std::string_view text) {
    return eventually([&] { return listed(node).find(text) != std::string::npos; });
  };
  REQUIRE(comes(a, "URGENT"));
  REQUIRE(comes(b, "URGENT"));
  const auto out = listed(a);
  CAPTURE(out);
  const auto red = out.find("1 Immediate  - TRUCK 2"), green = out.find("2 Minor  - POST 1/Ana Kovac at ");
  CHECK(red != std::string::npos);
  CHECK(green != std::string::npos);
  CHECK(out.find("did not know of each other") != std::string::npos);
  CHECK(out.find("via web") != std::string::npos);
  CHECK(eventually([&] {
    return run({"status", "--url", a.http()}).out.find("conflicts  1 to settle, 1 URGENT: airbridge conflicts") !=
           std::string::npos;
  }));

  const auto display = std::string(a.entity(id).at("display").as_string());
  CHECK(run({"resolve", "--url", a.http(), display, "triage", "purple"}).status == 1);
  CHECK(run({"resolve", "--url", a.http(), display, "severity", "1"}).err.find("no conflict about") !=
        std::string::npos);
  const auto settled = run({"resolve", "--url", a.http(), display, "triage", "green"});
  CAPTURE(settled.err);
  REQUIRE(settled.status == 0);
  CHECK(settled.out.find("Minor") != std::string::npos);
  CHECK(comes(a, "nothing to settle"));
  CHECK(comes(b, "nothing to settle"));
  CHECK(field_of(b.entity(id).as_object(), "triage").at("value") == "green");
  CHECK(agree(a, b));
}
