// Making nodes: keys, invitations, and what is refused.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

int mode_of(const fs::path& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 0777) : -1;
}

Ended init(const fs::path& dir) {
  return run({"init", "--dir", dir.string(), "--name", "POST 1", "--incident", "Flood of the test"});
}

}  // namespace

TEST_CASE("init makes keys that only their owner can read, and refuses a folder that holds a node") {
  const Folder folder;
  REQUIRE(init(folder / "n").status == 0);
  CHECK(mode_of(folder / "n/keys") == 0700);
  for (const auto* key : {"node.key", "operator.key", "authority.key"}) CHECK(mode_of(folder / "n/keys" / key) == 0600);
  for (const auto& incident : fs::directory_iterator(folder / "n/incidents")) {
    CHECK(mode_of(incident.path()) == 0700);
    CHECK(mode_of(incident.path() / "data.keys") == 0600);
  }
  const auto before = read_text(folder / "n/keys/node.key");
  const auto again = init(folder / "n");
  CHECK(again.status == 1);
  CHECK(again.err.find("already holds a node") != std::string::npos);
  CHECK(read_text(folder / "n/keys/node.key") == before);
  CHECK(run({"init", "--dir", (folder / "m").string()}).status == 2);  // neither --incident nor --join
  CHECK_FALSE(fs::exists(folder / "m"));
}

TEST_CASE("an init that was interrupted can be repeated, but never over a log") {
  const Folder folder;
  REQUIRE(init(folder / "n").status == 0);
  fs::remove(folder / "n/active");  // written last
  CHECK(run({"node", "--dir", (folder / "n").string()}).err.find("there is no node in") != std::string::npos);
  const auto before = read_text(folder / "n/keys/node.key");
  REQUIRE(init(folder / "n").status == 0);
  CHECK(read_text(folder / "n/keys/node.key") != before);

  {
    TestNode node(folder / "n");
    CHECK(node.stop() == 0);
  }
  fs::remove(folder / "n/active");
  const auto refused = init(folder / "n");
  CHECK(refused.status == 1);
  CHECK(refused.err.find("keys and a log") != std::string::npos);
}

TEST_CASE("a key file that others can read is refused, with the command that helps") {
  const Folder folder;
  REQUIRE(init(folder / "n").status == 0);
  const auto key = folder / "n/keys/node.key";
  REQUIRE(::chmod(key.c_str(), 0644) == 0);
  const auto ended = run({"node", "--dir", (folder / "n").string(), "--http", "127.0.0.1:0"});
  CHECK(ended.status == 1);
  CHECK(ended.err.find("can be read by others (mode 644); run: chmod 600 " + key.string()) != std::string::npos);
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  write_text(key, "something else\n");
  CHECK(run({"node", "--dir", (folder / "n").string()}).err.find("is not an Airbridge key file") != std::string::npos);
}

TEST_CASE("a damaged invitation is refused and makes nothing") {
  const Folder folder;
  REQUIRE(init(folder / "n").status == 0);
  const auto file = folder / "invitation";
  REQUIRE(run({"invite", "--dir", (folder / "n").string(), "--out", file.string()}).status == 0);
  CHECK(mode_of(file) == 0600);
  const auto good = read_text(file);
  auto flipped = good;
  flipped[good.size() / 2] = flipped[good.size() / 2] == 'A' ? 'B' : 'A';
  for (const auto& bad : {std::string(), std::string("hello"), good.substr(0, good.size() / 2), good.substr(5), flipped,
                          good + "AAAA", std::string(100'000, 'A')}) {
    CAPTURE(bad.size());
    write_text(folder / "bad", bad);
    const auto ended = run({"init", "--dir", (folder / "m").string(), "--join", (folder / "bad").string()});
    CHECK(ended.status == 1);
    CHECK(ended.err.starts_with("airbridge: "));
    CHECK_FALSE(fs::exists(folder / "m/active"));
  }
  CHECK(run({"init", "--dir", (folder / "m").string(), "--join", "/nonexistent"}).status == 1);
  CHECK(run({"init", "--dir", (folder / "m").string(), "--join", file.string()}).status == 0);
  // Only the founder's node can invite.
  const auto refused = run({"invite", "--dir", (folder / "m").string()});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("holds no authority key") != std::string::npos);
}

TEST_CASE("a node that joined is known to the founder, and its events are folded there") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  TestNode founder(folder / "a");
  TestNode joined(folder / "b", {"--peer", founder.peers()});
  const auto id = joined.create("site", {write_of("category", "shelter"), write_of("name", "School")});
  const auto seen = founder.entity(id);
  REQUIRE(seen.is_object());
  CHECK(field_of(seen.as_object(), "name").at("value") == "School");
  CHECK(seen.at("created").at("node") == "TRUCK 2");
  CHECK(seen.at("created").at("actor") == "Ben Lind");
  CHECK_FALSE(seen.at("placeholder").as_bool());
  for (const auto& event : founder.journal()) CHECK(event.at("folded").as_bool());
  CHECK(founder.journal("&record=membership").size() >= 4);
  CHECK(eventually([&] {
    const auto peers = founder.status().at("peers").as_array();
    return peers.size() == 1 && peers[0].at("name") == "TRUCK 2" && peers[0].at("state") == "connected";
  }));
}

