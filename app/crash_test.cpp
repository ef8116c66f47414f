// What was acknowledged stays, whatever happens to the process or the disk.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

int kills_wanted() {
  const char* text = std::getenv("AIRBRIDGE_KILLS");
  return text != nullptr ? std::max(1, std::atoi(text)) : 30;
}

json::object journal_entry(const std::string& text) { return command_of("journal", {write_of("text", text)}); }

}  // namespace

TEST_CASE("a node killed at any moment has kept all it had acknowledged") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  std::optional<TestNode> node;
  std::mt19937 random(20260314);
  std::map<std::string, std::string> acknowledged;  // entity, text
  const int kills = kills_wanted();
  for (int kill = 0; kill < kills; ++kill) {
    if (!node) {
      node.emplace(folder / "n", Args{"--tak", "off"});
    } else {
      node->start();
    }
    // The killer works beside the writers, at its own random moment.
    const auto pid = node->process().pid();
    const auto wait = std::chrono::microseconds(std::uniform_int_distribution<>(1'000, 250'000)(random));
    std::thread killer([pid, wait] {
      std::this_thread::sleep_for(wait);
      ::kill(pid, SIGKILL);
    });
    for (int i = 0;; ++i) {
      const auto text = fmt::format("entry {} of life {}", i, kill);
      const auto answer = node->command(journal_entry(text));
      if (answer.status != 200) break;
      if (answer.body.at("ok").as_bool()) acknowledged[std::string(answer.body.at("entity").as_string())] = text;
    }
    killer.join();
    node->process().wait();
  }
  node->start();
  std::map<std::string, std::string> kept;
  for (const auto& event : node->journal("&record=journal")) {
    CHECK(event.at("folded").as_bool());
    kept[std::string(event.at("entity").as_string())] =
        std::string(event.at("writes").as_array().at(0).at("value").as_string());
  }
  std::size_t lost = 0;
  for (const auto& [entity, text] : acknowledged) {
    const auto found = kept.find(entity);
    if (found == kept.end() || found->second != text) ++lost;
  }
  CHECK(lost == 0);
  CHECK(acknowledged.size() > static_cast<std::size_t>(kills));
  CHECK(node->status().at("store").at("damaged") == 0);
  CHECK(node->stop() == 0);
  const auto verified = run({"replay", "--dir", (folder / "n").string(), "--verify"});
  CAPTURE(verified.all());
  CHECK(verified.status == 0);
  MESSAGE(fmt::format("{} kills, {} acknowledged, {} lost", kills, acknowledged.size(), lost));
}

namespace {

// A small disk of its own, when this machine lets us have one.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& at) : at_(at.string()) {
    fs::create_directories(at);
    mounted_ = ::geteuid() == 0 && ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=24m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_mounted() const { return mounted_; }

 private:
  std::string at_;
  bool mounted_ = false;
};

// Fills what is free, up to the last block.
void fill(const fs::path& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  std::setbuf(file, nullptr);
  const std::string block(4096, 'f');
  while (std::fwrite(block.data(), block.size(), 1, file) == 1) {
  }
  std::fclose(file);
}

}  // namespace

TEST_CASE("a full disk refuses new entries in words, keeps serving, and takes them again when there is room") {
  const Folder folder;
  const SmallDisk disk(folder / "disk");
  if (!disk.is_mounted()) {
    std::puts("SKIPPED: needs the right to mount a tmpfs");  // ./dev test counts such lines
    return;
  }
  init_node(folder / "disk/n", "POST 1");
  TestNode node(folder / "disk/n", {"--set", "store.disk_free_min_mib=1", "--tak", "off"});
  std::vector<std::string> acknowledged;
  for (int i = 0; i < 20; ++i) acknowledged.push_back(node.create("journal", {write_of("text", "before")}));

  fill(folder / "disk/filler");
  // Written into the room that was reserved until that is gone or the node sees how little is free.
  Answer refused;
  REQUIRE(eventually([&] {
    refused = node.command(command_of("journal", {write_of("text", std::string(3'000, 'x'))}));
    if (refused.status == 200) acknowledged.emplace_back(refused.body.at("entity").as_string());
    return refused.status != 200;
  }));
  CHECK(refused.status == 507);
  CHECK(refused.body.at("error").at("code") == "disk_full");
  CHECK(refused.message().find("nothing was written") != std::string::npos);
  CHECK_FALSE(std::string(refused.body.at("error").at("hint").as_string()).empty());
  // Reading and the page go on.
  CHECK(node.get("/").status == 200);
  CHECK(node.get("/api/v1/state").status == 200);
  CHECK(node.entity(acknowledged.front()).is_object());
  CHECK(eventually([&] { return node.status().at("store").at("refusing_writes").as_bool(); }));
  CHECK(node.get("/healthz").status == 503);
  CHECK(node.get("/metrics").text.find("airbridge_store_refusing_writes 1") != std::string::npos);
  const auto problem = std::string(node.status().at("problems").as_array().at(0).as_string());
  CHECK(problem.starts_with("New entries are refused"));
  // A backup has no room either, and says so.
  const auto begun = node.post("/api/v1/backups", json::object{{"with_keys", false}});
  REQUIRE(begun.status == 202);
  const auto watch = "/api/v1/backups/" + std::string(begun.body.at("id").as_string());
  CHECK(eventually([&] { return node.get(watch).body.at("state") == "failed"; }));
  CHECK(std::string(node.get(watch).body.at("why").as_string()).find("space") != std::string::npos);

  fs::remove(folder / "disk/filler");
  REQUIRE(eventually([&] {
    const auto answer = node.command(command_of("journal", {write_of("text", "after")}));
    if (answer.status == 200) acknowledged.emplace_back(answer.body.at("entity").as_string());
    return answer.status == 200;
  }));
  CHECK(eventually([&] { return node.get("/healthz").status == 200; }));

  // Killed while full and started with the disk still full: what is there can be read, and nothing is lost.
  fill(folder / "disk/filler");
  node.kill_hard();
  node.start();
  for (const auto& id : acknowledged) CHECK(node.entity(id).is_object());
  CHECK(node.status().at("store").at("damaged") == 0);
  CHECK(node.stop() == 0);
}
