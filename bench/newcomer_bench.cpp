// Who comes late, and who meets by courier only, as real processes.
//
//   newcomer_bench [--short]
//
//   newcomer_usable_s    a node with an empty log is started and linked over 100 Mbit/s to one with 1,000,000 events:
//                        seconds until its picture shows all records
//   newcomer_complete_s  until its log holds all events and refolds to the same hash
//   bundles_72h_s        two nodes with 100,000 records, half of them written on each side while they were apart:
//                        seconds until both say the same state hash, through bundles alone
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/log.hpp"
#include "home.hpp"
#include "http_client.hpp"
#include "incident_of_size.hpp"
#include "ledger.hpp"
#include "net/event_loop.hpp"
#include "paced_proxy.hpp"
#include "trust/keys.hpp"

using namespace airbridge;
using namespace airbridge::bench;

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
constexpr double link_bits_per_second = 100e6;
constexpr std::size_t on_their_way = 1'000;
constexpr double patience_s = 1'200;
const SystemClock clock_of_day;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "newcomer_bench: %s\n", what.c_str());
  std::exit(1);
}
double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
void row(const char* name, double value, double goal) {
  fmt::print("{} {:.1f} s {:.0f} {:.2f} {}\n", name, value, goal, goal / value, value <= goal ? "ok" : "short");
  std::fflush(stdout);
}

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "airbridge-newcomer-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) die("no temporary folder");
    path = name;
  }
  ~Folder() {
    std::error_code error;
    fs::remove_all(path, error);
  }
};

