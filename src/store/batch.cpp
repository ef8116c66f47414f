#include "store/batch.hpp"

namespace airbridge::store {

std::span<Submission> append_batch(Log& log, std::span<Submission> waiting, const WriterLimits& limits) {
  std::size_t count = 0;
  for (auto& submission : waiting) {
    if (count >= limits.batch_submissions_max || log.buffered_bytes() >= limits.batch_bytes_max) break;
    ++count;
    const auto before = log.mark();
    const auto first = log.next_arrival();
    if (auto done = submission.work(log); !done) {
      log.rollback(before);
      submission.outcome = failure(done.error());
    } else if (log.next_arrival() > first) {
      submission.outcome = Durable{first, log.next_arrival() - 1};
    }
  }
  return waiting.first(count);
}

void tell_batch(std::span<Submission> batch, const StoreResult<std::uint64_t>& durable) {
  for (auto& submission : batch) {
    // Also one that added nothing: what it repeats may have been in this very batch.
    if (!durable && submission.outcome) submission.outcome = failure(durable.error());
    if (submission.done) submission.done(submission.outcome);
  }
}

}  // namespace airbridge::store
