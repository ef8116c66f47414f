#include "ledger.hpp"

#include "base/log.hpp"
#include "open_ledger.hpp"
#include "store/posix_disk.hpp"

namespace airbridge::app {
namespace {

api::CommandError error_of(const ledger::Refusal& refusal) {
  struct Word {
    int status;
    const char* code;
  };
  const auto word = [&]() -> Word {
    switch (refusal.why) {
      case ledger::Refused::Invalid:
        return {400, "invalid_value"};
      case ledger::Refused::NotAllowed:
        return {422, "not_allowed"};
      case ledger::Refused::IdUsed:
        return {409, "id_used"};
      case ledger::Refused::Busy:
        return {503, "busy"};
      case ledger::Refused::DiskRefuses:
        return {507, "disk_full"};
      case ledger::Refused::Stopping:
        break;
    }
    return {503, "stopping"};
  }();
  return {word.status, word.code, refusal.message, refusal.field, refusal.hint};
}

}  // namespace

OpenLedger::OpenLedger(const Home& home, net::EventLoop& loop, const Clock& clock, const LedgerOptions& options,
                       Handlers handlers, std::unique_ptr<store::Disk> disk)
    : incident_(home.incident),
      data_keys_(home.data_keys),
      clock_(clock),
      with_index_(options.journal_index),
      scrub_pause_(options.scrub_pause),
      loop_(loop),
      disk_(std::move(disk)),
      around_(loop, clock),
      ledger_({home.incident, home.genesis, home.node_key, home.data_keys, home.first_grants}, options,
              watch(std::move(handlers)), *disk_, around_) {}

ledger::Handlers OpenLedger::watch(Handlers handlers) {
  auto on_durable = [this, told = std::move(handlers.on_durable)] {
    if (told) told();
    if (index_) index_->catch_up();
  };
  return {std::move(on_durable), std::move(handlers.on_folded)};
}

Result<void, std::string> OpenLedger::start() {
  const auto began = clock_.now().steady;
  if (auto started = ledger_.start(); !started) return started;
  publish();
  if (with_index_) open_index();
  if (scrub_pause_ > Milliseconds(0)) {
    scrubber_ = std::make_unique<Scrubber>(*around_.writer(), scrub_pause_,
                                           [this, open = std::weak_ptr<bool>(open_)](std::size_t) {
                                             loop_.post([this, open] {
                                               if (!open.expired()) ledger_.look_for_damage();
                                             });
                                           });
  }
  report_ = ledger_.open_report();
  report_.seconds = std::chrono::duration<double>(clock_.now().steady - began).count();
  log::info(ledger::area, "open",
            {{"events", report_.events},
             {"from_snapshot", report_.from_snapshot},
             {"seconds", report_.seconds},
             {"where", disk_->where()}});
  return {};
}

void OpenLedger::open_index() {
  auto index = JournalIndex::open(disk_->where(), incident_, *around_.writer(), clock_);
  if (!index) {
    log::error(ledger::area, "the journal cannot be searched", {{"why", index.error()}});
    return;
  }
  index_ = std::move(*index);
  around_.use(index_.get());
  for (auto& observation : index_->last_values()) ledger_.observe(std::move(observation));
  index_->catch_up();
}

void OpenLedger::command(model::Draft draft, std::function<void(api::CommandResult)> done) {
  ledger_.command(std::move(draft), [done = std::move(done)](const ledger::CommandResult& result) {
    if (!result) return done(failure(error_of(result.error())));
    done(api::CommandDone{result->entity, result->display, result->dots, result->cls, result->repeated});
  });
}

picture::PicturePtr OpenLedger::publish() {
  auto picture = ledger_.publish();
  const std::scoped_lock lock(published_mutex_);
  published_ = picture;
  return picture;
}

api::StoreInfo OpenLedger::store_info() {
  ledger_.look_for_damage();
  const auto state = ledger_.store_state();
  api::StoreInfo info;
  info.events = state.events;
  info.durable_to = state.durable_to;
  info.damaged = state.damaged;
  info.disk_free_bytes = state.disk_free_bytes;
  info.why = state.refusing;
  info.refusing_writes = !info.why.empty();
  if (scrubber_) info.scrubbed_bytes = scrubber_->bytes_read();
  if (const auto shown = ledger_.provisional())
    info.unverified = api::Unverified{shown->from, ledger_.publish()->roster().name_of(shown->from), shown->made,
                                      shown->events, shown->here};
  return info;
}

void OpenLedger::close() {
  if (!open_) return;
  open_.reset();
  scrubber_.reset();
  around_.use(nullptr);
  index_.reset();
  ledger_.close();
  if (const auto stopped = around_.stop(); !stopped)
    log::warn(ledger::area, "the store did not stop cleanly", {{"why", stopped.error().what}});
}

Result<std::unique_ptr<Ledger>, std::string> Ledger::open(const Home& home, net::EventLoop& loop, const Clock& clock,
                                                          const LedgerOptions& options, Handlers handlers) {
  auto disk = store::PosixDisk::open(home.store_dir().string());
  if (!disk) return failure(disk.error().what);
  return open_on(std::move(*disk), home, loop, clock, options, std::move(handlers));
}

Result<std::unique_ptr<Ledger>, std::string> Ledger::open_on(std::unique_ptr<store::Disk> disk, const Home& home,
                                                             net::EventLoop& loop, const Clock& clock,
                                                             const LedgerOptions& options, Handlers handlers) {
  auto ledger = std::make_unique<OpenLedger>(home, loop, clock, options, std::move(handlers), std::move(disk));
  if (auto started = ledger->start(); !started) return failure(started.error());
  return ledger;
}

}  // namespace airbridge::app
