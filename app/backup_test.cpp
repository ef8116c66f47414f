// backup, restore, replay, export, diagnose: the log on other ways than the node's own.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <regex>
#include <thread>

#include "backups.hpp"
#include "base/time.hpp"
#include "http_client.hpp"
#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

std::string demo() { return std::string(AIRBRIDGE_SOURCE_DIR) + "/demo/thames_flood.json"; }
std::string hash_in(const std::string& text) {
  std::smatch found;
  return std::regex_search(text, found, std::regex("state ([0-9a-f]{64})")) ? found[1].str() : std::string();
}

}  // namespace

TEST_CASE("a backup is begun at once and says how far it is; only one is made at a time") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  TestNode node(folder / "n", {"--tak", "off"});
  const auto begun = node.post("/api/v1/backups", json::object{{"with_keys", false}});
  REQUIRE(begun.status == 202);
  CHECK(begun.body.at("state") == "running");
  const auto watch = "/api/v1/backups/" + std::string(begun.body.at("id").as_string());
  const auto second = node.post("/api/v1/backups", json::object{});
  CHECK((second.status == 409 || second.status == 202));  // the first may be done already
  CHECK(eventually([&] { return node.get(watch).body.at("state") == "done"; }));
  const auto done = node.get(watch);
  CHECK(fs::exists(std::string(done.body.at("file").as_string())));
  CHECK(done.body.at("bytes").to_number<std::uintmax_t>() ==
        fs::file_size(std::string(done.body.at("file").as_string())));
  CHECK(node.get("/api/v1/backups/77").status == 404);
  CHECK(node.get("/api/v1/backups/x").status == 404);
}

TEST_CASE("the node's folder keeps a bounded number of backups, and what a person put there") {
  const Folder folder;
  fs::create_directories(folder / "backups");
  write_text(folder / "backups/mine.tar", "a person's");
  write_text(folder / "backups/2026-01-01T00-00-00.000Z.tar.partial", "left by a killed node");
  airbridge::app::Backups backups(folder / "backups", folder / "store", [](const std::string& file, bool) {
    write_text(file, "a backup");
    return std::string();
  });
  const auto names = [&] {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder / "backups"))
      out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  };
  const airbridge::UtcTime start = *airbridge::parse_utc("2026-03-14T09:30:00Z");
  for (int i = 0; i < 30; ++i) {
    const auto begun = backups.begin(false, start + std::chrono::seconds(i));
    REQUIRE(begun);
    REQUIRE(eventually([&] { return backups.find(begun->id)->state == airbridge::api::BackupInfo::State::Done; }));
  }
  const auto left = names();
  REQUIRE(left.size() == airbridge::app::backups_kept_max + 1);
  CHECK(left.front() == "2026-03-14T09-30-22.000Z.tar");
  CHECK(left[left.size() - 2] == "2026-03-14T09-30-29.000Z.tar");
  CHECK(left.back() == "mine.tar");
}

