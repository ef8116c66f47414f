#include "ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "journal_index.hpp"
#include "news.hpp"
#include "report_queue.hpp"
#include "scrubber.hpp"
#include "snapshot_keeper.hpp"
#include "store/posix_disk.hpp"
#include "store/reseal.hpp"
#include "store/writer.hpp"
#include "sync/vector.hpp"
#include "trust/private_part.hpp"

namespace airbridge::app {
namespace {

constexpr std::string_view area = "store";
constexpr std::size_t read_records = 2'000;
constexpr std::size_t read_bytes = 4 * 1024 * 1024;
constexpr Milliseconds fold_retry{60'000};
constexpr std::size_t past_events_max = 256;  // looked at for what a gateway said before

using api::CommandDone;
using api::CommandError;
using api::CommandResult;

bool is_disk_fault(store::StoreFault fault) {
  return fault == store::StoreFault::DiskFull || fault == store::StoreFault::DiskError ||
         fault == store::StoreFault::Busy || fault == store::StoreFault::Stopped ||
         fault == store::StoreFault::Damaged;  // what the run continues cannot be read: it is refetched first
}

std::array<std::uint8_t, 32> digest_of(const model::Draft& draft) {
  const auto writes = model::encode_writes(draft.writes, model::Dot{});
  const auto entity = draft.entity ? model::to_text(*draft.entity) : std::string();
  return blake2b<32>({as_bytes(fmt::format("{} {} ", draft.record, entity)), writes});
}

// The author spreads a long tombstone over several events: together they are the one write that was asked for.
std::vector<model::Write> joined(std::vector<model::Write> writes) {
  std::vector<model::Write> out;
  for (auto& write : writes) {
    const auto first = std::ranges::find_if(out, [&](const model::Write& other) {
      return write.key.rule() == model::MergeRule::Tombstone && other.key == write.key && other.value == write.value;
    });
    if (first == out.end()) {
      out.push_back(std::move(write));
    } else {
      first->replaced.insert(first->replaced.end(), write.replaced.begin(), write.replaced.end());
    }
  }
  for (auto& write : out) {
    if (write.key.rule() == model::MergeRule::Tombstone) std::ranges::sort(write.replaced);
  }
  return out;
}

}  // namespace

picture::FoldEvent to_fold_event(const model::Entry& entry, std::uint64_t arrival, UtcTime arrived,
                                 const model::IncidentId& incident, const std::vector<trust::DataKey>& keys) {
  picture::FoldEvent out;
  out.dot = entry.dot();
  out.branch = entry.stream.branch;
  out.bytes = entry.size();
  out.arrival = arrival;
  out.arrived = arrived;
  if (auto event = model::decode_event(entry.public_part, out.dot))
    out.event = std::make_shared<const model::Event>(std::move(*event));
  if (entry.private_part.state == model::PrivatePart::State::Here) {
    auto writes = trust::open_private(entry.private_part.ciphertext, out.dot, incident, keys);
    out.private_state = writes ? picture::PrivateState::Here : picture::PrivateState::Lacking;
    if (writes) out.private_writes = std::move(*writes);
  } else if (entry.private_part.state == model::PrivatePart::State::Withheld) {
    out.private_state = picture::PrivateState::Lacking;
  }
  return out;
}

namespace {

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
    log::warn(area, "cannot read what a peer lacks", {{"stream", model::to_text(stream)}, {"why", runs.error().what}});
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

// ---- opening --------------------------------------------------------------------------------------------------------

Result<void, std::string> OpenLedger::start(const Home& home) {
  const auto began = clock_.now().steady;
  store::LogOptions log_options;
  auto log = store::Log::open(*disk_, incident_, log_options, clock_.now().utc);
  if (!log) return failure(log.error().what);
  const auto& scan = log->report();
  for (const auto& range : scan.damaged)
    log::error(area, "part of the log is not readable", {{"where", store::describe(range)}});
  for (const auto& aside : scan.set_aside)
    log::error(area, "a record of the log was set aside", {{"event", model::to_text(aside.dot)}, {"why", aside.why}});
  for (const auto& note : scan.notes) {
    log::info(area, note);
    report_.notes.push_back(note);
  }

  const bool fresh = !log->incarnation();
  const bool doubt = !fresh && log->must_begin_new_incarnation(home.node_key.id());
  std::uint32_t incarnation = log->incarnation().value_or(model::Writer{}).incarnation;
  if (fresh || doubt) {
    report_.new_incarnation = true;
    report_.why_new_incarnation = fresh ? "" : log->why_new_incarnation(home.node_key.id());
    if (doubt)
      log::warn(area, "a new incarnation begins: this node's numbers must not get two contents",
                {{"why", report_.why_new_incarnation}});
    const auto drawn = trust::random_u32();
    const auto now = clock_.now().utc;
    auto begun = log->append_genesis(genesis_, now);
    if (begun) begun = log->append_author_key(home.node_key.public_key(), now);
    if (begun) begun = log->begin_incarnation({home.node_key.id(), drawn}, log->next_reason(), now);
    if (begun) {
      if (const auto synced = log->sync(now); !synced) begun = failure(synced.error());
    }
    if (begun) {
      incarnation = drawn;
    } else if (fresh) {
      return failure(fmt::format("cannot begin writing in {}: {}", disk_->where(), begun.error().what));
    } else {
      // What is here can be read and sent; writing begins when the disk takes it.
      log->rollback({});
      renewing_ = report_.why_new_incarnation;
      refusing_ = begun.error().what;
      log::error(area, "starts without writing", {{"why", refusing_}});
    }
  }
  if (refusing_.empty()) {
    const auto sealed = store::seal_own_events(*log, home.node_key, clock_.now().utc);
    if (!sealed) log::warn(area, "could not seal own events", {{"why", sealed.error().what}});
    if (sealed && *sealed > 0) log::warn(area, "own events had lost their seal", {{"streams", *sealed}});
  }
  author_.begin_incarnation(incarnation);
  resume_author(*log);

  std::uint64_t from = 1;
  if (const auto kept = log->take_picture()) {
    if (auto loaded = picture::Fold::load(kept->bytes(), incident_, genesis_)) {
      fold_ = std::move(*loaded);
      from = kept->arrival + 1;
      folded_to_ = kept->arrival;
      report_.from_snapshot = kept->arrival;
    } else {
      log::warn(area, "the snapshot's picture does not load; folding the whole log", {{"why", loaded.error().what}});
    }
  }
  report_.events = log->entries();
  writer_ = std::make_unique<store::Writer>(std::move(*log), clock_);
  view_ = std::make_unique<WriterView>(*writer_, author_.writer());
  const auto forks = sync::proven_forks(view_->vector(), *view_);
  if (std::ranges::any_of(fold_.forks(), [&](const auto& fork) {
        const auto proven = forks.find(fork.first);
        return proven == forks.end() || fork.second < proven->second;
      })) {
    log::warn(area, "the snapshot leaves out events of a fork that the log does not prove; folding the whole log");
    fold_ = picture::Fold(incident_, genesis_);
    from = 1;
    folded_to_ = report_.from_snapshot = 0;
  }
  for (const auto& [base, at] : forks) fold_.fork(base, at);
  snapshots_ = std::make_unique<SnapshotKeeper>(*writer_, options_.snapshot_every, options_.disk_free_min_bytes);
  snapshots_->folded(fold_log_from(from));
  if (fold_.needs_refold()) refold();
  open_private_parts();
  publish();

  auto index = options_.journal_index ? JournalIndex::open(disk_->where(), incident_, *writer_, clock_)
                                      : Result<std::unique_ptr<JournalIndex>, std::string>();
  if (!index) {
    log::error(area, "the journal cannot be searched", {{"why", index.error()}});
  } else if (*index) {
    index_ = std::move(*index);
    const auto now = clock_.now().utc;
    for (auto& observation : index_->last_values()) fold_.observe(std::move(observation), now);
    index_->catch_up();
  }

  if (refusing_.empty()) {
    record_first_grants();
  } else {
    retry_later();
  }
  if (options_.scrub_pause > Milliseconds(0)) {
    scrubber_ = std::make_unique<Scrubber>(*writer_, options_.scrub_pause,
                                           [this, alive = std::weak_ptr<bool>(alive_)](std::size_t ranges) {
                                             loop_.post([this, alive, ranges] {
                                               if (!alive.expired()) scrub_found(ranges);
                                             });
                                           });
  }
  snapshots_->keep_if_due(fold_, folded_to_, clock_.now().steady);
  report_.seconds = std::chrono::duration<double>(clock_.now().steady - began).count();
  log::info(area, "open",
            {{"events", report_.events},
             {"from_snapshot", report_.from_snapshot},
             {"seconds", report_.seconds},
             {"where", disk_->where()}});
  return {};
}

// The founder's or the newcomer's own grants, as the node's first events.
void OpenLedger::record_first_grants() {
  std::erase_if(first_grants_, [this](const trust::Grant& grant) {
    const auto* member = fold_.roster().find(model::key_id_of(grant.key));
    return member != nullptr && member->granted;
  });
  for (const auto& grant : first_grants_) {
    const auto id = model::key_id_of(grant.key);
    if (!granting_.insert(id).second) continue;
    model::Draft draft;
    draft.record = static_cast<std::uint16_t>(model::RecordKind::Membership);
    draft.entity = model::external_name("key", id.hex());
    const auto* field = model::find_field(draft.record, "grant");
    draft.writes.push_back({field->key(), model::Value(trust::encode(grant)), {}});
    draft.writes.push_back({model::find_field(draft.record, "name")->key(), model::Value(grant.name), {}});
    write(draft, [this, id](const CommandResult& result) {
      granting_.erase(id);
      // Once in the log is enough, whatever the roster makes of it.
      if (result) std::erase_if(first_grants_, [&](const auto& one) { return model::key_id_of(one.key) == id; });
      if (!result) log::error(area, "cannot record a grant", {{"why", result.error().message}});
    });
  }
}

// Own stamps rank after everything seen here, within HlcClock::lead_max.
void OpenLedger::observe_stamp(const picture::FoldEvent& event) {
  if (event.event) author_.observe(event.event->time, clock_.now().utc);
}

void OpenLedger::resume_author(const store::Log& log) {
  for (int c = 0; c < model::class_count; ++c) {
    const model::StreamId stream{author_.writer(), static_cast<model::Class>(c), {}};
    const auto head = log.head(stream);
    if (!head || head->seq == 0) continue;
    model::Hlc last;
    if (const auto entry = const_cast<store::Log&>(log).read_entry(stream, head->seq)) {
      if (const auto event = model::decode_event(entry->entry.public_part, entry->entry.dot())) last = event->time;
    }
    author_.resume(stream.cls, head->seq, head->head, last);
  }
}

// Any thread.
OpenLedger::LogPart OpenLedger::read_part(std::uint64_t arrival) {
  LogPart part;
  const auto records = writer_->read([&](store::Log& log) { return log.read_from(arrival, read_records, read_bytes); });
  if (!records) {
    log::error(area, "cannot read the log on", {{"from", arrival}, {"why", records.error().what}});
    part.failed = true;
    return part;
  }
  for (const auto& record : *records) {
    if (const auto entry = store::as_entry(record))
      part.events.push_back(to_fold_event(entry->entry, entry->arrival, entry->time, incident_, data_keys_));
    part.to = record.header.arrival;
  }
  return part;
}

// Another thread reads and decrypts one part ahead.
std::uint64_t OpenLedger::fold_log_from(std::uint64_t arrival) {
  std::uint64_t events = 0;
  auto part = read_part(arrival);
  while (part.to != 0) {
    auto next = std::async(std::launch::async, [this, from = part.to + 1] { return read_part(from); });
    for (const auto& event : part.events) {
      fold_.apply(event);
      observe_stamp(event);
    }
    events += part.events.size();
    folded_to_ = part.to;
    part = next.get();
  }
  fold_broken_ = part.failed;
  if (fold_broken_) {
    fold_timer_ = loop_.after(fold_retry, [this] {
      if (!fold_broken_) return;
      snapshots_->folded(fold_log_from(folded_to_ + 1));
      folded({}, 0);
    });
  }
  return events;
}

// A snapshot keeps no private parts. Here too another thread is one part ahead.
void OpenLedger::open_private_parts() {
  const auto dots = fold_.private_lacking();
  const auto read = [&](std::size_t from) {
    std::vector<picture::FoldEvent> events;
    for (auto i = from; i < std::min(from + read_records, dots.size()); ++i) {
      const auto entry = writer_->read([&](store::Log& l) { return l.read_entry(dots[i].stream(), dots[i].seq); });
      if (entry) events.push_back(to_fold_event(entry->entry, entry->arrival, entry->time, incident_, data_keys_));
    }
    return events;
  };
  auto part = read(0);
  for (std::size_t from = 0; from < dots.size(); from += read_records) {
    auto next = std::async(std::launch::async, read, from + read_records);
    for (const auto& event : part) fold_.apply(event);
    part = next.get();
  }
}

void OpenLedger::refold() {
  log::warn(area, "folding the whole log again");
  fold_.begin_again();
  folded_to_ = 0;
  fold_log_from(1);
}

// ---- commands -------------------------------------------------------------------------------------------------------

CommandError OpenLedger::disk_error() const {
  return {507, "disk_full",
          "nothing was written: " + (!refusing_.empty()    ? refusing_
                                     : !low_space_.empty() ? low_space_
                                                           : std::string("a write before this one failed")),
          "", "free some space; reading, links and the page go on"};
}

std::optional<CommandResult> OpenLedger::answer_known(const model::Draft& draft) {
  if (!draft.command) return std::nullopt;
  bool all = true;
  auto dots = writer_->read([&](store::Log& log) {
    all = log.remembers_all_commands();
    return log.command(*draft.command);
  });
  if (dots.empty() && !all && index_) dots = index_->command(*draft.command);  // older than the log remembers
  if (dots.empty()) return std::nullopt;
  CommandDone done;
  done.dots = dots;
  done.repeated = true;
  done.cls = dots.front().cls;
  std::vector<model::Write> found;
  bool same = true, lost = false;
  for (const auto& dot : dots) {
    const auto entry = writer_->read([&](store::Log& log) { return log.read_entry(dot.stream(), dot.seq); });
    if (!entry) {
      lost = true;  // damaged; what is left must fit
      continue;
    }
    const auto event = to_fold_event(entry->entry, 0, {}, incident_, data_keys_);
    if (!event.event) continue;
    done.entity = event.event->entity;
    same = same && event.event->record == draft.record && (!draft.entity || *draft.entity == done.entity);
    found.insert(found.end(), event.event->writes.begin(), event.event->writes.end());
    found.insert(found.end(), event.private_writes.begin(), event.private_writes.end());
  }
  found = joined(std::move(found));
  const auto wanted = joined(draft.writes);
  const auto said = [&](const model::Write& write) {
    // Of a tombstone in several events a part may be lost.
    return std::ranges::any_of(wanted, [&](const model::Write& other) {
      return other == write || (lost && write.key.rule() == model::MergeRule::Tombstone && other.key == write.key &&
                                other.value == write.value);
    });
  };
  if (!same || (!lost && found.size() != wanted.size()) || !std::ranges::all_of(found, said)) {
    return CommandResult(failure(
        CommandError{409, "id_used", "this id was used for another command", "id", "make a new id for each command"}));
  }
  const auto* spec = model::find_record(draft.record);
  done.display = fmt::format("{}-{}", spec != nullptr ? spec->letter : '?', model::display_code(done.entity));
  return CommandResult(std::move(done));
}

std::optional<CommandError> OpenLedger::check_states(const model::Draft& draft) {
  if (!draft.entity) return std::nullopt;
  const auto* entity = fold_.publish()->find(*draft.entity);
  for (const auto& write : draft.writes) {
    const auto* to = write.value.integer();
    if (write.key.rule() != model::MergeRule::StateMachine || to == nullptr || entity == nullptr) continue;
    const auto* field = entity->find(write.key);
    const auto* from = field != nullptr ? field->acting.value.integer() : nullptr;
    // A conflict may be settled to any of the values that stand.
    if (from == nullptr || field->conflict || model::transition_allowed(draft.record, *from, *to)) continue;
    const auto* spec = field->spec;
    const auto word = [&](std::int64_t code) {
      const auto* known = spec != nullptr ? model::find_code(*spec, code) : nullptr;
      return known != nullptr ? std::string(known->name) : fmt::format("{}", code);
    };
    return CommandError{
        422, "not_allowed",
        fmt::format("{} cannot go from {} to {}", spec != nullptr ? spec->name : "state", word(*from), word(*to)),
        spec != nullptr ? std::string(spec->name) : "", "somebody may have changed it meanwhile: look again"};
  }
  return std::nullopt;
}

void OpenLedger::command(model::Draft draft, std::function<void(CommandResult)> done) {
  if (closed_) return done(failure(CommandError{503, "stopping", "the node is stopping", "", ""}));
  if (draft.command) {
    if (auto known = answer_known(draft)) return done(std::move(*known));
    if (const auto found = commands_.find(*draft.command); found != commands_.end()) {
      if (found->second.digest != digest_of(draft)) {
        return done(failure(CommandError{409, "id_used", "this id is in use for another command", "id",
                                         "make a new id for each command"}));
      }
      found->second.done.push_back([done = std::move(done)](CommandResult result) {
        if (result) result->repeated = true;
        done(std::move(result));
      });
      return;
    }
  }
  if (auto refused = check_states(draft)) return done(failure(std::move(*refused)));
  if (!draft.command) return write(draft, std::move(done));
  const auto id = *draft.command;
  commands_.emplace(id, Command{digest_of(draft), {std::move(done)}});
  write(draft, [this, id](const CommandResult& result) {
    const auto node = commands_.extract(id);
    for (auto& answer : node.mapped().done) answer(result);
  });
}

void OpenLedger::report(model::Draft draft, Meet meet, std::function<void(const Reported&)> done) {
  if (closed_) return done({failure(CommandError{503, "stopping", "the node is stopping", "", ""})});
  const auto entity = *draft.entity;
  // One after the other about one thing: the next must see what the one before wrote.
  if (const auto back = reports_.put({std::move(draft), std::move(meet), std::move(done)}))
    return back->done({failure(CommandError{503, "busy", "too many reports wait for the disk", "", "try again"})});
  if (!reporting_.contains(entity)) next_report(entity);
}

void OpenLedger::next_report(const model::EntityId& entity) {
  reporting_.erase(entity);
  auto report = reports_.take(entity);
  if (!report) return;
  auto& [draft, meet, done] = *report;
  reporting_.insert(entity);
  const auto picture = fold_.publish();
  const auto* shown = picture->find(entity);
  auto meeting = meet(std::move(draft), shown);
  NewsOf news;
  if (meeting.draft) news = news_.of(std::move(*meeting.draft), shown, meeting.told);
  // Posted, for a refusal comes at once: a long queue must not become a deep stack.
  const auto go_on = [this, entity, alive = std::weak_ptr<bool>(alive_)] {
    loop_.post([this, entity, alive] {
      if (!alive.expired()) next_report(entity);
    });
  };
  if (news.draft.writes.empty()) {
    done({CommandDone{entity, "", {}, model::Class::Routine, false}, news.overruled});
    return go_on();
  }
  write(news.draft,
        [this, entity, go_on, overruled = news.overruled, finish = std::move(done)](const CommandResult& result) {
          if (!result) news_.forget(entity);
          finish({result, overruled});
          go_on();
        });
}

// The latest events about a record, for News.
std::vector<PastEvent> OpenLedger::past_of(const model::EntityId& entity) {
  std::vector<PastEvent> out;
  if (!index_) return out;
  for (const auto& found : index_->latest(entity, past_events_max)) {
    if (!found.entry) continue;
    const auto event = to_fold_event(*found.entry, found.arrival, found.arrived, incident_, data_keys_);
    if (!event.event) continue;
    out.push_back({event.dot, event.event->via, event.event->writes});
    out.back().writes.insert(out.back().writes.end(), event.private_writes.begin(), event.private_writes.end());
  }
  return out;
}

void OpenLedger::write(const model::Draft& draft, std::function<void(CommandResult)> done) {
  if (failing_ || !refusing_.empty() || !low_space_.empty()) return done(failure(disk_error()));
  if (!renewing_.empty())
    return done(failure(CommandError{503, "busy", "a new incarnation is being recorded: " + renewing_, "",
                                     "try again in a second, with the same id"}));
  const auto quality = options_.clock_quality ? options_.clock_quality() : model::ClockQuality::Rtc;
  auto made = author_.make(draft, clock_.now().utc, quality);
  if (!made) {
    const auto& fault = made.error().faults.front();
    return done(failure(CommandError{400, "invalid_value", fault.message, fault.field, fault.hint}));
  }
  const auto authored = std::make_shared<Authored>();
  authored->entries = std::move(*made);
  const auto command = draft.command.value_or(model::CommandId{});
  const auto now = clock_.now().utc;
  ++in_flight_;
  const auto submitted = writer_->submit(
      [authored, command, now](store::Log& log) -> store::StoreResult<void> {
        for (const auto& one : authored->entries) {
          const auto entry = log.append_entry(one.entry, command, now);
          if (!entry) return failure(entry.error());
          if (const auto seal = log.append_seal(one.seal, now); !seal) return failure(seal.error());
          authored->arrivals.push_back(entry->arrival);
        }
        return {};
      },
      [this, authored, done, alive = std::weak_ptr<bool>(alive_)](const store::DurableResult& outcome) {
        loop_.post([this, authored, done, outcome, alive] {
          if (!alive.expired()) written(*authored, outcome, done);
        });
      });
  if (!submitted) {
    --in_flight_;
    author_.take_back(authored->entries);
    done(failure(CommandError{503, "busy", submitted.error().what, "", "try again in a second, with the same id"}));
  }
}

void OpenLedger::written(const Authored& authored, const store::DurableResult& outcome,
                         const std::function<void(CommandResult)>& done) {
  --in_flight_;
  disk_said(outcome);
  if (!outcome) {
    failing_ = true;
    done(failure(disk_error()));
    if (in_flight_ == 0) recover();
    return;
  }
  CommandDone result;
  std::vector<model::EntityId> changed;
  for (std::size_t i = 0; i < authored.entries.size(); ++i) {
    const auto& made = authored.entries[i];
    picture::FoldEvent event;
    event.dot = made.entry.dot();
    event.event = std::make_shared<const model::Event>(made.event);
    event.private_state = made.private_writes.empty() ? picture::PrivateState::None : picture::PrivateState::Here;
    event.private_writes = made.private_writes;
    event.bytes = made.entry.size();
    event.arrival = authored.arrivals[i];
    event.arrived = clock_.now().utc;
    fold_.apply(event);
    result.entity = made.event.entity;
    result.dots.push_back(event.dot);
    result.cls = std::min(result.cls, event.dot.cls);
    changed.push_back(made.event.entity);
  }
  const auto* spec = model::find_record(authored.entries.front().event.record);
  result.display = fmt::format("{}-{}", spec != nullptr ? spec->letter : '?', model::display_code(result.entity));
  folded(std::move(changed), outcome->last);
  done(std::move(result));
  if (failing_ && in_flight_ == 0) recover();
}

// After a failed write everything made after it failed too (its chain does not continue). Now nothing is on its way:
// go on from what the log really holds, or under a new number where that is in doubt.
void OpenLedger::recover() {
  const auto doubt =
      writer_->read([&](store::Log& log) { return log.must_begin_new_incarnation(author_.writer().author); });
  failing_ = false;
  if (doubt) {
    begin_incarnation("a write failed half-way");
  } else {
    author_.begin_incarnation(author_.writer().incarnation);
    writer_->read([&](store::Log& log) { resume_author(log); });
  }
}

void OpenLedger::begin_incarnation(const std::string& why) {
  if (closed_) return;
  log::warn(area, "a new incarnation begins", {{"why", why}});
  renewing_ = why;
  if (!retry_planned_) renew();
}

// First that the old numbers are in doubt, then the record of the new number, and only then is it used: whatever
// happens in between, a restart does not go on with the old one.
void OpenLedger::renew() {
  if (renewal_on_its_way_) return;
  renewal_on_its_way_ = true;
  const model::Writer own{author_.writer().author, trust::random_u32()};
  const auto now = clock_.now().utc;
  const auto submitted = writer_->submit(
      [own, now, why = renewing_, key = author_.key().public_key(),
       genesis = genesis_](store::Log& log) -> store::StoreResult<void> {
        if (const auto noted =
                log.must_begin_new_incarnation(own.author) ? store::StoreResult<void>() : log.note_doubt(why);
            !noted)
          return noted;
        auto begun = log.append_genesis(genesis, now);
        if (begun) begun = log.append_author_key(key, now);
        if (begun) begun = log.begin_incarnation(own, log.next_reason(), now);
        if (!begun) return failure(begun.error());
        return {};
      },
      [this, own, alive = std::weak_ptr<bool>(alive_)](const store::DurableResult& outcome) {
        loop_.post([this, own, outcome, alive] {
          if (alive.expired()) return;
          renewal_on_its_way_ = false;
          disk_said(outcome);
          if (!outcome) {
            log::error(area, "cannot record the new incarnation", {{"why", outcome.error().what}});
            return retry_later();
          }
          author_.begin_incarnation(own.incarnation);
          renewing_.clear();
          took_writes();
          folded({}, 0);
        });
      });
  if (submitted) return;
  renewal_on_its_way_ = false;
  retry_later();
}

// ---- a disk that refuses --------------------------------------------------------------------------------------------

void OpenLedger::disk_said(const store::DurableResult& outcome) {
  if (outcome) {
    if (outcome->first != 0) took_writes();
    return;
  }
  if (outcome.error().fault != store::StoreFault::DiskFull && outcome.error().fault != store::StoreFault::DiskError)
    return;
  if (refusing_.empty()) log::error(area, "new entries are refused", {{"why", outcome.error().what}});
  refusing_ = outcome.error().what;
  retry_later();
}

void OpenLedger::took_writes() {
  if (!refusing_.empty()) log::info(area, "new entries are taken again");
  refusing_.clear();
  retry_wait_ = options_.retry_first;
  if (!first_grants_.empty() && renewing_.empty() && !failing_) record_first_grants();
}

void OpenLedger::retry_later() {
  if (retry_planned_ || closed_) return;
  retry_planned_ = true;
  retry_timer_ = loop_.after(retry_wait_, [this] {
    retry_planned_ = false;
    retry();
  });
  retry_wait_ = std::min(retry_wait_ * 2, options_.retry_max);
}

// Nobody's command is spent on finding out whether the disk works again.
void OpenLedger::retry() {
  if (closed_ || (refusing_.empty() && renewing_.empty())) return;
  if (!renewing_.empty()) return renew();
  const auto submitted = writer_->submit(
      [now = clock_.now().utc](store::Log& log) -> store::StoreResult<void> {
        if (const auto probe = log.append_probe(now); !probe) return failure(probe.error());
        return {};
      },
      [this, alive = std::weak_ptr<bool>(alive_)](const store::DurableResult& outcome) {
        loop_.post([this, outcome, alive] {
          if (!alive.expired()) disk_said(outcome);
        });
      });
  if (!submitted) retry_later();
}

void OpenLedger::scrub_found(std::size_t ranges) {
  log::error(area, "part of the log has become unreadable; peers are asked for it", {{"ranges", ranges}});
  const auto why = writer_->read([&](store::Log& log) { return log.why_new_incarnation(author_.writer().author); });
  if (!why.empty() && renewing_.empty()) begin_incarnation(why);
  folded({}, 0);  // peers are asked for what the vector lacks now
}

std::vector<std::string> OpenLedger::problems() const {
  std::vector<std::string> out;
  if (fold_broken_)
    out.push_back(
        fmt::format("The picture lacks events: the log cannot be read from arrival number {} on", folded_to_ + 1));
  return out;
}

// ---- what others wrote ----------------------------------------------------------------------------------------------

void OpenLedger::accept(model::SealedRun run, std::optional<model::PublicKey> author_key,
                        std::function<void(Accepted, const std::string&)> done) {
  struct Taken {
    model::SealedRun run;
    std::vector<std::uint64_t> arrivals;  // filled in by the writing thread
  };
  auto shared = std::make_shared<Taken>();
  shared->run = std::move(run);
  const auto now = clock_.now().utc;
  ++in_flight_;
  const auto submitted = writer_->submit(
      [shared, author_key, now](store::Log& log) -> store::StoreResult<void> {
        if (author_key) {
          if (const auto key = log.append_author_key(*author_key, now); !key) return failure(key.error());
        }
        auto arrivals = log.append_accepted(shared->run, now);
        if (!arrivals) return failure(arrivals.error());
        shared->arrivals = std::move(*arrivals);
        return {};
      },
      [this, shared, done, alive = std::weak_ptr<bool>(alive_)](const store::DurableResult& outcome) {
        loop_.post([this, shared, done, outcome, alive] {
          if (alive.expired()) return;
          --in_flight_;
          disk_said(outcome);
          if (!outcome) {
            log::warn(area, "could not keep what a node sent", {{"why", outcome.error().what}});
            done(is_disk_fault(outcome.error().fault) ? Accepted::DiskFault : Accepted::Refused, outcome.error().what);
            if (failing_ && in_flight_ == 0) recover();
            return;
          }
          std::vector<model::EntityId> changed;
          for (std::size_t i = 0; i < shared->arrivals.size(); ++i) {
            if (shared->arrivals[i] == 0) continue;  // was here, and is folded
            const auto event =
                to_fold_event(shared->run.entries[i], shared->arrivals[i], clock_.now().utc, incident_, data_keys_);
            fold_.apply(event);
            observe_stamp(event);
            if (event.event) changed.push_back(event.event->entity);
          }
          if (fold_.needs_refold()) refold();
          done(Accepted::Written, {});
          folded(std::move(changed), outcome->last);
          if (failing_ && in_flight_ == 0) recover();
        });
      });
  if (!submitted) {
    --in_flight_;
    done(Accepted::DiskFault, submitted.error().what);
  }
}

void OpenLedger::forked(const model::StreamId& branch) {
  log::error(area, "a stream has two contents; neither is folded from there on", {{"stream", model::to_text(branch)}});
  fold_.fork(branch.base(), branch.branch.from);
  if (fold_.needs_refold()) refold();
  folded({}, 0);
}

void OpenLedger::folded(std::vector<model::EntityId> changed, std::uint64_t arrival) {
  snapshots_->folded(changed.size());
  if (!fold_broken_) folded_to_ = std::max(folded_to_, arrival);
  if (handlers_.on_durable) handlers_.on_durable();
  if (index_) index_->catch_up();
  if (handlers_.on_folded) {
    std::sort(changed.begin(), changed.end());
    changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
    handlers_.on_folded(changed);
  }
  snapshots_->keep_if_due(fold_, folded_to_, clock_.now().steady);
}

// ---- questions ------------------------------------------------------------------------------------------------------

api::StoreInfo OpenLedger::store_info() {
  api::StoreInfo info;
  writer_->read([&](store::Log& log) {
    info.events = log.entries();
    info.damaged = log.damage_count();
    if (const auto free = log.free_bytes()) info.disk_free_bytes = *free;
  });
  info.durable_to = writer_->durable_arrival();
  std::string low;
  if (info.disk_free_bytes < options_.disk_free_min_bytes) {
    low = fmt::format("only {} MiB are free on the disk of {}, {} are kept for what is underway",
                      info.disk_free_bytes >> 20, disk_->where(), options_.disk_free_min_bytes >> 20);
  }
  if (!low.empty() && low_space_.empty()) log::error(area, "new entries are refused", {{"why", low}});
  if (low.empty() && !low_space_.empty()) log::info(area, "there is room again");
  low_space_ = std::move(low);
  info.why = !refusing_.empty() ? refusing_ : !low_space_.empty() ? low_space_ : renewing_;
  info.refusing_writes = !info.why.empty();
  if (scrubber_) info.scrubbed_bytes = scrubber_->bytes_read();
  return info;
}

api::JournalPage OpenLedger::journal(const api::JournalQuery& query, Milliseconds wait) {
  if (!index_) return {};
  picture::PicturePtr picture;
  {
    const std::scoped_lock lock(published_mutex_);
    picture = published_;
  }
  api::JournalPage page;
  auto& rows = page.rows;
  page.durable_to = writer_->durable_arrival();
  const auto listed = index_->find(query, wait);
  page.indexed_through = listed.through;
  for (const auto& found : listed.places) {
    api::JournalRow row;
    row.arrival = found.arrival;
    row.arrived = found.arrived;
    row.dot = found.dot;
    if (!found.entry) {
      row.why_not = "the log cannot be read here: part of the disk is damaged";
      rows.push_back(std::move(row));
      continue;
    }
    const auto& entry = *found.entry;
    if (auto event = model::decode_event(entry.public_part, row.dot)) {
      row.event = std::move(*event);
      const auto& roster = picture->roster();
      const bool membership = row.event->record == static_cast<std::uint16_t>(model::RecordKind::Membership);
      if (!membership && !roster.may_write(row.dot.writer.author)) row.why_not = "its author is not granted yet";
      if (!membership && row.event->actor && !roster.may_write(*row.event->actor))
        row.why_not = "the person it names is not granted yet";
      // Private writes are shown to whoever this node may show them to: the node's own operator.
      if (entry.private_part.state == model::PrivatePart::State::Here) {
        if (auto writes = trust::open_private(entry.private_part.ciphertext, row.dot, incident_, data_keys_)) {
          row.event->writes.insert(row.event->writes.end(), writes->begin(), writes->end());
        }
      }
    } else {
      row.why_not = "not readable by this version: " + model::describe(event.error());
    }
    const auto behind_fork = [&](const picture::Fork& fork) {
      return fork.base == row.dot.stream() && row.dot.seq >= fork.from;
    };
    if (entry.stream.is_branch() || std::ranges::any_of(picture->forks(), behind_fork)) {
      row.why_not = "its stream has two contents from here on";
    }
    rows.push_back(std::move(row));
  }
  return page;
}

std::string OpenLedger::backup(const std::string& file, const std::vector<store::ExtraFile>& extra) {
  const auto plan = writer_->read([](store::Log& log) { return store::plan_backup(log); });
  const auto written = store::write_backup(*disk_, plan, extra, file, clock_.now().utc);
  return written ? std::string() : written.error().what;
}

void OpenLedger::close() {
  if (closed_) return;
  closed_ = true;
  alive_.reset();
  retry_timer_.reset();
  fold_timer_.reset();
  scrubber_.reset();
  if (!writer_) return;
  index_.reset();
  // Everything submitted becomes durable; what the callbacks would have folded is in the log and is folded at the
  // start.
  if (snapshots_) snapshots_->keep_now(fold_, folded_to_);
  snapshots_.reset();
  if (const auto stopped = writer_->stop(); !stopped)
    log::warn(area, "the store did not stop cleanly", {{"why", stopped.error().what}});
}

}  // namespace

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
  if (auto started = ledger->start(home); !started) return failure(started.error());
  return ledger;
}

}  // namespace airbridge::app
