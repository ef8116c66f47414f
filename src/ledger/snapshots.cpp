#include "ledger/snapshots.hpp"

#include <atomic>
#include <utility>

namespace airbridge::ledger {
namespace {

bool write(Surroundings& around, const picture::Fold::Frozen& picture, std::uint64_t arrival,
           std::uint64_t disk_free_min) {
  const auto bytes = picture.bytes();
  const auto free = around.read([](store::Log& log) { return log.free_bytes(); });
  if (free && *free < bytes.size() + disk_free_min) {
    around.tell(log::Level::Warn, "no snapshot was written: the room is kept for events", {{"free_bytes", *free}});
    return false;
  }
  store::Disk* disk = nullptr;
  std::uint64_t damaged = 0;
  const auto tables = around.read([&](store::Log& log) {
    disk = &log.disk();
    damaged = log.damage_found();
    return log.make_snapshot();
  });
  const auto kept = store::Log::save_snapshot(*disk, tables, bytes, arrival);
  const bool stale = around.read([&](store::Log& log) {
    if (log.damage_found() <= damaged) return false;
    log.forget_snapshots();  // it holds what has been lost since
    return true;
  });
  if (stale) return false;
  if (!kept) around.tell(log::Level::Warn, "no snapshot could be written", {{"why", kept.error().what}});
  return kept.has_value();
}

}  // namespace

struct Snapshots::Task {
  enum class State { UnderWay, Kept, Failed };
  picture::Fold::Frozen picture;
  std::uint64_t events = 0;
  std::atomic<State> state{State::UnderWay};
};

// Those of a snapshot that could not be written count again.
bool Snapshots::settle() {
  if (!task_) return true;
  const auto state = task_->state.load();
  if (state == Task::State::UnderWay) return false;
  if (state == Task::State::Failed) {
    behind_ += task_->events;
    retry_at_ = around_.now().steady + snapshot_retry;
  }
  task_.reset();
  return true;
}

void Snapshots::keep_if_due(picture::Fold& fold, std::uint64_t arrival) {
  if (!settle() || behind_ < every_) return;
  const auto now = around_.now().steady;
  if (retry_at_ && now < *retry_at_) return;
  if (begun_ && now - *begun_ < snapshot_rest && behind_ < every_ * snapshot_rush) return;
  retry_at_.reset();
  begun_ = now;
  task_ = std::make_shared<Task>();
  task_->picture = fold.freeze();
  task_->events = std::exchange(behind_, 0);
  around_.aside([task = task_, arrival, around = &around_, free_min = disk_free_min_] {
    const bool kept = write(*around, task->picture, arrival, free_min);
    task->state = kept ? Task::State::Kept : Task::State::Failed;
  });
}

void Snapshots::keep_now(picture::Fold& fold, std::uint64_t arrival) {
  around_.finish_aside();
  settle();
  if (behind_ == 0) return;
  if (write(around_, fold.freeze(), arrival, disk_free_min_)) behind_ = 0;
}

}  // namespace airbridge::ledger
