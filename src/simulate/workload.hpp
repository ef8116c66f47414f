#pragma once
// What people at a node do: report casualties, change triage, raise hazards, send messages, write the journal.
#include <vector>

#include "base/rng.hpp"
#include "model/entry.hpp"

namespace airbridge::simulate {

// What a user at a node has seen, and so may change.
class Seen {
 public:
  void note(const model::Dot& dot, const model::Event& event);
  model::Draft draw(Rng& rng) const;

 private:
  struct Casualty {
    model::EntityId entity;
    std::vector<model::Dot> triage;  // dots of the values last seen
  };
  std::vector<Casualty> casualties_;
};

}  // namespace airbridge::simulate
