#include "node_process.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "http_client.hpp"
#include "ledger.hpp"
#include "net/event_loop.hpp"

namespace airbridge::bench {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
constexpr std::size_t on_their_way = 1'000;
constexpr std::size_t read_bytes = 256 * 1024;
constexpr double patience_s = 1'200;
const SystemClock clock_of_day;

// A node as far as its ledger.
struct LedgerOf {
  net::EventLoop& loop;
  std::unique_ptr<app::Ledger> ledger;
  LedgerOf(const app::Home& home, net::EventLoop& on, bool indexed) : loop(on) {
    app::LedgerOptions options;
    options.journal_index = indexed;
    options.scrub_pause = Milliseconds(0);
    auto opened = app::Ledger::open(home, loop, clock_of_day, options, {});
    if (!opened) die(opened.error());
    ledger = std::move(*opened);
  }
};

std::string content(const std::string& path) {
  const auto text = app::read_file(path, 64 * 1024);
  return text ? *text : std::string();
}

}  // namespace

void die(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::exit(1);
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "airbridge-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) die("no temporary folder");
  path = name;
}

Folder::~Folder() {
  std::error_code error;
  fs::remove_all(path, error);
}

app::Home found_post(const fs::path& dir) {
  auto home = app::found(dir, {"POST", "Bench", "Measured", true}, clock_of_day.now().utc);
  if (!home) die(home.error().text);
  return std::move(*home);
}

app::Home join(const app::Home& founder, const fs::path& dir, const std::string& name) {
  const auto now = clock_of_day.now().utc;
  auto invitation = app::make_invitation(founder, Milliseconds{86'400'000}, now);
  if (!invitation) die(invitation.error().text);
  auto home = app::join(dir, {name, "Bench", "", true}, *invitation, now);
  if (!home) die(home.error().text);
  return std::move(*home);
}

void write_events(const app::Home& home, IncidentOfSize& incident, std::uint64_t from, std::uint64_t to) {
  net::EventLoop loop;
  const LedgerOf node(home, loop, false);
  auto& ledger = *node.ledger;
  auto picture = ledger.publish();
  auto next = from;
  std::size_t waiting = 0;
  std::function<void()> feed = [&] {
    while (next < to && waiting < on_their_way) {
      const auto number = next;
      auto draft = incident.draft(number);
      if (!draft) break;
      ++next;
      ++waiting;
      if (number % 100'000 == 0) std::fprintf(stderr, "# %llu events\n", static_cast<unsigned long long>(number));
      if (draft->entity) {
        const auto entity = picture->find(*draft->entity);
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
        if (waiting == 0 && next == to) loop.stop();
      });
    }
  };
  const auto publishing = loop.every(Milliseconds{100}, [&] { picture = ledger.publish(); });
  loop.post(feed);
  if (from < to) loop.run();
  ledger.close();
}

void copy_events(const std::vector<app::Home>& from, const app::Home& to) {
  net::EventLoop loop;
  const LedgerOf target(to, loop, true);
  struct Piece {
    model::SealedRun run;
    std::optional<model::PublicKey> key;
  };
  for (const auto& home : from) {
    const LedgerOf source(home, loop, false);
    std::vector<Piece> pieces;
    const auto& view = source.ledger->view();
    for (const auto& [stream, last] : view.vector()) {
      for (std::uint64_t after = 0; after < last;) {
        auto runs = view.runs_after(stream, after, read_bytes);
        if (runs.empty()) die("a log cannot be read");
        after = runs.back().seal.seq;
        for (auto& run : runs) pieces.push_back({std::move(run), view.author_key(stream.writer.author)});
      }
    }
    std::size_t next = 0, waiting = 0;
    std::function<void()> feed = [&] {
      while (next < pieces.size() && waiting < on_their_way) {
        ++waiting;
        auto& piece = pieces[next++];
        target.ledger->accept(std::move(piece.run), piece.key, [&](ledger::Accepted outcome, const std::string& why) {
          if (outcome != ledger::Accepted::Written) die("a run was refused: " + why);
          --waiting;
          if (waiting <= on_their_way / 2) loop.post(feed);
          if (waiting == 0 && next == pieces.size()) loop.stop();
        });
      }
    };
    if (!pieces.empty()) {
      loop.post(feed);
      loop.run();
    }
    source.ledger->close();
  }
  target.ledger->close();
}

