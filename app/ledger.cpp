#include "open_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "store/posix_disk.hpp"
#include "store/reseal.hpp"
#include "sync/vector.hpp"

namespace airbridge::app {

namespace {

constexpr std::string_view area = ledger_area;
constexpr std::size_t read_records = 2'000;
constexpr std::size_t read_bytes = 4 * 1024 * 1024;
constexpr Milliseconds fold_retry{60'000};

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
