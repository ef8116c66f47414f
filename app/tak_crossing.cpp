#include "tak_crossing.hpp"

namespace airbridge::app {

void TakCrossing::put(std::vector<model::Observation>&& observations) {
  bool was_empty = false;
  {
    const std::scoped_lock lock(mutex_);
    was_empty = observations_.empty();
    for (auto& observation : observations) {
      document_bytes_ += observation.document.size();
      observations_.push_back(std::move(observation));
      if (observations_.size() <= observations_max && document_bytes_ <= document_bytes_max) continue;
      pop();
      dropped_.fetch_add(1, std::memory_order_relaxed);
    }
    was_empty = was_empty && !observations_.empty();
  }
  if (was_empty) loop_.post([this] { take_some(); });
}

model::Observation TakCrossing::pop() {
  auto oldest = std::move(observations_.front());
  observations_.pop_front();
  document_bytes_ -= oldest.document.size();
  return oldest;
}

void TakCrossing::take_some() {
  std::vector<model::Observation> some;
  bool is_more = false;
  {
    const std::scoped_lock lock(mutex_);
    while (!observations_.empty() && some.size() < at_once) some.push_back(pop());
    is_more = !observations_.empty();
  }
  // What comes from here on finds the queue as it is left: empty, and posts anew, or not, and is taken below.
  if (is_more) loop_.post([this] { take_some(); });
  for (auto& observation : some) core_.take(std::move(observation));
}

bool TakCrossing::put(const std::vector<gateway::tak::TakReport>& reports) {
  std::size_t drafts = 0;
  for (const auto& report : reports) drafts += report.drafts.size();
  if (core_.waiting() + drafts_.load() > drafts_max_) return false;
  drafts_ += drafts;
  loop_.post([this, reports, drafts] {
    core_.take_reports(reports);
    drafts_ -= drafts;
  });
  return true;
}

}  // namespace airbridge::app
