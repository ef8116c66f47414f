#pragma once
// The one thread that writes the store (STYLE 6). Takes everything that waits, makes it durable with one fdatasync and
// then tells each submitter. Readers share the log under a mutex that is never held during a sync.
//
//   writer.submit([&](Log& log) { return log.append_run(run, now).map(...); }, [](auto outcome) { ... });
//
// Nothing of a submission is seen by readers before it is durable, and its `done` runs after.
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>

#include "base/inbox.hpp"
#include "base/time.hpp"
#include "store/batch.hpp"

namespace airbridge::store {

class Writer {
 public:
  using Work = Submission::Work;  // runs on the writer's thread
  using Done = Submission::Done;  // so does this. Must not wait for the writer
  // Runs on the writer's thread after each batch: everything up to `arrival` is durable.
  using OnDurable = std::function<void(std::uint64_t arrival)>;

  Writer(Log log, const Clock& clock, WriterLimits limits = {}, OnDurable on_durable = {});
  // Finishes what was submitted. The log keeps no mark of a clean stop unless stop() was called.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Any thread. Busy when too much waits, Stopped after stop(): then `done` is not called.
  StoreResult<void> submit(Work work, Done done);
  // Submits one entry, one sealed run.
  StoreResult<void> submit(model::Entry entry, model::CommandId command, Done done);
  StoreResult<void> submit(model::SealedRun run, Done done);

  // Any thread, at once: the last durable arrival number.
  std::uint64_t durable_arrival() const { return durable_.load(std::memory_order_acquire); }
  std::size_t waiting() const { return inbox_.size(); }

  // Any thread: reads the log, while a sync may be under way. Keep it short; page through long readings.
  template <class Read>
  auto read(Read&& reading) {  // not for appending: that is submit()'s
    const std::scoped_lock lock(mutex_);
    return std::forward<Read>(reading)(log_);
  }

  // Any thread: a snapshot with the caller's picture, which holds everything up to `picture_arrival`. The log is held
  // while the snapshot is made, not while it is written.
  StoreResult<void> write_snapshot(ByteView picture, std::uint64_t picture_arrival);

  // Finishes what was submitted, leaves the mark of a clean stop, ends the thread. For good.
  StoreResult<void> stop();

 private:
  void run(const std::stop_token& stop);
  void write(std::vector<Submission> waiting);
  void write_batch(std::span<Submission> batch);

  const Clock& clock_;
  const WriterLimits limits_;
  const OnDurable on_durable_;
  std::mutex mutex_;  // the log's tables; not held while the disk works
  Log log_;
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<bool> stopped_{false};
  Inbox<Submission> inbox_;
  std::jthread thread_;
};

}  // namespace airbridge::store
