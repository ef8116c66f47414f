#pragma once
// The canonical bytes of folded state: hashed, and stored in snapshots. Form: docs/protocol/picture.md.
#include "model/cbor.hpp"
#include "picture/entity_row.hpp"
#include "picture/state.hpp"

namespace airbridge::picture {

void put_dot(model::cbor::Writer& out, const model::Dot& dot);
void put_dots(model::cbor::Writer& out, const std::vector<model::Dot>& dots);
void put_id(model::cbor::Writer& out, const model::EntityId& id);
void put_value(model::cbor::Writer& out, const model::Value& value);
void put_runs(model::cbor::Writer& out, const RunSet& runs);
void put_dot_set(model::cbor::Writer& out, const DotSet& set);
void put_fields(model::cbor::Writer& out, const std::vector<FieldState>& fields);  // [stamps, fields]
void put_entity(model::cbor::Writer& out, const EntityState& entity);              // the public, hashed part

// Strict readers: order, ranges and references are checked; the first fault stays in the reader.
model::Dot get_dot(model::cbor::Reader& in);
std::vector<model::Dot> get_dots(model::cbor::Reader& in, std::size_t max);  // strictly ascending
model::EntityId get_id(model::cbor::Reader& in);
model::Value get_value(model::cbor::Reader& in, std::size_t depth);
RunSet get_runs(model::cbor::Reader& in);
void get_dot_set(model::cbor::Reader& in, DotSet& set);
// `folded`: every stamp must be of an event in it; null when the bytes are this node's own.
std::vector<FieldState> get_fields(model::cbor::Reader& in, const DotSet* folded);
void get_entity(model::cbor::Reader& in, EntityState& entity, const DotSet* folded);
void get_entity_brief(model::cbor::Reader& in, RowBrief& brief);  // of own bytes

// An array of exactly `count` items.
inline bool expect(model::cbor::Reader& in, std::size_t count) {
  const auto at = in.offset();
  if (in.array(count) != count && in.ok()) in.fail_at(model::DecodeFault::WrongType, at);
  return in.ok();
}

// Lists in a snapshot are as long as the bytes that are there allow: each item takes one at least.
inline constexpr std::size_t list_max = std::size_t{1} << 32;

}  // namespace airbridge::picture
