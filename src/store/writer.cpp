#include "store/writer.hpp"

namespace airbridge::store {

Writer::Writer(Log log, const Clock& clock, WriterLimits limits, OnDurable on_durable)
    : clock_(clock),
      limits_(limits),
      on_durable_(std::move(on_durable)),
      log_(std::move(log)),
      durable_(log_.durable_arrival()),
      inbox_(limits.waiting_max),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Writer::~Writer() {
  stopped_ = true;
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

StoreResult<void> Writer::submit(Work work, Done done) {
  if (stopped_) return store_failure(StoreFault::Stopped, "the store is stopping");
  if (!inbox_.try_put({std::move(work), std::move(done), Durable{}})) {
    return store_failure(StoreFault::Busy, "more is waiting to be recorded than the store takes");
  }
  return {};
}

StoreResult<void> Writer::submit(model::Entry entry, model::CommandId command, Done done) {
  return submit(
      [this, entry = std::move(entry), command](Log& log) -> StoreResult<void> {
        if (auto done_ = log.append_entry(entry, command, clock_.now().utc); !done_) return failure(done_.error());
        return {};
      },
      std::move(done));
}

StoreResult<void> Writer::submit(model::SealedRun run, Done done) {
  return submit(
      [this, run = std::move(run)](Log& log) -> StoreResult<void> {
        if (auto done_ = log.append_run(run, clock_.now().utc); !done_) return failure(done_.error());
        return {};
      },
      std::move(done));
}

void Writer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) write(inbox_.take_all(stop));
  write(inbox_.take_now());
}

void Writer::write(std::vector<Submission> waiting) {
  std::span<Submission> rest(waiting);
  while (!rest.empty()) {
    std::span<Submission> batch;
    {
      const std::scoped_lock lock(mutex_);
      batch = append_batch(log_, rest, limits_);
    }
    write_batch(batch);
    rest = rest.subspan(batch.size());
  }
}

void Writer::write_batch(std::span<Submission> batch) {
  const auto now = clock_.now().utc;
  const auto flushed = log_.flush(now);  // only this thread appends, so the buffer needs no lock
  StoreResult<std::uint64_t> durable = 0;
  {
    const std::scoped_lock lock(mutex_);
    durable = log_.commit(flushed, now);
  }
  if (durable) {
    durable_.store(*durable, std::memory_order_release);
    if (on_durable_) on_durable_(*durable);
  }
  tell_batch(batch, durable);
}

StoreResult<void> Writer::write_snapshot(ByteView picture, std::uint64_t picture_arrival) {
  const auto snapshot = read([](const Log& log) { return log.make_snapshot(); });
  return Log::save_snapshot(log_.disk(), snapshot, picture, picture_arrival);
}

StoreResult<void> Writer::stop() {
  stopped_ = true;
  if (!thread_.joinable()) return {};
  thread_.request_stop();
  thread_.join();
  // Whatever was put in between the last look and the flag.
  write(inbox_.take_now());
  return log_.close(clock_.now().utc);
}

}  // namespace airbridge::store
