#pragma once
// What the node knows, as CoT for TAK clients: positions heard elsewhere, and records made on the page or on another
// node. An event that came in as CoT goes out as it came, byte for byte, as long as the record still says what it said.
#include <functional>
#include <optional>
#include <vector>

#include "codec/cot/writer.hpp"
#include "model/observation.hpp"
#include "model/schema.hpp"

namespace airbridge::gateway::tak {

// How long clients keep a record that nothing renews; the gateway repeats nothing by itself.
inline constexpr Milliseconds record_lifetime{24 * 3600 * 1000};

// The uid clients see. Of what came in as CoT it is the original one (read from the document), else it is made from our
// own name: "AIRBRIDGE-x.0123..".
std::string uid_of(const model::EntityId& id, ByteView document = {});
struct RecordState;
std::string uid_of(const RecordState& state);

// The newest position of one source.
Bytes to_cot(const model::Observation& observation, UtcTime now);

// Reads the value a record shows for a field; null when it has none. What it points to stays during the call of
// to_cot().
using FieldLookup = std::function<const model::Value*(const model::FieldSpec& field)>;

struct RecordState {
  model::EntityId id;
  model::RecordKind record = model::RecordKind::Site;
  bool deleted = false;
  UtcTime updated{};
  std::string author;  // who says so, as clients show it: "POST 1"
  // A casualty's message as it came, where it came to this node: its clients know the private parts in it already. What
  // the record says now is put into it, so that no client loses what only the message says.
  Bytes report = {};
  FieldLookup value;
};
// Nothing for records TAK has no form for, or without a place. Class 0 and 1 of: site, hazard, casualty, request
// (distress as an alert), message (as chat), unit (when it has a place of its own).
std::optional<Bytes> to_cot(const RecordState& state, UtcTime now);

// A client's message about a record that stands.
struct Returned {
  std::optional<model::Draft> draft;  // fitted to the record: a hazard comes back as a marker. Nothing: no change of it
  std::vector<model::Write> told;     // what clients were told: what comes back equal to this is an echo
};
Returned returned(model::Draft draft, const RecordState& state, UtcTime now);

}  // namespace airbridge::gateway::tak
