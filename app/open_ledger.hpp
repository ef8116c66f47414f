#pragma once
// The Ledger as the node runs it: log, author, fold and journal index behind one door. Inside app/ only; its parts are
// ledger.cpp (opening and closing), ledger_write.cpp (own events), ledger_disk.cpp (a disk that will not) and
// ledger_read.cpp (what others wrote, and questions).
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "journal_index.hpp"
#include "ledger.hpp"
#include "news.hpp"
#include "report_queue.hpp"
#include "scrubber.hpp"
#include "snapshot_keeper.hpp"
#include "store/writer.hpp"
#include "trust/author.hpp"
#include "trust/private_part.hpp"

namespace airbridge::app {

inline constexpr std::string_view ledger_area = "store";  // in the log

using api::CommandDone;
using api::CommandError;
using api::CommandResult;

// What peers may know: read under the writer's lock, durable only.
class WriterView final : public sync::LogView {
 public:
  WriterView(store::Writer& writer, const model::Writer& own) : writer_(writer), own_(own) {}
  model::VersionVector vector() const override {
    return writer_.read([](store::Log& log) { return log.vector(); });
  }
  std::optional<model::Hash> chain_at(const model::StreamId& stream, std::uint64_t seq) const override {
    const auto head = writer_.read([&](store::Log& log) { return log.chain_at(stream, seq); });
    return head ? std::optional(*head) : std::nullopt;
  }
  std::vector<model::SealedRun> runs_after(const model::StreamId& stream, std::uint64_t seq,
                                           std::size_t bytes_max) const override {
    auto runs = writer_.read([&](store::Log& log) { return log.runs_after(stream, seq, bytes_max); });
    if (runs) return std::move(*runs);
    log::warn(ledger_area, "cannot read what a peer lacks",
              {{"stream", model::to_text(stream)}, {"why", runs.error().what}});
    return {};
  }
  std::optional<model::PublicKey> author_key(const model::KeyId& author) const override {
    return writer_.read([&](store::Log& log) { return log.author_key(author); });
  }
  model::Writer own_writer() const override { return own_; }

 private:
  store::Writer& writer_;
  const model::Writer& own_;
};

class OpenLedger final : public Ledger {
 public:
  OpenLedger(const Home& home, net::EventLoop& loop, const Clock& clock, const LedgerOptions& options,
             Handlers handlers, std::unique_ptr<store::Disk> disk)
      : incident_(home.incident),
        genesis_(home.genesis),
        data_keys_(home.data_keys),
        loop_(loop),
        clock_(clock),
        options_(options),
        handlers_(std::move(handlers)),
        disk_(std::move(disk)),
        fold_(home.incident, home.genesis),
        author_(home.node_key, home.incident, 0, home.data_keys,
                [] { return trust::random_fixed<FixedBytes<16, struct trust::SaltTag>>(); }),
        retry_wait_(options.retry_first),
        first_grants_(home.first_grants) {}
  ~OpenLedger() override { close(); }

  Result<void, std::string> start(const Home& home);

  void command(model::Draft draft, std::function<void(CommandResult)> done) override;
  void report(model::Draft draft, Meet meet, std::function<void(const Reported&)> done) override;
  void accept(model::SealedRun run, std::optional<model::PublicKey> author_key,
              std::function<void(Accepted, const std::string&)> done) override;
  void forked(const model::StreamId& branch) override;
  void begin_incarnation(const std::string& why) override;

  bool welcomes(const model::SealedRun& run) const override {
    if (fold_.roster().may_write(run.seal.stream.writer.author)) return true;
    return std::ranges::any_of(run.entries, [&](const model::Entry& entry) {
      return fold_.lets_in(to_fold_event(entry, 0, {}, incident_, data_keys_));
    });
  }

  picture::Observed observe(model::Observation observation) override {
    if (index_) index_->remember(observation);
    return fold_.observe(std::move(observation), clock_.now().utc);
  }
  void drop_lost_tracks() override { fold_.drop_lost_tracks(clock_.now().utc); }
  picture::PicturePtr publish() override {
    auto picture = fold_.publish();
    const std::scoped_lock lock(published_mutex_);
    published_ = picture;
    return picture;
  }
  model::Hash state_hash() override { return fold_.state_hash(); }

