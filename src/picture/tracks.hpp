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
// Of all source documents together (Observation::document). Beyond it those of the tracks heard longest ago are
// dropped, never those of one in distress; the observation itself stays.
inline constexpr std::size_t track_documents_bytes_max = 48U << 20;

enum class Observed {
  Taken,
  Late,   // not newer than what this source said before, neither its position nor the rest (a stamp that lies in the
          // future by now aside): ignored
  Moved,  // taken, but measured in the future: set back to the arrival and flagged
};

class Tracks {
 public:
  explicit Tracks(std::size_t tracks_max, std::size_t documents_bytes_max = track_documents_bytes_max)
      : tracks_max_(tracks_max), documents_bytes_max_(documents_bytes_max) {}

  // At tracks_max a new subject makes the one go that was heard longest ago.
  Observed observe(model::Observation observation, UtcTime arrived);
  // Forgets what is lost at `now` (lost_after by kind). To be called now and then, for instance each second.
  std::size_t drop_lost(UtcTime now);
  std::size_t size() const { return states_.size(); }
  std::size_t document_bytes() const { return document_bytes_; }

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
    std::size_t document_bytes = 0;
  };
  using Order = std::list<State>;  // the one heard longest ago first
  void mark(State& state);
  void drop(Order::iterator at);
  void count_documents(State& state);
  void drop_documents();

  std::size_t tracks_max_, documents_bytes_max_;
  std::size_t document_bytes_ = 0;
  Order order_;
  std::unordered_map<model::EntityId, Order::iterator> states_;
  std::vector<model::EntityId> changed_;
};

}  // namespace airbridge::picture
