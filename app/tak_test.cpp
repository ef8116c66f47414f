// TAK clients end to end: from a socket to the API of two nodes, and back.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <regex>

#include "base/time.hpp"
#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

// An event of test/data/cot as a client would send it now.
std::string cot(std::string_view file) {
  const auto now = airbridge::SystemClock().now().utc;
  auto text = read_text(fs::path(AIRBRIDGE_TEST_DATA) / "cot" / file);
  text = std::regex_replace(text, std::regex(" (time|start)=\"2026[^\"]*\""),
                            fmt::format(" $1=\"{}\"", airbridge::format_utc(now)));
  return std::regex_replace(
      text, std::regex(" stale=\"2026[^\"]*\""),
      fmt::format(" stale=\"{}\"", airbridge::format_utc(now + airbridge::Milliseconds(300'000))));
}

// The first record of a kind in a node's picture, once there is one.
json::object record_of(const TestNode& node, std::string_view kind, std::string_view category = {}) {
  json::object out;
  eventually([&] {
    const auto answer = node.get("/api/v1/state");
    if (answer.status != 200) return false;
    for (const auto& entity : answer.body.at("entities").as_array()) {
      const auto& object = entity.as_object();
      if (object.at("record").as_string() != kind) continue;
      if (!category.empty() && field_of(object, "category").at("value").as_string() != category) continue;
      out = object;
      return true;
    }
    return false;
  });
  return out;
}

json::value value_of(const json::object& entity, std::string_view field) {
  const auto& found = field_of(entity, field);
  return found.empty() ? json::value() : found.at("value");
}

bool has_track(const TestNode& node, std::string_view callsign) {
  return eventually([&] {
    for (const auto& track : node.tracks()) {
      const auto* said = track.as_object().if_contains("callsign");
      if (said != nullptr && said->as_string() == callsign) return true;
    }
    return false;
  });
}

json::object tak_feed(const TestNode& node) {
  for (const auto& feed : node.feeds()) {
    if (feed.at("name") == "tak") return feed.as_object();
  }
  return {};
}

// The event with another text in one place, as its sender would send it again.
std::string with(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  if (at == text.npos) throw std::runtime_error(fmt::format("the event has no {}", from));
  return text.replace(at, from.size(), to);
}

std::string value_name(const json::object& entity, std::string_view field) {
  const auto value = value_of(entity, field);
  return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

// A person at the page writes a field, having seen what stands.
void person_sets(const TestNode& node, const json::object& entity, std::string_view field, std::string_view value) {
  const auto answer = node.command(command_of(entity.at("record").as_string(),
                                              {write_of(field, value, dots_of(field_of(entity, field)))},
                                              std::string(entity.at("id").as_string())));
  if (answer.status >= 300) throw std::runtime_error(answer.text);
}

struct TakPair {
  Folder folder;
  std::optional<TestNode> a, b;
  TakPair() {
    init_node(folder / "a", "POST 1");
    join_node(folder / "a", folder / "b", "TRUCK 2");
    a.emplace(folder / "a");
    b.emplace(folder / "b", Args{"--peer", a->peers()});
  }
};

}  // namespace

TEST_CASE("what TAK clients send becomes records on both nodes, and reaches other clients as it was") {
  TakPair pair;
  TcpClient sender(pair.a->tak());
  TcpClient other(pair.a->tak());
  TcpClient far(pair.b->tak());
  sender.send(cot("pli_phone.xml"));
  other.send(cot("pli_helicopter.xml"));
  sender.send(cot("marker_unknown_and_repeated_details.xml"));
  sender.send(cot("casualty_medevac.xml"));
  sender.send(cot("chat_all.xml"));
  sender.send(cot("alert.xml"));

  for (const auto* node : {&*pair.a, &*pair.b}) {
    CAPTURE(node == &*pair.b);
    const auto marker = record_of(*node, "site");
    CHECK(value_of(marker, "name") == "Bivouac");
    CHECK(marker.at("lat").to_number<double>() == doctest::Approx(46.552));
    CHECK(marker.at("created").at("via") == "tak");
    const auto casualty = record_of(*node, "casualty");
    CHECK(value_of(casualty, "triage") == "red");
    CHECK(field_of(casualty, "condition").at("private").as_bool());
    CHECK(record_of(*node, "request", "medevac").at("conflicts").as_array().empty());
    const auto distress = record_of(*node, "request", "distress");
    CHECK(value_of(distress, "state") == "open");
    CHECK(value_of(distress, "name") == "RESCUE 3");
    const auto message = record_of(*node, "message");
    CHECK(std::string(value_of(message, "text").as_string()).find("你好") != std::string::npos);
    CHECK(has_track(*node, "RESCUE 3"));
  }
  // Between clients of one node nothing is changed: unknown detail arrives byte for byte.
  CHECK(other.receives(
      R"(<x_team:note xmlns:x_team="urn:test:team" a="1"> keep  my   spaces <b/><!-- and me --></x_team:note>)"));
  CHECK(other.receives("at the hut"));
  // And it reaches the other node's clients.
  CHECK(far.receives("Bivouac"));
  CHECK(far.receives("RESCUE 3"));
  CHECK(far.received().find("hypothermia") == std::string::npos);  // the private part stays in the care group
  CHECK(agree(*pair.a, *pair.b));

  // The alert is called off.
  sender.send(cot("alert_cancel.xml"));
  CHECK(eventually([&] { return value_of(record_of(*pair.b, "request", "distress"), "state") == "cancelled"; }));
}

TEST_CASE("what a civil system does not carry is refused at the gateway and counted with its reason") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  TestNode node(folder / "a");
  REQUIRE(eventually([&] { return node.events() == 2; }));  // the grants of node and operator
  TcpClient sender(node.tak()), other(node.tak());
  sender.send(cot("refuse/affiliation_hostile.xml"));
  sender.send(cot("refuse/affiliation_suspect.xml"));
  sender.send(cot("pli_phone.xml"));
  CHECK(other.receives("RESCUE 3"));
  CHECK(other.received().find("a-h-G") == std::string::npos);
  REQUIRE(eventually([&] { return tak_feed(node).at("not_carried") == 2; }));
  CHECK(tak_feed(node).at("reasons").at("hostile") == 1);
  CHECK(tak_feed(node).at("reasons").at("suspect") == 1);
  CHECK(tak_feed(node).at("clients") == 2);
  CHECK(node.events() == 2);
}

TEST_CASE("damaged and hostile CoT costs the sender at most its connection") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  TestNode node(folder / "a");
  TcpClient good(node.tak());
  good.send(cot("pli_phone.xml"));
  for (const auto* sub : {"bad", "cot/refuse"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(AIRBRIDGE_TEST_DATA) / sub)) {
      const TcpClient bad(node.tak());
      bad.send(read_text(entry.path()));
    }
  }
  const TcpClient endless(node.tak());
  endless.send("<event " + std::string(200'000, 'x'));
  TcpClient witness(node.tak());
  good.send(cot("marker_unknown_and_repeated_details.xml"));
  CHECK(witness.receives("Bivouac"));
  CHECK(node.is_running());
  CHECK(eventually([&] { return tak_feed(node).at("refused").to_number<int>() > 0; }));
  CHECK(value_of(record_of(node, "site"), "name") == "Bivouac");
}

TEST_CASE("what is written through the API reaches TAK clients, on this node and the other") {
  TakPair pair;
  TcpClient near(pair.a->tak()), far(pair.b->tak());
  const json::object place{{"lat", 46.5}, {"lon", 7.9}};
  pair.a->create("site",
                 {write_of("category", "landing_zone"), write_of("name", "LZ Meadow"), write_of("place", place)});
  pair.a->create("casualty", {write_of("triage", "red"), write_of("name", "Climber"), write_of("place", place),
                              write_of("identity", "Jo Example"), write_of("condition", "Broken leg")});
  pair.a->create("message", {write_of("text", "Fog comes up the valley")});
  for (auto* client : {&near, &far}) {
    CHECK(client->receives("LZ Meadow"));
    CHECK(client->receives("Climber"));
    CHECK(client->receives("Fog comes up the valley"));
    CHECK(client->received().find("Jo Example") == std::string::npos);
    CHECK(client->received().find("Broken leg") == std::string::npos);
  }
  // Who comes later is told what stands.
  TcpClient late(pair.b->tak());
  CHECK(late.receives("LZ Meadow"));
}

TEST_CASE("a report sent again with another remark does not take back what a person decided meanwhile") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  TestNode node(folder / "a");
  const auto report = with(cot("casualty_medevac.xml"), R"(urgent="1" priority="2")", R"(urgent="0" priority="3")");
  {
    TcpClient phone(node.tak());
    phone.send(report);
    const auto before = record_of(node, "casualty");
    REQUIRE(value_name(before, "triage") == "yellow");
    person_sets(node, before, "triage", "red");

    phone.send(with(report, "hypothermia", "hypothermia, shivering"));
    CHECK(eventually(
        [&] { return value_name(record_of(node, "casualty"), "condition").find("shivering") != std::string::npos; }));
    const auto after = record_of(node, "casualty");
    CHECK(value_name(after, "triage") == "red");
    CHECK(after.at("conflicts").as_array().empty());
  }
  // The node remembers what the phone said last, also after a restart.
  REQUIRE(node.stop() == 0);
  node.start();
  TcpClient phone(node.tak());
  phone.send(with(report, "hypothermia", "hypothermia, asleep"));
  CHECK(eventually(
      [&] { return value_name(record_of(node, "casualty"), "condition").find("asleep") != std::string::npos; }));
  CHECK(value_name(record_of(node, "casualty"), "triage") == "red");
  CHECK(record_of(node, "casualty").at("conflicts").as_array().empty());

  // What the phone really changes contradicts the person, and is shown so.
  phone.send(with(with(report, R"(priority="3" routine="0")", R"(priority="0" routine="3")"), "hypothermia", "warm"));
  CHECK(eventually([&] { return !record_of(node, "casualty").at("conflicts").as_array().empty(); }));
  CHECK(value_name(record_of(node, "casualty"), "triage") == "red");
}

TEST_CASE("a beacon that repeats from a new position leaves its alert acknowledged") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  TestNode node(folder / "a");
  TcpClient beacon(node.tak());
  beacon.send(cot("alert.xml"));
  const auto alert = record_of(node, "request", "distress");
  person_sets(node, alert, "state", "acknowledged");
  const auto latitude = alert.at("lat").to_number<double>();
  beacon.send(std::regex_replace(cot("alert.xml"), std::regex("lat=\"[^\"]*\""), "lat=\"46.6\""));
  CHECK(eventually([&] { return record_of(node, "request", "distress").at("lat").to_number<double>() != latitude; }));
  const auto moved = record_of(node, "request", "distress");
  CHECK(value_name(moved, "state") == "acknowledged");
  CHECK(moved.at("conflicts").as_array().empty());
}

TEST_CASE("after a restart joiners are told what stands, and may delete what was placed before it") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  TestNode node(folder / "a");
  const json::object place{{"lat", 46.5}, {"lon", 7.9}};
  node.create("site", {write_of("category", "landing_zone"), write_of("name", "LZ Meadow"), write_of("place", place)});
  node.create("hazard", {write_of("category", "cable"), write_of("name", "Gorge"), write_of("state", "raised"),
                         write_of("geometry", json::object{{"type", "Point"}, {"coordinates", {7.9, 46.5}}})});
  {
    TcpClient phone(node.tak());
    phone.send(cot("marker_unknown_and_repeated_details.xml"));
    phone.send(cot("casualty_medevac.xml"));
    record_of(node, "casualty");
    record_of(node, "request");
    REQUIRE(value_of(record_of(node, "site"), "name").is_string());
    REQUIRE(eventually([&] { return node.get("/api/v1/state").text.find("Bivouac") != std::string::npos; }));
  }
  REQUIRE(node.stop() == 0);
  node.start();
  TcpClient late(node.tak());
  for (const auto* text : {"LZ Meadow", "HAZARD cable Gorge", "Bivouac", "uid=\"med-1\""}) {
    CAPTURE(text);
    CHECK(late.receives(text));
  }
  // Its clients gave the whole report: they get it back whole.
  CHECK(late.receives("hypothermia"));

  TcpClient phone(node.tak());
  phone.send(
      R"(<event version="2.0" uid="del-1" type="t-x-d-d" time="2026-03-14T09:30:00Z" start="2026-03-14T09:30:00Z" )"
      R"(stale="2036-03-14T09:30:00Z" how="h-g"><point lat="0" lon="0" hae="0" ce="0" le="0"/><detail>)"
      R"(<link uid="6d2a-marker" relation="p-p" type="b-m-p-s-m"/><__forcedelete/></detail></event>)");
  CHECK(eventually([&] {
    const auto state = node.get("/api/v1/state");
    for (const auto& entity : state.body.at("entities").as_array()) {
      const auto* deleted = entity.as_object().if_contains("deleted");
      if (deleted != nullptr && deleted->is_bool() && deleted->as_bool()) return true;
    }
    return false;
  }));
}