TEST_CASE("a backup command that is stopped leaves no file behind") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  TestNode node(folder / "n", {"--tak", "off"});
  {
    for (int i = 0; i < 200; ++i)
      node.create("journal", {write_of("text", fmt::format("{} {}", i, std::string(3'900, 'x')))});
  }
  Process backup({"backup", "--dir", (folder / "n").string(), (folder / "b.tar").string()});
  // Stopped somewhere on its way: before the node was asked, while it copies, or after.
  REQUIRE(eventually([&] { return fs::exists(folder / "n/backups") || !backup.is_running(); }));
  backup.send_signal(SIGTERM);
  const auto status = backup.wait();
  if (status == 0) {
    CHECK(fs::exists(folder / "b.tar"));
  } else {
    CHECK_FALSE(fs::exists(folder / "b.tar"));
    CHECK(backup.err().find("no backup was made") != std::string::npos);
  }
  CHECK(fs::is_empty(folder / "n/backups"));
}

TEST_CASE("a backup that cannot be written says why") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  write_text(folder / "n/backups", "in the way");
  TestNode node(folder / "n", {"--tak", "off"});
  const auto failed = run({"backup", "--dir", (folder / "n").string(), (folder / "b.tar").string()});
  CHECK(failed.status == 1);
  CHECK(failed.err.find("backups") != std::string::npos);
  CHECK_FALSE(fs::exists(folder / "b.tar"));
}

TEST_CASE("a backup made under load restores to a node that goes on under a new incarnation") {
  const Folder folder;
  const auto dir = (folder / "n").string(), file = (folder / "b.tar").string(), other = (folder / "m").string();
  init_node(dir, "POST 1");
  std::string before_hash, own_stream;
  std::vector<std::string> before;
  {
    TestNode node(dir, {"--tak", "off"});
    for (int i = 0; i < 10; ++i) before.push_back(node.create("journal", {write_of("text", "before the backup")}));
    std::vector<json::object> bodies;
    for (int i = 0; i < 3'000; ++i) bodies.push_back(command_of("journal", {write_of("text", "under load")}));
    std::atomic<bool> enough{false};
    std::thread load([&, address = node.http()] {
      for (const auto& body : bodies) {
        if (enough) return;
        static_cast<void>(airbridge::app::http_call(address, "POST", "/api/v1/commands", json::serialize(body)));
      }
    });
    const auto made = run({"backup", "--dir", dir, "--with-keys", file});
    enough = true;
    load.join();
    CAPTURE(made.all());
    REQUIRE(made.status == 0);
    CHECK(made.out.find("keep it like a key") != std::string::npos);
    CHECK((fs::status(file).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
    const auto again = run({"backup", "--dir", dir, file});
    CHECK(again.status == 1);
    CHECK(again.err.find("exists already") != std::string::npos);
    own_stream = node.journal("&record=journal").front().at("dot").as_string();
    CHECK(node.stop() == 0);
  }
  const auto restored = run({"restore", "--dir", other, file});
  CAPTURE(restored.all());
  REQUIRE(restored.status == 0);
  CHECK(restored.out.find("new incarnation") != std::string::npos);
  CHECK(run({"restore", "--dir", other, file}).err.find("already holds a node") != std::string::npos);
  TestNode node(other, {"--tak", "off"});
  for (const auto& id : before) CHECK(node.entity(id).is_object());
  CHECK(node.log().find("a new incarnation begins") != std::string::npos);
  const auto id = node.create("journal", {write_of("text", "after the restore")});
  const auto written = node.journal("&record=journal").back();
  // "d.<author>.<incarnation>.<class>.<sequence>": the same author under another number.
  const auto author = [](const std::string& dot) { return dot.substr(0, dot.find('.', 2)); };
  const auto incarnation = [](const std::string& dot) {
    const auto from = dot.find('.', 2) + 1;
    return dot.substr(from, dot.find('.', from) - from);
  };
  const std::string new_dot(written.at("dot").as_string());
  CHECK(std::string(written.at("entity").as_string()) == id);
  CHECK(author(new_dot) == author(own_stream));
  CHECK(incarnation(new_dot) != incarnation(own_stream));
}

TEST_CASE("a backup without keys needs an invitation, and restores to the same state") {
  const Folder folder;
  const auto dir = (folder / "n").string(), file = (folder / "b.tar").string(), other = (folder / "m").string();
  init_node(dir, "POST 1");
  REQUIRE(run({"import", "--dir", dir, demo()}).status == 0);
  REQUIRE(run({"backup", "--dir", dir, file}).status == 0);  // the node does not run
  const auto backup = read_text(file);
  CHECK(backup.find("airbridge ed25519 key") == std::string::npos);
  CHECK(backup.find("Hypothermia") == std::string::npos);  // private parts are sealed, and their key stayed at home
  const auto without = run({"restore", "--dir", other, file});
  CHECK(without.status == 1);
  CHECK(without.err.find("--join INVITATION") != std::string::npos);
  CHECK_FALSE(fs::exists(folder / "m/active"));
  const auto invitation = (folder / "invitation").string();
  REQUIRE(run({"invite", "--dir", dir, "--out", invitation}).status == 0);
  const auto joined = run({"restore", "--dir", other, "--join", invitation, "--name", "TRUCK 2", file});
  CAPTURE(joined.all());
  REQUIRE(joined.status == 0);
  const auto here = run({"replay", "--dir", dir}), there = run({"replay", "--dir", other});
  CHECK(hash_in(here.out).size() == 64);
  CHECK(hash_in(here.out) == hash_in(there.out));
  TestNode node(other);
  CHECK(node.status().at("node").at("name") == "TRUCK 2");
  CHECK(node.get("/api/v1/state").text.find("Hypothermia") != std::string::npos);
}

TEST_CASE("a restore of what is no backup says so, and leaves no folder behind") {
  const Folder folder;
  const auto file = (folder / "x").string();
  for (const auto& content : {std::string(), std::string("notes"), std::string(4096, 'x'), std::string(4096, '\0')}) {
    write_text(file, content);
    const auto ended = run({"restore", "--dir", (folder / "m").string(), file});
    CHECK(ended.status == 1);
    CHECK(ended.err.find("is no Airbridge backup") != std::string::npos);
    CHECK_FALSE(fs::exists(folder / "m"));
  }
  CHECK(run({"restore", "--dir", (folder / "m").string(), (folder / "none").string()}).status == 1);
  CHECK_FALSE(fs::exists(folder / "m"));
  // Half a backup, and one without keys and without an invitation, leave nothing either.
  init_node(folder / "n", "POST 1");
  REQUIRE(run({"backup", "--dir", (folder / "n").string(), (folder / "b.tar").string()}).status == 0);
  CHECK(run({"restore", "--dir", (folder / "m").string(), (folder / "b.tar").string()}).status == 1);
  CHECK_FALSE(fs::exists(folder / "m"));
  const auto whole = read_text(folder / "b.tar");
  write_text(file, whole.substr(0, whole.size() / 2));
  CHECK(run({"restore", "--dir", (folder / "m").string(), file}).err.find("is damaged") != std::string::npos);
  CHECK_FALSE(fs::exists(folder / "m"));
}

TEST_CASE("a damaged backup, one of another incident's invitation, and a newer store are refused in words") {
  const Folder folder;
  const auto dir = (folder / "n").string(), file = (folder / "b.tar").string();
  init_node(dir, "POST 1");
  REQUIRE(run({"backup", "--dir", dir, "--with-keys", file}).status == 0);
  const auto good = read_text(file);
  auto flipped = good;
  flipped[flipped.find("AIRBLOG1") + 120] ^= 1;
  for (const auto& bad : {std::string(), std::string("not a tar"), good.substr(0, good.size() / 2), flipped}) {
    write_text(folder / "bad.tar", bad);
    const auto ended = run({"restore", "--dir", (folder / "m").string(), (folder / "bad.tar").string()});
    CAPTURE(ended.all());
    CHECK(ended.status == 1);
    CHECK(ended.err.starts_with("airbridge: "));
    CHECK_FALSE(fs::exists(folder / "m/active"));
  }
  CHECK(run({"restore", "--dir", (folder / "m").string(), "/nonexistent.tar"}).status == 1);
  // None of it is in the way of the good one.
  CHECK(run({"restore", "--dir", (folder / "m").string(), file}).status == 0);

  for (const auto& incident : fs::directory_iterator(folder / "n/incidents")) {
    const auto version = incident.path() / "store/VERSION";
    write_text(version, "airbridge store 3\ncreated-by airbridge 9.0\n");
  }
  for (const auto& command : {Args{"node", "--dir", dir, "--http", "127.0.0.1:0"}, Args{"replay", "--dir", dir}}) {
    const auto ended = run(command);
    CHECK(ended.status == 1);
    CHECK(ended.err.find("written by a newer Airbridge (format 3)") != std::string::npos);
  }
}

TEST_CASE("a replay of the log agrees with the snapshot and with the node, and stops where it is told") {
  const Folder folder;
  const auto dir = (folder / "n").string();
  init_node(dir, "POST 1");
  std::string hash;
  {
    TestNode node(dir);
    node.create("site", {write_of("category", "shelter"), write_of("name", "First")});
    CHECK(run({"replay", "--dir", dir}).err.find("the node runs") != std::string::npos);
    REQUIRE(eventually([&] { return node.events() == 3; }));  // with the grants of node and operator
    hash = node.state_hash();
    CHECK(node.stop() == 0);
  }
  const auto middle = airbridge::format_utc(airbridge::SystemClock().now().utc);
  std::this_thread::sleep_for(std::chrono::milliseconds(1'100));  // --until counts whole seconds at least
  {
    TestNode node(dir);
    node.create("site", {write_of("category", "shelter"), write_of("name", "Second"),
                         write_of("place", json::object{{"lat", 51.0}, {"lon", 0.0}})});
    CHECK(eventually([&] { return node.state_hash() != hash; }));
    CHECK(node.stop() == 0);
  }
  const auto all = run({"replay", "--dir", dir, "--verify", "--geojson", (folder / "all.json").string()});
  CAPTURE(all.all());
  CHECK(all.status == 0);
  CHECK(all.out.find("agrees with the log") != std::string::npos);
  CHECK(read_text(folder / "all.json").find("Second") != std::string::npos);
  const auto half = run({"replay", "--dir", dir, "--until", middle});
  CHECK(half.status == 0);
  CHECK(hash_in(half.out) == hash);
  CHECK(hash_in(all.out) != hash);
  CHECK(run({"replay", "--dir", dir, "--until", "yesterday"}).status == 2);
  CHECK(run({"replay", "--dir", dir, "--until", "2001-01-01T00:00:00Z"}).out.find(": 0 records") != std::string::npos);
}

TEST_CASE("an export and a diagnosis hold nothing of what they must not") {
  const Folder folder;
  const auto dir = (folder / "n").string();
  init_node(dir, "POST 1");
  TestNode node(dir);
  REQUIRE(run({"import", "--dir", dir, demo()}).status == 0);
  node.create("casualty", {write_of("triage", "red"), write_of("name", "Roof"), write_of("identity", "Jo Example"),
                           write_of("contact", "+44 20 7946 0000"),
                           write_of("place", json::object{{"lat", 67.4225}, {"lon", -0.5275}})});
  REQUIRE(eventually([&] { return node.get("/api/v1/geojson").text.find("\"Roof\"") != std::string::npos; }));
  const auto exported = run({"export", "--dir", dir});
  REQUIRE(exported.status == 0);
  const auto picture = json::parse(exported.out);
  CHECK(picture.at("features").as_array().size() > 20);
  CHECK(exported.out.find("Thorpe Lea Road") != std::string::npos);
  for (const auto* secret : {"Jo Example", "7946", "Hypothermia", "condition", "identity"}) {
    CAPTURE(secret);
    CHECK(exported.out.find(secret) == std::string::npos);
  }

  // Asked before any node was made there.
  const auto nobody = run({"diagnose", "--dir", (folder / "empty").string()});
  CHECK(nobody.status == 1);
  CHECK(nobody.err.find("there is no node in") != std::string::npos);
  CHECK(nobody.out.empty());

  // A bad client, so that the log has something to say about it.
  TcpClient(node.tak()).send("<event version='2.0' uid='Jo Example' type='a-f-G'></event>");
  REQUIRE(eventually([&] { return node.log().find("refused an event") != std::string::npos; }));
  CHECK(node.post("/api/v1/own-position", json::object{{"lat", 67.434}, {"lon", -0.511}}).status == 200);
  const auto out = (folder / "diagnosis.txt").string();
  REQUIRE(run({"diagnose", "--dir", dir, "-o", out}).status == 0);
  const auto diagnosis = read_text(out);
  CHECK((fs::status(out).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
  for (const auto* part : {"airbridge", "== metrics", "airbridge_events", "== store", "== feeds", "== log",
                           "Z info  node: running\n", "Z warn  tak: refused an event\n"}) {
    CAPTURE(part);
    CHECK(diagnosis.find(part) != std::string::npos);
  }
  auto secrets = std::vector<std::string>{
      "POST 1", "Ana Kovac", "Flood", "Jo Example",           "Thorpe",     "Staines", "RESCUE 1", "67.4",
      "-0.51",  "Roof",      "Hythe", folder.path().string(), "Hypothermia"};
  CHECK(diagnosis.find("was not running") == std::string::npos);
  const auto status = node.status();
  secrets.emplace_back(status.at("node").at("id").as_string());
  for (const auto& secret : secrets) {
    CAPTURE(secret);
    CHECK(diagnosis.find(secret) == std::string::npos);
  }
  REQUIRE(node.stop() == 0);
  CHECK(run({"diagnose", "--dir", dir}).out.find("the node was not running, so these are only of its start now") !=
        std::string::npos);
}
