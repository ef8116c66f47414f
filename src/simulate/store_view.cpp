#include "simulate/store_view.hpp"

namespace airbridge::simulate {

model::VersionVector StoreView::vector() const {
  auto out = log_.vector();
  if (bug_ == Bug::VectorPastGap) {
    for (const auto& [stream, head] : log_.heads()) {
      if (head.seq > head.contiguous) out[stream] = head.seq;
    }
  }
  for (const auto& [stream, runs] : early_) out[stream] = std::max(out[stream], runs.back().seal.seq);
  return out;
}

std::optional<model::Hash> StoreView::chain_at(const model::StreamId& stream, std::uint64_t seq) const {
  const auto head = log_.chain_at(stream, seq);
  return head ? std::optional(*head) : std::nullopt;
}

std::vector<model::SealedRun> StoreView::runs_after(const model::StreamId& stream, std::uint64_t seq,
                                                    std::size_t bytes_max) const {
  auto found = log_.runs_after(stream, seq, bytes_max);
  std::vector<model::SealedRun> out;
  if (found) out = std::move(*found);
  if (const auto early = early_.find(stream); early != early_.end()) {
    for (const auto& run : early->second) {
      const auto reached = out.empty() ? seq : out.back().seal.seq;
      if (run.entries.front().seq == reached + 1) out.push_back(run);
    }
  }
  return out;
}

}  // namespace airbridge::simulate
