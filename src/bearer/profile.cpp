#include "bearer/profile.hpp"

#include <algorithm>

#include "bearer/limits.hpp"

namespace airbridge::bearer {

std::optional<Profile> preset(std::string_view name) {
  Profile out;
  out.name = std::string(name);
  if (name == "lan") {
    out.mtu = 1400;
    out.delay = Milliseconds(2);
    out.interval = Milliseconds(5'000);
  } else if (name == "lte") {
    out.rate_bps = 2'000'000;
    out.mtu = 1200;
    out.delay = Milliseconds(40);
    out.cost = 1;
  } else if (name == "satellite") {
    out.rate_bps = 64'000;
    out.mtu = 600;
    out.delay = Milliseconds(600);
    out.interval = Milliseconds(60'000);
    out.cost = 5;
  } else if (name == "radio") {
    out.rate_bps = 2'400;
    out.mtu = 200;
    out.half_duplex = true;
    out.turn_round = Milliseconds(350);
    out.delay = Milliseconds(10);
    out.broadcast = true;
    out.interval = Milliseconds(60'000);
  } else if (name == "serial") {
    out.rate_bps = 9'600;
    out.mtu = 256;
    out.delay = Milliseconds(10);
    out.interval = Milliseconds(15'000);
  } else {
    return std::nullopt;
  }
  return out;
}

const std::vector<std::string_view>& preset_names() {
  static const std::vector<std::string_view> names{"lan", "lte", "satellite", "radio", "serial"};
  return names;
}

Profile bounded(Profile profile) {
  profile.mtu = std::clamp(profile.mtu, mtu_min, mtu_max);
  profile.turn_round = std::clamp(profile.turn_round, Milliseconds(0), Milliseconds(10'000));
  profile.delay = std::clamp(profile.delay, Milliseconds(0), Milliseconds(60'000));
  profile.duty_cycle = std::clamp(profile.duty_cycle, 0.0, 1.0);
  profile.duty_window = std::clamp(profile.duty_window, Milliseconds(1'000), Milliseconds(3'600'000));
  profile.interval = std::clamp(profile.interval, Milliseconds(500), Milliseconds(3'600'000));
  profile.burst_frames = std::clamp<std::size_t>(profile.burst_frames, 2, burst_frames_max);
  profile.repair_percent = std::min<std::size_t>(profile.repair_percent, 100);
  // Without answers there are no turns.
  if (profile.one_way) profile.half_duplex = false;
  // Nobody says that it comes too fast.
  if (profile.one_way && profile.rate_bps == 0) profile.rate_bps = one_way_rate_bps;
  // Turns need a known time on the air for each frame.
  if (profile.half_duplex && profile.rate_bps == 0) profile.rate_bps = 2'400;
  return profile;
}

}  // namespace airbridge::bearer
