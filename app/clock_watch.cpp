#include "clock_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli_support.hpp"

namespace airbridge::app {

void ClockWatch::note(const picture::Records& records, const picture::EntityRow& row) {
  if (row.arrival == 0) return;
  highest_ = std::max(highest_, row.arrival);
  const auto brief = records.brief(row);
  const auto author = brief.last.writer.author;
  if (seen_.size() >= clocks_watched_max && !seen_.contains(author)) return;
  auto& seen = seen_[author];
  if (row.arrival < seen.arrival) return;
  seen = {(brief.last_time.time() - row.arrived).count(), brief.last_quality, row.arrival, row.arrived};
}

void ClockWatch::look(const picture::Picture& picture) {
  if (picture.seq() == seq_) return;
  const auto changes = seq_ == 0 ? std::nullopt : picture.changes_since(seq_);
  seq_ = picture.seq();
  const auto records = picture.entities();
  if (!changes) {
    // Too much changed for a list of it: what came since is what has a later arrival.
    records.for_each_row([&, seen = highest_](const picture::EntityRow& row) {
      if (row.arrival > seen) note(records, row);
    });
    return;
  }
  for (const auto& id : changes->entities) {
    if (const auto* row = records.find_row(id)) note(records, *row);
  }
}

std::vector<api::ClockInfo> ClockWatch::doubtful(const picture::Picture& picture) const {
  std::vector<api::ClockInfo> out;
  for (const auto& [author, seen] : seen_) {
    if (seen.ahead_ms <= api::clock_doubt_min.count()) continue;
    out.push_back({author, picture.roster().name_of(author), seen.ahead_ms, seen.quality, seen.arrived});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.ahead_ms != b.ahead_ms ? a.ahead_ms > b.ahead_ms : a.id < b.id;
  });
  return out;
}

std::string words_of(const api::ClockInfo& clock) {
  return fmt::format("The clock of {} is ahead of this node's by about {}; one of the two is wrong", clock.name,
                     age_words(clock.ahead_ms));
}

}  // namespace airbridge::app
