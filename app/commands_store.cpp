// replay, backup, restore: the log itself.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

#include "api/json_values.hpp"
#include "api/picture_json.hpp"
#include "cli_support.hpp"
#include "config.hpp"
#include "home.hpp"
#include "ledger/fold_event.hpp"
#include "store/backup.hpp"
#include "store/log.hpp"
#include "store/posix_disk.hpp"
#include "with_node.hpp"

namespace airbridge::app {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t page_records = 2'000;
constexpr std::size_t page_bytes = 4 * 1024 * 1024;
constexpr std::chrono::milliseconds backup_asked_every{200};
constexpr double wait_max_s = 5;  // a longer silence is skipped when replaying in time

std::string picture_geojson(const picture::Picture& picture) {
  boost::json::array features;
  for (const auto* row : picture.entities().sorted_rows()) {
    if (auto feature = api::feature_of(*picture.entities().view(*row))) features.push_back(std::move(*feature));
  }
  return api::to_text(boost::json::object{{"type", "FeatureCollection"}, {"features", std::move(features)}});
}

void print_counts(const picture::Picture& picture, const model::Hash& hash, std::uint64_t arrival,
                  const std::string& last) {
  const auto& counts = picture.counts();
  fmt::print(
      "as known here at {} (arrival {}): {} records ({} deleted, {} placeholders, {} with a conflict), {} events "
      "folded, {} withheld\nstate {}\n",
      last, arrival, counts.entities, counts.deleted, counts.placeholders, counts.with_conflict, counts.folded,
      counts.withheld, hash.hex());
}

}  // namespace

int run_replay(const Common& common, const ReplayOptions& options) {
  auto until = UtcTime::max();
  if (!options.until.empty()) {
    const auto time = parse_utc(options.until);
    if (!time) return complain("--until: write a UTC time such as 2026-03-14T03:10:00Z"), 2;
    until = *time;
  }
  const auto home = open_home(common.dir);
  if (!home) return complain("{}", home.error().text);
  if (!running_address(common).empty())
    return complain("the node runs; stop it, or replay a restored backup in another folder");
  auto disk = store::PosixDisk::open(home->store_dir().string(), store::PosixDisk::Missing::Refuse);
  if (!disk) return complain("{}", disk.error().what);
  store::LogOptions log_options;
  auto log = store::Log::open(**disk, home->incident, log_options, SystemClock().now().utc);
  if (!log) return complain("{}", log.error().what);
  const auto kept = log->take_picture();

  picture::Fold fold(home->incident, home->genesis);
  std::uint64_t arrival = 0;
  std::string last = "the beginning";
  std::optional<model::Hash> at_snapshot;
  UtcTime before{};
  for (bool more = true; more;) {
    const auto records = log->read_from(arrival + 1, page_records, page_bytes);
    if (!records) return complain("{}", records.error().what);
    if (records->empty()) break;
    for (const auto& record : *records) {
      const auto entry = store::as_entry(record);
      if (record.header.time > until) {
        more = false;
        break;
      }
      arrival = record.header.arrival;
      if (kept && !at_snapshot && arrival > kept->arrival) at_snapshot = fold.state_hash();
      if (!entry) continue;
      last = format_utc(record.header.time);
      if (options.speed > 0 && before != UtcTime{}) {
        const auto seconds = std::chrono::duration<double>(record.header.time - before).count() / options.speed;
        std::this_thread::sleep_for(std::chrono::duration<double>(std::clamp(seconds, 0.0, wait_max_s)));
      }
      before = record.header.time;
      const auto event =
          ledger::to_fold_event(entry->entry, entry->arrival, entry->time, home->incident, home->data_keys);
      fold.apply(event);
      if (options.speed > 0 && event.event) {
        const auto* spec = model::find_record(event.event->record);
        fmt::print("{}  {:<10} {}-{}\n", last, spec != nullptr ? spec->name : "?", spec != nullptr ? spec->letter : '?',
                   model::display_code(event.event->entity));
        std::fflush(stdout);
      }
    }
  }
  if (fold.needs_refold()) {
    fold.begin_again();
    for (std::uint64_t at = 0;;) {
      const auto records = log->read_from(at + 1, page_records, page_bytes);
      if (!records || records->empty() || at >= arrival) break;
      for (const auto& record : *records) {
        at = record.header.arrival;
        if (at > arrival) break;
        if (const auto entry = store::as_entry(record))
          fold.apply(ledger::to_fold_event(entry->entry, entry->arrival, entry->time, home->incident, home->data_keys));
      }
    }
  }
  const auto picture = fold.publish();
  const auto hash = fold.state_hash();
  print_counts(*picture, hash, arrival, last);
  if (!options.geojson.empty()) {
    if (const auto written = write_file(options.geojson, picture_geojson(*picture), 0644); !written)
      return complain("{}", written.error().text);
  }
  if (!options.verify) return 0;
  if (!kept) {
    fmt::print("there is no snapshot to compare with; the log folds without one\n");
    return 0;
  }
  if (!at_snapshot && arrival >= kept->arrival) at_snapshot = hash;
  auto loaded = picture::Fold::load(kept->bytes(), home->incident, home->genesis);
  if (!loaded) return complain("the snapshot does not load: {}", loaded.error().what);
  const auto snapshot_hash = loaded->state_hash();
  if (at_snapshot && snapshot_hash == *at_snapshot) {
    fmt::print("the snapshot of arrival {} agrees with the log\n", kept->arrival);
    return 0;
  }
  return complain("the snapshot of arrival {} says {}, the log {}; start the node once after removing store/snapshot-*",
                  kept->arrival, snapshot_hash.hex(), at_snapshot ? at_snapshot->hex() : std::string("nothing"));
}

