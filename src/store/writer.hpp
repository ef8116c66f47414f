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
#include "store/log.hpp"

namespace airbridge::store {

struct WriterLimits {
  std::size_t waiting_max = 10'000;               // submissions; above, submit() says Busy
  std::size_t batch_bytes_max = 4 * 1024 * 1024;  // a batch is synced when it has grown to this
  std::size_t batch_submissions_max = 2'000;
};

struct Durable {
  std::uint64_t first = 0;  // arrival numbers of what was submitted; 0: it was all here already
  std::uint64_t last = 0;
};
using DurableResult = StoreResult<Durable>;

class Writer {
 public:
  // Appends to the log; runs on the writer's thread. An error leaves nothing of this submission behind.
  using Work = std::function<StoreResult<void>(Log& log)>;
  // Runs on the writer's thread when the work is durable, or will never be. Must not wait for the writer.
  using Done = std::function<void(const DurableResult& outcome)>;
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
  struct Submission {
    Work work;
    Done done;
    DurableResult outcome;
  };
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
