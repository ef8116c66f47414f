#include "simulate/time_around.hpp"

#include <fmt/format.h>

namespace airbridge::simulate {
namespace {
constexpr std::int64_t telling_ms_max = 4;  // from the writing thread to the ledger's
constexpr std::int64_t aside_ms_max = 5'000;
// Small, so that a batch can be full and the waiting line too.
constexpr store::WriterLimits limits{.waiting_max = 400, .batch_bytes_max = 64 * 1024, .batch_submissions_max = 32};
}  // namespace

trust::Author::Salt::result_type TimeAround::random_salt() {
  trust::Author::Salt::result_type out;
  rng_.fill(out.value);
  return out;
}

template <class Work>
void TimeAround::later(std::int64_t ms, Work work) {
  timeline_.in(ms, [alive = std::weak_ptr<bool>(alive_), work = std::move(work)] {
    if (!alive.expired()) work();
  });
}

void TimeAround::after(Milliseconds delay, std::function<void()> work) { later(delay.count(), std::move(work)); }

void TimeAround::take_log(store::Log log) {
  log_.emplace(std::move(log));
  synced_arrival_ = log_->durable_arrival();
  handlers_.on_log();
}

store::StoreResult<void> TimeAround::submit(store::Submission::Work work, std::function<void()> prepare,
                                            store::Submission::Done done) {
  if (waiting_.size() >= limits.waiting_max)
    return store::store_failure(store::StoreFault::Busy, "more is waiting to be recorded than the store takes");
  // The outcome crosses from thread to thread: some time later, in order.
  auto crossing = [this, prepare = std::move(prepare), done = std::move(done)](const store::DurableResult& outcome) {
    if (outcome && prepare) prepare();
    told_at_ms_ = std::max(told_at_ms_, timeline_.now() + rng_.between(0, telling_ms_max));
    later(told_at_ms_ - timeline_.now(), [done, outcome] { done(outcome); });
  };
  waiting_.push_back({std::move(work), std::move(crossing), store::Durable{}});
  if (!writing_) {
    writing_ = true;
    later(0, [this] { begin_batch(); });
  }
  return {};
}

// Takes what waits into the log's buffer; the disk has it some time later.
void TimeAround::begin_batch() {
  const auto count = store::append_batch(*log_, waiting_, limits).size();
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  batch_.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  if (bug_ == Bug::SendBeforeSync || bug_ == Bug::AckBeforeSync) {
    disk_.pretend_to_sync(true);
    const auto believed = log_->sync(now().utc);
    disk_.pretend_to_sync(false);
    if (bug_ == Bug::AckBeforeSync) tell_batch(believed);
    later(0, [this] { handlers_.on_early(); });
  }
  const auto delay = handlers_.disk_delay_ms();
  later(delay + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(delay))), [this] { end_batch(); });
}

void TimeAround::end_batch() {
  store::StoreResult<std::uint64_t> durable = 0;
  const bool survived = handlers_.on_disk([&] {
    if (bug_ == Bug::SendBeforeSync || bug_ == Bug::AckBeforeSync) disk_.sync_all();
    durable = log_->sync(now().utc);
  });
  if (!survived) return;
  if (durable) note_synced();
  tell_batch(durable);
  writing_ = !waiting_.empty();
  if (writing_) later(0, [this] { begin_batch(); });
}

void TimeAround::tell_batch(const store::StoreResult<std::uint64_t>& durable) {
  store::tell_batch(batch_, durable);
  batch_.clear();
}

void TimeAround::note_synced() {
  const auto from = synced_arrival_ + 1;
  synced_arrival_ = log_->durable_arrival();
  if (from <= synced_arrival_) handlers_.on_synced(from);
}

void TimeAround::aside(std::function<void()> work) {
  aside_ = std::move(work);
  later(rng_.between(1, aside_ms_max), [this] {
    if (auto work_ = std::exchange(aside_, {})) (void)handlers_.on_disk(work_);
  });
}

void TimeAround::finish_aside() {
  if (const auto work = std::exchange(aside_, {})) work();
}

void TimeAround::tell(log::Level, std::string_view message, std::initializer_list<log::Field> fields) {
  std::string line(message);
  for (const auto& field : fields) line += fmt::format(" {}={}", field.key, field.value);
  handlers_.tell(line);
}

void TimeAround::stop() {
  alive_.reset();
  if (!log_) return;
  if (!batch_.empty() && log_->sync(now().utc)) note_synced();
  while (!waiting_.empty()) {
    const auto count = store::append_batch(*log_, waiting_, limits).size();
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    if (log_->sync(now().utc)) note_synced();
  }
  (void)log_->close(now().utc);
}

}  // namespace airbridge::simulate
