#pragma once
// All that stands in contradiction, as one list for a person to settle (DESIGN 4). A pure reading of a picture: the
// same events make the same list on every node. Nothing in it settles itself; settling is an event that names every
// dot it settles, and what came meanwhile from elsewhere stands beside it as a conflict again.
#include "picture/picture.hpp"

namespace airbridge::picture {

enum class ConflictKind : std::uint8_t {
  Values,    // of one field, written by people who did not know of each other (MultiValue, Claim, StateMachine)
  Versions,  // a plan has two heads
  Clash,     // several live tasks claim one scarce unit
  Revived,   // deleted by one who did not know of another's write
  SameAs,    // records linked as the same thing say different things of it
  Grants,    // authorities say different things of one member
  Fork,      // a stream has two contents; nothing from there on is in the picture
};
std::string_view name_of(ConflictKind kind);  // "values", "versions", ...

struct ConflictChoice {
  model::Value value;            // of Clash: the task that keeps the unit; of Grants and Fork: words
  std::vector<model::Dot> dots;  // that said so; ascending
  StampPtr stamp;                // null of Grants and Fork
  model::EntityId entity;        // the record that says so
  // What to write so that this one alone stands, one draft a record, each naming all dots it settles. Empty: nothing a
  // field can say settles it.
  std::vector<model::Draft> settle;
};

struct Conflict {
  ConflictKind kind = ConflictKind::Values;
  model::EntityId entity;    // of Clash: the unit; of SameAs: the first of the group; of Grants and Fork: nothing real
  std::uint16_t record = 0;  // of `entity`; of Clash that of the tasks, whose field it is
  const model::FieldSpec* field = nullptr;   // null of Revived, Grants and Fork
  model::Class cls = model::Class::Routine;  // of the most urgent value
  std::vector<ConflictChoice> choices;       // two at least; the one acted on first; of a Fork none
  std::optional<model::KeyId> about;         // of Grants the member, of Fork the author
  StampPtr newest;                           // of the values; null of Grants and Fork
};

// Most urgent first, then the newest, then by record. Work: the records with a conflict, not all.
std::vector<Conflict> conflicts_of(const Picture& picture);

// How many conflicts_of() would list, without making them: the work is that of those between records.
ConflictCounts count_conflicts(const Picture& picture);
// Those of one record by itself.
ConflictCounts count_conflicts(const EntityView& entity);

}  // namespace airbridge::picture
