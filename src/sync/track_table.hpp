#pragma once
// The tracks this node knows: of what it hears itself, thinned here, and of what others heard, as they thinned it. A
// track is one per (thing, node that heard it) and only ever grows at its end, so one number says all about how far it
// is held. In memory; lost at a restart, as last values are. One thread.
#include <deque>
#include <map>

#include "base/hash.hpp"
#include "sync/track.hpp"

namespace airbridge::sync {

inline constexpr std::int64_t track_span_s = 24 * 3600;    // older fixes go
inline constexpr std::size_t tracks_max = 256;             // the one that grew longest ago goes
inline constexpr std::size_t fixes_per_track_max = 2'000;  // the oldest go
inline constexpr std::size_t fixes_total_max = 200'000;    // of all: then the track that grew longest ago
inline constexpr std::int64_t track_lead_max_s = 5 * 60;   // further ahead of the clock a fix is not believed

using TrackTag = std::array<std::uint8_t, 8>;
struct TrackId {
  model::EntityId subject;
  model::KeyId gateway;
  friend auto operator<=>(const TrackId&, const TrackId&) = default;
};
TrackTag tag_of(const TrackId& id);

class TrackTable {
 public:
  // Heard here. True: its track grew.
  bool heard(const model::Observation& observation, std::int64_t now_s);
  // What another node told: what continues the track is taken. How many fixes that were.
  std::size_t told(const TrackId& id, const std::vector<Fix>& fixes, std::int64_t now_s);
  // At most `max` fixes later than that.
  std::vector<Fix> after(const TrackId& id, std::int64_t time_s, std::size_t max) const;
  template <class F>
  void for_each(F&& f) const {  // f(id, tag, time of the last fix)
    for (const auto& [id, track] : tracks_) f(id, track.tag, track.fixes.back().time_s);
  }
  // Of one thing, by whom it was heard.
  std::vector<std::pair<model::KeyId, std::vector<Fix>>> of(const model::EntityId& subject) const;
  std::uint64_t state() const { return clock_; }  // another number whenever a track grew; 0: there was never one
  std::size_t size() const { return tracks_.size(); }
  std::size_t fixes() const { return fixes_; }

 private:
  struct Track {
    TrackTag tag{};
    std::deque<Fix> fixes;  // never empty
    std::uint64_t grew = 0;
  };
  void append(const TrackId& id, const std::vector<Fix>& fixes, std::int64_t now_s);
  void forget_future(const TrackId& id, std::int64_t now_s);
  void make_room(const TrackId& keep);
  std::map<TrackId, Track> tracks_;
  std::map<TrackId, TrackThinner> thinners_;  // of what is heard here
  std::size_t fixes_ = 0;
  std::uint64_t clock_ = 0;
};

}  // namespace airbridge::sync
