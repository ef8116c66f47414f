#include "link_use.hpp"

#include <algorithm>

namespace airbridge::app {

LinkUse::Use LinkUse::of(const std::string& way, const Counts& counts, SteadyTime now) {
  if (!ways_.contains(way) && ways_.size() >= use_ways_max) return {};
  auto& [looks, is_asked] = ways_[way];
  is_asked = true;
  if (!looks.empty()) {
    const auto& last = looks.back().counts;
    if (counts.bytes < last.bytes || counts.sent < last.sent || counts.again < last.again) looks.clear();
  }
  // The first is the one that stood when the window began.
  while (looks.size() > 1 && looks[1].at <= now - use_window) looks.pop_front();
  if (looks.empty() || now - looks.back().at >= use_looked_every) looks.push_back({now, counts});
  const auto& from = looks.front();
  const auto elapsed = std::chrono::duration_cast<Milliseconds>(now - from.at);
  if (elapsed < use_shortest) return {};
  Use out;
  out.bps = (counts.bytes - from.counts.bytes) * 8'000 / static_cast<std::uint64_t>(elapsed.count());
  if (const auto sent = counts.sent - from.counts.sent; sent > 0)
    out.again_percent =
        std::min(100.0, static_cast<double>(counts.again - from.counts.again) * 100 / static_cast<double>(sent));
  return out;
}

void LinkUse::sweep() {
  std::erase_if(ways_, [](const auto& item) { return !item.second.is_asked; });
  for (auto& [name, way] : ways_) way.is_asked = false;
}

}  // namespace airbridge::app
