#include "sync/claims.hpp"

#include <algorithm>

namespace airbridge::sync {

std::uint64_t claimed_beyond(std::uint64_t claimed, std::uint64_t here) {
  const auto believed = std::min(claimed, stream_events_max);
  return believed > here ? believed - here : 0;
}

std::uint64_t add_claims(std::uint64_t a, std::uint64_t b) {
  if (a >= claimed_events_max || b >= claimed_events_max - a) return claimed_events_max;
  return a + b;
}

void ClaimWatch::look(const HeldVector& theirs, const model::VersionVector& here, const Link& link, SteadyTime now) {
  doubtful_.clear();
  for (auto& [stream, standing] : standing_) standing.is_there = false;
  auto own = here.begin();  // both are in order
  for (const auto& [stream, held] : theirs) {
    while (own != here.end() && own->first < stream) ++own;
    const auto held_here = own != here.end() && own->first == stream ? own->second : 0;
    if (held.seq <= held_here) continue;
    auto found = standing_.find(stream);
    if (found == standing_.end()) {
      if (standing_.size() >= claims_watched_max) continue;
      found = standing_.emplace(stream, Standing{held_here, now, true}).first;
    }
    auto& standing = found->second;
    standing.is_there = true;
    if (standing.here != held_here) standing = {held_here, now, true};
    const bool is_impossible = held.seq > stream_events_max;
    const auto stands = now - standing.since;
    const auto quiet = now - link.events_heard;
    const bool is_late = stands >= claim_doubt_after && quiet >= (link.is_message ? claim_doubt_after : claim_quiet);
    const bool is_very_late = stands >= claim_doubt_always && !link.is_message;
    if (is_impossible || (!link.may_hold_back && (is_late || is_very_late)))
      doubtful_.push_back({stream, held.seq, held_here, standing.since, is_impossible});
  }
  std::erase_if(standing_, [](const auto& item) { return !item.second.is_there; });
}

void ClaimWatch::came(const model::StreamId& stream, SteadyTime now) {
  const auto found = standing_.find(stream);
  if (found != standing_.end()) found->second.since = now;
}

}  // namespace airbridge::sync
