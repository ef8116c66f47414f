#pragma once
// Leaves a snapshot of the picture beside the log whenever so much has happened since the last one that a start would
// have too much to read. A thread of its own makes the bytes and waits for the disk: neither the core nor any reader of
// the log does. Every call from the core's thread.
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "picture/fold.hpp"
#include "store/writer.hpp"

namespace airbridge::app {

class SnapshotKeeper {
 public:
  // `every`: folded events from one snapshot to the next. `disk_free_min`: bytes of the disk that no snapshot may take.
  // The writer must outlive this object.
  SnapshotKeeper(store::Writer& writer, std::uint64_t every, std::uint64_t disk_free_min);
  ~SnapshotKeeper();  // finishes the one under way
  SnapshotKeeper(const SnapshotKeeper&) = delete;
  SnapshotKeeper& operator=(const SnapshotKeeper&) = delete;

  // Events are folded that no snapshot holds.
  void folded(std::uint64_t events) { behind_ += events; }
  // How many. Those of a snapshot that could not be written count again.
  std::uint64_t behind();
  // Freezes the fold when a snapshot is due and none is under way; after a failure not before snapshot_retry.
  // `arrival`: the fold holds everything of the log up to there.
  void keep_if_due(picture::Fold& fold, std::uint64_t arrival, SteadyTime now);
  // At the end: waits for the one under way, then writes what is still missing, here and now.
  void keep_now(picture::Fold& fold, std::uint64_t arrival);

 private:
  struct Task {
    picture::Fold::Frozen picture;
    std::uint64_t arrival = 0;
    std::uint64_t events = 0;
  };
  void run(const std::stop_token& stop);
  bool write(const picture::Fold::Frozen& picture, std::uint64_t arrival);

  store::Writer& writer_;
  const std::uint64_t every_, disk_free_min_;
  std::uint64_t behind_ = 0;
  std::optional<SteadyTime> retry_at_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Task> task_;  // there until it is done
  std::uint64_t failed_ = 0;  // events of it when it could not be written
  std::jthread thread_;
};

}  // namespace airbridge::app
