#pragma once
// The ledger's view of its log, with the mistake that can be planted in it.
#include "simulate/simulate.hpp"
#include "simulate/time_around.hpp"
#include "sync/log_view.hpp"

namespace airbridge::simulate {

class PlantedView final : public sync::LogView {
 public:
  PlantedView(const sync::LogView& view, TimeAround& around, Bug bug) : view_(view), around_(around), bug_(bug) {}

  model::VersionVector vector() const override {
    auto out = view_.vector();
    if (bug_ != Bug::VectorPastGap) return out;
    for (const auto& [stream, head] : around_.log().heads()) {
      if (head.seq > head.contiguous) out[stream] = head.seq;
    }
    return out;
  }
  std::optional<model::Hash> chain_at(const model::StreamId& stream, std::uint64_t seq) const override {
    return view_.chain_at(stream, seq);
  }
  std::vector<model::SealedRun> runs_after(const model::StreamId& stream, std::uint64_t seq,
                                           std::size_t bytes_max) const override {
    return view_.runs_after(stream, seq, bytes_max);
  }
  std::optional<model::PublicKey> author_key(const model::KeyId& author) const override {
    return view_.author_key(author);
  }
  std::vector<model::KeyId> persons() const override { return view_.persons(); }
  model::Writer own_writer() const override { return view_.own_writer(); }

 private:
  const sync::LogView& view_;
  TimeAround& around_;
  Bug bug_;
};

}  // namespace airbridge::simulate
