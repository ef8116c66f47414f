#pragma once
// The messages of sync::Message in the fewest bytes, for message links: docs/protocol/compact.md, with examples.
//
// What a message says does not change, but for what its form leaves out and message.hpp has a word for (heads, the head
// of a seal), and for positions in short form, which are rounded (compact_position.hpp). Every number of a vector,
// every event byte and every signature comes out as it went in.
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "model/entry.hpp"
#include "sync/last_values.hpp"
#include "sync/message.hpp"
#include "sync/vector.hpp"

namespace airbridge::sync {

// The writers two sides both know, ascending: a writer is named by its place. A table may hold persons too, as writers
// of incarnation 0: actors of events are then named by their place. At most writer_table_max; more are left out.
class WriterTable {
 public:
  explicit WriterTable(std::vector<model::Writer> writers);  // in any order
  WriterTag tag() const { return tag_; }
  const std::vector<model::Writer>& writers() const { return writers_; }
  std::optional<std::size_t> index_of(const model::Writer& writer) const;
  std::optional<std::size_t> index_of(const model::KeyId& key) const;  // the first with this key

 private:
  std::vector<model::Writer> writers_;
  WriterTag tag_ = 0;  // first two bytes of BLAKE2b-64 over key id and incarnation (4 bytes, big-endian) of each
};

// What the forms refer to. Whatever is not given is written in full, or cannot be read.
struct CompactContext {
  // Writing: a table the peer is known to hold.
  const WriterTable* table = nullptr;
  // Reading: the tables with that tag. Mostly one; a message that fits none of several is malformed.
  std::function<std::vector<const WriterTable*>(WriterTag)> tables = {};
  // Both: the vector that a delta starts from, by the digest the message names it with.
  std::function<const HeldVector*(const Digest&)> vector = {};
  // Writing: the observation of this key that the peer was last given in full; empty when none was.
  std::function<ByteView(const ObservationKey&)> told = {};
  // Reading: the known observations with this tag_of().
  std::function<std::vector<ByteView>(std::uint16_t)> known = {};
  UtcTime now{};  // short positions leave out the day
};

Bytes encode_compact(const Message& message, const CompactContext& context);
// A run without copying its entries, its seal without the head (Run::head_known is false where it arrives).
Bytes encode_compact_run(const model::StreamId& stream, std::span<const model::Entry> entries, const model::Seal* seal,
                         bool private_parts, const CompactContext& context);

enum class CompactFault : std::uint8_t {
  Malformed,
  UnknownTable,  // ask with AskWriters
  UnknownBase,   // ask with AskVector without a base
};
struct CompactError {
  CompactFault fault = CompactFault::Malformed;
  WriterTag table = 0;         // UnknownTable
  model::DecodeError where{};  // Malformed
};
struct CompactMessage {
  std::variant<Message, UnknownMessage> message;
  // Of LastValues: short positions of things not known here; ask with WhoIs.
  std::vector<std::uint16_t> unknown_tags;
};
Result<CompactMessage, CompactError> decode_compact(ByteView bytes, const CompactContext& context);

// How many bytes at the end of an encoded message look random, so that compressing them is in vain
// (bearer/squeeze.hpp).
std::size_t dense_bytes_of(ByteView message);

}  // namespace airbridge::sync
