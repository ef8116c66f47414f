#pragma once
// How much one client may say, so that a broken or hostile one cannot use up the node's memory or the others' links.
// Every good event takes a token; what is urgent (alerts, casualties, chat) may also use a reserve that ordinary events
// leave alone. And a client speaks of so many objects and no more: what it spoke of long ago counts no longer.
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/time.hpp"

namespace airbridge::gateway::tak {

struct AllowanceLimits {
  // A bridge that passes on the aircraft of a whole region says less; a device says one a second.
  double events_per_second = 500;
  double burst = 2'000;  // at once, after a quiet time
  double reserve = 500;  // of these, for urgent events alone
  std::size_t uids_max = 2'000;
  Milliseconds uid_memory{10 * 60 * 1000};  // a uid not heard for so long counts no longer
};

class Allowance {
 public:
  enum class Verdict { Ok, TooFast, TooManyUids };

  explicit Allowance(const AllowanceLimits& limits) : limits_(limits), tokens_(limits.burst) {}
  Verdict take(std::string_view uid, bool urgent, SteadyTime now);

 private:
  bool knows(std::string_view uid, SteadyTime now);

  AllowanceLimits limits_;
  double tokens_;
  SteadyTime filled_{};
  std::unordered_map<std::uint64_t, SteadyTime> uids_;  // by hash
  SteadyTime swept_{};
};

}  // namespace airbridge::gateway::tak
