#pragma once
// Leaves a snapshot of the picture beside the log whenever so much has happened since the last one that a start would
// have too much to read. The bytes are made and written aside (Surroundings::aside()): neither the ledger nor any
// reader of the log waits for the disk.
#include <algorithm>
#include <memory>
#include <optional>

#include "ledger/surroundings.hpp"
#include "picture/fold.hpp"

namespace airbridge::ledger {

inline constexpr Milliseconds snapshot_retry{60'000};  // after one that could not be written
// Soon after one the next waits until so many times as much has happened: while events pour in, freezing would cost as
// much as folding them, and a start reads that many in a third of a second.
inline constexpr Milliseconds snapshot_rest{5'000};
inline constexpr std::uint64_t snapshot_rush = 8;

class Snapshots {
 public:
  // `every`: folded events from one snapshot to the next. `disk_free_min`: bytes of the disk that no snapshot may take.
  Snapshots(Surroundings& around, std::uint64_t every, std::uint64_t disk_free_min)
      : around_(around), every_(every), disk_free_min_(disk_free_min) {}

  // Events are folded that no snapshot holds.
  void folded(std::uint64_t events) { behind_ += events; }
  std::uint64_t behind() const { return behind_; }
  // The next one is due now: those before hold what the log has lost.
  void hurry() { behind_ = std::max(behind_, every_); }
  // Freezes the fold when a snapshot is due and none is under way; after a failure not before snapshot_retry.
  // `arrival`: the fold holds everything of the log up to there.
  void keep_if_due(picture::Fold& fold, std::uint64_t arrival);
  // At the end: waits for the one under way, then writes what is still missing, here and now.
  void keep_now(picture::Fold& fold, std::uint64_t arrival);

 private:
  struct Task;
  bool settle();  // false while one is under way

  Surroundings& around_;
  const std::uint64_t every_, disk_free_min_;
  std::uint64_t behind_ = 0;
  std::optional<SteadyTime> retry_at_, begun_;
  std::shared_ptr<Task> task_;
};

}  // namespace airbridge::ledger
