#include "ledger/report_queue.hpp"

#include <algorithm>

namespace airbridge::ledger {
namespace {

// Whether the last of several such writes says all that they said.
bool replaces(const model::Write& write) {
  const auto rule = write.key.rule();
  return !model::holds_many(rule) && rule != model::MergeRule::Tombstone && rule != model::MergeRule::Versions;
}

bool merge(model::Draft& into, const model::Draft& newer) {
  if (into.record != newer.record || into.command || newer.command || into.after != newer.after ||
      into.via != newer.via || into.source != newer.source || into.actor != newer.actor) {
    return false;
  }
  if (!std::ranges::all_of(into.writes, replaces) || !std::ranges::all_of(newer.writes, replaces)) return false;
  for (const auto& write : newer.writes) {
    const auto same = std::ranges::find(into.writes, write.key, &model::Write::key);
    if (same != into.writes.end()) {
      *same = write;
    } else {
      into.writes.push_back(write);
    }
  }
  return true;
}

}  // namespace

std::optional<ReportQueue::Report> ReportQueue::put(Report report) {
  const auto entity = *report.draft.entity;
  const auto found = waiting_.find(entity);
  if (found != waiting_.end()) {
    auto& last = found->second.back();
    if (merge(last.draft, report.draft)) {
      last.meet = std::move(report.meet);
      const auto superseded = std::exchange(last.done, std::move(report.done));
      superseded({CommandDone{entity, "", {}, model::Class::Routine, false}});
      return std::nullopt;
    }
    if (found->second.size() >= reports_per_record_max) return report;
  }
  if (size_ >= reports_waiting_max) return report;
  waiting_[entity].push_back(std::move(report));
  ++size_;
  return std::nullopt;
}

std::optional<ReportQueue::Report> ReportQueue::take(const model::EntityId& entity) {
  const auto found = waiting_.find(entity);
  if (found == waiting_.end()) return std::nullopt;
  auto report = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) waiting_.erase(found);
  --size_;
  return report;
}

}  // namespace airbridge::ledger
