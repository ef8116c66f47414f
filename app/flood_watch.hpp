#pragma once
// Which authors make more urgent events than the protocol lets pass as urgent (sync::Core::flood_events_max in
// flood_window). Counted by the events' own stamps, in spans of that length since 1970, so that a backlog that arrives
// at once is no flood. Display only.
#include <map>
#include <utility>
#include <vector>

#include "model/entry.hpp"
#include "sync/core.hpp"

namespace airbridge::app {

inline constexpr std::size_t floods_watched_max = 256;  // authors; the one heard longest ago goes
inline constexpr Milliseconds flood_shown_for{10 * 60'000};

class FloodWatch {
 public:
  void note(const model::SealedRun& run, SteadyTime now);  // runs of other classes are passed over
  // With how many in the span, most first.
  std::vector<std::pair<model::KeyId, std::uint64_t>> flooding(SteadyTime now) const;

 private:
  struct Seen {
    std::int64_t span = 0;
    std::uint64_t count = 0;
    std::uint64_t worst = 0;  // of the spans lately
    SteadyTime worst_at{}, at{};
  };
  std::map<model::KeyId, Seen> seen_;
};

}  // namespace airbridge::app