namespace {

volatile std::sig_atomic_t interrupted = 0;

// Ctrl-C and SIGTERM are noted while a backup is being made; the second one ends the program as usual.
void note_interrupts() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

int run_backup(const Common& common, const std::string& file, bool with_keys) {
  if (fs::exists(file)) return complain("{} exists already; choose another name", file);
  const auto node = AskedNode::open(common);
  if (!node) return complain("{}", node.error());
  note_interrupts();
  auto answer = call_node(node->address(), "POST", "/api/v1/backups",
                          with_keys ? R"({"with_keys":true})" : R"({"with_keys":false})");
  if (!answer) return complain("{}", answer.error());
  const auto text = [&](std::string_view key) { return std::string(answer->as_object().at(key).as_string()); };
  const auto mib = [&](std::string_view key) { return answer->as_object().at(key).to_number<std::uint64_t>() >> 20; };
  const auto watch = "/api/v1/backups/" + text("id");
  const bool to_person = ::isatty(STDERR_FILENO) != 0;
  bool said = false;
  while (text("state") == "running") {
    if (interrupted != 0 && !std::exchange(said, true))
      complain("stopping: what the node copies is removed once it is done; stop again to leave it in its backups/");
    if (to_person) fmt::print(stderr, "\rcopied {} of about {} MiB ", mib("bytes"), mib("bytes_about"));
    std::this_thread::sleep_for(backup_asked_every);
    answer = call_node(node->address(), "GET", watch);
    if (!answer)
      return complain("the node no longer says how the backup goes ({}); look into its folder's backups/",
                      answer.error());
  }
  if (to_person) fmt::print(stderr, "\r{:40}\r", "");
  if (text("state") != "done") return complain("{}; free some space, or look at the folder's rights", text("why"));
  const auto made = text("file");
  std::error_code error;
  if (interrupted != 0) {
    fs::remove(made, error);
    return complain("stopped: no backup was made");
  }
  fs::rename(made, file, error);
  if (error) {
    fs::copy_file(made, file, error);
    if (error) return complain("the backup is in {}; it could not be moved to {}: {}", made, file, error.message());
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, error);
    fs::remove(made, error);
  }
  fmt::print("{} ({} KiB){}\n", file, fs::file_size(file) >> 10,
             with_keys ? "; it holds secret keys: keep it like a key"
                       : "; without keys: whoever restores it needs an invitation to write and to read personal data");
  return 0;
}

