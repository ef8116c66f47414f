#pragma once
// What a CoT event means to the node: positions become observations, things people place or say become drafts of
// events.
//
//   position report              Observation, subject external_name("tak", uid)
//   marker, landing zone, route, drawing, circle     site
//   casualty (b-r-f-h-c)         casualty, and a request for medical evacuation that names it
//   alert / alert cancel         request of category distress, opened / cancelled
//   chat                         message
//   delete                       deletion of the entity the uid names
//   receipts, file offers, control, unknown types    nothing: relayed only
//
// Drafts replace nothing: the node fills in the dots of the values it shows, as a person at the page would have seen
// them.
#include <vector>

#include "codec/cot/event.hpp"
#include "model/observation.hpp"
#include "model/schema.hpp"

namespace airbridge::gateway::tak {

// Where an event came from, for the stamps. `xml` is what other clients got: the source document.
struct Origin {
  std::string source;  // the client: its uid once known, else its address
  UtcTime received{};
  ByteView xml;
};

model::EntityId entity_of(std::string_view uid);                            // external_name("tak", uid)
model::EntityId request_of(std::string_view uid);                           // the request that comes with a casualty
std::optional<model::RecordKind> record_of(codec::cot::Category category);  // nothing: not kept as an event

model::Observation to_observation(const codec::cot::Event& event, const Origin& origin);
std::vector<model::Draft> to_drafts(const codec::cot::Event& event, const Origin& origin);
// Removes the entity a uid names; `record` as record_of() its category.
model::Draft deletion_of(std::string_view uid, model::RecordKind record, const Origin& origin);

}  // namespace airbridge::gateway::tak
