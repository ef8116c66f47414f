#include "picture/state.hpp"

#include <algorithm>

#include "model/schema.hpp"

namespace airbridge::picture {
namespace {
using model::Dot;
using model::MergeRule;

bool insert_sorted(std::vector<Dot>& dots, const Dot& dot) {
  const auto at = std::lower_bound(dots.begin(), dots.end(), dot);
  if (at != dots.end() && *at == dot) return false;
  dots.insert(at, dot);
  return true;
}

bool erase_sorted(std::vector<Dot>& dots, const Dot& dot) {
  const auto at = std::lower_bound(dots.begin(), dots.end(), dot);
  if (at == dots.end() || *at != dot) return false;
  dots.erase(at);
  return true;
}

std::pair<std::uint16_t, std::uint32_t> place_of(const FieldState& field) { return {field.record, field.key.raw}; }

FieldState& field_at(std::vector<FieldState>& fields, std::uint16_t record, model::FieldKey key) {
  const auto at = std::lower_bound(fields.begin(), fields.end(), std::pair{record, key.raw},
                                   [](const FieldState& f, const auto& wanted) { return place_of(f) < wanted; });
  if (at != fields.end() && place_of(*at) == std::pair{record, key.raw}) return *at;
  return *fields.insert(at, FieldState{record, key, {}, {}});
}

// Fields 0..5 mean the same in every record, so that two gateways that differ about the record still agree on them.
std::uint16_t home_of(std::uint16_t record, model::FieldKey key) {
  return key.number() <= model::field::document ? 0 : record;
}

void add_element(FieldState& field, Element element) {
  const auto before = [](const Element& a, const Element& b) {
    return std::tie(a.stamp->dot, a.index) < std::tie(b.stamp->dot, b.index);
  };
  field.current.insert(std::upper_bound(field.current.begin(), field.current.end(), element, before),
                       std::move(element));
}
}  // namespace

bool covers(std::span<const Dot> coverage, const Dot& dot) {
  const auto at = std::lower_bound(coverage.begin(), coverage.end(), dot, [](const Dot& a, const Dot& b) {
    return std::tie(a.writer, a.cls) < std::tie(b.writer, b.cls);
  });
  return at != coverage.end() && at->writer == dot.writer && at->cls == dot.cls && dot.seq <= at->seq;
}

void extend_coverage(std::vector<Dot>& coverage, const Dot& dot) {
  const auto at = std::lower_bound(coverage.begin(), coverage.end(), dot, [](const Dot& a, const Dot& b) {
    return std::tie(a.writer, a.cls) < std::tie(b.writer, b.cls);
  });
  if (at != coverage.end() && at->writer == dot.writer && at->cls == dot.cls) {
    at->seq = std::max(at->seq, dot.seq);
  } else {
    coverage.insert(at, dot);
  }
}

const FieldState* find_field_state(const std::vector<FieldState>& fields, std::uint16_t record, model::FieldKey key) {
  const auto home = home_of(record, key);
  const auto at = std::lower_bound(fields.begin(), fields.end(), std::pair{home, key.raw},
                                   [](const FieldState& f, const auto& wanted) { return place_of(f) < wanted; });
  return at != fields.end() && place_of(*at) == std::pair{home, key.raw} ? &*at : nullptr;
}

void merge_writes(std::vector<FieldState>& fields, std::uint16_t record, std::span<const model::Write> writes,
                  const StampPtr& stamp, const DotSet& folded, std::vector<Dot>* remembered) {
  const auto& own = stamp->dot;
  // First everything the event takes away, then what it adds: so the order of its writes does not matter.
  for (const auto& write : writes) {
    auto& field = field_at(fields, home_of(record, write.key), write.key);
    if (write.key.rule() == MergeRule::Tombstone) {
      for (const auto& dot : write.replaced) extend_coverage(field.replaced, dot);
      std::erase_if(field.current, [&](const Element& e) { return covers(field.replaced, e.stamp->dot); });
      continue;
    }
    for (const auto& dot : write.replaced) {
      std::erase_if(field.current, [&](const Element& e) { return e.stamp->dot == dot; });
      if (!folded.contains(dot) && insert_sorted(field.replaced, dot) && remembered != nullptr) {
        remembered->push_back(dot);
      }
    }
  }
  std::uint8_t index = 0;
  for (const auto& write : writes) {
    const auto position = index++;
    auto& field = field_at(fields, home_of(record, write.key), write.key);
    Element element{write.value, stamp, position, {}};
    if (write.key.rule() == MergeRule::Tombstone) {
      if (covers(field.replaced, own)) continue;
      for (const auto& dot : write.replaced) extend_coverage(element.covers, dot);
    } else {
      if (std::binary_search(field.replaced.begin(), field.replaced.end(), own)) continue;
      if (write.key.rule() == MergeRule::OrSet && write.value.is_null()) continue;  // only removes
    }
    add_element(field, std::move(element));
  }
  for (const auto& write : writes) {
    if (write.key.rule() == MergeRule::Tombstone) continue;
    erase_sorted(field_at(fields, home_of(record, write.key), write.key).replaced, own);
  }
}

void forget_awaited(EntityState& entity, const Dot& dot) {
  for (auto& field : entity.fields) {
    if (field.key.rule() != MergeRule::Tombstone) erase_sorted(field.replaced, dot);
  }
  erase_sorted(entity.waits, dot);
}

}  // namespace airbridge::picture
