#pragma once
// A record as the picture keeps it: its folded state as bytes, and beside them what lists and indexes ask for.
//
// Problem: a record with two events takes 4 kB as folded state and 2.5 kB as a view, and of 100,000 records a node
// looks at some dozens in a minute. The idea: keep the canonical bytes of the state (some 280), with each known key
// replaced by its number (leaves some 225), and make state and views of them when they are wanted: a few microseconds.
#include <functional>
#include <memory>

#include "model/cbor.hpp"
#include "picture/key_table.hpp"
#include "picture/state.hpp"
#include "picture/view.hpp"

namespace airbridge::picture {

// What a view shows that the record's own state does not tell; most records have none of it.
struct RowContext {
  std::vector<model::KeyId> waiting_for;
  std::vector<model::EntityId> tracks, claimed_by, same_as;
  std::vector<Clash> clashes;
  friend bool operator==(const RowContext&, const RowContext&) = default;
};

// Immutable, shared by all pictures in which the record is the same. 144 bytes: one more costs 3 MB with 100,000.
struct EntityRow {
  model::EntityId id;
  model::Hash hash;  // of the public state
  Box box;           // when `placed`
  std::uint64_t arrival = 0;
  UtcTime arrived{};
  std::unique_ptr<const std::uint8_t[]> packed;
  std::unique_ptr<const RowContext> context;  // null: none
  ConflictCounts conflicts;                   // of the record by itself
  std::uint32_t private_lacking = 0;
  std::uint32_t public_bytes = 0;  // of the unpacked bytes: the record's row in a snapshot without private values
  std::uint32_t packed_bytes = 0;
  std::uint16_t record = 0;
  bool placed : 1 = false;
  bool deleted : 1 = false;
  bool has_newer : 1 = false;  // fields this version does not know
};
static_assert(sizeof(EntityRow) <= 144 || sizeof(void*) != 8);
using RowPtr = std::shared_ptr<const EntityRow>;

// The row of a state and of the view that resolve() makes of it.
RowPtr make_row(const EntityState& state, const EntityView& view, RowContext context, const KeyTable& keys);

// Appends the row as it stands in a snapshot without private values.
void put_row(Bytes& out, const EntityRow& row, const KeyTable& keys);
std::unique_ptr<EntityState> state_of(const EntityRow& row, const KeyTable& keys);
EntityView view_of(const EntityRow& row, const KeyTable& keys);

// Of a row in a snapshot: the entity, arrival, its time, events whose private part is lacking, private fields or null.
inline constexpr std::size_t row_items = 5;
// What follows the entity in it.
void put_rest(model::cbor::Writer& out, const EntityState& entity, bool with_private);

// What can be told of a record without making its view; a tenth of the work.
struct RowBrief {
  std::vector<model::Dot> dots;  // of the events that the state still names; its coverage is among them
  model::Dot last;               // of the event said last
  model::Hlc last_time;
  model::ClockQuality last_quality = model::ClockQuality::None;
};
RowBrief brief_of(const EntityRow& row, const KeyTable& keys);

}  // namespace airbridge::picture
