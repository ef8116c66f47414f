// What others wrote: accepting it, folding it, and answering questions about all there is.
#include "open_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace airbridge::app {

namespace {

constexpr std::string_view area = ledger_area;

bool is_disk_fault(store::StoreFault fault) {
  return fault == store::StoreFault::DiskFull || fault == store::StoreFault::DiskError ||
         fault == store::StoreFault::Busy || fault == store::StoreFault::Stopped ||
         fault == store::StoreFault::Damaged;  // what the run continues cannot be read: it is refetched first
}

}  // namespace

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

}  // namespace airbridge::app
