#include "sync_portable.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "http_client.hpp"
#include "node_process.hpp"

namespace airbridge::bench {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t nodes = 50;
constexpr std::uint64_t events_each = 2;    // of a record
constexpr std::uint64_t unsnapped = 4'000;  // commands behind the last snapshot, at least, when the power goes
constexpr std::size_t torn_bytes = 300;     // of a record that was being written
constexpr int settle_s = 15;                // after the start, before what is idle is looked at

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

// The number behind `name` in a file of /proc.
std::uint64_t number_in(const fs::path& path, const std::string& name) {
  const auto text = text_of(path);
  const auto at = text.find(name);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size(), nullptr, 10);
}

struct Use {
  std::uint64_t switches = 0, syncs = 0;
  double cpu_s = 0, at = 0;
};

Use use_of(pid_t pid, const fs::path& syncs) {
  Use use;
  use.at = seconds();
  const auto proc = fs::path("/proc") / std::to_string(pid);
  for (const auto& task : fs::directory_iterator(proc / "task")) {
    use.switches += number_in(task.path() / "status", "\nvoluntary_ctxt_switches:");
  }
  const auto stat = text_of(proc / "stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  use.cpu_s = (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream(syncs, std::ios::binary).read(reinterpret_cast<char*>(&use.syncs), sizeof use.syncs);
  return use;
}

// Messages from somebody who does not wait, until the node is gone; how many were answered.
void write_until_gone(const std::string& address, std::atomic<std::uint64_t>& saved) {
  for (std::uint64_t number = 1;; ++number) {
    const auto body =
        fmt::format(R"({{"id":"{:016x}{:016x}","record":"journal","entity":null,)"
                    R"("writes":[{{"field":"text","value":"message {} before the power goes","replaces":[]}}]}})",
                    ::getpid(), number, number);
    const auto answer = app::http_call(address, "POST", "/api/v1/commands", body);
    if (!answer) return;
    if (answer->status != 200 && answer->status != 201)
      die(fmt::format("a command was answered with {}", answer->status));
    ++saved;
  }
}

// The newest file of the log ends in part of a record, as when the power goes while it is written.
void tear_end(const fs::path& store) {
  fs::path last;
  for (const auto& file : fs::directory_iterator(store)) {
    const auto name = file.path().filename().string();
    if (name.starts_with("log-") && (last.empty() || name > last.filename().string())) last = file.path();
  }
  auto bytes = text_of(last);
  auto end = bytes.find_last_not_of('\0') + 1;
  end = (end + 7) / 8 * 8;
  const auto torn = bytes.substr(end - 2 * torn_bytes, torn_bytes);  // looks like records, and is none
  bytes.resize(std::max(bytes.size(), end + torn.size()));
  bytes.replace(end, torn.size(), torn);
  std::ofstream(last, std::ios::binary) << bytes;
}

// What is in the page cache of a folder's files goes, as after a cut.
void forget_cached(const fs::path& folder) {
  ::sync();
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    const int opened = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0) continue;
    ::posix_fadvise(opened, 0, 0, POSIX_FADV_DONTNEED);
    ::close(opened);
  }
}

}  // namespace

void portable(std::uint64_t records, int idle_s, TellRow tell) {
  const Folder folder;
  std::vector<app::Home> homes{found_post(folder.path / "post")};
  for (std::size_t i = 1; i < nodes; ++i) {
    const auto name = i + 1 == nodes ? std::string("rucksack") : fmt::format("node-{}", i);
    homes.push_back(join(homes.front(), folder.path / name, name));
  }
  for (const auto& home : homes) {
    IncidentOfSize incident(records / nodes);
    write_events(home, incident, 0, records / nodes * events_each);
  }
  const auto own = homes.back();
  std::vector<app::Home> others(homes.begin(), homes.end() - 1);
  copy_events(others, own);
  copy_events({own}, homes.front());

  const auto syncs = folder.path / "syncs";
  std::ofstream(syncs, std::ios::binary).write("\0\0\0\0\0\0\0\0", 8);
  const Node post(folder.path / "post", {});
  const std::vector<std::string> as_carried{"--peer", fmt::format("127.0.0.1:{}", post.peers_port()),
                                            "--set",  "node.profile=portable",
                                            "--tak",  "127.0.0.1:0"};
  const std::vector<std::pair<std::string, std::string>> counted{{"LD_PRELOAD", AIRBRIDGE_COUNT_SYNCS_LIBRARY},
                                                                 {"AIRBRIDGE_COUNT_SYNCS", syncs.string()}};
  {
    Node before(own.dir, as_carried, counted);
    Node::wait_until([&] { return before.entities() >= records; });
    std::atomic<std::uint64_t> saved{0};
    std::thread writer([&, address = before.http()] { write_until_gone(address, saved); });
    Node::wait_until([&] { return saved >= unsnapped; });
    before.kill_hard();
    writer.join();
    std::fprintf(stderr, "# %llu messages were saved when the power went\n",
                 static_cast<unsigned long long>(saved.load()));
  }
  tear_end(own.incident_dir / "store");
  forget_cached(own.dir);
  const auto since = seconds();
  const Node node(own.dir, as_carried, counted);
  Node::wait_until([&] { return node.entities() >= records; }, 5);
  tell({"portable_start", seconds() - since, "s", 5});
  if (node.entities() < records + unsnapped) die("the node does not show what it had said is saved");
  Node::wait_until([&] {
    const auto status = node.status();
    return !status.empty() && !status.at("peers").as_array().empty() &&
           status.at("peers").as_array().front().as_object().at("state").as_string() == "connected" &&
           state_of(status) == state_of(post.status());
  });
  node.wait_for_index();
  const auto quiet = seconds() + settle_s;
  Node::wait_until([&] { return seconds() >= quiet; }, 200);
  const auto begin = use_of(node.pid(), syncs);
  Node::wait_until([&] { return seconds() >= begin.at + idle_s; }, 200);
  const auto end = use_of(node.pid(), syncs);
  const auto span = end.at - begin.at;
  const auto status = fs::path("/proc") / std::to_string(node.pid()) / "status";
  std::fprintf(stderr, "# at most %.1f MB resident since the start, %llu threads\n",
               static_cast<double>(number_in(status, "VmHWM:")) * 1024 / 1e6,
               static_cast<unsigned long long>(number_in(status, "Threads:")));
  tell({"portable_resident", static_cast<double>(number_in(status, "VmRSS:")) * 1024 / 1e6, "MB", 100});
  tell({"portable_cpu", 100 * (end.cpu_s - begin.cpu_s) / span, "%", 1});
  tell({"portable_wakeups", static_cast<double>(end.switches - begin.switches) / span, "1/s", 2});
  tell({"portable_syncs", 60 * static_cast<double>(end.syncs - begin.syncs) / span, "1/min", 10});
}

}  // namespace airbridge::bench
