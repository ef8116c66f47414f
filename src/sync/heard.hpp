#pragma once
// What this node remembers of the others over a restart: the last vector each was heard to hold (docs/protocol/sync.md,
// "Over a restart"). A hint of what they hold, never more: what they say themselves takes its place.
//
//   bytes  what
//   8      "AIRBHRD1"
//   16     incident
//   16     the node that heard it
//   ...    frames as on a stream link (frame.hpp) of type 3 (VECTOR), each: 16 B key id of the node, then the message;
//          the node heard last comes first
//   8      the first bytes of BLAKE2b-128 of all before
//
// A head of zeros: not known. Pure; no call throws.
#include <string>
#include <vector>

#include "sync/shared_vector.hpp"

namespace airbridge::sync {

inline constexpr std::size_t heard_bytes_max = std::size_t{4} << 20;  // nodes that do not fit are left out

struct HeardNode {
  model::KeyId node;
  SharedVector held;
};

Bytes encode_heard(const model::IncidentId& incident, const model::KeyId& here, const std::vector<HeardNode>& nodes);
// In words why not. At most remembered_nodes_max nodes and remembered_streams_max streams are taken.
Result<std::vector<HeardNode>, std::string> decode_heard(ByteView bytes, const model::IncidentId& incident,
                                                         const model::KeyId& here);

}  // namespace airbridge::sync
