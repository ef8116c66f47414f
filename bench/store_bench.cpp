// How fast the store records, beside raw SQLite in the same run, and how fast a node starts.
//
//   store_bench [--short] [--dir FOLDER] [--starts]
//
// Rows: name value unit goal ratio verdict. `store.append_batchN`: durable events with a content of 300 B a second, N
// of them in a group commit; its ratio is against SQLite (WAL, synchronous=FULL, one transaction a batch) inserting
// blobs of the encoded event's size, the two taking turns so that the disk's moods hit both. The hash chain and the
// checksums are ours on top. A seal belongs to whoever made the events; `store.seal` tells what making and recording
// one costs. `store.start_*`: seconds from opening the ledger of a node with 1,000,000 events (100,000 with --short) to
// its first picture (start_bench.hpp); --starts measures nothing else.
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "start_bench.hpp"
#include "store/log.hpp"
#include "store/posix_disk.hpp"
#include "trust/keys.hpp"

namespace {

using namespace airbridge;  // NOLINT
using Seconds = std::chrono::duration<double>;

constexpr std::size_t content_bytes = 300;
const UtcTime noon = utc_from_ms(1773480600000);

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "store_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class Outcome>
auto must(Outcome outcome) {
  if (!outcome) die(outcome.error().what);
  return std::move(*outcome);
}

void row(const std::string& name, double value, const char* unit, double goal, double ratio, bool good) {
  fmt::print("{:<28} {:>12.2f} {:<9} {:>6.1f} {:>8.2f} {}\n", name, value, unit, goal, ratio, good ? "ok" : "short");
  std::fflush(stdout);
}

template <class Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

class OurStore {
 public:
  explicit OurStore(const std::string& directory)
      : disk_(must(store::PosixDisk::open(directory))), log_(must(store::Log::open(*disk_, incident_, {}, noon))) {
    entry_.stream = {{key_.id(), 1}, model::Class::Important, {}};
    entry_.public_part.assign(content_bytes, 0x5A);
    if (const auto head = log_.head(entry_.stream)) entry_.seq = head->seq;
  }
  void append_durably(int batch) {
    for (int i = 0; i < batch; ++i) {
      ++entry_.seq;
      must(log_.append_entry(entry_, {}, noon));
    }
    must(log_.sync(noon));
  }
  void seal() {
    const auto head = log_.staged_head(entry_.stream);
    must(log_.append_seal(trust::make_seal(key_, incident_, entry_.stream, head.seq, head.head), noon));
  }
  std::size_t encoded_bytes() const { return model::encode(entry_).size(); }

 private:
  model::IncidentId incident_;
  trust::SigningKey key_ = trust::SigningKey::from_seed({});
  std::unique_ptr<store::PosixDisk> disk_;
  store::Log log_;
  model::Entry entry_;
};

class RawSqlite {
 public:
  RawSqlite(const std::string& path, std::size_t blob_bytes) : blob_(blob_bytes, 0x5A) {
    check(sqlite3_open(path.c_str(), &handle_));
    check(sqlite3_exec(handle_,
                       "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                       "CREATE TABLE events(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
                       nullptr, nullptr, nullptr));
    check(sqlite3_prepare_v2(handle_, "INSERT INTO events(bytes) VALUES(?1)", -1, &insert_, nullptr));
  }
  ~RawSqlite() {
    sqlite3_finalize(insert_);
    sqlite3_close(handle_);
  }
  RawSqlite(const RawSqlite&) = delete;
  RawSqlite& operator=(const RawSqlite&) = delete;
  void append_durably(int batch) {
    check(sqlite3_exec(handle_, "BEGIN", nullptr, nullptr, nullptr));
    for (int i = 0; i < batch; ++i) {
      sqlite3_bind_blob(insert_, 1, blob_.data(), static_cast<int>(blob_.size()), SQLITE_STATIC);
      if (sqlite3_step(insert_) != SQLITE_DONE) die(sqlite3_errmsg(handle_));
      sqlite3_reset(insert_);
    }
    check(sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr));
  }

