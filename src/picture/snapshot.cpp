// Fold::state_hash(), save() and load(). Forms: docs/protocol/picture.md.
#include <algorithm>

#include "base/hash.hpp"
#include "picture/fold.hpp"
#include "picture/state_bytes.hpp"

namespace airbridge::picture {
namespace {
using model::DecodeFault;
using model::Dot;
using model::cbor::Reader;
using model::cbor::Writer;
constexpr std::string_view hash_context = "airbridge state 1";
constexpr std::string_view snapshot_context = "airbridge picture 1";
constexpr std::size_t rows_at_once = 64;
constexpr std::size_t checksum_bytes = 2 + model::Hash::size;  // a CBOR byte string

}  // namespace

void Fold::put_forks(Writer& out, Forks which) const {
  const bool all = which == Forks::All;
  const auto listed = [&](const auto& item) { return all || item.second.from != 0; };
  out.array(static_cast<std::size_t>(std::count_if(forks_.begin(), forks_.end(), listed)));
  for (const auto& item : forks_) {
    if (!listed(item)) continue;
    const auto& [base, fork] = item;
    const auto counts = [&](const auto& branch) { return all || branch.first.branch.from == fork.from; };
    out.array(5);
    out.bytes(base.writer.author.view());
    out.uint(base.writer.incarnation);
    out.uint(static_cast<std::uint64_t>(base.cls));
    out.uint(fork.from);
    out.array(static_cast<std::size_t>(std::count_if(fork.branches.begin(), fork.branches.end(), counts)));
    for (const auto& branch : fork.branches) {
      if (!counts(branch)) continue;
      const auto& [stream, runs] = branch;
      out.array(3);
      out.uint(stream.branch.from);
      out.bytes(stream.branch.head);
      put_runs(out, runs);
    }
  }
}

// Brings the rows by id up to those made last.
void Fold::refresh_order() {
  const auto by_id = [](const RowPtr& a, const RowPtr& b) { return a->id < b->id; };
  auto made = std::exchange(reorder_, {});
  std::sort(made.begin(), made.end());
  made.erase(std::unique(made.begin(), made.end()), made.end());
  std::vector<RowPtr> fresh;
  for (const auto& id : made) {
    auto row = rows_.find_shared(id);
    const auto at = std::lower_bound(order_.begin(), order_.end(), row, by_id);
    if (at != order_.end() && (*at)->id == id) {
      *at = std::move(row);
    } else {
      fresh.push_back(std::move(row));
    }
  }
  if (fresh.empty()) return;
  std::vector<RowPtr> all;
  all.reserve(order_.size() + fresh.size());
  std::merge(std::move_iterator(order_.begin()), std::move_iterator(order_.end()), std::move_iterator(fresh.begin()),
             std::move_iterator(fresh.end()), std::back_inserter(all), by_id);
  order_ = std::move(all);
}

model::Hash Fold::state_hash() {
  make_rows();
  refresh_order();
  Bytes hashes(order_.size() * model::Hash::size);
  auto* at = hashes.data();
  for (const auto& row : order_) at = std::copy(row->hash.value.begin(), row->hash.value.end(), at);
  Bytes rest;
  Writer out(rest);
  out.array(5);
  out.text(hash_context);
  out.bytes(blake2b<32>({hashes}));
  out.array(withheld_.size());
  for (const auto& [dot, in] : withheld_) put_dot(out, dot);
  put_dot_set(out, unreadable_);
  put_forks(out, Forks::Proven);
  return {blake2b<32>({rest})};
}

// Everything before the rows.
Bytes Fold::head_bytes(Private what) {
  Bytes bytes;
  Writer out(bytes);
  const auto hash = state_hash();
  out.array(14);
  out.text(snapshot_context);
  out.bytes(incident_.view());
  out.bytes(hash.view());
  put_dot_set(out, folded_);
  put_dot_set(out, unreadable_);
  put_forks(out, Forks::All);

  out.array(grants_.size());
  for (const auto& [dot, grants] : grants_) {
    out.array(2);
    put_dot(out, dot);
    out.array(grants.size());
    for (const auto& grant : grants) out.bytes(trust::encode(grant));
  }
  out.array(let_in_.size());
  for (const auto& id : let_in_) out.bytes(id.view());
  put_dots(out, {strangers_.begin(), strangers_.end()});

  out.array(withheld_.size());
  for (const auto& [dot, in] : withheld_) {
    out.array(6);
    put_dot(out, dot);
    in.event ? out.bytes(model::encode(*in.event, dot)) : out.null();
    out.boolean(in.private_state != PrivateState::None);
    out.uint(in.bytes);
    out.uint(in.arrival);
    out.integer(ms_of(in.arrived));
  }

  const bool with_private = what == Private::Include;
  out.boolean(with_private);
  put_dot_set(out, with_private ? private_folded_ : DotSet{});
  out.array(order_.size());
  return bytes;
}

Fold::Frozen Fold::freeze() {
  Frozen frozen;
  frozen.head_ = head_bytes(Private::LeaveOut);
  frozen.rows_ = order_;
  frozen.keys_ = keys_;
  return frozen;
}

Bytes Fold::Frozen::bytes() const {
  auto size = head_.size() + checksum_bytes;
  for (const auto& row : rows_) size += row->public_bytes;
  Bytes out;
  out.reserve(size);
  out = head_;
  for (const auto& row : rows_) put_row(out, *row, *keys_);
  Writer(out).bytes(blake2b<32>({out}));
  return out;
}

Bytes Fold::save(Private what) {
  if (what == Private::LeaveOut) return freeze().bytes();
  auto bytes = head_bytes(what);
  Writer out(bytes);
  for (const auto& row : order_) {
    const auto state = state_of(*row, *keys_);
    out.array(row_items);
    put_entity(out, *state);
    put_rest(out, *state, true);
  }
  out.bytes(blake2b<32>({bytes}));
  return bytes;
}

// --- reading

void Fold::get_forks(Reader& in) {
  const auto count = in.array(list_max);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    if (!expect(in, 5)) return;
    model::StreamId base;
    base.writer.author = in.fixed<model::KeyId>();
    base.writer.incarnation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
    base.cls = static_cast<model::Class>(in.uint(model::class_count - 1));
    ForkState fork;
    fork.from = in.uint();
    const auto branches = in.array(list_max);
    if (fork.from == 0 && branches == 0) in.fail_at(DecodeFault::OutOfRange, at);
    for (std::size_t k = 0; k < branches && in.ok(); ++k) {
      if (!expect(in, 3)) return;
      auto stream = base;
      stream.branch.from = in.uint();
      const auto head = in.bytes(stream.branch.head.size());
      if (head.size() != stream.branch.head.size() || stream.branch.from == 0) {
        in.fail_at(DecodeFault::WrongType, at);
        return;
      }
      std::copy(head.begin(), head.end(), stream.branch.head.begin());
      if (!fork.branches.emplace(stream, get_runs(in)).second) in.fail_at(DecodeFault::NotCanonical, at);
    }
    if (!forks_.emplace(base, std::move(fork)).second) in.fail_at(DecodeFault::NotCanonical, at);
  }
}

