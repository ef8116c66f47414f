#pragma once
// What readers see: plain, immutable values. Nothing here depends on "now"; ages and staleness are for the reader, who
// knows the time. Names of nodes and persons are in the roster of the Picture (picture.hpp).
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/geometry.hpp"
#include "model/observation.hpp"
#include "model/schema.hpp"
#include "picture/box.hpp"
#include "picture/stamp.hpp"

namespace airbridge::picture {

// A value and who said it. Equal values written concurrently agree: then `dots` names all of them and `stamp` is the
// one that ranks highest. To replace a value, a write names these dots.
struct Choice {
  model::Value value;
  std::vector<model::Dot> dots;  // ascending
  StampPtr stamp;
};

// How to read one by rule:
//   MultiValue    acting = the most cautious, `alternatives` the others; `conflict` when there are others
//   Ranked        acting = the highest ranked, `alternatives` the losers; never a conflict
//   Claim         acting = the highest ranked; `conflict` when there are others, or another live task claims the unit
//   StateMachine  acting = the highest ranked; `conflict` when there are others
//   Append        `values` = all, earliest first; acting = the latest
//   OrSet         `values` = the distinct members, by value; acting = the one added last
//   Counter       acting.value = the sum; `values` = the increments, earliest first
//   Versions      `values` = the heads, by rank; acting = the highest; `conflict` when there are two or more
// A field that was cleared has a null acting value and still its dots. A set from which all was removed has no dots.
struct FieldView {
  model::FieldKey key;
  const model::FieldSpec* spec = nullptr;  // null: a newer version's field
  bool is_private = false;
  bool conflict = false;
  Choice acting;
  std::vector<Choice> alternatives;  // highest first
  std::vector<Choice> values;
};

// One scarce unit claimed by this record and by another that is as live.
struct Clash {
  model::FieldKey key;
  model::EntityId unit;
  model::EntityId other;
  friend auto operator<=>(const Clash&, const Clash&) = default;
};

struct EntityView {
  model::EntityId id;
  std::uint16_t record = 0;
  const model::RecordSpec* spec = nullptr;  // null: a newer version's record
  std::string display;                      // "C-7K3QX"; letter "?" when the record is not known here
  bool made_up = false;
  bool placeholder = false;               // the event that created it is not here (or not readable) yet
  std::vector<model::KeyId> waiting_for;  // nodes whose events about it are missing; ascending
  bool deleted = false;
  StampPtr deleted_by;
  bool revived = false;                    // deleted by one who had not seen another's write
  StampPtr revived_by;                     // that write
  std::vector<model::Dot> deletes;         // what takes the delete back names: the last one's dot of each stream
  std::vector<FieldView> fields;           // by field number, public ones first
  std::vector<FieldView> newer;            // fields this version does not know: kept, merged, hashed, shown as a count
  std::vector<model::FieldKey> conflicts;  // keys of `fields` with a conflict
  std::vector<Clash> clashes;
  StampPtr created, updated;  // by the authors' clocks
  std::uint64_t arrival = 0;  // this node's arrival number and time of the last event about it
  UtcTime arrived{};
  std::optional<Position> position;  // its place, or a point to label its shape
  std::optional<EllipsoidHeight> height;
  std::optional<model::Geometry> geometry;
  Box box;                                  // around position or geometry; only when `position` is there
  std::vector<model::EntityId> same_as;     // the others of its group, ascending
  std::vector<model::EntityId> claimed_by;  // of a unit that several live tasks claim: these, ascending
  std::vector<model::EntityId> tracks;      // of a unit: the live tracks that are it, ascending
  std::vector<model::Dot> private_lacking;  // events about it whose private part this node cannot read or lacks
  // What a delete names as replaced so that it deletes all that is seen here: the last dot of each stream. At most
  // model::coverage_max; beyond that the list is cut and the entity cannot be deleted. Of more than fit into one event
  // the author makes several.
  std::vector<model::Dot> coverage;

  std::size_t newer_fields() const { return newer.size(); }
  const FieldView* find(model::FieldKey key) const;
  const FieldView* find(std::string_view name) const;
};

// Contradictions for a person to settle.
struct ConflictCounts {
  std::uint32_t all = 0;
  std::uint32_t urgent = 0;  // of these
};

// One source's last word on a track.
struct TrackSource {
  std::shared_ptr<const model::Observation> said;
  UtcTime arrived{};
  bool from_future = false;  // its clock runs ahead: `said->measured` was set back to the arrival
};

// One real object. sources[0] is the one to show: the newest, where several are about as new (fusion_window) the most
// trustworthy: the node's own receiver, then devices that log in, then other feeds, then unauthenticated broadcasts.
struct TrackView {
  model::EntityId id;
  std::vector<TrackSource> sources;     // never empty
  std::optional<model::EntityId> unit;  // the unit record that is this track

  const model::Observation& now() const { return *sources.front().said; }
  std::string_view callsign() const;  // the acting source's, else the next one's that has it
  std::string_view team() const;
  std::string_view role() const;
  UtcTime measured() const { return now().measured; }
  UtcTime stale_at() const;  // from then on it is drawn as stale
  UtcTime lost_at() const;   // from then on it is not in the list
  bool is_stale(UtcTime at) const { return at >= stale_at(); }
  Box box() const { return box_of(now().position); }
};

inline constexpr Milliseconds fusion_window{10'000};

}  // namespace airbridge::picture
