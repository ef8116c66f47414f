// The start: the log, the picture from a snapshot and what came after it, and what a node says first.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ledger/ledger.hpp"
#include "store/reseal.hpp"
#include "sync/vector.hpp"

namespace airbridge::ledger {
namespace {

constexpr std::size_t read_records = 2'000;
constexpr std::size_t read_bytes = 4 * 1024 * 1024;

}  // namespace

Ledger::Ledger(const Identity& identity, Options options, Handlers handlers, store::Disk& disk, Surroundings& around)
    : incident_(identity.incident),
      genesis_(identity.genesis),
      data_keys_(std::make_shared<const std::vector<trust::DataKey>>(identity.data_keys)),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      disk_(disk),
      around_(around),
      fold_(identity.incident, identity.genesis, options_.fold),
      author_(identity.key, identity.incident, 0, identity.data_keys, [this] { return around_.random_salt(); }),
      view_(around, author_.writer(), fold_),
      snapshots_(around, options_.snapshot_every, options_.disk_free_min_bytes),
      provisional_(around, identity.incident, identity.genesis, options_.fold),
      retry_wait_(options_.retry_first),
      first_grants_(identity.first_grants) {}

Result<void, std::string> Ledger::start() {
  auto log = store::Log::open(disk_, incident_, options_.log, around_.now().utc);
  if (!log) return failure(log.error().what);
  const auto& scan = log->report();
  for (const auto& range : scan.damaged)
    around_.tell(log::Level::Error, "part of the log is not readable", {{"where", store::describe(range)}});
  for (const auto& aside : scan.set_aside)
    around_.tell(log::Level::Error, "a record of the log was set aside",
                 {{"event", model::to_text(aside.dot)}, {"why", aside.why}});
  for (const auto& note : scan.notes) {
    around_.tell(log::Level::Info, note);
    report_.notes.push_back(note);
  }
  const bool fresh = !log->incarnation();
  begin_writing(*log);
  if (fresh && !refusing_.empty())
    return failure(fmt::format("cannot begin writing in {}: {}", disk_.where(), refusing_));

  auto from = load_picture(*log);
  report_.events = log->entries();
  damaged_known_ = log->damage_found();
  const bool scan_withdrew = log->report().withdrew_shown;
  around_.take_log(std::move(*log));
  has_log_ = true;
  fold_known_forks(from);
  snapshots_.folded(fold_log_from(from));
  if (fold_.needs_refold() || scan_withdrew) refold();
  open_private_parts();

  if (refusing_.empty()) {
    put_back_author_keys();
    record_first_grants();
  } else {
    retry_later();
  }
  snapshots_.keep_if_due(fold_, folded_to_);
  return {};
}

// Under which number this node goes on, and everything of its own sealed. When the disk does not take that,
// `refusing_` says so: what is here can be read and sent, and writing begins when the disk takes it.
void Ledger::begin_writing(store::Log& log) {
  const auto own = author_.key().id();
  const bool fresh = !log.incarnation();
  const bool doubt = !fresh && log.must_begin_new_incarnation(own);
  std::uint32_t incarnation = log.incarnation().value_or(model::Writer{}).incarnation;
  if (fresh || doubt) {
    report_.new_incarnation = true;
    report_.why_new_incarnation = fresh ? "" : log.why_new_incarnation(own);
    if (doubt)
      around_.tell(log::Level::Warn, "a new incarnation begins: this node's numbers must not get two contents",
                   {{"why", report_.why_new_incarnation}});
    const auto drawn = around_.random_number();
    const auto now = around_.now().utc;
    auto begun = log.append_genesis(genesis_, now);
    if (begun) begun = log.append_author_key(author_.key().public_key(), now);
    if (begun) begun = log.begin_incarnation({own, drawn}, log.next_reason(), now);
    if (begun) {
      if (const auto synced = log.sync(now); !synced) begun = failure(synced.error());
    }
    if (begun) {
      incarnation = drawn;
    } else {
      log.rollback({});
      renewing_ = report_.why_new_incarnation;
      refusing_ = begun.error().what;
      if (!fresh) around_.tell(log::Level::Error, "starts without writing", {{"why", refusing_}});
    }
  }
  if (refusing_.empty()) {
    const auto sealed = store::seal_own_events(log, author_.key(), around_.now().utc);
    if (!sealed) around_.tell(log::Level::Warn, "could not seal own events", {{"why", sealed.error().what}});
    if (sealed && *sealed > 0) around_.tell(log::Level::Warn, "own events had lost their seal", {{"streams", *sealed}});
  }
  author_.begin_incarnation(incarnation);
  resume_author(log);
}

// The arrival number from which the log is to be folded on.
std::uint64_t Ledger::load_picture(store::Log& log) {
  const auto kept = log.take_picture();
  if (!kept) return 1;
  auto loaded = picture::Fold::load(kept->bytes(), incident_, genesis_, options_.fold);
  if (!loaded) {
    around_.tell(log::Level::Warn, "the snapshot's picture does not load; folding the whole log",
                 {{"why", loaded.error().what}});
    return 1;
  }
  fold_ = std::move(*loaded);
  folded_to_ = report_.from_snapshot = kept->arrival;
  return kept->arrival + 1;
}

void Ledger::fold_known_forks(std::uint64_t& from) {
  const auto forks = sync::proven_forks(view_.vector(), view_);
  if (std::ranges::any_of(fold_.forks(), [&](const auto& fork) {
        const auto proven = forks.find(fork.first);
        return proven == forks.end() || fork.second < proven->second;
      })) {
    around_.tell(log::Level::Warn,
                 "the snapshot leaves out events of a fork that the log does not prove; folding the whole log");
    fold_ = picture::Fold(incident_, genesis_, options_.fold);
    from = 1;
    folded_to_ = report_.from_snapshot = 0;
  }
  for (const auto& [base, at] : forks) fold_.fork(base, at);
}

// A key that rot took from the log is in no event of its author's, and nobody sends it again for events that are here:
// without it they can be neither checked nor passed on. Own keys are known, those of members stand in their grants.
void Ledger::put_back_author_keys() {
  std::set<model::KeyId> lost;
  around_.read([&](store::Log& log) {
    const auto look = [&](const model::KeyId& id) {
      if (!log.author_key(id)) lost.insert(id);
    };
    look(author_.key().id());
    for (const auto& [stream, seq] : log.vector()) look(stream.writer.author);
  });
  std::vector<model::PublicKey> keys;
  for (const auto& id : lost) {
    const auto key = id == author_.key().id() ? std::optional(author_.key().public_key()) : fold_.roster().key_of(id);
    if (key) keys.push_back(*key);
  }
  if (keys.empty()) return;
  const auto now = around_.now().utc;
  const auto submitted = around_.submit(
      [keys, now](store::Log& log) -> store::StoreResult<void> {
        for (const auto& key : keys) {
          if (const auto added = log.append_author_key(key, now); !added) return failure(added.error());
        }
        return {};
      },
      {}, while_open([this, count = keys.size()](const store::DurableResult& outcome) {
        disk_said(outcome);
        if (outcome) around_.tell(log::Level::Warn, "keys of authors had been lost", {{"keys", count}});
      }));
  if (!submitted) retry_later();
}

// The founder's or the newcomer's own grants, as the node's first events.
void Ledger::record_first_grants() {
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
      if (!result) around_.tell(log::Level::Error, "cannot record a grant", {{"why", result.error().message}});
    });
  }
}

