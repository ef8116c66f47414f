#pragma once
// The messages of the protocol and their bytes: canonical CBOR arrays, described with examples in
// docs/protocol/sync.md.
#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "model/entry.hpp"
#include "sync/track_table.hpp"

namespace airbridge::sync {

enum class MessageType : std::uint8_t {
  Hello = 1,
  AskVector = 2,
  Vector = 3,
  Keys = 4,
  Run = 5,
  Ack = 6,
  LastValues = 7,
  ChainQuery = 8,
  ChainReply = 9,
  Ping = 10,
  Pong = 11,
  RunRefused = 12,
  Bye = 13,
  // On message links only (compact.hpp); unknown on a stream.
  AskWriters = 14,
  Writers = 15,
  WhoIs = 16,
  // On streams only, to nodes whose HELLO has feature_snapshots.
  SnapshotAsk = 17,
  SnapshotPart = 18,
  // On streams to nodes whose HELLO has feature_tracks; on message links in their form on streams.
  TracksHeld = 19,
  TrackPart = 20,
  // Whoever does not know it passes it over.
  OnlyUrgent = 21,
};

inline constexpr std::uint64_t feature_snapshots = 1;  // answers SNAPSHOT_ASK
inline constexpr std::uint64_t feature_tracks = 2;     // knows TRACKS_HELD and TRACK_PART

using Digest = std::array<std::uint8_t, 8>;  // of all a node holds: BLAKE2b-64 of streams, numbers and heads
using Head4 = std::array<std::uint8_t, 4>;   // first bytes of a chain value: enough to suspect, not to prove
using Head8 = std::array<std::uint8_t, 8>;

// First on every link, from both sides. A map with integer keys: later versions may add some.
struct Hello {
  std::uint32_t version = 0;
  model::IncidentId incident;
  model::KeyId node;
  std::string name;
  std::uint32_t incarnation = 0;
  Digest digest{};                 // of what this node holds on disk; who knows what that is need not ask
  std::uint64_t features = 0;      // bits: feature_snapshots
  std::uint64_t run = 0;           // random, new at each start of the program; 0: not said
  std::string incident_name = {};  // for people; empty: not said
  std::string bearer = {};         // over which the caller calls, by its name there; empty: not said
  std::uint32_t cost = 0;          // rank of what a byte costs there
};

struct VectorItem {
  model::StreamId stream;
  std::uint64_t seq = 0;
  std::optional<Head4> head{};  // none: not said, as on message links
};
// "Tell what you hold"; what differs from the vector that `base` names, which the asker remembers, is enough. On a
// stream `base` is digest_of() that vector, on a message link numbers_digest_of() it.
struct AskVector {
  std::optional<Digest> base;
  bool heads = false;  // on a message link: say the heads too, there is a doubt about them
};
// What the sender holds: all of it, or what differs from `base`. Number 0: no longer held.
struct VectorMessage {
  std::optional<Digest> base;
  std::vector<VectorItem> items;
  std::optional<Digest> all = {};  // on a message link: digest_of() all the sender holds, heads included
};
struct Keys {
  std::vector<model::PublicKey> keys;
};
// Consecutive entries of one stream. Without a seal they are the beginning of a run; the rest follows.
struct Run {
  model::StreamId stream;
  std::vector<model::Entry> entries;
  std::optional<model::Seal> seal;
  bool head_known = true;  // false: seal->head did not come along; it follows from what the receiver holds
};
// Streams of which the sender holds more, on disk, than it told before.
struct Ack {
  std::vector<VectorItem> items;
};
struct LastValues {
  std::vector<Bytes> observations;
};
struct ChainQuery {
  model::StreamId stream;
  std::vector<std::uint64_t> seqs;
};
struct ChainReply {
  model::StreamId stream;
  std::vector<std::pair<std::uint64_t, Head8>> heads;  // of those asked for that are held
};
struct Ping {
  std::uint64_t nonce = 0;
  Digest digest{};  // of what the sender has told so far
};
struct Pong {
  std::uint64_t nonce = 0;
};

enum class Reason : std::uint8_t {
  Gap = 1,         // begins after what is held: send from there
  Busy = 2,        // the disk is slow or full: again later
  Forked = 3,      // this part of the stream is a branch
  BadSeal = 4,     // the author's signature does not hold
  WrongChain = 5,  // does not continue what is held
  UnknownAuthor = 6,
  Oversized = 7,
  TooManyStreams = 8,
  OwnStream = 9,  // the receiver's own writing
  Malformed = 10,
};
inline constexpr std::uint64_t reason_max = 10;
std::string_view name_of(Reason reason);

struct RunRefused {
  model::StreamId stream;
  std::uint64_t seq = 0;  // the first of the refused entries
  Reason reason = Reason::Malformed;
  std::uint32_t retry_ms = 0;
};

enum class Parting : std::uint8_t {
  Stopping = 0,
  WrongIncident = 1,
  NewerProtocol = 2,
  SameNode = 3,
  Duplicate = 4,
  Protocol = 5,
  Silent = 6,
  Full = 7,
  Twin = 8,  // two devices run with the keys of the one that is told so
};
inline constexpr std::uint64_t parting_max = 8;
struct Bye {
  Parting reason = Parting::Stopping;
  std::string words;  // for people
};

// Message links name writers by their place in a table both sides hold, and a table by a tag: the first bytes of the
// BLAKE2b of its writers (compact.hpp).
using WriterTag = std::uint16_t;
inline constexpr std::size_t writer_table_max = 4096;
struct AskWriters {
  WriterTag tag = 0;  // of a table the sender does not know
};
struct Writers {
  std::vector<model::Writer> writers;  // ascending
};
// "Say again in full what stands behind these tags": short positions named things the sender has not heard of.
struct WhoIs {
  std::vector<std::uint16_t> tags;
};

// "I hold next to nothing of what you hold: send me your picture before the events it was made of." What comes is shown
// and never counted (ledger/provisional.hpp).
struct SnapshotAsk {
  std::uint64_t bytes_max = 0;  // more need not be sent
};
// Stretch `number` of `count` of the bytes of such a picture.
struct SnapshotPart {
  std::uint32_t number = 0;
  std::uint32_t count = 0;
  Bytes bytes;
};

// How far the sender holds each track: its tag (track_table.hpp) and the time of the last fix, in seconds since 1970.
struct TracksHeld {
  std::vector<std::pair<TrackTag, std::uint64_t>> tracks;
};
// Fixes of one track behind those that the receiver holds (track.hpp).
struct TrackPart {
  TrackId id;
  Bytes fixes;
};

// "What you send costs me what I do not have": the sender's budget of this link is spent (true), or is not any more.
// Until then urgent events and answers only are to come.
struct OnlyUrgent {
  bool only = true;
};

using Message = std::variant<Hello, AskVector, VectorMessage, Keys, Run, Ack, LastValues, ChainQuery, ChainReply, Ping,
                             Pong, RunRefused, Bye, AskWriters, Writers, WhoIs, SnapshotAsk, SnapshotPart, TracksHeld,
                             TrackPart, OnlyUrgent>;

// A whole frame.
Bytes encode(const Message& message);
// The same for a run, without copying entries into a Run.
Bytes encode_run(const model::StreamId& stream, std::span<const model::Entry> entries, const model::Seal* seal,
                 bool private_parts);

// What a type of a later version of the protocol decodes to: counted and passed over.
struct UnknownMessage {
  std::uint8_t type = 0;
};
Result<std::variant<Message, UnknownMessage>, model::DecodeError> decode(std::uint8_t type, ByteView payload);

}  // namespace airbridge::sync
