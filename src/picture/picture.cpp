#include "picture/picture.hpp"

#include <algorithm>

namespace airbridge::picture {
namespace {
template <class Item>
std::vector<const Item*> within(const SpatialIndex& index, const Box& box) {
  std::vector<const Item*> out;
  index.query(box, [&](const SpatialItem& item) { out.push_back(static_cast<const Item*>(item.what)); });
  std::sort(out.begin(), out.end(), [](const Item* a, const Item* b) { return a->id < b->id; });
  return out;
}

template <class Item>
std::vector<Near<const Item*>> near(const SpatialIndex& index, const Position& from, std::size_t k, Metres reach) {
  std::vector<Near<const Item*>> out;
  for (const auto& found : index.nearest(from, k, reach)) {
    out.push_back({static_cast<const Item*>(found.what), found.distance});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.view->id < b.view->id;
  });
  return out;
}

// Later deltas win: an id ends as changed or as removed.
class Collected {
 public:
  void add(const std::vector<model::EntityId>& ids, bool removed) {
    for (const auto& id : ids) last_[id] = removed;
  }
  void take(std::vector<model::EntityId>& changed, std::vector<model::EntityId>& removed) const {
    for (const auto& [id, gone] : last_) (gone ? removed : changed).push_back(id);
    std::sort(changed.begin(), changed.end());
    std::sort(removed.begin(), removed.end());
  }

 private:
  std::unordered_map<model::EntityId, bool> last_;
};
}  // namespace

const TrackView* Picture::track_of(const EntityView& unit) const {
  const TrackView* best = nullptr;
  for (const auto& id : unit.tracks) {
    const auto* track = find_track(id);
    if (track != nullptr && (best == nullptr || track->measured() > best->measured())) best = track;
  }
  return best;
}

std::optional<Position> Picture::position_of(const EntityView& entity) const {
  if (const auto* track = track_of(entity)) return track->now().position;
  return entity.position;
}

std::vector<EntityPtr> Picture::entities_in(const Box& box) const {
  std::vector<EntityPtr> out;
  for (const auto* row : within<EntityRow>(entity_index_, box)) out.push_back(entities().view(*row));
  return out;
}
std::vector<const TrackView*> Picture::tracks_in(const Box& box) const { return within<TrackView>(track_index_, box); }
std::vector<Near<EntityPtr>> Picture::nearest_entities(const Position& from, std::size_t k, Metres reach) const {
  std::vector<Near<EntityPtr>> out;
  for (const auto& found : near<EntityRow>(entity_index_, from, k, reach)) {
    out.push_back({entities().view(*found.view), found.distance});
  }
  return out;
}
std::vector<Near<const TrackView*>> Picture::nearest_tracks(const Position& from, std::size_t k, Metres reach) const {
  return near<TrackView>(track_index_, from, k, reach);
}

std::optional<Changes> Picture::changes_since(std::uint64_t seq) const {
  if (seq > seq_) return std::nullopt;
  if (seq < seq_ && (deltas_.empty() || deltas_.front()->seq > seq + 1)) return std::nullopt;
  Changes out;
  out.from = seq;
  out.to = seq_;
  Collected entities, tracks;
  for (const auto& delta : deltas_) {
    if (delta->seq <= seq) continue;
    entities.add(delta->entities, false);
    entities.add(delta->removed_entities, true);
    tracks.add(delta->tracks, false);
    tracks.add(delta->removed_tracks, true);
  }
  entities.take(out.entities, out.removed_entities);
  tracks.take(out.tracks, out.removed_tracks);
  return out;
}

}  // namespace airbridge::picture