// Own stamps rank after everything seen here, within HlcClock::lead_max.
void Ledger::observe_stamp(const picture::FoldEvent& event) {
  if (event.event) author_.observe(event.event->time, around_.now().utc);
}

void Ledger::resume_author(store::Log& log) {
  for (int c = 0; c < model::class_count; ++c) {
    const model::StreamId stream{author_.writer(), static_cast<model::Class>(c), {}};
    const auto head = log.head(stream);
    if (!head || head->seq == 0) continue;
    model::Hlc last;
    if (const auto entry = log.read_entry(stream, head->seq)) {
      if (const auto event = model::decode_event(entry->entry.public_part, entry->entry.dot())) last = event->time;
    }
    author_.resume(stream.cls, head->seq, head->head, last);
  }
}

// Any thread.
Ledger::LogPart Ledger::read_part(std::uint64_t arrival) {
  LogPart part;
  const auto records = around_.read([&](store::Log& log) { return log.read_from(arrival, read_records, read_bytes); });
  if (!records) {
    around_.tell(log::Level::Error, "cannot read the log on", {{"from", arrival}, {"why", records.error().what}});
    part.failed = true;
    return part;
  }
  for (const auto& record : *records) {
    if (const auto entry = store::as_entry(record))
      part.events.push_back(fold_event(entry->entry, entry->arrival, entry->time));
    part.to = record.header.arrival;
  }
  return part;
}

// One part is read and decrypted ahead, on another thread where there is one.
std::uint64_t Ledger::fold_log_from(std::uint64_t arrival) {
  std::uint64_t events = 0;
  auto part = read_part(arrival);
  while (part.to != 0) {
    LogPart next;
    const auto wait = around_.begin([this, &next, from = part.to + 1] { next = read_part(from); });
    for (const auto& event : part.events) {
      fold_.apply(event);
      observe_stamp(event);
    }
    events += part.events.size();
    folded_to_ = part.to;
    wait();
    part = std::move(next);
  }
  fold_broken_ = part.failed;
  if (fold_broken_ && !fold_retry_planned_) {
    fold_retry_planned_ = true;
    around_.after(options_.fold_again, while_open([this] {
                    fold_retry_planned_ = false;
                    if (!fold_broken_) return;
                    snapshots_.folded(fold_log_from(folded_to_ + 1));
                    if (fold_.needs_refold()) refold();
                    folded({}, 0);
                  }));
  }
  return events;
}

// A snapshot keeps no private parts. Here too one part is read ahead.
void Ledger::open_private_parts() {
  const auto dots = fold_.private_lacking();
  const auto read = [&](std::size_t from) {
    std::vector<picture::FoldEvent> events;
    for (auto i = from; i < std::min(from + read_records, dots.size()); ++i) {
      const auto entry = around_.read([&](store::Log& l) { return l.read_entry(dots[i].stream(), dots[i].seq); });
      if (entry) events.push_back(fold_event(entry->entry, entry->arrival, entry->time));
    }
    return events;
  };
  auto part = read(0);
  for (std::size_t from = 0; from < dots.size(); from += read_records) {
    std::vector<picture::FoldEvent> next;
    const auto wait = around_.begin([&, from] { next = read(from + read_records); });
    for (const auto& event : part) fold_.apply(event);
    wait();
    part = std::move(next);
  }
}

void Ledger::refold() {
  around_.tell(log::Level::Warn, "folding the whole log again");
  fold_.begin_again();
  folded_to_ = 0;
  fold_log_from(1);
}

void Ledger::close() {
  if (!open_) return;
  open_.reset();
  // What was submitted and not told yet is in the log, and is folded at the next start.
  if (has_log_) snapshots_.keep_now(fold_, folded_to_);
}

}  // namespace airbridge::ledger