TEST_CASE("a folder belongs to one running node") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  TestNode node(folder / "n");
  const auto second = run({"node", "--dir", (folder / "n").string(), "--http", "127.0.0.1:0", "--tak", "off"});
  CHECK(second.status == 1);
  CHECK(second.err.find("airbridge: ") != std::string::npos);
  CHECK(node.is_running());
  CHECK(run({"status", "--dir", (folder / "n").string()}).status == 0);
  node.kill_hard();
  // What a killed node left names a process that is gone.
  const auto gone = run({"status", "--dir", (folder / "n").string()});
  CHECK(gone.status == 1);
  CHECK(gone.err.find("no node runs") != std::string::npos);
  node.start();
  CHECK(node.stop() == 0);
}

TEST_CASE("init says that an incident is real and that a name was changed, and an invitation is not overwritten") {
  const Folder folder;
  const auto real = init(folder / "n");
  CHECK(real.out.find("This is a real incident") != std::string::npos);
  CHECK(real.err.empty());
  const auto practice = run({"init", "--dir", (folder / "m").string(), "--name", std::string(80, 'n'), "--incident",
                             "Flood of the test", "--exercise"});
  CHECK(practice.out.find("This is a real incident") == std::string::npos);
  CHECK(practice.err.find("the node's name was changed to \"" + std::string(64, 'n') + "\"") != std::string::npos);

  write_text(folder / "invitation", "precious");
  const auto refused = run({"invite", "--dir", (folder / "n").string(), "--out", (folder / "invitation").string()});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("exists already") != std::string::npos);
  CHECK(read_text(folder / "invitation") == "precious");
}

TEST_CASE("a name too long for 64 bytes is cut between characters, so that peers and browsers take it") {
  const Folder folder;
  std::string name;
  for (int i = 0; i < 22; ++i) name += "\u5c71";  // three bytes each: byte 64 is inside the last one
  REQUIRE(run({"init", "--dir", (folder / "a").string(), "--name", name, "--operator", name + "\xFF", "--incident",
               "Flood of the test"})
              .status == 0);
  join_node(folder / "a", folder / "b", name);
  TestNode a(folder / "a");
  TestNode b(folder / "b", {"--peer", a.peers()});
  const auto shown = a.get("/api/v1/status");
  REQUIRE(shown.status == 200);
  CHECK(shown.body.at("node").at("name").as_string() == name.substr(0, 63));
  // The peer's name comes with its membership, and two nodes with the founder's events alone agree before that.
  CHECK(eventually([&] { return b.status().at("peers").at(0).at("name").as_string() == name.substr(0, 63); }));
  CHECK(eventually([&] { return agree(a, b); }));
}

TEST_CASE("settings and file names that are not UTF-8 do no harm to what pages are sent") {
  const Folder folder;
  REQUIRE(init(folder / "n").status == 0);
  TestNode node(folder / "n", {"--set", "node.name=B\xFCro", "--set", "adsb.files=/nowhere/M\xFCll.txt"});
  const auto shown = node.get("/api/v1/status");
  REQUIRE(shown.status == 200);
  CHECK(shown.body.at("node").at("name") == "B?ro");
  CHECK(shown.text.find("M?ll.txt") != std::string::npos);
}
