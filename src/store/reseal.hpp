#pragma once
// Own events that lost their seal: they are folded here and could never be sent.
#include "store/log.hpp"
#include "trust/keys.hpp"

namespace airbridge::store {

// At the start, before anything is written: seals each own stream, of every incarnation, up to where it has no hole.
// Their content stands and nobody can hold another, so the seal can be made again. Durable on return; how many.
StoreResult<std::size_t> seal_own_events(Log& log, const trust::SigningKey& key, UtcTime now);

}  // namespace airbridge::store