void Fold::get_roster(Reader& in) {
  const auto count = in.array(list_max);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    if (!expect(in, 2)) return;
    const auto dot = get_dot(in);
    const auto grants = in.array(model::writes_max);
    for (std::size_t k = 0; k < grants && in.ok(); ++k) {
      const auto at = in.offset();
      const auto grant = trust::decode_grant(in.bytes(model::event_bytes_max));
      if (!in.ok()) return;
      if (!grant || !trust::verify_grant(*grant, incident_)) {
        in.fail_at(DecodeFault::BadReference, at);
        return;
      }
      grants_[dot].push_back(*grant);
    }
  }
  offer_grants();
  const auto let_in = in.array(list_max);
  for (std::size_t i = 0; i < let_in && in.ok(); ++i) let_in_.insert(in.fixed<model::KeyId>());
  for (const auto& dot : get_dots(in, list_max)) strangers_.insert(dot);
}

void Fold::get_withheld(Reader& in) {
  const auto count = in.array(list_max);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    if (!expect(in, 6)) return;
    FoldEvent held;
    held.dot = get_dot(in);
    if (in.next_is_null()) {
      in.null();
    } else {
      const auto event = model::decode_event(in.bytes(model::event_bytes_max), held.dot);
      if (in.ok() && !event) in.fail_at(event.error().fault, at);
      if (!in.ok()) return;
      held.event = std::make_shared<const model::Event>(*event);
    }
    if (in.boolean()) held.private_state = PrivateState::Lacking;
    held.bytes = in.uint(model::event_bytes_max * 2);
    held.arrival = in.uint();
    held.arrived = utc_from_ms(in.integer());
    if (!in.ok()) return;
    if (held.event) withheld_bytes_ += held.bytes;
    if (folded_.contains(held.dot) || !withheld_.emplace(held.dot, std::move(held)).second) {
      in.fail_at(DecodeFault::NotCanonical, at);
    }
  }
}