  const sync::LogView& view() const override { return *view_; }
  const model::Writer& writer() const override { return author_.writer(); }
  const OpenReport& open_report() const override { return report_; }
  api::StoreInfo store_info() override;
  std::size_t waiting() const override { return in_flight_.load() + reports_.size(); }
  std::vector<std::string> problems() const override;

  api::JournalPage journal(const api::JournalQuery& query, Milliseconds wait) override;
  std::string backup(const std::string& file, const std::vector<store::ExtraFile>& extra) override;
  void close() override;

 private:
  struct Command {
    std::array<std::uint8_t, 32> digest;
    std::vector<std::function<void(CommandResult)>> done;
  };

  struct LogPart {
    std::vector<picture::FoldEvent> events;
    std::uint64_t to = 0;  // arrival number of its last record; 0: there is nothing more
    bool failed = false;   // or nothing could be read
  };
  LogPart read_part(std::uint64_t arrival);
  std::uint64_t fold_log_from(std::uint64_t arrival);  // how many events
  void open_private_parts();
  void refold();
  void resume_author(const store::Log& log);
  void observe_stamp(const picture::FoldEvent& event);
  void record_first_grants();
  std::optional<CommandResult> answer_known(const model::Draft& draft);
  std::optional<CommandError> check_states(const model::Draft& draft);
  std::vector<PastEvent> past_of(const model::EntityId& entity);
  void write(const model::Draft& draft, std::function<void(CommandResult)> done);
  struct Authored {
    std::vector<trust::AuthoredEntry> entries;
    std::vector<std::uint64_t> arrivals;  // filled in by the writing thread
  };
  void written(const Authored& authored, const store::DurableResult& outcome,
               const std::function<void(CommandResult)>& done);
  void disk_said(const store::DurableResult& outcome);
  void took_writes();
  void retry_later();
  void retry();
  void recover();
  void renew();
  void scrub_found(std::size_t ranges);
  void next_report(const model::EntityId& entity);
  void folded(std::vector<model::EntityId> changed, std::uint64_t arrival);
  CommandError disk_error() const;

  model::IncidentId incident_;
  model::Genesis genesis_;
  std::vector<trust::DataKey> data_keys_;
  net::EventLoop& loop_;
  const Clock& clock_;
  LedgerOptions options_;
  Handlers handlers_;
  std::unique_ptr<store::Disk> disk_;
  picture::Fold fold_;
  trust::Author author_;
  std::unique_ptr<store::Writer> writer_;
  std::unique_ptr<WriterView> view_;
  std::unique_ptr<JournalIndex> index_;
  OpenReport report_;

  std::map<model::CommandId, Command> commands_;  // on their way to the disk
  ReportQueue reports_;                           // waiting their turn
  News news_{[this](const model::EntityId& entity) { return past_of(entity); }};
  std::set<model::EntityId> reporting_;
  std::atomic<std::size_t> in_flight_{0};
  bool failing_ = false;  // a write failed; nothing new is made until all that was made after it has failed too
  std::string refusing_;  // why the disk took no write the last time; until one goes through
  std::string low_space_;
  std::string renewing_;  // why own numbers are in doubt, until the record of a new incarnation is durable
  bool renewal_on_its_way_ = false;
  bool retry_planned_ = false;
  Milliseconds retry_wait_;
  std::shared_ptr<net::EventLoop::Timer> retry_timer_, fold_timer_;
  std::vector<trust::Grant> first_grants_;  // not yet seen in the picture
  std::set<model::KeyId> granting_;         // on their way
  std::unique_ptr<Scrubber> scrubber_;
  std::unique_ptr<SnapshotKeeper> snapshots_;
  std::uint64_t folded_to_ = 0;  // the fold holds every event of the log up to this arrival number
  bool fold_broken_ = false;     // the log could not be read on from there; no snapshot says that it holds more
  std::mutex published_mutex_;
  picture::PicturePtr published_ = std::make_shared<const picture::Picture>();
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool closed_ = false;
};

}  // namespace airbridge::app
