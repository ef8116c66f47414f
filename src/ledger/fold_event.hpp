#pragma once
#include <vector>

#include "picture/fold.hpp"
#include "trust/private_part.hpp"

namespace airbridge::ledger {

// An entry of the log as the fold takes it: parsed, and opened where this node holds the key.
picture::FoldEvent to_fold_event(const model::Entry& entry, std::uint64_t arrival, UtcTime arrived,
                                 const model::IncidentId& incident, const std::vector<trust::DataKey>& keys);

}  // namespace airbridge::ledger
