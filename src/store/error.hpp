#pragma once
// What can go wrong between the store and its callers. `what` is a sentence for people, with file and place.
#include <string>

#include "base/result.hpp"
#include "store/disk.hpp"

namespace airbridge::store {

enum class StoreFault {
  DiskFull,       // nothing of the batch counts; reading goes on
  DiskError,      // the disk failed; nothing of the batch counts
  Gap,            // an entry before this one is missing here
  WrongChain,     // a seal whose head is not the chain's
  Contradiction,  // the same dot with other bytes is already here: a fork, the caller makes a branch of it
  TooBig,
  Malformed,
  NotFound,
  Damaged,        // bytes on disk do not carry their checksum
  OtherFormat,    // written by a newer Airbridge, or by one from before the first release
  WrongIncident,  // the directory belongs to another incident
  InUse,          // another process has it open
  Busy,           // the writer's inbox is full: try later
  Stopped
};
std::string_view name_of(StoreFault fault);

struct StoreError {
  StoreFault fault = StoreFault::DiskError;
  std::string what;
};

template <class T>
using StoreResult = Result<T, StoreError>;

inline auto store_failure(StoreFault fault, std::string what) { return failure(StoreError{fault, std::move(what)}); }
StoreError from_disk(const DiskError& error);

}  // namespace airbridge::store
