#pragma once
// What a field of an event holds: a small closed set of kinds, no floating point, so that the same value always has the
// same bytes. Positions are lists [latitude e7, longitude e7, height above the ellipsoid in cm (may be missing)];
// geometries are described in geometry.hpp.
#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "model/ids.hpp"

namespace airbridge::model {

struct Value {
  using List = std::vector<Value>;
  std::variant<std::monostate, bool, std::int64_t, std::string, Bytes, List, EntityId> kind;

  Value() = default;
  Value(bool b) : kind(b) {}                                 // NOLINT: a value is made from what it holds
  Value(std::int64_t i) : kind(i) {}                         // NOLINT
  Value(int i) : kind(static_cast<std::int64_t>(i)) {}       // NOLINT
  Value(std::string text) : kind(std::move(text)) {}         // NOLINT
  Value(std::string_view text) : kind(std::string(text)) {}  // NOLINT
  Value(const char* text) : kind(std::string(text)) {}       // NOLINT
  Value(Bytes bytes) : kind(std::move(bytes)) {}             // NOLINT
  Value(List list) : kind(std::move(list)) {}                // NOLINT
  Value(EntityId id) : kind(std::move(id)) {}                // NOLINT

  bool is_null() const { return std::holds_alternative<std::monostate>(kind); }
  const bool* boolean() const { return std::get_if<bool>(&kind); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&kind); }
  const std::string* text() const { return std::get_if<std::string>(&kind); }
  const Bytes* bytes() const { return std::get_if<Bytes>(&kind); }
  const List* list() const { return std::get_if<List>(&kind); }
  const EntityId* entity() const { return std::get_if<EntityId>(&kind); }
  // An order over all values, the same on every node: by kind, then by content.
  friend std::strong_ordering operator<=>(const Value& a, const Value& b);
  friend bool operator==(const Value& a, const Value& b) { return (a <=> b) == 0; }
};

}  // namespace airbridge::model
