#pragma once
// Reads the whole log again and makes every chain anew from the stored entries, so that what rotted on the disk under
// an intact index is found: chain values that were remembered are not believed. In steps, so that nobody waits. The log
// may grow meanwhile; what came after the beginning is not read.
#include <string>
#include <vector>

#include "sync/log_view.hpp"

namespace airbridge::sync {

class Refold {
 public:
  struct Fault {
    model::StreamId stream;
    std::uint64_t from = 0;  // the first number that is not as it should be
    std::string what;
  };
  // The view must outlive it.
  Refold(const LogView& log, const model::IncidentId& incident);
  // Reads about so many bytes; false when all is read.
  bool step(std::size_t bytes_max);
  const std::vector<Fault>& faults() const { return faults_; }  // one a stream at most
  std::size_t streams() const { return streams_; }              // read to the end, or to a fault
  std::uint64_t events() const { return events_; }

 private:
  bool take(const model::SealedRun& run);  // false: a fault of this stream was named
  void next_stream();
  void fault(std::uint64_t from, std::string what);

  const LogView& log_;
  const model::IncidentId incident_;
  const model::VersionVector held_;
  model::VersionVector::const_iterator at_;
  bool begun_ = false;  // the stream at `at_`
  std::uint64_t seq_ = 0;
  model::Hash head_;
  std::vector<Fault> faults_;
  std::size_t streams_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace airbridge::sync
