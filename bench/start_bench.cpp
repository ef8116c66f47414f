#include "start_bench.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/log.hpp"
#include "home.hpp"
#include "incident_of_size.hpp"
#include "ledger.hpp"
#include "model/geometry.hpp"
#include "net/event_loop.hpp"

namespace airbridge::bench {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t on_their_way = 1'000;  // commands not answered yet
const SystemClock clock_of_day;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "store_bench: %s\n", what.c_str());
  std::exit(1);
}

double user_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) * 1e-6;
}
double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A node as far as its ledger: one loop that publishes ten times a second.
class Node {
 public:
  explicit Node(const app::Home& home) {
    auto opened = app::Ledger::open(home, loop_, clock_of_day, {}, {});
    if (!opened) die(opened.error());
    ledger_ = std::move(*opened);
    picture_ = ledger_->publish();
  }
  app::Ledger& ledger() { return *ledger_; }
  const picture::Picture& picture() const { return *picture_; }

  // Feeds event `from` .. `to` of the incident, about on_their_way at a time.
  void write(IncidentOfSize& incident, std::uint64_t from, std::uint64_t to) {
    next_ = from;
    end_ = to;
    const auto publishing = loop_.every(Milliseconds{100}, [this] { picture_ = ledger_->publish(); });
    loop_.post([&] { feed(incident); });
    loop_.run();
    picture_ = ledger_->publish();
  }

 private:
  void feed(IncidentOfSize& incident) {
    while (next_ < end_ && waiting_ < on_their_way) {
      const auto number = next_;
      auto draft = incident.draft(number);
      if (!draft) break;  // of a record whose creation is on its way
      ++next_;
      ++waiting_;
      if (number % 100'000 == 0) std::fprintf(stderr, "# %llu events\n", static_cast<unsigned long long>(number));
      auto done = [this, number, &incident](const api::CommandResult& result) {
        if (!result) die(fmt::format("event {} was refused: {}", number, result.error().message));
        if (result->dots.size() != 1) die(fmt::format("event {} became {}", number, result->dots.size()));
        incident.written(number, result->entity);
        --waiting_;
        if (waiting_ <= on_their_way / 2) feed(incident);
        if (waiting_ == 0 && next_ == end_) loop_.stop();
      };
      if (draft->entity) name_replaced(*draft);
      ledger_->command(std::move(*draft), std::move(done));
    }
  }

  // As page and gateways do: what was seen is what the event replaces.
  void name_replaced(model::Draft& draft) const {
    const auto entity = picture_->find(*draft.entity);
    if (entity == nullptr) die("the picture lacks a record that was created long ago");
    for (auto& write : draft.writes) {
      const auto* field = entity->find(write.key);
      if (field != nullptr && !model::holds_many(write.key.rule())) write.replaced = field->acting.dots;
    }
  }

  net::EventLoop loop_;
  std::unique_ptr<app::Ledger> ledger_;
  picture::PicturePtr picture_;
  std::uint64_t next_ = 0, end_ = 0;
  std::size_t waiting_ = 0;
};

std::vector<fs::path> snapshots_of(const app::Home& home) {
  std::vector<fs::path> out;
  for (const auto& file : fs::directory_iterator(home.store_dir())) {
    if (file.path().extension() == ".snap") out.push_back(file.path());
  }
  return out;
}
void remove_snapshots(const app::Home& home) {
  for (const auto& path : snapshots_of(home)) fs::remove(path);
}

struct Written {
  model::Hash hash;
  picture::Counts counts;
  std::uint64_t events = 0;
};
Written what_is_in(Node& node) {
  return {node.ledger().state_hash(), node.picture().counts(), node.ledger().store_info().events};
}

void check_same(const Written& is, const Written& should) {
  if (is.hash != should.hash) die("a start comes to another state than was written");
  const bool same = is.events == should.events && is.counts.folded == should.counts.folded &&
                    is.counts.entities == should.counts.entities && is.counts.private_lacking == 0 &&
                    is.counts.with_conflict == should.counts.with_conflict && is.counts.withheld == 0;
  if (!same) die("a start finds other counts than were written");
}

}  // namespace

StartTimes time_starts(const std::string& folder, std::uint64_t events) {
  log::configure(log::Level::Warn, log::Format::Text);
  const auto home = app::found(folder + "/home", {"Post", "Bench", "Start", true}, clock_of_day.now().utc);
  if (!home) die(home.error().text);
  const auto kept = fs::path(folder) / "kept";
  fs::create_directories(kept);

  IncidentOfSize incident(events / events_per_record);
  {
    Node(*home).write(incident, 0, events - start_tail);
  }
  const auto snapshots = snapshots_of(*home);
  for (const auto& path : snapshots) fs::copy(path, kept / path.filename());
  Written written;
  {
    Node node(*home);
    node.write(incident, events - start_tail, events);
    written = what_is_in(node);
  }
  if (written.counts.entities < incident.records() || written.counts.folded < events) die("not all was written");

  const auto start = [&] {
    Start times;
    const auto wall = wall_seconds();
    const auto user = user_seconds();
    Node node(*home);
    times.wall_s = wall_seconds() - wall;
    times.user_s = user_seconds() - user;
    check_same(what_is_in(node), written);
    const auto report = node.ledger().open_report();
    std::fprintf(stderr, "# started: %llu events, snapshot of arrival %llu\n",
                 static_cast<unsigned long long>(report.events), static_cast<unsigned long long>(report.from_snapshot));
    return times;
  };
  StartTimes out;
  out.events = written.events;
  out.records = incident.records();
  out.private_parts = incident.private_parts(events);
  out.tail = start_tail;
  remove_snapshots(*home);
  for (const auto& path : snapshots) fs::copy(kept / path.filename(), path);
  out.from_snapshot = start();
  remove_snapshots(*home);
  out.from_log = start();
  return out;
}

}  // namespace airbridge::bench
