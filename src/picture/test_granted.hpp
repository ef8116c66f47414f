#pragma once
// For the tests of the fold: a world in which everybody may write, and a fold that is fed and looked at.
#include <doctest/doctest.h>

#include "picture/test_world.hpp"

namespace airbridge::picture::test {

// A world whose devices 2, 3 and 4 are granted, and a fold that knows it.
struct Granted : World {
  Fold node = fold();
  std::vector<EntityPtr> seen;  // so that what see() gave lives on
  Granted() {
    for (std::uint8_t device = 2; device <= 4; ++device) feed(grant(device));
  }
  Verdict feed(const FoldEvent& event) { return node.apply(event); }
  const EntityView& see(const model::EntityId& id) {
    seen.push_back(node.publish()->find(id));
    REQUIRE(seen.back() != nullptr);
    return *seen.back();
  }
  std::string name_of(const model::EntityId& id, std::string_view field) {
    const auto* found = see(id).find(field);
    return found == nullptr ? "-" : text(found->acting.value);
  }
};

}  // namespace airbridge::picture::test
