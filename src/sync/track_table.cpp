#include "sync/track_table.hpp"

#include <algorithm>

namespace airbridge::sync {

TrackTag tag_of(const TrackId& id) {
  const auto subject = model::to_text(id.subject);
  return blake2b<8>({id.gateway.view(), as_bytes(subject)});
}

bool TrackTable::heard(const model::Observation& observation, std::int64_t now_s) {
  // What anybody may have broadcast, and what is played from a recording, is nobody's track.
  if (observation.heard_only || observation.replayed || observation.ended) return false;
  const auto fix = fix_of(observation);
  if (fix.time_s > now_s + track_lead_max_s || fix.time_s < now_s - track_span_s) return false;
  const TrackId id{observation.subject, observation.gateway};
  forget_future(id, now_s);
  if (thinners_.size() >= tracks_max && !thinners_.contains(id)) thinners_.clear();
  auto kept = thinners_[id].add(fix, observation.horizontal_error_95.value_or(Metres{0}));
  if (const auto known = tracks_.find(id); known != tracks_.end())
    std::erase_if(kept, [&](const Fix& one) { return one.time_s <= known->second.fixes.back().time_s; });
  if (kept.empty()) return false;
  append(id, kept, now_s);
  return true;
}

// A clock that ran years ahead and was set right must not end a track for years.
void TrackTable::forget_future(const TrackId& id, std::int64_t now_s) {
  const auto latest_max = now_s + track_lead_max_s;
  if (const auto thinner = thinners_.find(id); thinner != thinners_.end() && thinner->second.latest_s() > latest_max)
    thinners_.erase(thinner);
  if (const auto track = tracks_.find(id); track != tracks_.end() && track->second.fixes.back().time_s > latest_max) {
    fixes_ -= track->second.fixes.size();
    tracks_.erase(track);
  }
}

std::size_t TrackTable::told(const TrackId& id, const std::vector<Fix>& fixes, std::int64_t now_s) {
  const auto known = tracks_.find(id);
  const auto last = known == tracks_.end() ? INT64_MIN : known->second.fixes.back().time_s;
  std::vector<Fix> fresh;
  for (const auto& fix : fixes) {
    if (fix.time_s > last && fix.time_s >= now_s - track_span_s && fix.time_s <= now_s + track_lead_max_s)
      fresh.push_back(fix);
  }
  if (!fresh.empty()) append(id, fresh, now_s);
  return fresh.size();
}

void TrackTable::append(const TrackId& id, const std::vector<Fix>& fixes, std::int64_t now_s) {
  auto& track = tracks_[id];
  if (track.fixes.empty()) track.tag = tag_of(id);
  track.grew = ++clock_;
  track.fixes.insert(track.fixes.end(), fixes.begin(), fixes.end());
  fixes_ += fixes.size();
  while (track.fixes.size() > 1 &&
         (track.fixes.size() > fixes_per_track_max || track.fixes.front().time_s < now_s - track_span_s)) {
    track.fixes.pop_front();
    --fixes_;
  }
  make_room(id);
}

void TrackTable::make_room(const TrackId& keep) {
  while (tracks_.size() > tracks_max || fixes_ > fixes_total_max) {
    auto oldest = tracks_.end();
    for (auto it = tracks_.begin(); it != tracks_.end(); ++it) {
      if (it->first != keep && (oldest == tracks_.end() || it->second.grew < oldest->second.grew)) oldest = it;
    }
    if (oldest == tracks_.end()) return;
    fixes_ -= oldest->second.fixes.size();
    tracks_.erase(oldest);
  }
}

std::vector<Fix> TrackTable::after(const TrackId& id, std::int64_t time_s, std::size_t max) const {
  const auto found = tracks_.find(id);
  if (found == tracks_.end()) return {};
  const auto& fixes = found->second.fixes;
  const auto from = std::upper_bound(fixes.begin(), fixes.end(), time_s,
                                     [](std::int64_t time, const Fix& fix) { return time < fix.time_s; });
  return {from, from + std::min<std::ptrdiff_t>(fixes.end() - from, static_cast<std::ptrdiff_t>(max))};
}

std::vector<std::pair<model::KeyId, std::vector<Fix>>> TrackTable::of(const model::EntityId& subject) const {
  std::vector<std::pair<model::KeyId, std::vector<Fix>>> out;
  for (auto it = tracks_.lower_bound({subject, {}}); it != tracks_.end() && it->first.subject == subject; ++it)
    out.emplace_back(it->first.gateway, std::vector<Fix>(it->second.fixes.begin(), it->second.fixes.end()));
  return out;
}

}  // namespace airbridge::sync
