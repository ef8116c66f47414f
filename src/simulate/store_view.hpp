#pragma once
// The log as the protocol core sees it. Shows only what is on disk, unless a bug is planted.
#include <deque>

#include "simulate/simulate.hpp"
#include "store/log.hpp"
#include "sync/log_view.hpp"

namespace airbridge::simulate {

class StoreView final : public sync::LogView {
 public:
  StoreView(store::Log& log, const model::KeyId& own, Bug bug) : log_(log), own_(own), bug_(bug) {}

  model::VersionVector vector() const override;
  std::optional<model::Hash> chain_at(const model::StreamId& stream, std::uint64_t seq) const override;
  std::vector<model::SealedRun> runs_after(const model::StreamId& stream, std::uint64_t seq,
                                           std::size_t bytes_max) const override;
  std::optional<model::PublicKey> author_key(const model::KeyId& author) const override {
    return log_.author_key(author);
  }
  model::Writer own_writer() const override { return log_.incarnation().value_or(model::Writer{own_, 0}); }

  // For the planted bugs: what is buffered in the log and not yet on disk.
  void show_early(const model::SealedRun& run) { early_[run.seal.stream].push_back(run); }
  void hide_early() { early_.clear(); }

 private:
  store::Log& log_;
  model::KeyId own_;
  Bug bug_;
  std::map<model::StreamId, std::deque<model::SealedRun>> early_;
};

}  // namespace airbridge::simulate