Node::Node(fs::path dir, const std::vector<std::string>& more,
           const std::vector<std::pair<std::string, std::string>>& environment)
    : dir_(std::move(dir)) {
  std::vector<std::string> args{AIRBRIDGE_PROGRAM, "node", "--dir", dir_.string(), "--http", "127.0.0.1:0"};
  const auto takes = [&](const char* option) { return std::find(more.begin(), more.end(), option) != more.end(); };
  if (!takes("--tak")) args.insert(args.end(), {"--tak", "off"});
  if (!takes("--listen")) args.insert(args.end(), {"--listen", "127.0.0.1:0"});
  args.insert(args.end(), more.begin(), more.end());
  out_ = dir_.string() + ".out";
  std::error_code error;
  fs::remove(dir_ / "running", error);  // what a killed one left
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a benchmark that is interrupted leaves nothing running
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (std::freopen(out_.c_str(), "w", stdout) == nullptr || std::freopen("/dev/null", "w", stderr) == nullptr)
      ::_exit(1);
    std::vector<char*> raw;
    for (auto& arg : args) raw.push_back(arg.data());
    raw.push_back(nullptr);
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  wait_until([&] { return !http().empty(); }, 2);
}

Node::~Node() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

void Node::hold(bool still) { ::kill(pid_, still ? SIGSTOP : SIGCONT); }

void Node::kill_hard() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Node::wait_until(const std::function<bool()>& holds, int every_ms) {
  const auto since = seconds();
  while (!holds()) {
    if (seconds() - since > patience_s) die("waited too long");
    std::this_thread::sleep_for(std::chrono::milliseconds(every_ms));
  }
}

std::string Node::http() const {
  const auto text = content((dir_ / "running").string());
  const auto space = text.find(' ');
  if (space == std::string::npos) return {};
  return text.substr(space + 1, text.find('\n') - space - 1);
}

std::uint16_t Node::peers_port() const {
  const std::string before = "other nodes 127.0.0.1:";
  std::uint16_t port = 0;
  wait_until([&] {
    const auto text = content(out_);
    const auto at = text.find(before);
    if (at == std::string::npos || text.find('\n', at) == std::string::npos) return false;
    port = static_cast<std::uint16_t>(std::atoi(text.c_str() + at + before.size()));
    return true;
  });
  return port;
}

json::object Node::status() const {
  const auto answer = app::http_call(http(), "GET", "/api/v1/status");
  if (!answer || answer->status != 200) return {};
  return json::parse(answer->body).as_object();
}

std::uint64_t Node::metric(const std::string& name) const {
  const auto answer = app::http_call(http(), "GET", "/metrics");
  if (!answer) return 0;
  const auto line = "\n" + name + " ";
  const auto at = answer->body.find(line);
  return at == std::string::npos ? 0 : std::strtoull(answer->body.c_str() + at + line.size(), nullptr, 10);
}

// Through the journal, whose questions wait for the index.
void Node::wait_for_index() const {
  wait_until([&] {
    const auto answer = app::http_call(http(), "GET", "/api/v1/events?limit=1");
    if (!answer || answer->status != 200) return false;
    const auto page = json::parse(answer->body);
    const auto* complete = page.as_object().if_contains("complete");
    return complete != nullptr && complete->as_bool();
  });
}

std::string state_of(const json::object& status) {
  if (!status.contains("store")) return {};
  return std::string(status.at("store").at("state_hash").as_string());
}

void run_program(const std::vector<std::string>& args) {
  std::string line = AIRBRIDGE_PROGRAM;
  for (const auto& arg : args) line += " '" + arg + "'";
  if (std::system((line + " >&2").c_str()) != 0) die("failed: " + line);
}

}  // namespace airbridge::bench
