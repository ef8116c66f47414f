#pragma once
// The picture as readers hold it: immutable, consistent in itself, shared by pointer. Any thread; nothing here waits.
// Fold (fold.hpp) makes one at every publish; old ones live as long as somebody holds them and share what is unchanged.
#include "picture/records.hpp"
#include "picture/spatial_index.hpp"
#include "trust/roster.hpp"

namespace airbridge::picture {

// Why an event of the log is not in the picture.
enum class Withheld : std::uint8_t {
  NotGranted,       // its author may not write (yet)
  ActorNotGranted,  // the person it names may not
};
struct WithheldEvent {
  model::Dot dot;
  Withheld why = Withheld::NotGranted;
  std::uint64_t arrival = 0;
};

struct Fork {
  model::StreamId base;
  std::uint64_t from = 0;  // the first sequence number with two contents; nothing from there on is folded
  struct Branch {
    model::StreamId stream;
    std::uint64_t events = 0;  // kept and listed
  };
  std::vector<Branch> branches;
};

struct Counts {
  std::uint64_t folded = 0, withheld = 0, unreadable = 0, on_branches = 0;
  std::size_t entities = 0;  // all of them: also placeholders and deleted ones
  std::size_t placeholders = 0, deleted = 0, with_conflict = 0, with_newer_fields = 0, tracks = 0;
  std::size_t private_lacking = 0;  // events
  ConflictCounts own_conflicts;     // of each record by itself; conflicts.hpp counts the others too
};

struct Changes {
  std::uint64_t from = 0, to = 0;
  std::vector<model::EntityId> entities, removed_entities;  // ascending; an id stands in one list only
  std::vector<model::EntityId> tracks, removed_tracks;
};

template <class ViewPtr>
struct Near {
  ViewPtr view{};
  Metres distance;  // to its place; to the box around its shape, 0 inside
};

class Picture {
 public:
  // Counts publishes from 1; 0 is the empty picture before the first.
  std::uint64_t seq() const { return seq_; }
  const Counts& counts() const { return counts_; }
  const trust::Roster& roster() const { return *roster_; }

  // Each view is made anew when asked for, and is the caller's.
  Records entities() const { return {entities_, keys_}; }
  Records entities_of(std::uint16_t record) const {  // deleted ones and placeholders included; looks at every row
    return {entities_, keys_, record};
  }
  // With a field in conflict and not deleted, or revived: what conflicts.hpp makes its list from.
  Records conflicts() const { return {conflicts_, keys_}; }
  Records linked() const { return {linked_, keys_}; }  // as the same thing as another; deleted ones included
  Records placeholders() const { return {placeholders_, keys_}; }
  Records deleted() const { return {deleted_, keys_}; }
  EntityPtr find(const model::EntityId& id) const { return entities().find(id); }  // null when there is none

  // Pointers to tracks stay valid as long as this picture does.
  const Table<TrackView>& tracks() const { return tracks_; }
  const TrackView* find_track(const model::EntityId& id) const { return tracks_.find(id); }
  // Of a unit that is linked to live tracks: the one measured last; null when none is here.
  const TrackView* track_of(const EntityView& unit) const;
  // Where it is: its live track's position when it has one, else its own place.
  std::optional<Position> position_of(const EntityView& entity) const;

  // By place, without deleted entities. Ascending by id; nearest ones by distance, equal ones by id.
  std::vector<EntityPtr> entities_in(const Box& box) const;
  std::vector<const TrackView*> tracks_in(const Box& box) const;
  std::vector<Near<EntityPtr>> nearest_entities(const Position& from, std::size_t k, Metres reach = {1e9}) const;
  std::vector<Near<const TrackView*>> nearest_tracks(const Position& from, std::size_t k, Metres reach = {1e9}) const;

  const std::vector<WithheldEvent>& withheld() const {
    return *withheld_;
  }  // the first FoldLimits::withheld_listed_max
  const std::vector<Fork>& forks() const { return *forks_; }

  // What changed after the publish `seq`; nothing when that is too long ago, or of another life: take it all anew.
  std::optional<Changes> changes_since(std::uint64_t seq) const;

 private:
  friend class Fold;
  struct Delta {
    std::uint64_t seq = 0;
    std::vector<model::EntityId> entities, removed_entities, tracks, removed_tracks;
    std::size_t size() const {
      return entities.size() + removed_entities.size() + tracks.size() + removed_tracks.size();
    }
  };
  std::uint64_t seq_ = 0;
  Counts counts_;
  std::shared_ptr<const trust::Roster> roster_;
  Table<EntityRow> entities_, conflicts_, linked_, placeholders_, deleted_;
  std::shared_ptr<const KeyTable> keys_;
  Table<TrackView> tracks_;
  SpatialIndex entity_index_, track_index_;
  std::shared_ptr<const std::vector<WithheldEvent>> withheld_;
  std::shared_ptr<const std::vector<Fork>> forks_;
  std::vector<std::shared_ptr<const Delta>> deltas_;  // oldest first, no gaps
};
using PicturePtr = std::shared_ptr<const Picture>;

}  // namespace airbridge::picture
