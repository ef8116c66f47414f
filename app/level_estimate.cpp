#include "level_estimate.hpp"

#include <algorithm>
#include <cmath>

namespace airbridge::app {
namespace {
constexpr double memory_s = 30;
constexpr double moving_min = 0.01;  // events a second; less is standing still
constexpr double longest_s = 30.0 * 24 * 3600;
}  // namespace

std::optional<Milliseconds> LevelEstimate::of(const model::KeyId& node, std::uint64_t received, std::uint64_t sent,
                                              std::uint64_t lacks_here, std::uint64_t lacks_there, SteadyTime now) {
  if (flows_.size() >= level_nodes_max && !flows_.contains(node)) flows_.clear();
  auto& flow = flows_[node];
  const auto elapsed = std::chrono::duration<double>(now - flow.at).count();
  if (!flow.begun || received < flow.received || sent < flow.sent) {
    flow = {now, received, sent, 0, 0, true};
  } else if (elapsed > 0) {
    const auto keep = std::exp(-elapsed / memory_s);
    const auto mix = [&](double mean, std::uint64_t more) {
      return mean * keep + static_cast<double>(more) / elapsed * (1 - keep);
    };
    flow.in_per_s = mix(flow.in_per_s, received - flow.received);
    flow.out_per_s = mix(flow.out_per_s, sent - flow.sent);
    flow.at = now;
    flow.received = received;
    flow.sent = sent;
  }
  double seconds = 0;
  const auto consider = [&](std::uint64_t lacks, double per_s) {
    if (lacks == 0) return true;
    if (per_s < moving_min) return false;
    seconds = std::max(seconds, static_cast<double>(lacks) / per_s);
    return true;
  };
  if (!consider(lacks_here, flow.in_per_s) || !consider(lacks_there, flow.out_per_s)) return std::nullopt;
  return Milliseconds(static_cast<std::int64_t>(std::min(seconds, longest_s) * 1000));
}

}  // namespace airbridge::app