// Writes events into a home, by its ledger, without the rest of a node.
void write_events(const app::Home& home, std::uint64_t records, std::uint64_t events) {
  net::EventLoop loop;
  auto opened = app::Ledger::open(home, loop, clock_of_day, {}, {});
  if (!opened) die(opened.error());
  auto& ledger = **opened;
  auto picture = ledger.publish();
  IncidentOfSize incident(records);
  std::uint64_t next = 0;
  std::size_t waiting = 0;
  std::function<void()> feed = [&] {
    while (next < events && waiting < on_their_way) {
      const auto number = next;
      auto draft = incident.draft(number);
      if (!draft) break;
      ++next;
      ++waiting;
      if (number % 100'000 == 0) std::fprintf(stderr, "# %llu events\n", static_cast<unsigned long long>(number));
      if (draft->entity) {
        const auto* entity = picture->find(*draft->entity);
        for (auto& write : draft->writes) {
          const auto* field = entity != nullptr ? entity->find(write.key) : nullptr;
          if (field != nullptr && !model::holds_many(write.key.rule())) write.replaced = field->acting.dots;
        }
      }
      ledger.command(std::move(*draft), [&, number](const api::CommandResult& result) {
        if (!result) die("an event was refused: " + result.error().message);
        incident.written(number, result->entity);
        --waiting;
        if (waiting <= on_their_way / 2) feed();
        if (waiting == 0 && next == events) loop.stop();
      });
    }
  };
  const auto publishing = loop.every(Milliseconds{100}, [&] { picture = ledger.publish(); });
  loop.post(feed);
  loop.run();
  ledger.close();
}

class Node {
 public:
  Node(fs::path dir, std::vector<std::string> more) : dir_(std::move(dir)) {
    std::vector<std::string> args{AIRBRIDGE_PROGRAM, "node",  "--dir", dir_.string(), "--http",
                                  "127.0.0.1:0",     "--tak", "off",   "--listen",    "127.0.0.1:0"};
    args.insert(args.end(), more.begin(), more.end());
    out_ = dir_.string() + ".out";
    pid_ = ::fork();
    if (pid_ == 0) {
      if (std::freopen(out_.c_str(), "w", stdout) == nullptr || std::freopen("/dev/null", "w", stderr) == nullptr)
        ::_exit(1);
      std::vector<char*> raw;
      for (auto& arg : args) raw.push_back(arg.data());
      raw.push_back(nullptr);
      ::execv(raw[0], raw.data());
      ::_exit(127);
    }
    wait_until([&] { return !http().empty(); });
  }
  ~Node() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  static void wait_until(const std::function<bool()>& holds) {
    const auto since = seconds();
    while (!holds()) {
      if (seconds() - since > patience_s) die("waited too long");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  std::string http() const { return file_word("running", 1); }
  std::uint16_t peers_port() const {
    std::string text = content(out_);
    const std::string before = "other nodes 127.0.0.1:";
    const auto at = text.find(before);
    if (at == std::string::npos) die("the node does not say where others may connect:\n" + text);
    return static_cast<std::uint16_t>(std::atoi(text.c_str() + at + before.size()));
  }
  json::object status() const {
    const auto answer = app::http_call(http(), "GET", "/api/v1/status");
    if (!answer || answer->status != 200) return {};
    return json::parse(answer->body).as_object();
  }
  std::uint64_t entities() const {
    const auto answer = app::http_call(http(), "GET", "/metrics");
    if (!answer) return 0;
    const auto at = answer->body.find("\nairbridge_entities ");
    return at == std::string::npos ? 0 : std::strtoull(answer->body.c_str() + at + 20, nullptr, 10);
  }

 private:
  static std::string content(const std::string& path) {
    const auto text = app::read_file(path, 64 * 1024);
    return text ? *text : std::string();
  }
  std::string file_word(const char* name, int index) const {
    const auto text = content((dir_ / name).string());
    const auto space = text.find(' ');
    if (space == std::string::npos || index != 1) return {};
    return text.substr(space + 1, text.find('\n') - space - 1);
  }
  fs::path dir_;
  std::string out_;
  pid_t pid_ = -1;
};

app::Home join(const app::Home& founder, const fs::path& dir, const char* name) {
  const auto now = clock_of_day.now().utc;
  auto invitation = app::make_invitation(founder, Milliseconds{86'400'000}, now);
  if (!invitation) die(invitation.error().text);
  auto home = app::join(dir, {name, "Bench", "", true}, *invitation, now);
  if (!home) die(home.error().text);
  return std::move(*home);
}

std::string state_of(const json::object& status) {
  if (!status.contains("store")) return {};
  return std::string(status.at("store").at("state_hash").as_string());
}

void newcomer(std::uint64_t events) {
  const Folder folder;
  auto home = app::found(folder.path / "post", {"POST", "Bench", "Newcomer", true}, clock_of_day.now().utc);
  if (!home) die(home.error().text);
  write_events(*home, events / events_per_record, events);
  (void)join(*home, folder.path / "late", "LATE");
  Node post(folder.path / "post", {});
  Node::wait_until([&] { return post.entities() >= events / events_per_record; });
  const auto all = post.entities();
  const PacedProxy proxy(post.peers_port(), link_bits_per_second);
  const auto since = seconds();
  Node late(folder.path / "late", {"--peer", fmt::format("127.0.0.1:{}", proxy.port())});
  Node::wait_until([&] { return late.entities() >= all; });
  const auto usable = seconds() - since;
  const auto bytes = proxy.bytes_back();
  const auto shown = late.status();
  std::fprintf(
      stderr, "# all shown after %.1f s and %.1f MB%s\n", usable, static_cast<double>(bytes) / 1e6,
      shown.contains("store") && shown.at("store").as_object().contains("unverified") ? ", not yet verified" : "");
  Node::wait_until([&] {
    const auto now = late.status();
    const bool same = !now.empty() && !now.at("store").as_object().contains("unverified") &&
                      now.at("store").at("events") == post.status().at("store").at("events") &&
                      state_of(now) == state_of(post.status());
    if (!same) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return same;
  });
  const auto complete = seconds() - since;
  std::fprintf(stderr, "# %.1f MB in all\n", static_cast<double>(proxy.bytes_back()) / 1e6);
  row("newcomer_usable_s", usable, 5);
  row("newcomer_complete_s", complete, 60);
}

void run_program(const std::vector<std::string>& args) {
  std::string line = AIRBRIDGE_PROGRAM;
  for (const auto& arg : args) line += " '" + arg + "'";
  if (std::system((line + " >&2").c_str()) != 0) die("failed: " + line);
}

void bundles(std::uint64_t records) {
  const Folder folder;
  auto one = app::found(folder.path / "one", {"POST", "Bench", "Apart", true}, clock_of_day.now().utc);
  if (!one) die(one.error().text);
  const auto two = join(*one, folder.path / "two", "TRUCK");
  write_events(*one, records / 2, records);
  write_events(two, records / 2, records);
  const Node a(folder.path / "one", {}), b(folder.path / "two", {});
  const auto file = [&](const char* name) { return (folder.path / name).string(); };
  const auto since = seconds();
  run_program({"bundle", "write", "--url", a.http(), file("ab")});
  run_program({"bundle", "read", "--url", b.http(), file("ab")});
  run_program({"bundle", "write", "--url", b.http(), "--since", file("ab"), file("ba")});
  run_program({"bundle", "read", "--url", a.http(), file("ba")});
  Node::wait_until([&] {
    const auto here = a.status(), there = b.status();
    return !state_of(here).empty() && state_of(here) == state_of(there) && a.entities() >= records;
  });
  const auto took = seconds() - since;
  std::fprintf(stderr, "# bundles of %.1f and %.1f MB\n", static_cast<double>(fs::file_size(file("ab"))) / 1e6,
               static_cast<double>(fs::file_size(file("ba"))) / 1e6);
  row("bundles_72h_s", took, 60);
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_short = argc > 1 && std::string_view(argv[1]) == "--short";
  trust::start();
  log::configure(log::Level::Error, log::Format::Text);
  bundles(is_short ? 10'000 : 100'000);
  newcomer(is_short ? 100'000 : 1'000'000);
  return 0;
}
