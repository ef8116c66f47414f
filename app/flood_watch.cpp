#include "flood_watch.hpp"

#include <algorithm>

namespace airbridge::app {

void FloodWatch::note(const model::SealedRun& run, SteadyTime now) {
  if (run.seal.stream.cls != model::Class::Urgent) return;
  const auto& author = run.seal.stream.writer.author;
  if (!seen_.contains(author) && seen_.size() >= floods_watched_max) {
    seen_.erase(
        std::ranges::min_element(seen_, [](const auto& a, const auto& b) { return a.second.at < b.second.at; }));
  }
  auto& seen = seen_[author];
  seen.at = now;
  for (const auto& entry : run.entries) {
    const auto event = model::decode_event(entry.public_part, entry.dot());
    if (!event) continue;
    const auto span = ms_of(event->time.time()) / sync::Core::flood_window.count();
    seen.count = span == seen.span ? seen.count + 1 : 1;
    seen.span = span;
    if (seen.count <= sync::Core::flood_events_max) continue;
    if (now >= seen.worst_at + flood_shown_for) seen.worst = 0;
    seen.worst = std::max(seen.worst, seen.count);
    seen.worst_at = now;
  }
}

std::vector<std::pair<model::KeyId, std::uint64_t>> FloodWatch::flooding(SteadyTime now) const {
  std::vector<std::pair<model::KeyId, std::uint64_t>> out;
  for (const auto& [author, seen] : seen_) {
    if (seen.worst > 0 && now < seen.worst_at + flood_shown_for) out.emplace_back(author, seen.worst);
  }
  std::ranges::sort(out, [](const auto& a, const auto& b) { return a.second > b.second; });
  return out;
}

}  // namespace airbridge::app
