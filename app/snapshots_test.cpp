// Snapshots of a node's ledger: under load, at the stop, damaged, and what is not in them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/log.hpp"
#include "home.hpp"
#include "ledger.hpp"
#include "net/event_loop.hpp"
#include "store/snapshot.hpp"
#include "test_world.hpp"

namespace airbridge::app {
namespace {
namespace fs = std::filesystem;
using test::Folder;

const SystemClock system_clock;
constexpr std::uint64_t every = 50;
constexpr std::uint64_t patience_events = 20'000;  // written at most, waiting for a snapshot

struct Outcome {
  model::Hash hash;
  std::uint64_t folded = 0;
  std::size_t private_lacking = 0;
  std::string identity;  // of the first casualty
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// A ledger on a loop of its own thread: this one.
class Bench {
 public:
  explicit Bench(const Home& home) {
    LedgerOptions options;
    options.snapshot_every = every;
    auto opened = Ledger::open(home, loop_, system_clock, options, {});
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error()));
    ledger_ = std::move(*opened);
  }
  Ledger& ledger() { return *ledger_; }

  // Casualties with a private name, ten of them always on their way, until `enough`; how many.
  std::uint64_t write_until(const std::function<bool(std::uint64_t written)>& enough) {
    written_ = made_ = 0;
    enough_ = &enough;
    for (int i = 0; i < 10; ++i) write_one();
    loop_.run();
    return written_;
  }

  Outcome outcome() {
    const auto picture = ledger_->publish();
    Outcome out{ledger_->state_hash(), picture->counts().folded, picture->counts().private_lacking, {}};
    for (const auto& view : picture->entities_of(static_cast<std::uint16_t>(model::RecordKind::Casualty)).sorted()) {
      const auto* identity = view->find("identity");
      if (identity != nullptr && out.identity.empty()) out.identity = *identity->acting.value.text();
    }
    return out;
  }

 private:
  void write_one() {
    model::Draft draft;
    draft.record = static_cast<std::uint16_t>(model::RecordKind::Casualty);
    const auto set = [&](std::string_view field, model::Value value) {
      draft.writes.push_back({model::find_field(draft.record, field)->key(), std::move(value), {}});
    };
    set("triage", 2);
    set("identity", "Quintessa Example");
    ++made_;
    ledger_->command(std::move(draft), [this](const api::CommandResult& result) {
      REQUIRE(result);
      ++written_;
      if (!done_) done_ = (*enough_)(written_);
      if (!done_) return write_one();
      if (written_ == made_) {
        done_ = false;
        loop_.stop();
      }
    });
  }

  net::EventLoop loop_;
  std::unique_ptr<Ledger> ledger_;
  std::uint64_t written_ = 0, made_ = 0;
  bool done_ = false;
  const std::function<bool(std::uint64_t)>* enough_ = nullptr;
};

Home make_home(const Folder& folder) {
  auto home = found(folder / "node", {"Post", "Ana", "Test", true}, system_clock.now().utc);
  REQUIRE(home);
  return std::move(*home);
}

std::vector<fs::path> snapshots_in(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (store::snapshot_arrival(file.path().filename().string())) out.push_back(file.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}
// What a node that is killed now leaves behind.
void copy_store(const Home& from, const Home& to) {
  fs::create_directories(to.store_dir());
  for (const auto& file : fs::directory_iterator(from.store_dir())) {
    const auto name = file.path().filename().string();
    if (name == "LOCK" || name.ends_with(".tmp") || name.starts_with("index.")) continue;
    std::error_code gone;  // an older snapshot, removed meanwhile
    fs::copy(file.path(), to.store_dir() / name, gone);
  }
}

}  // namespace

TEST_CASE("a node under steady load leaves snapshots, and a killed one starts from the last") {
  const Folder folder;
  const auto home = make_home(folder);
  auto copy = home;
  copy.incident_dir = folder / "killed";
  Bench node(home);
  // Never does nothing wait: the picture is always behind the log.
  const auto written = node.write_until([&](std::uint64_t count) {
    return (count > 2 * every && snapshots_in(home.store_dir()).size() == 2) || count == patience_events;
  });
  CHECK(written < patience_events);
  const auto outcome = node.outcome();
  CHECK(outcome.private_lacking == 0);
  copy_store(home, copy);

  Bench again(copy);
  CHECK(again.ledger().open_report().from_snapshot > 0);
  CHECK(again.outcome() == outcome);
}

TEST_CASE("a snapshot holds no private values, and a start opens them again") {
  const Folder folder;
  const auto home = make_home(folder);
  Outcome outcome;
  {
    Bench node(home);
    node.write_until([](std::uint64_t count) { return count == 20; });
    outcome = node.outcome();
  }
  CHECK(outcome.identity == "Quintessa Example");
  const auto snapshots = snapshots_in(home.store_dir());
  REQUIRE_FALSE(snapshots.empty());
  for (const auto& path : snapshots) CHECK(test::read_text(path).find("Quintessa") == std::string::npos);
  Bench again(home);
  CHECK(again.ledger().open_report().from_snapshot > 0);
  CHECK(again.outcome() == outcome);
}

TEST_CASE("with damaged snapshots a node starts from its log and comes to the same") {
  const Folder folder;
  const auto home = make_home(folder);
  Outcome outcome;
  {
    Bench node(home);
    node.write_until([](std::uint64_t count) { return count == 120; });
    outcome = node.outcome();
  }
  for (const auto& path : snapshots_in(home.store_dir())) {
    auto text = test::read_text(path);
    text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
    test::write_text(path, text);
  }
  {
    Bench again(home);
    CHECK(again.ledger().open_report().from_snapshot == 0);
    CHECK(again.outcome() == outcome);
  }
  // It has left a good one: with so much behind the last, at once.
  Bench third(home);
  CHECK(third.ledger().open_report().from_snapshot > 0);
  CHECK(third.outcome() == outcome);
}

}  // namespace airbridge::app
