#include "model/value.hpp"

namespace airbridge::model {

std::strong_ordering operator<=>(const Value& a, const Value& b) {
  if (a.kind.index() != b.kind.index()) return a.kind.index() <=> b.kind.index();
  if (const auto* x = a.boolean()) return *x <=> *b.boolean();
  if (const auto* x = a.integer()) return *x <=> *b.integer();
  if (const auto* x = a.text()) return *x <=> *b.text();
  if (const auto* x = a.bytes()) return *x <=> *b.bytes();
  if (const auto* x = a.entity()) return *x <=> *b.entity();
  const auto* x = a.list();
  if (x == nullptr) return std::strong_ordering::equal;  // both null
  const auto* y = b.list();
  for (std::size_t i = 0; i < x->size() && i < y->size(); ++i) {
    if (const auto order = (*x)[i] <=> (*y)[i]; order != 0) return order;
  }
  return x->size() <=> y->size();
}

}  // namespace airbridge::model
