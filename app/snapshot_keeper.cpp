#include "snapshot_keeper.hpp"

#include <utility>

#include "base/log.hpp"

namespace airbridge::app {
namespace {
constexpr Milliseconds snapshot_retry{60'000};
}  // namespace

SnapshotKeeper::SnapshotKeeper(store::Writer& writer, std::uint64_t every, std::uint64_t disk_free_min)
    : writer_(writer),
      every_(every),
      disk_free_min_(disk_free_min),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SnapshotKeeper::~SnapshotKeeper() = default;

std::uint64_t SnapshotKeeper::behind() {
  const std::scoped_lock lock(mutex_);
  return behind_ + failed_;
}

void SnapshotKeeper::keep_if_due(picture::Fold& fold, std::uint64_t arrival, SteadyTime now) {
  {
    const std::scoped_lock lock(mutex_);
    if (failed_ != 0) {
      behind_ += std::exchange(failed_, 0);
      retry_at_ = now + snapshot_retry;
    }
    if (task_ || behind_ < every_ || (retry_at_ && now < *retry_at_)) return;
    task_ = Task{fold.freeze(), arrival, std::exchange(behind_, 0)};
  }
  retry_at_.reset();
  changed_.notify_all();
}

void SnapshotKeeper::keep_now(picture::Fold& fold, std::uint64_t arrival) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !task_; });
    behind_ += std::exchange(failed_, 0);
  }
  if (behind_ == 0) return;
  if (write(fold.freeze(), arrival)) behind_ = 0;
}

bool SnapshotKeeper::write(const picture::Fold::Frozen& picture, std::uint64_t arrival) {
  const auto bytes = picture.bytes();
  const auto free = writer_.read([](store::Log& log) { return log.free_bytes(); });
  if (free && *free < bytes.size() + disk_free_min_) {
    log::warn("store", "no snapshot was written: the room is kept for events", {{"free_bytes", *free}});
    return false;
  }
  const auto kept = writer_.write_snapshot(bytes, arrival);
  if (!kept) log::warn("store", "no snapshot could be written", {{"why", kept.error().what}});
  return kept.has_value();
}

void SnapshotKeeper::run(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [this] { return task_.has_value(); });
    if (!task_) return;
    // The core touches no task that is there.
    lock.unlock();
    const bool kept = write(task_->picture, task_->arrival);
    lock.lock();
    if (!kept) failed_ = task_->events;
    task_.reset();
    changed_.notify_all();
  }
}

}  // namespace airbridge::app
