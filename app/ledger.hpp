#pragma once
// The node's ledger (ledger/ledger.hpp) with what it needs: the store's writing thread, this thread's loop, the
// journal's index and the scrub. Loop thread only, but where something else is said.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/backend.hpp"
#include "home.hpp"
#include "ledger/ledger.hpp"
#include "net/event_loop.hpp"
#include "store/backup.hpp"

namespace airbridge::app {

using ledger::Accepted;
using ledger::Meet;
using ledger::Meeting;
using ledger::OpenReport;
using ledger::Reported;

inline constexpr std::size_t commands_waiting_max = 10'000;  // made and not yet durable; more are refused as busy

// Between two pieces of 64 KiB of the log that are read again: 256 KiB/s, a day for 22 GB.
inline constexpr Milliseconds scrub_every{250};

struct LedgerOptions : ledger::Options {
  Milliseconds scrub_pause = scrub_every;  // 0: never
  bool journal_index = true;               // false: no SQLite beside the log, for tests on a disk in memory
};

class Ledger {
 public:
  using Handlers = ledger::Handlers;
  static Result<std::unique_ptr<Ledger>, std::string> open(const Home& home, net::EventLoop& loop, const Clock& clock,
                                                           const LedgerOptions& options, Handlers handlers);
  // On another disk than the home's folder.
  static Result<std::unique_ptr<Ledger>, std::string> open_on(std::unique_ptr<store::Disk> disk, const Home& home,
                                                              net::EventLoop& loop, const Clock& clock,
                                                              const LedgerOptions& options, Handlers handlers);
  virtual ~Ledger() = default;

  // As in ledger::Ledger.
  virtual void command(model::Draft draft, std::function<void(api::CommandResult)> done) = 0;
  virtual void report(model::Draft draft, Meet meet, std::function<void(const Reported&)> done) = 0;
  virtual void accept(model::SealedRun run, std::optional<model::PublicKey> author_key,
                      std::function<void(Accepted, const std::string& why)> done) = 0;
  virtual void forked(const model::StreamId& branch) = 0;
  virtual void begin_incarnation(const std::string& why) = 0;
  virtual bool welcomes(const model::SealedRun& run) const = 0;
  virtual void drop_lost_tracks() = 0;
  virtual model::Hash state_hash() = 0;
  virtual const sync::LogView& view() const = 0;
  virtual const model::Writer& writer() const = 0;
  virtual const OpenReport& open_report() const = 0;
  virtual std::size_t waiting() const = 0;                // any thread
  virtual std::vector<std::string> problems() const = 0;  // sentences for the status

  virtual picture::Observed observe(model::Observation observation) = 0;  // kept for a restart, too
  virtual picture::PicturePtr publish() = 0;
  virtual void pack_picture(std::function<void(std::shared_ptr<const Bytes>)> done) = 0;
  virtual void take_picture(Bytes transfer) = 0;
  virtual bool wants_picture() const = 0;
  virtual std::optional<ledger::ProvisionalInfo> provisional() const = 0;
  virtual api::StoreInfo store_info() = 0;  // about once a second: looks for damage, too

  // Any thread that may wait: reads the index and the log. Waits at most `wait` for the index to catch up.
  virtual api::JournalPage journal(const api::JournalQuery& query, Milliseconds wait) = 0;
  // Any thread, while running: a consistent copy in a new file. What went wrong in words; empty when done.
  virtual std::string backup(const std::string& file, const std::vector<store::ExtraFile>& extra) = 0;

  // Waits for what is on its way, leaves a snapshot and the mark of a clean stop.
  virtual void close() = 0;
};

}  // namespace airbridge::app
