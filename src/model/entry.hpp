#pragma once
// An event in its stream: what is stored, sent, chained and sealed (DESIGN 3). Forms: docs/protocol/event.md.
#include <map>
#include <optional>
#include <vector>

#include "model/event.hpp"
#include "model/ids.hpp"

namespace airbridge::model {

// The private part of an event, as this node has it.
struct PrivatePart {
  enum class State : std::uint8_t { Absent = 0, Here = 1, Withheld = 2 };
  State state = State::Absent;
  Bytes ciphertext;  // Here
  Hash hash;         // BLAKE2b-256 of the ciphertext; Here and Withheld
  static PrivatePart absent() { return {}; }
  static PrivatePart here(Bytes ciphertext);
  static PrivatePart withheld(const Hash& hash) { return {State::Withheld, {}, hash}; }
  friend bool operator==(const PrivatePart&, const PrivatePart&) = default;
};

struct Entry {
  StreamId stream;
  std::uint64_t seq = 0;
  Bytes public_part;
  PrivatePart private_part;
  Dot dot() const { return {stream.writer, stream.cls, seq}; }
  std::size_t size() const { return public_part.size() + private_part.ciphertext.size(); }
  friend bool operator==(const Entry&, const Entry&) = default;
};

// Canonical CBOR: [author, incarnation, class, seq, public, private], private = null | ciphertext | [hash], and a
// seventh item [from, head] when the stream is a branch.
Bytes encode(const Entry& entry);
void encode_to(Bytes& out, const Entry& entry);  // appends the same bytes
Result<Entry, DecodeError> decode_entry(ByteView bytes);

// The chain: h_0 = H("airbridge stream 1" | incident | author | incarnation | class),
// h_n = H(h_{n-1} | n | H(private ciphertext) or 32 zero bytes | public part). Integers big-endian, 4 and 8 bytes. The
// start names incident and stream for all that follow (docs/adr/0011). A branch is chained as the stream it branches
// from: that is what its author signed.
Hash chain_start(const IncidentId& incident, const StreamId& stream);
Hash chain_next(const Hash& before, const Entry& entry);

// An author's word for everything in the stream up to `seq`: Ed25519 over seal_text().
struct Seal {
  StreamId stream;
  std::uint64_t seq = 0;
  Hash head;
  Signature signature;
  friend bool operator==(const Seal&, const Seal&) = default;
};
Bytes seal_text(const IncidentId& incident, const Seal& seal);
Bytes encode(const Seal& seal);
Result<Seal, DecodeError> decode_seal(ByteView bytes);

// A stretch of one stream that ends with a seal: the unit of exchange and of acceptance.
struct SealedRun {
  std::vector<Entry> entries;  // consecutive, one stream
  Seal seal;                   // of the last entry
};

// What a node holds: the last contiguous sealed event of each stream.
using VersionVector = std::map<StreamId, std::uint64_t>;

// The founding document of an incident; its hash is the incident's name.
struct Genesis {
  std::string name;  // for people
  bool exercise = true;
  std::uint32_t policy_version = 1;  // of the merge table; raised only by an authority event
  UtcTime created{};
  Hash salt;                           // from the OS generator, so that two incidents never share a name
  std::vector<PublicKey> authorities;  // Ed25519; the first signs
  Signature signature;
  friend bool operator==(const Genesis&, const Genesis&) = default;
};
inline constexpr std::size_t authorities_max = 16;
inline constexpr std::size_t incident_name_max = 200;  // bytes
Bytes genesis_text(const Genesis& genesis);            // what is signed and hashed
IncidentId incident_of(const Genesis& genesis);
Bytes encode(const Genesis& genesis);
Result<Genesis, DecodeError> decode_genesis(ByteView bytes);

KeyId key_id_of(const PublicKey& key);

void put_stream(Bytes& out,
                const StreamId& stream);  // canonical CBOR array of 3, or 4 for a branch; used by vectors and frames

}  // namespace airbridge::model
