#pragma once
// The Ledger as the node runs it. Inside app/ only; its parts are ledger.cpp (opening, closing, passing on) and
// ledger_journal.cpp (questions about all there is).
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "journal_index.hpp"
#include "ledger.hpp"
#include "scrubber.hpp"
#include "threads_around.hpp"

namespace airbridge::app {

class OpenLedger final : public Ledger {
 public:
  OpenLedger(const Home& home, net::EventLoop& loop, const Clock& clock, const LedgerOptions& options,
             Handlers handlers, std::unique_ptr<store::Disk> disk);
  ~OpenLedger() override { close(); }

  Result<void, std::string> start();

  void command(model::Draft draft, std::function<void(api::CommandResult)> done) override;
  void report(model::Draft draft, Meet meet, std::function<void(const Reported&)> done) override {
    ledger_.report(std::move(draft), std::move(meet), std::move(done));
  }
  void accept(model::SealedRun run, std::optional<model::PublicKey> author_key,
              std::function<void(Accepted, const std::string&)> done) override {
    ledger_.accept(std::move(run), author_key, std::move(done));
  }
  void forked(const model::StreamId& branch) override { ledger_.forked(branch); }
  void begin_incarnation(const std::string& why) override { ledger_.begin_incarnation(why); }
  bool welcomes(const model::SealedRun& run) const override { return ledger_.welcomes(run); }
  void drop_lost_tracks() override { ledger_.drop_lost_tracks(); }
  model::Hash state_hash() override { return ledger_.state_hash(); }
  const sync::LogView& view() const override { return ledger_.view(); }
  const model::Writer& writer() const override { return ledger_.writer(); }
  const OpenReport& open_report() const override { return report_; }
  std::size_t waiting() const override { return ledger_.waiting(); }
  std::vector<std::string> problems() const override { return ledger_.problems(); }

  picture::Observed observe(model::Observation observation) override {
    if (index_) index_->remember(observation);
    return ledger_.observe(std::move(observation));
  }
  picture::PicturePtr publish() override;
  void pack_picture(std::function<void(std::shared_ptr<const Bytes>)> done) override {
    ledger_.pack_picture(std::move(done));
  }
  void take_picture(Bytes transfer) override { ledger_.take_picture(std::move(transfer)); }
  bool wants_picture() const override { return ledger_.wants_picture(); }
  std::optional<ledger::ProvisionalInfo> provisional() const override { return ledger_.provisional(); }
  api::StoreInfo store_info() override;
  api::JournalPage journal(const api::JournalQuery& query, Milliseconds wait) override;
  std::string backup(const std::string& file, const std::vector<store::ExtraFile>& extra) override;
  void close() override;

 private:
  ledger::Handlers watch(Handlers handlers);
  void open_index();

  const model::IncidentId incident_;
  const std::vector<trust::DataKey> data_keys_;
  const Clock& clock_;
  const bool with_index_;
  const Milliseconds scrub_pause_;
  net::EventLoop& loop_;
  std::unique_ptr<store::Disk> disk_;
  ThreadsAround around_;
  ledger::Ledger ledger_;
  std::unique_ptr<JournalIndex> index_;
  std::unique_ptr<Scrubber> scrubber_;
  OpenReport report_;
  std::mutex published_mutex_;
  picture::PicturePtr published_ = std::make_shared<const picture::Picture>();
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);  // until close()
};

}  // namespace airbridge::app
