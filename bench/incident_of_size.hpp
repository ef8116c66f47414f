#pragma once
// A made-up incident of any size, as drafts in a fixed order: units, sites, hazards, casualties with private parts,
// messages and tasks; each record is created, then edited nine times.
#include <optional>
#include <vector>

#include "model/event.hpp"

namespace airbridge::bench {

inline constexpr std::uint64_t events_per_record = 10;

class IncidentOfSize {
 public:
  // `part`: another one for each that is written at one node.
  explicit IncidentOfSize(std::uint64_t records, std::uint8_t part = 0) : ids_(records), part_(part) {}
  std::uint64_t records() const { return ids_.size(); }
  // Event `number` of records() * events_per_record: all are created, then all are edited once, and so on. Nothing when
  // the record it is about is not created yet. Half of them have a command id, as
  // the page's do.
  std::optional<model::Draft> draft(std::uint64_t number) const;
  void written(std::uint64_t number, const model::EntityId& entity) { ids_[number % records()] = entity; }
  // How many of the first `events` have a private part.
  std::uint64_t private_parts(std::uint64_t events) const;

 private:
  std::vector<std::optional<model::EntityId>> ids_;
  std::uint8_t part_;
};

}  // namespace airbridge::bench
