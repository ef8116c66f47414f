#pragma once
// The folded state: what an incident's events amount to, with the dots that later events may still refer to.
//
// Problem: events come in any interleaving of streams, some late, some never, and every node must end at the same
// state. Taking "the last one" by time or by arrival fails with wrong clocks and with late parts. The idea: a write
// names the writes it replaces, so the state of a field is a plain function of the *set* of events folded:
//
//   current  = the writes folded whose dot no folded write of the field names as replaced
//   replaced = the dots named as replaced whose event is not folded yet ("replaced in advance")
//
// Both sides of that are unions, so folding commutes, associates and is idempotent. The merge rules differ only in how
// `current` is read (resolve.cpp). A tombstone's `replaced` is different: a coverage list, the last dot seen of each
// stream; what it does not cover revives the thing. The technique is the observed-remove set and the multi-value
// register of Shapiro, Preguica, Baquero and Zawirski (2011), "A comprehensive study of convergent and commutative
// replicated data types", with version vectors for the tombstone.
#include <optional>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "picture/dot_set.hpp"
#include "picture/stamp.hpp"

namespace airbridge::picture {

// One write that stands. Named by its event's dot and its place in the event: OrSet, Append and Counter fields may hold
// several of one event.
struct Element {
  model::Value value;
  StampPtr stamp;
  std::uint8_t index = 0;
  std::vector<model::Dot> covers;  // tombstones: the last dot seen of each stream, ascending
};

struct FieldState {
  std::uint16_t record = 0;  // 0 for the fields every record has (numbers 0..5)
  model::FieldKey key;
  std::vector<Element> current;      // ascending by (dot, index)
  std::vector<model::Dot> replaced;  // ascending; of tombstones: what all of them together cover
};

struct RecordSeen {
  std::uint16_t record = 0;
  StampPtr first;  // earliest event that names the entity by this record
};

struct EntityState {
  model::EntityId id;
  std::optional<std::uint16_t> created;  // the record of the event that created it, once folded
  std::vector<RecordSeen> records;       // ascending; more than one when gateways disagree
  StampPtr first, last;                  // earliest and latest event folded
  std::vector<FieldState> fields;        // ascending by (record, key)
  std::vector<StampPtr> bare;     // last event of each stream that wrote nothing public (its private part may have)
  std::vector<model::Dot> waits;  // named in `after` and not folded yet, ascending

  // Outside the state hash: what only holders of keys know, and what only this node knows.
  std::vector<FieldState> private_fields;
  std::vector<model::Dot> private_here;     // events whose private part is merged, ascending
  std::vector<model::Dot> private_lacking;  // events with a private part that this node cannot read or does not have
  std::uint64_t arrival = 0;                // of the event that changed it last
  UtcTime arrived{};

  bool changed = false;  // since its row was made
  bool wanted = false;   // since Fold last looked for states to put away
};

// Merges one event's writes into `fields`. `folded` says which events are already in; the event itself is not yet.
// Dots remembered as replaced in advance are appended to `remembered` (when given).
void merge_writes(std::vector<FieldState>& fields, std::uint16_t record, std::span<const model::Write> writes,
                  const StampPtr& stamp, const DotSet& folded, std::vector<model::Dot>* remembered);

// The event is folded now: nothing waits for it any more.
void forget_awaited(EntityState& entity, const model::Dot& dot);

// Is the dot at or before the one `coverage` names for its stream? `coverage` is ascending with one dot a stream.
bool covers(std::span<const model::Dot> coverage, const model::Dot& dot);
// Extends the coverage to the dot.
void extend_coverage(std::vector<model::Dot>& coverage, const model::Dot& dot);

const FieldState* find_field_state(const std::vector<FieldState>& fields, std::uint16_t record, model::FieldKey key);

}  // namespace airbridge::picture
