// What others wrote: accepting and folding it.
#include <fmt/format.h>

#include <algorithm>

#include "ledger/ledger.hpp"

namespace airbridge::ledger {
namespace {

bool is_disk_fault(store::StoreFault fault) {
  return fault == store::StoreFault::DiskFull || fault == store::StoreFault::DiskError ||
         fault == store::StoreFault::Busy || fault == store::StoreFault::Stopped ||
         fault == store::StoreFault::Damaged;  // what the run continues cannot be read: it is refetched first
}

}  // namespace

bool Ledger::welcomes(const model::SealedRun& run) const {
  const auto& author = run.seal.stream.writer.author;
  if (fold_.roster().may_write(author)) return true;
  std::vector<picture::FoldEvent> events;
  for (const auto& entry : run.entries) events.push_back(fold_event(entry));
  return fold_.lets_in(author, events);
}

void Ledger::accept(model::SealedRun run, std::optional<model::PublicKey> author_key,
                    std::function<void(Accepted, const std::string&)> done) {
  struct Taken {
    model::SealedRun run;
    std::vector<std::uint64_t> arrivals;     // filled in where the batch is written
    std::string contradiction;               // what of it is refused although what stands before it is taken
    bool gave_way = false;                   // something unproven was withdrawn for it
    std::vector<picture::FoldEvent> events;  // of the entries that have an arrival number
  };
  auto shared = std::make_shared<Taken>();
  shared->run = std::move(run);
  const auto now = around_.now().utc;
  ++in_flight_;
  const auto submitted = around_.submit(
      [shared, author_key, now](store::Log& log) -> store::StoreResult<void> {
        if (author_key) {
          if (const auto key = log.append_author_key(*author_key, now); !key) return failure(key.error());
        }
        auto arrivals = log.append_accepted(shared->run, now);
        if (!arrivals) {
          if (arrivals.error().fault != store::StoreFault::Contradiction) return failure(arrivals.error());
          shared->arrivals = log.append_before_contradiction(shared->run, now);
          if (!shared->arrivals.empty()) {
            shared->contradiction = arrivals.error().what;
            return {};
          }
          if (!log.give_way(shared->run)) return failure(arrivals.error());
          shared->gave_way = true;
          arrivals = log.append_accepted(shared->run, now);
          if (!arrivals) return failure(arrivals.error());
        }
        shared->arrivals = std::move(*arrivals);
        return {};
      },
      // Reading them takes as long as a third of folding them: not on the thread that folds.
      [shared, incident = incident_, keys = data_keys_] {
        shared->events.reserve(shared->arrivals.size());
        for (std::size_t i = 0; i < shared->arrivals.size(); ++i) {
          if (shared->arrivals[i] == 0) continue;  // was here, and is folded
          shared->events.push_back(to_fold_event(shared->run.entries[i], shared->arrivals[i], {}, incident, *keys));
        }
      },
      while_open([this, shared, done](const store::DurableResult& outcome) {
        --in_flight_;
        disk_said(outcome);
        if (shared->gave_way) {
          around_.tell(log::Level::Error, "events whose proof is lost gave way to what their author signed",
                       {{"stream", model::to_text(shared->run.seal.stream)}});
          refold();
        }
        if (!outcome) {
          around_.tell(log::Level::Warn, "could not keep what a node sent", {{"why", outcome.error().what}});
          done(is_disk_fault(outcome.error().fault) ? Accepted::DiskFault : Accepted::Refused, outcome.error().what);
          if (failing_ && in_flight_ == 0) recover();
          return;
        }
        std::vector<model::EntityId> changed;
        changed.reserve(shared->events.size());
        const auto arrived = around_.now().utc;
        for (auto& event : shared->events) {
          event.arrived = arrived;
          fold_.apply(event);
          provisional_.apply(event);
          observe_stamp(event);
          if (event.event) changed.push_back(event.event->entity);
        }
        if (fold_.needs_refold()) refold();
        done(shared->contradiction.empty() ? Accepted::Written : Accepted::Refused, shared->contradiction);
        folded(std::move(changed), outcome->last);
        if (failing_ && in_flight_ == 0) recover();
      }));
  if (!submitted) {
    --in_flight_;
    done(Accepted::DiskFault, submitted.error().what);
  }
}

void Ledger::forked(const model::StreamId& branch) {
  around_.tell(log::Level::Error, "a stream has two contents; neither is folded from there on",
               {{"stream", model::to_text(branch)}});
  fold_.fork(branch.base(), branch.branch.from);
  provisional_.fork(branch.base(), branch.branch.from);
  if (fold_.needs_refold()) refold();
  folded({}, 0);
}

void Ledger::folded(std::vector<model::EntityId> changed, std::uint64_t arrival) {
  snapshots_.folded(changed.size());
  if (!fold_broken_) folded_to_ = std::max(folded_to_, arrival);
  if (handlers_.on_durable) handlers_.on_durable();
  if (handlers_.on_folded) {
    std::sort(changed.begin(), changed.end());
    changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
    handlers_.on_folded(changed);
  }
  // While a newcomer takes in all there is, each would be of another size and none of use for long.
  if (!provisional_.is_shown() || snapshots_.behind() >= newcomer_snapshot_events)
    snapshots_.keep_if_due(fold_, folded_to_);
}

StoreState Ledger::store_state() {
  StoreState state;
  around_.read([&](store::Log& log) {
    state.events = log.entries();
    state.damaged = log.damage_count();
    if (const auto free = log.free_bytes()) state.disk_free_bytes = *free;
  });
  state.durable_to = around_.durable_arrival();
  std::string low;
  if (state.disk_free_bytes < options_.disk_free_min_bytes) {
    low = fmt::format("only {} MiB are free on the disk of {}, {} are kept for what is underway",
                      state.disk_free_bytes >> 20, disk_.where(), options_.disk_free_min_bytes >> 20);
  }
  if (!low.empty() && low_space_.empty()) around_.tell(log::Level::Error, "new entries are refused", {{"why", low}});
  if (low.empty() && !low_space_.empty()) around_.tell(log::Level::Info, "there is room again");
  low_space_ = std::move(low);
  state.refusing = !refusing_.empty() ? refusing_ : !low_space_.empty() ? low_space_ : renewing_;
  return state;
}

}  // namespace airbridge::ledger
