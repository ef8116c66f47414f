#pragma once
// The private part of an event: writes only those of a need-to-know group may read (DESIGN 3).
// Plain form: CBOR [salt of 16 random bytes, encode_writes()]. XChaCha20-Poly1305 under the group's data key; nonce =
// BLAKE2b-192(dot in text form), additional data = "airbridge private 1" | incident | group. Carried as CBOR
// [group, key epoch, ciphertext]. The salt keeps equal contents of two events from being told apart by guessing.
#include <vector>

#include "base/result.hpp"
#include "model/entry.hpp"

namespace airbridge::trust {

struct DataKey {
  model::GroupId group;
  std::uint64_t epoch = 1;
  FixedBytes<32, struct DataKeyTag> key;
};

Bytes seal_private(const std::vector<model::Write>& writes, const model::Dot& dot, const model::IncidentId& incident,
                   const DataKey& key, const FixedBytes<16, struct SaltTag>& salt);

enum class PrivateFault { Malformed, NotForUs, WrongKey };
Result<std::vector<model::Write>, PrivateFault> open_private(ByteView part, const model::Dot& dot,
                                                             const model::IncidentId& incident,
                                                             const std::vector<DataKey>& keys);

}  // namespace airbridge::trust
