// Packed form: length of a stretch, the stretch, number of a key, length of a stretch, the stretch, number of a key ...
// (lengths and numbers in groups of 7 bits, low ones first). A key stands for the CBOR byte string of it. Unpacked it
// is the row of a snapshot without private values; behind it, where some are known here, [private fields], [events
// whose private part is merged], [events whose private part is lacking].
#include "picture/entity_row.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/hash.hpp"
#include "picture/conflicts.hpp"
#include "picture/resolve.hpp"
#include "picture/state_bytes.hpp"

namespace airbridge::picture {
namespace {
using model::cbor::Reader;
using model::cbor::Writer;
constexpr std::uint8_t key_head = 0x40 | model::KeyId::size;  // of a CBOR byte string of so many bytes
static_assert(model::KeyId::size < 24, "its length stands in the head");
constexpr std::size_t key_bytes = 1 + model::KeyId::size;

void put_number(Bytes& out, std::size_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<std::uint8_t>(number | 0x80));
  out.push_back(static_cast<std::uint8_t>(number));
}

std::size_t get_number(const std::uint8_t*& at) {
  std::size_t number = 0;
  for (int shift = 0;; shift += 7) {
    number |= static_cast<std::size_t>(*at & 0x7F) << shift;
    if ((*at++ & 0x80) == 0) return number;
  }
}

void pack(Bytes& out, ByteView plain, const KeyTable& keys) {
  const auto* begin = plain.data();
  const auto* const end = begin + plain.size();
  const auto* at = begin;
  while (static_cast<std::size_t>(end - at) >= key_bytes) {
    at =
        static_cast<const std::uint8_t*>(std::memchr(at, key_head, static_cast<std::size_t>(end - at) - key_bytes + 1));
    if (at == nullptr) break;
    const auto number = keys.find(*model::KeyId::from({at + 1, model::KeyId::size}));
    if (!number) {
      ++at;
      continue;
    }
    put_number(out, static_cast<std::size_t>(at - begin));
    out.insert(out.end(), begin, at);
    put_number(out, *number);
    begin = at += key_bytes;
  }
  put_number(out, static_cast<std::size_t>(end - begin));
  out.insert(out.end(), begin, end);
}

// As many bytes of it as asked for, or all.
void unpack(Bytes& out, const EntityRow& row, const KeyTable& keys, std::size_t bytes_max = SIZE_MAX) {
  const auto* at = row.packed.get();
  const auto* const end = at + row.packed_bytes;
  const auto begin = out.size();
  for (;;) {
    const auto length = get_number(at);
    out.insert(out.end(), at, at + std::min(length, bytes_max - (out.size() - begin)));
    at += length;
    if (at == end || out.size() - begin == bytes_max) return;
    const auto& key = keys.at(static_cast<std::uint32_t>(get_number(at))).value;
    out.push_back(key_head);
    out.insert(out.end(), key.begin(), key.end());
  }
}

// Reused by the thread: rows are unpacked by the hundred thousand.
Bytes& scratch() {
  constexpr std::size_t kept_max = 1U << 20;  // one huge record leaves no huge piece behind
  thread_local Bytes bytes;
  if (bytes.capacity() > kept_max) bytes = {};
  bytes.clear();
  return bytes;
}
}  // namespace

void put_rest(Writer& out, const EntityState& entity, bool with_private) {
  out.uint(entity.arrival);
  out.integer(ms_of(entity.arrived));
  if (with_private) {
    put_dots(out, entity.private_lacking);
    out.array(2);
    put_fields(out, entity.private_fields);
    put_dots(out, entity.private_here);
    return;
  }
  auto lacking = entity.private_lacking;
  lacking.insert(lacking.end(), entity.private_here.begin(), entity.private_here.end());
  std::sort(lacking.begin(), lacking.end());
  put_dots(out, lacking);
  out.null();
}

RowPtr make_row(const EntityState& state, const EntityView& view, RowContext context, const KeyTable& keys) {
  auto row = std::make_shared<EntityRow>();
  row->id = state.id;
  row->box = view.box;
  row->record = view.record;
  row->placed = view.position.has_value();
  row->deleted = view.deleted;
  row->arrival = state.arrival;
  row->arrived = state.arrived;
  row->has_newer = !view.newer.empty();
  row->private_lacking = static_cast<std::uint32_t>(state.private_lacking.size());
  if (view.revived || (!view.conflicts.empty() && !view.deleted)) row->conflicts = count_conflicts(view);
  if (context != RowContext{}) row->context = std::make_unique<const RowContext>(std::move(context));

  auto& plain = scratch();
  Writer out(plain);
  out.array(row_items);
  const auto begin = plain.size();
  put_entity(out, state);
  row->hash = model::Hash{blake2b<32>({ByteView(plain).subspan(begin)})};
  put_rest(out, state, false);
  row->public_bytes = static_cast<std::uint32_t>(plain.size());
  if (!state.private_here.empty()) {
    put_fields(out, state.private_fields);
    put_dots(out, state.private_here);
    put_dots(out, state.private_lacking);
  }
  thread_local Bytes packed;
  packed.clear();
  pack(packed, plain, keys);
  auto kept = std::make_unique<std::uint8_t[]>(packed.size());
  std::copy(packed.begin(), packed.end(), kept.get());
  row->packed = std::move(kept);
  row->packed_bytes = static_cast<std::uint32_t>(packed.size());
  return row;
}

void put_row(Bytes& out, const EntityRow& row, const KeyTable& keys) {
  unpack(out, row, keys, row.public_bytes);  // they end between two items, so never within a key
}

std::unique_ptr<EntityState> state_of(const EntityRow& row, const KeyTable& keys) {
  auto& plain = scratch();
  unpack(plain, row, keys);
  auto state = std::make_unique<EntityState>();
  Reader in(plain);
  expect(in, row_items);
  get_entity(in, *state, nullptr);
  state->arrival = in.uint();
  state->arrived = utc_from_ms(in.integer());
  state->private_lacking = get_dots(in, list_max);
  in.null();
  if (plain.size() > row.public_bytes) {
    state->private_fields = get_fields(in, nullptr);
    state->private_here = get_dots(in, list_max);
    state->private_lacking = get_dots(in, list_max);
  }
  in.end();
  assert(in.ok());  // own bytes
  return state;
}

EntityView view_of(const EntityRow& row, const KeyTable& keys) {
  auto view = resolve(*state_of(row, keys));
  if (!row.context) return view;
  const auto& context = *row.context;
  view.waiting_for = context.waiting_for;
  view.tracks = context.tracks;
  view.clashes = context.clashes;
  view.claimed_by = context.claimed_by;
  view.same_as = context.same_as;
  mark_clashes(view);
  return view;
}

RowBrief brief_of(const EntityRow& row, const KeyTable& keys) {
  auto& plain = scratch();
  unpack(plain, row, keys);
  RowBrief brief;
  Reader in(plain);
  expect(in, row_items);
  get_entity_brief(in, brief);
  return brief;
}

}  // namespace airbridge::picture
