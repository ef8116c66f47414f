#include "picture/resolve.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "model/coverage.hpp"

namespace airbridge::picture {
namespace {
using model::Dot;
using model::MergeRule;
using model::Value;

bool outranks(const Element& a, const Element& b) {
  if (a.stamp->dot == b.stamp->dot) return a.index > b.index;
  return ranks_below(*b.stamp, *a.stamp);
}

bool is_before(const Element& a, const Element& b) {
  if (a.stamp->dot == b.stamp->dot) return a.index < b.index;
  return is_earlier(*a.stamp, *b.stamp);
}

using ElementPtr = const Element*;
std::vector<ElementPtr> pointers(const std::vector<Element>& elements) {
  std::vector<ElementPtr> out;
  out.reserve(elements.size());
  for (const auto& element : elements) out.push_back(&element);
  return out;
}

Choice choice_of(const Element& element) { return {element.value, {element.stamp->dot}, element.stamp}; }

// Equal values in one choice each, ordered by value.
std::vector<Choice> group(const std::vector<Element>& elements) {
  std::vector<Choice> out;
  out.reserve(elements.size());
  if (elements.size() == 1) {
    out.push_back(choice_of(elements.front()));
    return out;
  }
  auto sorted = pointers(elements);
  std::sort(sorted.begin(), sorted.end(), [](ElementPtr a, ElementPtr b) {
    const auto order = a->value <=> b->value;
    return order != 0 ? order < 0 : outranks(*a, *b);
  });
  for (const auto* element : sorted) {
    if (out.empty() || out.back().value != element->value) {
      out.push_back(choice_of(*element));
    } else {
      out.back().dots.push_back(element->stamp->dot);
    }
  }
  for (auto& choice : out) {
    std::sort(choice.dots.begin(), choice.dots.end());
    choice.dots.erase(std::unique(choice.dots.begin(), choice.dots.end()), choice.dots.end());
  }
  return out;
}

// Two choices of one event (a malformed one that writes a field twice) differ in value: that breaks the tie.
bool choice_outranks(const Choice& a, const Choice& b) {
  if (a.stamp->dot == b.stamp->dot) return b.value < a.value;
  return ranks_below(*b.stamp, *a.stamp);
}

void read_single(FieldView& view, const std::vector<Element>& elements, bool by_caution, bool conflicting) {
  if (elements.size() == 1) {  // nearly always
    view.acting = choice_of(elements.front());
    return;
  }
  auto choices = group(elements);
  if (choices.size() > 1) {
    std::sort(choices.begin(), choices.end(), [&](const Choice& a, const Choice& b) {
      if (by_caution) {
        const auto x = model::caution_of(view.spec, a.value), y = model::caution_of(view.spec, b.value);
        if (x != y) return x > y;
      }
      return choice_outranks(a, b);
    });
    view.conflict = conflicting;
  }
  view.acting = std::move(choices.front());
  view.alternatives.assign(std::make_move_iterator(choices.begin() + 1), std::make_move_iterator(choices.end()));
}

void read_counter(FieldView& view, const std::vector<ElementPtr>& in_order) {
  __extension__ using Wide = __int128;
  Wide sum = 0;  // 128 bits: no order of additions overflows
  for (const auto* element : in_order) {
    if (const auto* increment = element->value.integer()) sum += *increment;
  }
  sum = std::clamp<Wide>(sum, INT64_MIN, INT64_MAX);
  view.acting.value = static_cast<std::int64_t>(sum);
}

// A version is [hash, hash of its parent or null, document]; anything else is a head that nobody can name.
std::vector<Choice> heads_of(const std::vector<Element>& elements) {
  const auto part = [](const Value& value, std::size_t at) -> const Value* {
    const auto* list = value.list();
    return list != nullptr && list->size() > at && (*list)[at].bytes() != nullptr ? &(*list)[at] : nullptr;
  };
  std::vector<const Value*> parents;
  for (const auto& element : elements) {
    const auto* parent = part(element.value, 1);
    const auto* own = part(element.value, 0);
    if (parent != nullptr && (own == nullptr || *own != *parent)) parents.push_back(parent);
  }
  const auto less = [](const Value* a, const Value* b) { return *a < *b; };
  std::sort(parents.begin(), parents.end(), less);
  std::vector<Element> heads;
  for (const auto& element : elements) {
    const auto* own = part(element.value, 0);
    if (own == nullptr || !std::binary_search(parents.begin(), parents.end(), own, less)) heads.push_back(element);
  }
  // Hostile versions may name each other in a ring: then all are shown rather than none.
  auto choices = group(heads.empty() ? elements : heads);
  std::sort(choices.begin(), choices.end(), choice_outranks);
  return choices;
}

FieldView read_field(const FieldState& state, const model::FieldSpec* spec, bool is_private) {
  FieldView view;
  view.key = state.key;
  view.spec = spec;
  view.is_private = is_private;
  if (state.current.empty()) return view;
  switch (state.key.rule()) {
    case MergeRule::MultiValue:
      read_single(view, state.current, true, true);
      break;
    case MergeRule::Ranked:
      read_single(view, state.current, false, false);
      break;
    case MergeRule::Claim:
    case MergeRule::StateMachine:
      read_single(view, state.current, false, true);
      break;
    case MergeRule::Append:
    case MergeRule::Counter: {
      auto in_order = pointers(state.current);
      std::sort(in_order.begin(), in_order.end(), [](ElementPtr a, ElementPtr b) { return is_before(*a, *b); });
      for (const auto* element : in_order) view.values.push_back(choice_of(*element));
      view.acting = view.values.back();
      if (state.key.rule() == MergeRule::Counter) read_counter(view, in_order);
      break;
    }
    case MergeRule::OrSet: {
      view.values = group(state.current);
      const auto latest =
          std::max_element(view.values.begin(), view.values.end(), [](const Choice& a, const Choice& b) {
            return a.stamp->dot == b.stamp->dot ? a.value < b.value : is_earlier(*a.stamp, *b.stamp);
          });
      view.acting = *latest;
      break;
    }
    case MergeRule::Versions:
      view.values = heads_of(state.current);
      view.acting = view.values.front();
      view.conflict = view.values.size() > 1;
      break;
    default:  // tombstones are read by read_deletion(); a rule of a newer version keeps all and names no winner
      read_single(view, state.current, false, false);
      break;
  }
  return view;
}

bool is_tombstone(const FieldState& field) {
  return field.key == model::FieldKey::of(model::field::deleted, MergeRule::Tombstone);
}
bool says_deleted(const Element& element) { return element.value.boolean() != nullptr && *element.value.boolean(); }

// Deleted when what one author's current tombstones cover together is all that stands: one event names a limited number
// of streams, so deleting what many touched takes several. Else, with a tombstone at all, revived.
void read_deletion(const EntityState& entity, EntityView& view) {
  const auto* field =
      find_field_state(entity.fields, 0, model::FieldKey::of(model::field::deleted, MergeRule::Tombstone));
  if (field == nullptr) return;
  const Element* tombstone = nullptr;  // the highest ranked one
  std::map<model::KeyId, std::vector<Dot>> covered;
  for (const auto& element : field->current) {
    if (!says_deleted(element)) continue;
    extend_coverage(view.deletes, element.stamp->dot);
    auto& by_author = covered[element.stamp->dot.writer.author];
    for (const auto& dot : element.covers) extend_coverage(by_author, dot);
    if (tombstone == nullptr || outranks(element, *tombstone)) tombstone = &element;
  }
  if (tombstone == nullptr) return;

  // The highest ranked writes that what an author's tombstones cover leaves out, of two different events: for a
  // tombstone the second counts where the first is of its own event.
  using Uncovered = std::array<StampPtr, 2>;
  std::map<model::KeyId, Uncovered> uncovered;
  for (const auto& [author, coverage] : covered) {
    auto& [first, second] = uncovered[author];
    const auto note = [&, &best = first, &next = second, &seen = coverage](const StampPtr& stamp) {
      if (covers(seen, stamp->dot) || (best && best->dot == stamp->dot)) return;
      if (!best || ranks_below(*best, *stamp)) {
        next = std::exchange(best, stamp);
      } else if (!next || ranks_below(*next, *stamp)) {
        next = stamp;
      }
    };
    for (const auto& other : entity.fields) {
      for (const auto& element : other.current) {
        if (!is_tombstone(other) || !says_deleted(element)) note(element.stamp);
      }
    }
    for (const auto& stamp : entity.bare) note(stamp);
  }
  const auto uncovered_by = [&](const Element& stone) {
    const auto& [first, second] = uncovered.at(stone.stamp->dot.writer.author);
    return first && first->dot == stone.stamp->dot ? second : first;
  };
  const Element* deleting = nullptr;
  for (const auto& element : field->current) {
    if (!says_deleted(element) || uncovered_by(element)) continue;
    if (deleting == nullptr || outranks(element, *deleting)) deleting = &element;
  }
  if (deleting != nullptr) {
    view.deleted = true;
    view.deleted_by = deleting->stamp;
    return;
  }
  view.revived = true;
  view.deleted_by = tombstone->stamp;
  view.revived_by = uncovered_by(*tombstone);
}

// The creating event's word, else the earliest event's.
std::uint16_t record_of(const EntityState& entity) {
  if (entity.created) return *entity.created;
  const RecordSeen* first = nullptr;
  for (const auto& seen : entity.records) {
    if (first == nullptr || is_earlier(*seen.first, *first->first)) first = &seen;
  }
  return first == nullptr ? std::uint16_t{0} : first->record;
}

void read_fields(const std::vector<FieldState>& states, bool is_private, EntityView& view) {
  for (const auto& state : states) {
    if (state.current.empty() || is_tombstone(state)) continue;
    const bool of_record = state.record == 0 || state.record == view.record;
    const auto* spec = of_record ? model::find_field(view.record, state.key) : nullptr;
    auto field = read_field(state, spec, is_private);
    (spec != nullptr ? view.fields : view.newer).push_back(std::move(field));
  }
}

void read_place(EntityView& view) {
  for (const auto& field : view.fields) {
    if (field.spec->type == model::ValueType::Geometry && !view.geometry) {
      view.geometry = model::geometry_of(field.acting.value);
    } else if (field.spec->type == model::ValueType::Place && !view.position) {
      if (const auto place = model::place_of(field.acting.value)) {
        view.position = place->position;
        view.height = place->height;
      }
    }
  }
  if (view.geometry) {
    if (!view.position) view.position = model::label_point(*view.geometry);
    view.box = box_of(*view.geometry);
  } else if (view.position) {
    view.box = box_of(*view.position);
  }
}

std::vector<Dot> coverage_of(const EntityState& entity) {
  std::vector<Dot> out;
  out.reserve(model::class_count);
  const Stamp* last = nullptr;
  for (const auto& field : entity.fields) {
    for (const auto& element : field.current) {
      if (std::exchange(last, element.stamp.get()) != element.stamp.get()) extend_coverage(out, element.stamp->dot);
    }
  }
  for (const auto& stamp : entity.bare) extend_coverage(out, stamp->dot);
  if (out.size() > model::coverage_max) out.resize(model::coverage_max);
  return out;
}

// Work on it has ended: such a task claims nothing any more. With concurrent states, one that goes on is enough.
bool is_live(const EntityView& view) {
  if (view.deleted) return false;
  const auto* state = view.find("state");
  if (state == nullptr || !state->acting.stamp) return true;
  const auto ended = [&](const Value& value) {
    const auto* code = value.integer() != nullptr ? model::find_code(*state->spec, *value.integer()) : nullptr;
    return code != nullptr && (code->name == "done" || code->name == "failed" || code->name == "cancelled");
  };
  if (!ended(state->acting.value)) return true;
  return std::any_of(state->alternatives.begin(), state->alternatives.end(),
                     [&](const Choice& c) { return !ended(c.value); });
}
}  // namespace

EntityView resolve(const EntityState& entity) {
  EntityView view;
  view.id = entity.id;
  view.record = record_of(entity);
  view.spec = model::find_record(view.record);
  view.display = std::string(1, view.spec != nullptr ? view.spec->letter : '?') + "-" + model::display_code(entity.id);
  view.placeholder = entity.id.dot() != nullptr && !entity.created;
  view.created = entity.first;
  view.updated = entity.last;
  view.arrival = entity.arrival;
  view.arrived = entity.arrived;
  view.private_lacking = entity.private_lacking;
  view.fields.reserve(entity.fields.size() + entity.private_fields.size());
  read_fields(entity.fields, false, view);
  read_fields(entity.private_fields, true, view);
  for (const auto& field : view.fields) {
    if (field.conflict) view.conflicts.push_back(field.key);
  }
  if (const auto* made_up = view.find(model::FieldKey::of(model::field::made_up, MergeRule::Ranked))) {
    view.made_up = made_up->acting.value.boolean() != nullptr && *made_up->acting.value.boolean();
  }
  read_deletion(entity, view);
  read_place(view);
  view.coverage = coverage_of(entity);
  return view;
}

void mark_clashes(EntityView& view) {
  for (const auto& clash : view.clashes) {
    const auto field =
        std::find_if(view.fields.begin(), view.fields.end(), [&](const FieldView& f) { return f.key == clash.key; });
    if (field == view.fields.end() || field->conflict) continue;
    field->conflict = true;
    view.conflicts.push_back(clash.key);
  }
}

Links links_of(const EntityView& view) {
  Links links;
  if (view.deleted) return links;
  const bool live = is_live(view);
  const auto note = [](const Choice& choice, auto&& take) {
    if (const auto* id = choice.value.entity()) take(*id);
  };
  for (const auto& field : view.fields) {
    if (field.is_private) continue;  // what few know must not move what all see
    if (field.key.rule() == MergeRule::Claim && live) {
      const auto claim = [&](const model::EntityId& unit) { links.claims.push_back({field.key, unit}); };
      note(field.acting, claim);
      for (const auto& other : field.alternatives) note(other, claim);
    } else if (field.key == model::FieldKey::of(model::field::same_as, MergeRule::OrSet)) {
      for (const auto& value : field.values) note(value, [&](const auto& id) { links.same_as.push_back(id); });
    } else if (view.record == static_cast<std::uint16_t>(model::RecordKind::Unit) && field.spec->name == "track") {
      for (const auto& value : field.values) note(value, [&](const auto& id) { links.tracks.push_back(id); });
    }
  }
  std::sort(links.claims.begin(), links.claims.end());
  std::sort(links.same_as.begin(), links.same_as.end());
  std::sort(links.tracks.begin(), links.tracks.end());
  return links;
}

const FieldView* EntityView::find(model::FieldKey key) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const FieldView& f) { return f.key == key; });
  return found == fields.end() ? nullptr : &*found;
}

const FieldView* EntityView::find(std::string_view name) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const FieldView& f) { return f.spec->name == name; });
  return found == fields.end() ? nullptr : &*found;
}

}  // namespace airbridge::picture
