// A disk that will not write, own numbers in doubt, and healing from both.
#include <fmt/format.h>

#include <algorithm>

#include "ledger/ledger.hpp"

namespace airbridge::ledger {

// After a failed write everything made after it failed too (its chain does not continue). Now nothing is on its way:
// go on from what the log really holds, or under a new number where that is in doubt.
void Ledger::recover() {
  const auto doubt =
      around_.read([&](store::Log& log) { return log.must_begin_new_incarnation(author_.writer().author); });
  failing_ = false;
  if (doubt) {
    begin_incarnation("a write failed half-way");
  } else {
    author_.begin_incarnation(author_.writer().incarnation);
    around_.read([&](store::Log& log) { resume_author(log); });
  }
}

void Ledger::begin_incarnation(const std::string& why) {
  if (!open_) return;
  around_.tell(log::Level::Warn, "a new incarnation begins", {{"why", why}});
  renewing_ = why;
  if (!retry_planned_) renew();
}

// First that the old numbers are in doubt, then the record of the new number, and only then is it used: whatever
// happens in between, a restart does not go on with the old one.
void Ledger::renew() {
  if (renewal_on_its_way_) return;
  renewal_on_its_way_ = true;
  const model::Writer own{author_.writer().author, around_.random_number()};
  const auto now = around_.now().utc;
  const auto submitted = around_.submit(
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
      {}, while_open([this, own](const store::DurableResult& outcome) {
        renewal_on_its_way_ = false;
        disk_said(outcome);
        if (!outcome) {
          around_.tell(log::Level::Error, "cannot record the new incarnation", {{"why", outcome.error().what}});
          return retry_later();
        }
        author_.begin_incarnation(own.incarnation);
        renewing_.clear();
        took_writes();
        folded({}, 0);
      }));
  if (submitted) return;
  renewal_on_its_way_ = false;
  retry_later();
}

// ---- a disk that refuses --------------------------------------------------------------------------------------------

void Ledger::disk_said(const store::DurableResult& outcome) {
  if (outcome) {
    if (outcome->first != 0) took_writes();
    return;
  }
  if (outcome.error().fault != store::StoreFault::DiskFull && outcome.error().fault != store::StoreFault::DiskError)
    return;
  if (refusing_.empty()) around_.tell(log::Level::Error, "new entries are refused", {{"why", outcome.error().what}});
  refusing_ = outcome.error().what;
  retry_later();
}

void Ledger::took_writes() {
  if (!refusing_.empty()) around_.tell(log::Level::Info, "new entries are taken again");
  refusing_.clear();
  retry_wait_ = options_.retry_first;
  if (!first_grants_.empty() && renewing_.empty() && !failing_) record_first_grants();
}

void Ledger::retry_later() {
  if (retry_planned_ || !open_) return;
  retry_planned_ = true;
  around_.after(retry_wait_, while_open([this] {
                  retry_planned_ = false;
                  retry();
                }));
  retry_wait_ = std::min(retry_wait_ * 2, options_.retry_max);
}

// Nobody's command is spent on finding out whether the disk works again.
void Ledger::retry() {
  if (!open_ || (refusing_.empty() && renewing_.empty())) return;
  if (!renewing_.empty()) return renew();
  const auto submitted = around_.submit(
      [now = around_.now().utc](store::Log& log) -> store::StoreResult<void> {
        if (const auto probe = log.append_probe(now); !probe) return failure(probe.error());
        return {};
      },
      {}, while_open([this](const store::DurableResult& outcome) { disk_said(outcome); }));
  if (!submitted) retry_later();
}

void Ledger::look_for_damage() {
  if (!open_) return;
  const auto [damaged, why] = around_.read(
      [&](store::Log& log) { return std::pair(log.damage_found(), log.why_new_incarnation(author_.writer().author)); });
  const auto known = std::exchange(damaged_known_, damaged);
  if (!why.empty() && renewing_.empty() && !failing_) begin_incarnation(why);
  if (damaged <= known) return;
  around_.tell(log::Level::Error, "part of the log has become unreadable; peers are asked for it",
               {{"ranges", damaged - known}});
  snapshots_.hurry();  // the ones before have gone
  folded({}, 0);       // peers are asked for what the vector lacks now
}

std::vector<std::string> Ledger::problems() const {
  std::vector<std::string> out;
  if (fold_broken_)
    out.push_back(
        fmt::format("The picture lacks events: the log cannot be read from arrival number {} on", folded_to_ + 1));
  if (const auto shown = provisional())
    out.push_back(fmt::format(
        "The picture is as {} sent it at {} and not yet verified: {} of the {} events it was made of are here",
        fold_.roster().name_of(shown->from), format_utc(shown->made), shown->here, shown->events));
  if (!provisional_.doubt().empty()) out.push_back(provisional_.doubt());
  return out;
}

}  // namespace airbridge::ledger
