#pragma once
// What a CoT event means to the node: positions become observations, things people place or say become drafts of
// events.
//
//   position report              Observation, subject external_name("tak", uid)
//   marker, landing zone, route, drawing, circle     site
//   casualty (b-r-f-h-c)         casualty, and a request for medical evacuation that names it; of a casualty that
//                                the node told clients of, the casualty alone
//   alert / alert cancel         request of category distress, opened / cancelled
//   chat                         message
//   delete                       deletion of the entity the uid names
//   receipts, file offers, control, unknown types    nothing: relayed only
//
// Drafts replace nothing and say all that the message says: the node finds what of it is news.
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

inline constexpr std::string_view own_uid_prefix = "AIRBRIDGE-";
// Of a uid that the node made for one of its records (uid_of(), "AIRBRIDGE-x.0123.."): that record. Nothing: a
// client's.
std::optional<model::EntityId> own_entity_of(std::string_view uid);
model::EntityId entity_of(std::string_view uid);   // own_entity_of(), else external_name("tak", uid)
model::EntityId request_of(std::string_view uid);  // the request that comes with a casualty
std::optional<model::RecordKind> record_of(codec::cot::Category category);  // nothing: not kept as an event

model::Observation to_observation(const codec::cot::Event& event, const Origin& origin);
std::vector<model::Draft> to_drafts(const codec::cot::Event& event, const Origin& origin);
// Removes the entity a uid names; `record` as record_of() its category.
model::Draft deletion_of(std::string_view uid, model::RecordKind record, const Origin& origin);

}  // namespace airbridge::gateway::tak
