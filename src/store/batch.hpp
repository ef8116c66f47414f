#pragma once
// What is made durable together, with one fdatasync: submissions of work on the log, and the telling afterwards. Writer
// (writer.hpp) does this on a thread of its own; a simulation does it in its own time.
//
//   const auto taken = append_batch(log, waiting, limits);   // into the log's buffer
//   const auto flushed = log.flush(now);                     // slow; readers may go on meanwhile
//   tell_batch(taken, log.commit(flushed, now));             // each submitter hears what became of it
#include <cstdint>
#include <functional>
#include <span>

#include "store/log.hpp"

namespace airbridge::store {

struct WriterLimits {
  std::size_t waiting_max = 10'000;               // submissions; above, further ones are refused as Busy
  std::size_t batch_bytes_max = 4 * 1024 * 1024;  // a batch is synced when it has grown to this
  std::size_t batch_submissions_max = 2'000;
};

struct Durable {
  std::uint64_t first = 0;  // arrival numbers of what was submitted; 0: it was all here already
  std::uint64_t last = 0;
};
using DurableResult = StoreResult<Durable>;

struct Submission {
  // Appends to the log. An error leaves nothing of this submission behind.
  using Work = std::function<StoreResult<void>(Log& log)>;
  // Told when the work is durable, or will never be.
  using Done = std::function<void(const DurableResult& outcome)>;
  Work work;
  Done done;
  DurableResult outcome;
};

// Does the work of the first submissions, as many as the limits let into one batch; those.
std::span<Submission> append_batch(Log& log, std::span<Submission> waiting, const WriterLimits& limits);
// `durable`: what commit() said.
void tell_batch(std::span<Submission> batch, const StoreResult<std::uint64_t>& durable);

}  // namespace airbridge::store