void Fold::get_entities(Reader& in) {
  const bool with_private = in.boolean();
  get_dot_set(in, private_folded_);
  const auto count = in.array(list_max);
  model::EntityId before;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    if (!expect(in, row_items)) return;
    auto entity = std::make_unique<EntityState>();
    get_entity(in, *entity, &folded_);
    entity->arrival = in.uint();
    entity->arrived = utc_from_ms(in.integer());
    entity->private_lacking = get_dots(in, list_max);
    if (!with_private) {
      in.null();
    } else if (expect(in, 2)) {
      entity->private_fields = get_fields(in, &folded_);
      entity->private_here = get_dots(in, list_max);
      std::vector<Dot> both;
      std::ranges::set_intersection(entity->private_here, entity->private_lacking, std::back_inserter(both));
      if (!both.empty() || (entity->private_here.empty() && !entity->private_fields.empty()))
        in.fail_at(DecodeFault::BadReference, at);
    }
    if (!in.ok()) return;
    if (i > 0 && !(before < entity->id)) {
      in.fail_at(DecodeFault::NotCanonical, at);
      return;
    }
    before = entity->id;
    const auto await = [&](const Dot& dot) {
      if (folded_.contains(dot)) in.fail_at(DecodeFault::BadReference, at);
      wait_for(dot, *entity);
    };
    for (const auto& field : entity->fields) {
      if (field.key.rule() == model::MergeRule::Tombstone) continue;
      for (const auto& dot : field.replaced) await(dot);
    }
    for (const auto& dot : entity->waits) await(dot);
    if (const auto* dot = entity->id.dot(); dot != nullptr && !folded_.contains(*dot)) wait_for(*dot, *entity);
    touch(*entity);
    open_.emplace(entity->id, std::move(entity));
    // What its row says of others is corrected when they come.
    if (changed_.size() >= rows_at_once) make_rows();
  }
}

Result<Fold, LoadFault> Fold::load(ByteView bytes, const model::IncidentId& incident, const model::Genesis& genesis,
                                   FoldLimits limits, const Refuse& refuse) {
  Reader in(bytes);
  const auto fault = [&](std::string what) {
    return failure(LoadFault{in.fault().value_or(model::DecodeError{DecodeFault::WrongType, 0}), std::move(what)});
  };
  if (!expect(in, 14) || in.text(64) != snapshot_context) return fault("not a picture snapshot of this version");
  if (in.fixed<model::IncidentId>() != incident || !in.ok()) return fault("a snapshot of another incident");
  const auto wanted = in.fixed<model::Hash>();
  // The checksum stands last and covers all before it: bit rot is told apart from a snapshot that was made wrong.
  const auto body = bytes.first(bytes.size() - std::min(bytes.size(), checksum_bytes));
  Bytes checksum;
  Writer(checksum).bytes(blake2b<32>({body}));
  if (!std::ranges::equal(checksum, bytes.subspan(body.size()))) return fault("damaged: its checksum does not fit");
  Fold fold(incident, genesis, limits);
  get_dot_set(in, fold.folded_);
  get_dot_set(in, fold.unreadable_);
  fold.get_forks(in);
  fold.get_roster(in);
  if (in.ok() && refuse) {
    if (auto why = refuse(fold.roster_); !why.empty()) return fault(std::move(why));
  }
  fold.get_withheld(in);
  for (const auto& stream : fold.folded_.sorted()) fold.keys_->put(stream.first.writer.author);
  for (const auto& id : fold.let_in_) fold.keys_->put(id);
  fold.get_entities(in);
  in.bytes(model::Hash::size);
  in.end();
  if (!in.ok()) return fault("damaged: " + model::describe(*in.fault()));
  if (fold.state_hash() != wanted) return fault("its contents do not have the hash it names");
  return fold;
}

}  // namespace airbridge::picture