TEST_CASE("a record that clients were told of and move, rename or delete is that record, not a second one") {
  TakPair pair;
  TcpClient phone(pair.b->tak());
  const auto places = [&] {
    int out = 0;
    const auto state = pair.a->get("/api/v1/state");
    for (const auto& entity : state.body.at("entities").as_array())
      out += entity.at("record") == "site" || entity.at("record") == "hazard" ? 1 : 0;
    return out;
  };
  const auto is_gone = [](const json::object& entity) {
    const auto* deleted = entity.if_contains("deleted");
    return deleted != nullptr && deleted->as_bool();
  };
  const json::object place{{"lat", 46.5}, {"lon", 7.9}};
  const auto site = pair.a->create(
      "site", {write_of("category", "helibase"), write_of("name", "Base North"), write_of("place", place)});
  const auto hazard =
      pair.a->create("hazard", {write_of("category", "fire"), write_of("state", "raised"), write_of("name", "Barn"),
                                write_of("geometry", json::object{{"type", "Point"}, {"coordinates", {7.9, 46.5}}})});
  REQUIRE(phone.receives("Base North"));
  REQUIRE(phone.receives("HAZARD fire Barn"));
  // The events as the phone got them, at another place.
  const auto told = [&](std::string_view name) {
    const auto& all = phone.received();
    const auto begin = all.rfind("<event", all.find(name));
    return all.substr(begin, all.find("</event>", begin) + 8 - begin);
  };
  const auto moved = [](const std::string& event) {
    return std::regex_replace(event, std::regex("lat=\"[^\"]*\""), "lat=\"46.7\"");
  };
  phone.send(moved(told("Base North")));
  phone.send(moved(told("HAZARD fire Barn")));
  for (const auto& id : {site, hazard}) {
    CAPTURE(id);
    for (const auto* node : {&*pair.a, &*pair.b}) {
      CHECK(node->entity_becomes(id, [](const json::object& entity) {
        return entity.at("lat").to_number<double>() == doctest::Approx(46.7);
      }));
    }
  }
  const auto after = pair.a->entity(site).as_object();
  CHECK(value_name(after, "category") == "helibase");  // which a phone cannot say
  CHECK(value_name(pair.a->entity(hazard).as_object(), "name") == "Barn");
  CHECK(places() == 2);

  const auto uid = std::regex_replace(told("Base North"), std::regex("[\\s\\S]*?uid=\"([^\"]*)\"[\\s\\S]*"), "$1");
  CHECK(uid == "AIRBRIDGE-" + site);
  phone.send(
      R"(<event version="2.0" uid="del-2" type="t-x-d-d" time="2026-03-14T09:30:00Z" start="2026-03-14T09:30:00Z" )"
      R"(stale="2036-03-14T09:30:00Z" how="h-g"><point lat="0" lon="0" hae="0" ce="0" le="0"/><detail><link uid=")" +
      uid + R"(" relation="p-p" type="b-m-p-s-m"/><__forcedelete/></detail></event>)");
  CHECK(pair.a->entity_becomes(site, is_gone));
  CHECK(places() == 2);
}

TEST_CASE("a casualty that a phone named keeps its name at every client of both nodes when the page changes it") {
  TakPair pair;
  TcpClient sender(pair.a->tak()), near(pair.a->tak()), far(pair.b->tak());
  sender.send(cot("casualty_medevac.xml"));
  REQUIRE(near.receives("uid=\"med-1\""));
  REQUIRE(far.receives("uid=\"med-1\""));
  const auto before = record_of(*pair.b, "casualty");
  person_sets(*pair.b, before, "triage", "green");
  CHECK(far.receives("routine=\"3\""));
  CHECK(near.receives("routine=\"3\""));
  CHECK(sender.receives("routine=\"3\""));
  for (auto* client : {&near, &far, &sender}) {
    const auto& all = client->received();
    const auto begin = all.rfind("<event", all.find("routine=\"3\""));
    const auto event = all.substr(begin, all.find("</event>", begin) - begin);
    CHECK(event.find("uid=\"med-1\"") != std::string::npos);
    // What only the report says stays with those it was sent to.
    CHECK((event.find("hypothermia") != std::string::npos) == (client != &far));
  }
  CHECK(far.received().find("hypothermia") == std::string::npos);
}
