#pragma once
// A picture on its way to a node that comes late (docs/protocol/picture.md, "On its way"):
//
//   offset  size  what
//   0       8     "AIRBPIC1"
//   8       4     n, bytes of the head, big-endian, at most transfer_head_max
//   12      n     head, canonical CBOR: a map with integer keys
//   12+n    64    the sender's Ed25519 signature of "airbridge picture transfer 1" and the head
//   76+n          the snapshot of picture.md, packed (zstd, one frame)
//
// The head says of which events the picture was made, with their authors' seals: a sender cannot make it seem of more
// than was written. That it was made rightly nobody can know before the events are here.
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "trust/keys.hpp"

namespace airbridge::ledger {

inline constexpr std::size_t transfer_head_max = std::size_t{4} << 20;
inline constexpr std::size_t transfer_streams_max = 24'000;
// Unpacked; a longer picture is not taken, nor one that unpacks to so many times its size: whoever sends it would fill
// a memory with little.
inline constexpr std::size_t transfer_plain_max = std::size_t{1} << 30;
inline constexpr std::size_t transfer_ratio_max = 32;
inline constexpr std::size_t transfer_small = 64 * 1024;  // below, any ratio

struct TransferHead {
  model::IncidentId incident;
  model::PublicKey sender;  // Ed25519 key of the node
  UtcTime made{};           // by its clock
  model::Hash state;        // what the picture says of itself
  model::Hash content;      // BLAKE2b-256 of the unpacked snapshot
  std::uint64_t plain_bytes = 0;
  std::vector<model::Seal> seals;      // of each stream up to where the picture has it
  std::vector<model::PublicKey> keys;  // of their authors
};

// Fills in plain_bytes and content. Slow for large pictures: not on a thread that others wait for.
Bytes pack_transfer(TransferHead head, ByteView snapshot, const trust::SigningKey& sender);

struct Transfer {
  TransferHead head;
  Bytes snapshot;
};
// Safe on any bytes: what is not exactly such a picture of this incident, signed by the key it names, with seals that
// hold, is refused, in words. Whether that key belongs to somebody is for the caller.
Result<Transfer, std::string> open_transfer(ByteView bytes, const model::IncidentId& incident);

}  // namespace airbridge::ledger
