#pragma once
// The events of a run in the fewest bytes. Exact: what is written decodes to the same bytes, or the event goes as it
// is.
#include <optional>
#include <string>

#include "model/entry.hpp"
#include "sync/compact_bytes.hpp"

namespace airbridge::sync::compact {

// What an event refers to of the events before it in the same run.
struct RunMemory {
  std::int64_t ms = 0;  // of the hybrid clock
  std::optional<model::KeyId> actor;
  std::string source;
  std::int64_t latitude = 0, longitude = 0;  // of the place named last
};

struct Parts {
  Bytes plain, dense;
};

void put_entry(Parts& out, RunMemory& memory, const model::Entry& entry, const WriterTable* table, bool private_parts);
// Reads what put_entry wrote; `entry` names stream and number. Faults stay in the readers.
void get_entry(In& plain, In& dense, RunMemory& memory, model::Entry& entry, const WriterTable* table);

}  // namespace airbridge::sync::compact
