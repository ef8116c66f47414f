#pragma once
// The node's book: every event enters here, is made durable, and only then is folded, told and sent (DESIGN 2, 5). Owns
// the log with its writing thread, the author of this node's own events, and the fold.
//
//   command(draft) -> author -> writer thread (fdatasync) -> fold -> the picture, the answer, the peers
//   accept(run)    ----------> writer thread (fdatasync) -> fold -> the picture, the acknowledgement
//
// Loop thread only, but for journal().
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/backend.hpp"
#include "home.hpp"
#include "net/event_loop.hpp"
#include "picture/fold.hpp"
#include "store/backup.hpp"
#include "sync/log_view.hpp"
#include "trust/author.hpp"

namespace airbridge::app {

inline constexpr std::size_t commands_waiting_max = 10'000;  // made and not yet durable; more are refused as busy
// A start from a snapshot reads at most 10,000 events behind it: this many, and what comes while one is being written.
inline constexpr std::uint64_t snapshot_every_events = 8'000;

// After the disk refused: how long until it is tried again, doubled each time up to the second.
inline constexpr Milliseconds disk_retry_first{1'000};
inline constexpr Milliseconds disk_retry_max{30'000};

// Between two pieces of 64 KiB of the log that are read again: 256 KiB/s, a day for 22 GB.
inline constexpr Milliseconds scrub_every{250};

struct LedgerOptions {
  std::function<model::ClockQuality()> clock_quality;  // asked for each event, on the loop's thread; none: Rtc
  std::uint64_t disk_free_min_bytes = std::uint64_t{64} << 20;
  std::uint64_t snapshot_every = snapshot_every_events;
  Milliseconds retry_first = disk_retry_first;
  Milliseconds retry_max = disk_retry_max;
  Milliseconds scrub_pause = scrub_every;  // 0: never
  bool journal_index = true;               // false: no SQLite beside the log, for tests on a disk in memory
};

// What became of another node's run.
enum class Accepted {
  Written,
  DiskFault,  // not now: to be sent again
  Refused,    // its content contradicts what is here, and will the next time
};

// What was found when the store was opened, for the log and `status`.
struct OpenReport {
  std::uint64_t events = 0;
  std::uint64_t from_snapshot = 0;  // arrival number the snapshot held up to
  double seconds = 0;
  bool new_incarnation = false;
  std::string why_new_incarnation;
  std::vector<std::string> notes;
};

// An entry of the log as the fold takes it: parsed, and opened where this node holds the key.
picture::FoldEvent to_fold_event(const model::Entry& entry, std::uint64_t arrival, UtcTime arrived,
                                 const model::IncidentId& incident, const std::vector<trust::DataKey>& keys);

// How a gateway's message meets the record as it stands.
struct Meeting {
  std::optional<model::Draft> draft;  // fitted to the record; nothing: not to be written
  std::vector<model::Write> told;     // what the gateway's clients were last told, as the writes of such a message
};
using Meet = std::function<Meeting(model::Draft draft, const picture::EntityView* shown)>;
struct Reported {
  api::CommandResult result;
  bool overruled = false;  // clients show an old value: tell them again
};

class Ledger {
 public:
  struct Handlers {
    std::function<void()> on_durable;                                    // the log view has grown
    std::function<void(const std::vector<model::EntityId>&)> on_folded;  // the picture will show these changed
  };
  static Result<std::unique_ptr<Ledger>, std::string> open(const Home& home, net::EventLoop& loop, const Clock& clock,
                                                           const LedgerOptions& options, Handlers handlers);
  // On another disk than the home's folder.
  static Result<std::unique_ptr<Ledger>, std::string> open_on(std::unique_ptr<store::Disk> disk, const Home& home,
                                                              net::EventLoop& loop, const Clock& clock,
                                                              const LedgerOptions& options, Handlers handlers);
  virtual ~Ledger() = default;

  // Writes a draft. `done` is called on the loop's thread once the event is durable and folded, or is refused.
  virtual void command(model::Draft draft, std::function<void(api::CommandResult)> done) = 0;
  // For gateways: writes what is news in a message (news.hpp). Reports about one record wait for each other; `meet` is
  // asked right before the writing, so that it meets what the one before left. No event when nothing is new, or when a
  // newer report came before this one was written.
  virtual void report(model::Draft draft, Meet meet, std::function<void(const Reported&)> done) = 0;
  // Writes a verified run of another node (or one's own, come back).
  virtual void accept(model::SealedRun run, std::optional<model::PublicKey> author_key,
                      std::function<void(Accepted, const std::string& why)> done) = 0;
  virtual void forked(const model::StreamId& branch) = 0;
  // Own events are refused until the record of the new incarnation is durable.
  virtual void begin_incarnation(const std::string& why) = 0;

  // Does the run's author belong to the incident by the grants folded so far, or does the run bring a grant that says
  // so?
  virtual bool welcomes(const model::SealedRun& run) const = 0;

  virtual picture::Observed observe(model::Observation observation) = 0;
  virtual void drop_lost_tracks() = 0;
  virtual picture::PicturePtr publish() = 0;
  virtual model::Hash state_hash() = 0;

  virtual const sync::LogView& view() const = 0;
  virtual const model::Writer& writer() const = 0;
  virtual const OpenReport& open_report() const = 0;
  virtual api::StoreInfo store_info() = 0;
  virtual std::size_t waiting() const = 0;  // any thread: commands, reports and runs on their way to the disk
  virtual std::vector<std::string> problems() const = 0;  // sentences for the status

  // Any thread that may wait: reads the index and the log. Waits at most `wait` for the index to catch up.
  virtual api::JournalPage journal(const api::JournalQuery& query, Milliseconds wait) = 0;
  // Any thread, while running: a consistent copy in a new file. What went wrong in words; empty when done.
  virtual std::string backup(const std::string& file, const std::vector<store::ExtraFile>& extra) = 0;

  // Waits for what is on its way, leaves a snapshot and the mark of a clean stop.
  virtual void close() = 0;
};

}  // namespace airbridge::app