 private:
  void check(int code) {
    if (code != SQLITE_OK) die(handle_ == nullptr ? "no memory" : sqlite3_errmsg(handle_));
  }
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  std::vector<std::uint8_t> blob_;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

void bench_append(const std::string& folder, bool brief) {
  OurStore ours(folder + "/append");
  RawSqlite theirs(folder + "/raw.sqlite", ours.encoded_bytes());
  fmt::print("# an encoded event has {} bytes\n", ours.encoded_bytes());
  const int rounds = brief ? 15 : 75;
  const double round_s = brief ? 0.1 : 0.2;  // of both together
  for (const int batch : {1, 10, 100, 1000}) {
    // As many batches a round as SQLite does in round_s, at least three.
    int batches = 0;
    const auto start = std::chrono::steady_clock::now();
    while (batches < 3 || Seconds(std::chrono::steady_clock::now() - start).count() < round_s) {
      theirs.append_durably(batch);
      ours.append_durably(batch);
      ++batches;
    }
    std::vector<double> ratios;
    double our_total_s = 0;
    double their_total_s = 0;
    for (int i = 0; i < rounds; ++i) {
      const auto many = [&](auto& store) {
        return seconds_of([&] {
          for (int n = 0; n < batches; ++n) store.append_durably(batch);
        });
      };
      const bool ours_first = i % 2 == 0;
      const double first = ours_first ? many(ours) : many(theirs);
      const double second = ours_first ? many(theirs) : many(ours);
      const double our_s = ours_first ? first : second;
      const double their_s = ours_first ? second : first;
      our_total_s += our_s;
      their_total_s += their_s;
      ratios.push_back(their_s / our_s);
    }
    // Of the whole time: SQLite pays for its checkpoints in a few rounds, which a median would leave out.
    const double ratio = their_total_s / our_total_s;
    fmt::print("# batches of {}: ratio {:.2f} of the whole time, median of {} rounds {:.2f}\n", batch, ratio, rounds,
               median(ratios));
    row(fmt::format("store.append_batch{}", batch), 1.0 * rounds * batches * batch / our_total_s, "events/s", 1.0,
        ratio, ratio >= 1.0);
  }
}

// Without the sync, which the seal shares with its events.
void bench_seal(const std::string& folder, bool brief) {
  OurStore ours(folder + "/seal");
  const int count = brief ? 200 : 2'000;
  double total_s = 0;
  for (int i = 0; i < count; ++i) {
    ours.append_durably(1);
    total_s += seconds_of([&] { ours.seal(); });
  }
  fmt::print("{:<28} {:>12.2f} {:<9} {:>6} {:>8} {}\n", "store.seal", total_s / count * 1e6, "us", "-", "-", "ok");
}

void bench_start(const std::string& folder, std::uint64_t events) {
  constexpr double snapshot_goal_s = 3;
  constexpr double whole_goal_s = 60;
  const auto times = bench::time_starts(folder + "/start", events);
  fmt::print("# {} events about {} records, {} with a private part, a seal each\n", times.events, times.records,
             times.private_parts);
  const auto say = [](const std::string& name, const bench::Start& start, double goal) {
    row(name, start.wall_s, "s", goal, start.wall_s / goal, start.wall_s < goal);
    fmt::print("# {}: {:.2f} s of user CPU, all threads\n", name, start.user_s);
  };
  say("store.start_snapshot", times.from_snapshot, snapshot_goal_s);
  say("store.start_log", times.from_log, whole_goal_s);
}

}  // namespace

int main(int argc, char** argv) {
  bool brief = false;
  bool starts_only = false;
  std::string base = ".";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--short") {
      brief = true;
    } else if (argument == "--starts") {
      starts_only = true;
    } else if (argument == "--dir" && i + 1 < argc) {
      base = argv[++i];
    } else {
      std::fprintf(stderr, "usage: store_bench [--short] [--dir FOLDER] [--starts]\n");
      return 2;
    }
  }
  trust::start();
  const std::string folder = fmt::format("{}/store_bench.{}", base, ::getpid());
  std::filesystem::create_directories(folder);
  if (!starts_only) bench_append(folder, brief);
  if (!starts_only) bench_seal(folder, brief);
  bench_start(folder, brief ? 100'000 : 1'000'000);
  std::filesystem::remove_all(folder);
  return 0;
}