namespace {

// Every backup begins with its VERSION (store/backup.hpp). A file that cannot be opened is left to store::restore.
bool is_something_else(const std::string& file) {
  constexpr std::string_view first = "VERSION";
  std::ifstream in(file, std::ios::binary);
  if (!in) return false;
  std::string head(first.size() + 1, '?');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  return !head.starts_with(first) || head.back() != '\0';
}

// What a restore that fails must not leave behind: its half-made log, and the folder when it made that.
class Leftovers {
 public:
  Leftovers(fs::path dir, fs::path staging) : dir_(std::move(dir)), staging_(std::move(staging)) {
    std::error_code error;
    made_ = !fs::exists(dir_, error);
  }
  ~Leftovers() {
    std::error_code error;
    if (kept_) return;
    fs::remove_all(staging_, error);
    if (made_) fs::remove(dir_, error);  // refused by the system when something is in it
  }
  Leftovers(const Leftovers&) = delete;
  Leftovers& operator=(const Leftovers&) = delete;
  void keep() { kept_ = true; }

 private:
  fs::path dir_, staging_;
  bool made_ = false, kept_ = false;
};

}  // namespace

int run_restore(const Common& common, const RestoreOptions& options) {
  const auto now = SystemClock().now().utc;
  const fs::path dir = common.dir;
  if (fs::exists(dir / "active"))
    return complain("{} already holds a node; choose another folder with --dir", common.dir);
  const auto staging = dir / "restoring";
  if (is_something_else(options.file))
    return complain("{} is no Airbridge backup (airbridge backup makes one)", options.file);
  Leftovers leftovers(dir, staging);
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return complain("cannot make {}: {}", common.dir, error.message());
  fs::remove_all(staging, error);
  const auto report = store::restore(options.file, staging.string(), now);
  if (!report) return complain("{}", report.error().what);
  const auto extra = [&](std::string_view name) -> const Bytes* {
    for (const auto& one : report->extra) {
      if (one.name == name) return &one.content;
    }
    return nullptr;
  };
  const auto* genesis_bytes = extra("genesis");
  const auto genesis = genesis_bytes != nullptr
                           ? model::decode_genesis(*genesis_bytes)
                           : Result<model::Genesis, model::DecodeError>(failure(model::DecodeError{}));
  if (!genesis || !trust::verify_genesis(*genesis)) return complain("{} holds no valid genesis", options.file);
  const auto incident = model::incident_of(*genesis);

  const bool with_keys = extra("node.key") != nullptr;
  std::optional<Invitation> invitation;
  if (!with_keys) {
    if (options.join.empty()) {
      return complain(
          "this backup holds no keys: restore it with --join INVITATION (airbridge invite), or make backups with "
          "--with-keys");
    }
    const auto text = read_file(options.join, 64 * 1024);
    if (!text) return complain("{}", text.error().text);
    auto read = invitation_from_text(*text);
    if (!read) return complain("{}", read.error().text);
    if (model::incident_of(read->genesis) != incident)
      return complain("the invitation is to another incident than the backup's");
    invitation = std::move(*read);
  }
  // The log goes first and `active` comes last: an interrupted restore leaves no node that has forgotten everything.
  const auto incident_dir = dir / "incidents" / incident.hex().substr(0, 16);
  leftovers.keep();
  fs::create_directories(incident_dir, error);
  fs::permissions(incident_dir, fs::perms::owner_all, error);
  fs::rename(staging, incident_dir / "store", error);
  if (error)
    return complain("cannot move the restored log to {}: {}", (incident_dir / "store").string(), error.message());
  const auto home = with_keys ? restore_home(dir, *genesis, [&](const std::string& name) { return extra(name); })
                              : join(dir,
                                     {options.name.empty() ? "RESTORED" : options.name,
                                      options.operator_name.empty() ? "Operator" : options.operator_name, "", false},
                                     *invitation, now);
  if (!home) return complain("{}", home.error().text);
  fmt::print("Restored {} events of \"{}\" into {}; the node goes on under a new incarnation.\n", report->entries,
             printable(genesis->name), common.dir);
  for (const auto& range : report->damaged)
    fmt::print("The backup has a damaged stretch: {}\n", store::describe(range));
  if (with_keys)
    fmt::print(
        "It has the keys of the node that was backed up and stands in its place: that one must not run any more. For "
        "a\n"
        "second device, restore with a backup without keys and --join INVITATION.\n");
  fmt::print("Start it: airbridge node --dir {}\n", common.dir);
  return 0;
}

}  // namespace airbridge::app
