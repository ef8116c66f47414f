#pragma once
// Reads a folded state by the merge rules of the table of records (DESIGN 4).
#include "picture/state.hpp"
#include "picture/view.hpp"

namespace airbridge::picture {

// Everything of the view that follows from the entity's own state. Claims across tasks, same_as groups and what is
// awaited need the other entities: Fold adds them.
EntityView resolve(const EntityState& entity);

// Its fields whose claim another record contradicts (view.clashes) are in conflict.
void mark_clashes(EntityView& view);

// What this entity says about others.
struct Links {
  struct Claimed {
    model::FieldKey key;
    model::EntityId unit;
    friend auto operator<=>(const Claimed&, const Claimed&) = default;
  };
  std::vector<Claimed> claims;           // current claims of a live record, ascending
  std::vector<model::EntityId> same_as;  // ascending
  std::vector<model::EntityId> tracks;   // ascending
  friend bool operator==(const Links&, const Links&) = default;
};
Links links_of(const EntityView& view);

}  // namespace airbridge::picture
