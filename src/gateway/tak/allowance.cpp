#include "gateway/tak/allowance.hpp"

#include <algorithm>
#include <functional>

namespace airbridge::gateway::tak {

namespace {
constexpr Milliseconds sweep_every{1'000};  // at most, while the table of uids is full
}

Allowance::Verdict Allowance::take(std::string_view uid, bool urgent, SteadyTime now) {
  if (filled_ != SteadyTime{}) {
    const auto seconds = static_cast<double>((now - filled_).count()) / 1000;
    tokens_ = std::min(limits_.burst, tokens_ + std::max(seconds, 0.0) * limits_.events_per_second);
  }
  filled_ = now;
  if (tokens_ < (urgent ? 1 : limits_.reserve + 1)) return Verdict::TooFast;
  if (!knows(uid, now) && !urgent) return Verdict::TooManyUids;
  tokens_ -= 1;
  return Verdict::Ok;
}

// Whether the uid is, or now is, one of those the client may speak of.
bool Allowance::knows(std::string_view uid, SteadyTime now) {
  const auto hash = std::hash<std::string_view>()(uid);
  if (const auto found = uids_.find(hash); found != uids_.end()) {
    found->second = now;
    return true;
  }
  if (uids_.size() >= limits_.uids_max) {
    if (swept_ != SteadyTime{} && now - swept_ < sweep_every) return false;
    swept_ = now;
    std::erase_if(uids_, [&](const auto& known) { return now - known.second > limits_.uid_memory; });
    if (uids_.size() >= limits_.uids_max) return false;
  }
  uids_.emplace(hash, now);
  return true;
}

}  // namespace airbridge::gateway::tak
