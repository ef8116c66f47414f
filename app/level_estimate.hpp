#pragma once
// How long until two nodes hold the same, from what went over lately. One thread.
#include <map>
#include <optional>

#include "api/status.hpp"

namespace airbridge::app {

inline constexpr std::size_t level_nodes_max = 512;  // beyond it estimates begin anew

class LevelEstimate {
 public:
  // To be asked about once a second. `received` and `sent` count events over the links that are open now; they may
  // fall when a link ends. Nothing: unknown, because something is missing and nothing moves. 0: level.
  std::optional<Milliseconds> of(const model::KeyId& node, std::uint64_t received, std::uint64_t sent,
                                 std::uint64_t lacks_here, std::uint64_t lacks_there, SteadyTime now);

 private:
  struct Flow {
    SteadyTime at{};
    std::uint64_t received = 0, sent = 0;
    double in_per_s = 0, out_per_s = 0;  // moving means over about half a minute
    bool begun = false;
  };
  std::map<model::KeyId, Flow> flows_;
};

}  // namespace airbridge::app
