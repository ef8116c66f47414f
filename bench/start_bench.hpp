#pragma once
// How long a node takes from opening its ledger to its first published picture. Builds a home with real events in
// `folder` through the ledger itself: signed, sealed and encrypted, ten about each record, as page and gateways write
// them. Progress goes to standard error. Ends the process with words when a start finds anything else than was written.
#include <cstdint>
#include <string>

namespace airbridge::bench {

struct Start {
  double wall_s = 0;
  double user_s = 0;  // CPU of all threads: what counts while others load the machine
};

struct StartTimes {
  std::uint64_t events = 0, records = 0, private_parts = 0, tail = 0;
  Start from_snapshot;  // with `tail` events behind it
  Start from_log;       // no snapshot there
};

inline constexpr std::uint64_t start_tail = 10'000;
// `events` is a multiple of ten, above start_tail.
StartTimes time_starts(const std::string& folder, std::uint64_t events);

}  // namespace airbridge::bench
