#pragma once
// The table of last values (DESIGN 3 "volatile state"): what was last said of each subject by each source.
// Never in the log and never in the state hash. One thread.
#include <list>
#include <unordered_map>

#include "picture/view.hpp"

namespace airbridge::picture {

inline constexpr Milliseconds future_tolerance{5 * 60 *
                                               1000};    // ahead of the arrival: then the source's clock is wrong
inline constexpr std::size_t sources_per_track_max = 8;  // the one heard longest ago goes

enum class Observed {
  Taken,
  Late,   // not newer than what this source said before: ignored
  Moved,  // taken, but measured in the future: set back to the arrival and flagged
};

class Tracks {
 public:
  explicit Tracks(std::size_t tracks_max) : tracks_max_(tracks_max) {}

  // At tracks_max a new subject makes the one go that was heard longest ago.
  Observed observe(model::Observation observation, UtcTime arrived);
  // Forgets what is lost at `now` (lost_after by kind). To be called now and then, for instance each second.
  std::size_t drop_lost(UtcTime now);
  std::size_t size() const { return states_.size(); }

  // The track as it is now, ranked; null when there is none.
  std::shared_ptr<TrackView> view(const model::EntityId& id) const;
  // What changed, appeared or went since the last call; an id may stand twice.
  std::vector<model::EntityId> take_changed();
  void touch(const model::EntityId& id);  // its unit changed: report it as changed

 private:
  struct State {
    model::EntityId id;
    std::vector<TrackSource> sources;
    bool changed = false;
  };
  using Order = std::list<State>;  // the one heard longest ago first
  void mark(State& state);
  void drop(Order::iterator at);

  std::size_t tracks_max_;
  Order order_;
  std::unordered_map<model::EntityId, Order::iterator> states_;
  std::vector<model::EntityId> changed_;
};

}  // namespace airbridge::picture
