#pragma once
// The payload of a Data frame: whom it is for, where it stands in its burst, and parts (docs/protocol/bearer.md).
//
//   0-1  session tag; 0: to all who hear it
//   2    burst: frames still to come (5 bits) | more (1) | grant (1) | open (1)
//   3..  parts, each {kind (3 bits) | flags (5), fields}
#include <optional>
#include <variant>
#include <vector>

#include "bearer/output.hpp"

namespace airbridge::bearer {

inline constexpr std::size_t data_head_bytes = 3;

// A piece of a block. Kind 0, flags: 1 urgent, 2 first of its block, 4 last of its block, 8 the block is compressed,
// 16 to the end of the frame (else a length stands before the bytes).
struct FragmentPart {
  bool urgent = false;
  bool first = false;
  bool last = false;
  bool squeezed = false;
  std::uint16_t seq = 0;
  ByteView bytes;
};
inline constexpr std::size_t fragment_head_bytes = 3;  // to the end of the frame

// Kind 1, flags: 1 bulk, 2 urgent. What was received of a sub-channel: everything before `next`, and of those after it
// the ones whose bit is set (lowest bit of the first byte: next + 1).
struct Received {
  std::uint16_t next = 0;
  Bytes bitmap;
};
struct AckPart {
  std::uint16_t highest = 0;  // low bits of the highest counter heard of the other side
  std::optional<Received> bulk;
  std::optional<Received> urgent;
};
// Kind 2: "I know that your start is this one"; our tags to you are made with this salt.
struct OpenPart {
  std::uint64_t start = 0;
  std::uint8_t salt = 0;
  std::uint8_t heard = 0;  // the salt of the receiver's own session that the sender follows; 0: of none
};
// Kind 3: a last value, for all who hear it. Flag 16: to the end of the frame.
struct ValuePart {
  ByteView bytes;
};
// Kind 4: the digest of the sender's durable vector, as in a beacon.
struct DigestPart {
  Digest8 digest;
};
// Kind 5, flags as a fragment's: urgent, squeezed. Parity `index` over the `count` fragments from `seq` on, which are
// one whole block; `last_bytes` is the length of the last of them, the others are as long as `bytes` (repair.hpp).
struct RepairPart {
  bool urgent = false;
  bool squeezed = false;
  std::uint16_t seq = 0;
  std::uint8_t count = 0;
  std::uint8_t index = 0;
  std::size_t last_bytes = 0;
  ByteView bytes;
};
using Part = std::variant<FragmentPart, AckPart, OpenPart, ValuePart, DigestPart, RepairPart>;

struct DataPayload {
  std::uint16_t tag = 0;
  std::uint8_t remaining = 0;
  bool more = false;   // the sender has more than this burst holds
  bool grant = false;  // after this burst it is the turn of whom this frame is for
  bool open = false;   // before that, a moment is left for the beacons of stations that get no turn yet
  std::vector<Part> parts;
};

// The parts refer to `bytes`. Nothing when it is not exactly such a payload.
std::optional<DataPayload> parse_data(ByteView bytes);

void put_data_head(Bytes& out, std::uint16_t tag, std::uint8_t remaining, bool more, bool grant, bool open);
void put_part(Bytes& out, const FragmentPart& part, bool to_end);
void put_part(Bytes& out, const AckPart& part);
void put_part(Bytes& out, const OpenPart& part);
void put_part(Bytes& out, const ValuePart& part, bool to_end);
void put_part(Bytes& out, const DigestPart& part);
void put_part(Bytes& out, const RepairPart& part);
std::size_t size_of(const AckPart& part);

// The messages of a LastValue frame.
std::optional<std::vector<ByteView>> parse_last_values(ByteView payload, bool many);

// A block: messages one after the other, each with its length before it.
void put_message(Bytes& block, ByteView message);
// Nothing when the bytes are no block, or hold more than messages_per_block_max.
std::optional<std::vector<ByteView>> parse_block(ByteView block);

}  // namespace airbridge::bearer
