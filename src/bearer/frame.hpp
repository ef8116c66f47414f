#pragma once
// The frame of datagram channels (docs/protocol/bearer.md):
//
//   0    version (2 bits) | type (3) | flags (3)
//   1    slot: the first byte of a hash of the sender's key id
//   2-3  counter, its low 16 bits, big-endian
//   [4   start of the sender, 8 bytes, then bits 16..63 of the counter, 6 bytes: when flag_long is set]
//   ...  payload, encrypted or (sign-only) in clear
//   -8   tag, AEAD_AES_256_CCM_8
#include "base/bytes.hpp"
#include "model/ids.hpp"

namespace airbridge::bearer {

inline constexpr std::uint8_t frame_version = 1;
inline constexpr std::size_t header_bytes = 4;
inline constexpr std::size_t long_bytes = 14;
inline constexpr std::size_t tag_bytes = 8;
inline constexpr std::size_t frame_overhead = header_bytes + tag_bytes;

enum class FrameType : std::uint8_t {
  Beacon = 0,     // 8 bytes: the digest of the sender's durable vector
  Data = 1,       // session, burst, parts (payload.hpp)
  LastValue = 2,  // one message for all who hear it; with flag_many several, each with its length before it
  Behind = 3,     // "your counters up to this one were used before": start (8), counter (8)
};

inline constexpr std::uint8_t flag_long = 1;  // start and whole counter follow the header
inline constexpr std::uint8_t flag_hurry =
    2;  // something urgent is left at the sender when its burst ends: keep yours short
inline constexpr std::uint8_t flag_many = 4;

// The slot byte of a member.
std::uint8_t slot_of(const model::KeyId& node);

}  // namespace airbridge::bearer
