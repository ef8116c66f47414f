#pragma once
// What a channel is like. The caller fills it from the configuration; the presets are starting points.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace airbridge::bearer {

struct Profile {
  std::string name;
  std::uint32_t rate_bps = 0;  // of the raw channel; 0: as fast as the other side acknowledges
  std::size_t mtu = 1200;      // bytes of a whole frame, 64..1500
  bool half_duplex = false;    // one transmits at a time; turns are handed over
  Milliseconds turn_round{0};  // from receiving to transmitting, until the first bit leaves
  Milliseconds delay{20};      // one way, without the frame's own time on the air; an estimate to begin with
  bool broadcast = false;      // a frame reaches every station in range
  // Nobody answers: all goes to all, from what was last known, with repair frames and repeats. Who only listens sets
  // duty_cycle to 0.
  bool one_way = false;
  bool encrypt = true;                  // false: sign-only, the payload goes in clear under the same tag
  double duty_cycle = 1.0;              // share of the time this node may transmit, over duty_window
  Milliseconds duty_window{3'600'000};  // at most one hour
  Milliseconds interval{15'000};        // between beacons
  // Rank of what a byte costs, 0: nothing. Of several ways to a node the cheapest that works is used, what can be done
  // without does not go where a byte costs something, and who hears nobody beacons there no more often than others.
  std::uint32_t cost = 0;
  std::size_t burst_frames = 16;   // of a turn on half duplex, at most 32
  std::size_t repair_percent = 0;  // parity frames per hundred data frames of a block sent to all; two parties that
                                   // answer each other never need them

  friend bool operator==(const Profile&, const Profile&) = default;
};

// "lan", "lte", "satellite", "radio", "serial"; nothing for another name.
std::optional<Profile> preset(std::string_view name);
const std::vector<std::string_view>& preset_names();
// Pulls every number into its bounds (limits.hpp).
Profile bounded(Profile profile);

}  // namespace airbridge::bearer
