#pragma once
// How much a delete may name. A tombstone names the last dot of each stream that touched its entity (docs/protocol/
// event.md); one event names few writers, so a draft's tombstone becomes an event for every coverage_per_event dots.
#include <cstddef>

namespace airbridge::model {

inline constexpr std::size_t coverage_max = 4096;  // dots of a draft's tombstone; more is refused
inline constexpr std::size_t coverage_per_event = 60;

}  // namespace airbridge::model
