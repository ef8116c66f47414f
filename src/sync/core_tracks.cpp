// Tracks: where things have been, told when nothing else is to be said (docs/adr/0015). Each side says once how far it
// holds each track; from then on it is sent what continues them, on narrow links in small parts with pauses.
#include <algorithm>

#include "sync/core.hpp"

namespace airbridge::sync {
namespace {
std::int64_t seconds_of(UtcTime time) { return ms_of(time) / 1'000; }
}  // namespace

// Not where each byte costs something, nor where nobody says what it holds.
bool Core::carries_tracks(const Peer& peer) {
  return !peer.link.is_one_way && peer.link.cost == 0 &&
         (peer.link.is_message || (peer.features & feature_tracks) != 0);
}

bool Core::has_tracks_for(const Peer& peer, Now now) const {
  if (!carries_tracks(peer) || now.steady < peer.tracks_not_before) return false;
  const bool says = !peer.tracks_said && (tracks_.size() > 0 || peer.tracks_asked);
  return says || next_track(peer).has_value();
}

std::optional<TrackId> Core::next_track(const Peer& peer) const {
  // Asked whenever something was sent or heard: mostly nothing has changed.
  if (!peer.tracks_held || peer.tracks_level == tracks_.state()) return std::nullopt;
  std::optional<TrackId> found;
  tracks_.for_each([&](const TrackId& id, const TrackTag& tag, std::int64_t last_s) {
    if (found || id.gateway == peer.node) return;
    const auto held = peer.tracks_held->find(tag);
    if (held == peer.tracks_held->end() || held->second < last_s) found = id;
  });
  return found;
}

bool Core::send_tracks(Peer& peer, Now now) {
  if (!has_tracks_for(peer, now)) {
    if (now.steady >= peer.tracks_not_before) peer.tracks_level = tracks_.state();
    return false;
  }
  if (!peer.tracks_said) {
    peer.tracks_said = true;
    TracksHeld held;
    tracks_.for_each([&](const TrackId&, const TrackTag& tag, std::int64_t last_s) {
      held.tracks.emplace_back(tag, static_cast<std::uint64_t>(last_s));
    });
    hand_over(peer, encode_for(peer, held), false, std::nullopt);
    return true;
  }
  const auto id = *next_track(peer);
  const bool narrow = peer.link.is_narrow;
  const auto tag = tag_of(id);
  const auto held = peer.tracks_held->find(tag);
  const auto fixes = tracks_.after(id, held == peer.tracks_held->end() ? INT64_MIN : held->second,
                                   narrow ? track_fixes_narrow : fixes_per_part_max);
  (*peer.tracks_held)[tag] = fixes.back().time_s;
  hand_over(peer, encode_for(peer, TrackPart{id, pack_fixes(fixes)}), false, std::nullopt);
  // The fuller the channel, the longer the pause: never above a twentieth of it.
  if (narrow)
    peer.tracks_not_before = now.steady + std::max(track_pause_min, value_interval(peer.occupancy.value_or(1)));
  return true;
}

void Core::on_tracks_held(Peer& peer, const TracksHeld& held) {
  peer.tracks_held.emplace();
  peer.tracks_level = 0;
  for (const auto& [tag, last_s] : held.tracks) (*peer.tracks_held)[tag] = static_cast<std::int64_t>(last_s);
  std::size_t known = 0;
  tracks_.for_each([&](const TrackId&, const TrackTag& tag, std::int64_t last_s) {
    const auto theirs = peer.tracks_held->find(tag);
    if (theirs != peer.tracks_held->end() && theirs->second <= last_s) ++known;
  });
  if (known < peer.tracks_held->size()) peer.tracks_asked = true;
}

void Core::on_track_part(Peer& peer, const TrackPart& part, Now now) {
  const auto fixes = unpack_fixes(part.fixes);
  if (!fixes) return refuse(peer, "a track that cannot be read: " + model::describe(fixes.error()));
  // What this node heard itself nobody knows better.
  if (fixes->empty() || part.id.gateway == config_.node) return;
  if (peer.tracks_held) {
    auto& held = (*peer.tracks_held)[tag_of(part.id)];
    held = std::max(held, fixes->back().time_s);
  }
  if (tracks_.told(part.id, *fixes, seconds_of(now.utc)) > 0) pump_all(now);
}

void Core::hear_track(const model::Observation& observation, Now now) {
  if (observation.gateway == config_.node) tracks_.heard(observation, seconds_of(now.utc));
}

}  // namespace airbridge::sync
