#include "sync/compact.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "sync/compact_event.hpp"
#include "sync/compact_position.hpp"
#include "sync/compact_vector.hpp"
#include "sync/frame.hpp"
#include "sync/limits.hpp"

namespace airbridge::sync {

using compact::BitWriter;
using compact::In;
using compact::Parts;
using compact::put_big_endian;
using compact::put_bytes;
using compact::put_number;
using model::DecodeError;
using model::DecodeFault;
using model::StreamId;

WriterTable::WriterTable(std::vector<model::Writer> writers) : writers_(std::move(writers)) {
  std::sort(writers_.begin(), writers_.end());
  writers_.erase(std::unique(writers_.begin(), writers_.end()), writers_.end());
  if (writers_.size() > writer_table_max) writers_.resize(writer_table_max);
  Bytes bytes;
  for (const auto& writer : writers_) compact::put_writer(bytes, writer);
  const auto digest = blake2b<8>({bytes});
  tag_ = static_cast<WriterTag>(digest[0] << 8 | digest[1]);
}

std::optional<std::size_t> WriterTable::index_of(const model::Writer& writer) const {
  const auto found = std::lower_bound(writers_.begin(), writers_.end(), writer);
  if (found == writers_.end() || *found != writer) return std::nullopt;
  return static_cast<std::size_t>(found - writers_.begin());
}
std::optional<std::size_t> WriterTable::index_of(const model::KeyId& key) const {
  const auto found = std::lower_bound(writers_.begin(), writers_.end(), model::Writer{key, 0});
  if (found == writers_.end() || found->author != key) return std::nullopt;
  return static_cast<std::size_t>(found - writers_.begin());
}

namespace {

// The first byte: the type in bits 0 to 4, and
constexpr std::uint8_t type_mask = 0x1F;
constexpr std::uint8_t variant_flag = 0x20;    // of the type
constexpr std::uint8_t table_flag = 0x40;      // the tag of a table follows
constexpr std::uint8_t canonical_flag = 0x80;  // the payload of the form on streams follows

enum class SealForm : std::uint8_t { None = 0, Signature = 1, HeadAndSignature = 2 };
constexpr unsigned seal_shift = 2;

std::uint8_t type_byte(MessageType type, const WriterTable* table = nullptr, bool variant = false) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(type) | (table != nullptr ? table_flag : 0U) |
                                   (variant ? variant_flag : 0U));
}
Bytes begin(MessageType type, const WriterTable* table, bool variant = false) {
  Bytes out{type_byte(type, table, variant)};
  if (table != nullptr) put_big_endian(out, table->tag(), sizeof(WriterTag));
  return out;
}

Bytes run_bytes(const StreamId& stream, std::span<const model::Entry> entries, const model::Seal* seal, bool with_head,
                bool private_parts, const WriterTable* table) {
  Parts parts;
  compact::put_stream(parts.plain, table, stream);
  put_number(parts.plain, entries.empty() ? 1 : entries.front().seq);
  const auto form = seal == nullptr ? SealForm::None : with_head ? SealForm::HeadAndSignature : SealForm::Signature;
  put_number(parts.plain, entries.size() << seal_shift | static_cast<std::uint64_t>(form));
  compact::RunMemory memory;
  for (const auto& entry : entries) compact::put_entry(parts, memory, entry, table, private_parts);
  if (form == SealForm::HeadAndSignature) put_bytes(parts.dense, seal->head.view());
  if (form != SealForm::None) put_bytes(parts.dense, seal->signature.view());

  Bytes out{type_byte(MessageType::Run, table)};
  put_number(out, parts.dense.size());
  if (table != nullptr) put_big_endian(out, table->tag(), sizeof(WriterTag));
  put_bytes(out, parts.plain);
  put_bytes(out, parts.dense);
  return out;
}

// Nothing when `writers` lacks some of the table, holds no more, or does not ascend.
std::optional<std::vector<model::Writer>> additions_to(const WriterTable& table,
                                                       const std::vector<model::Writer>& writers) {
  const auto& old = table.writers();
  if (writers.size() <= old.size() || !std::is_sorted(writers.begin(), writers.end())) return std::nullopt;
  std::vector<model::Writer> out;
  std::set_difference(writers.begin(), writers.end(), old.begin(), old.end(), std::back_inserter(out));
  if (out.size() + old.size() != writers.size()) return std::nullopt;
  return out;
}

Writers get_writers(In& in, const WriterTable* table) {
  Writers out;
  if (table != nullptr) out.writers = table->writers();
  while (in.ok() && in.left() > 0) {
    if (out.writers.size() >= writer_table_max) in.fail(DecodeFault::TooLong);
    out.writers.push_back(compact::get_writer(in));
  }
  if (table != nullptr) std::sort(out.writers.begin(), out.writers.end());
  return out;
}

Bytes positions_bytes(const LastValues& values, const CompactContext& context) {
  Bytes shorts;
  std::vector<const Bytes*> full;
  for (const auto& bytes : values.observations) {
    std::optional<Bytes> brief;
    if (const auto fresh = model::decode_observation(bytes); fresh && context.told) {
      const auto told = model::decode_observation(context.told(key_of(*fresh)));
      // What a newer version added goes in full.
      if (told && model::encode(*fresh) == bytes) brief = compact::short_position(*fresh, *told, context.now);
    }
    brief ? put_bytes(shorts, *brief) : full.push_back(&bytes);
  }
  Bytes out{type_byte(MessageType::LastValues, nullptr, full.empty())};
  if (!full.empty()) {
    put_number(out, full.size());
    for (const auto* bytes : full) {
      put_number(out, bytes->size());
      put_bytes(out, *bytes);
    }
  }
  put_bytes(out, shorts);
  return out;
}

struct Encoder {
  const CompactContext& context;
  const WriterTable* table = context.table;

  Bytes canonical(const Message& message) const {
    const auto frame = encode(message);
    Bytes out{static_cast<std::uint8_t>(canonical_flag | frame[4])};
    put_bytes(out, ByteView(frame).subspan(frame_head_bytes, frame.size() - frame_overhead_bytes));
    return out;
  }
  Bytes operator()(const Hello& hello) const { return canonical(hello); }
  Bytes operator()(const SnapshotAsk& ask) const { return canonical(ask); }  // on streams only
  Bytes operator()(const SnapshotPart& part) const { return canonical(part); }
  Bytes operator()(const TracksHeld& held) const { return canonical(held); }
  Bytes operator()(const TrackPart& part) const { return canonical(part); }
  Bytes operator()(const OnlyUrgent& wish) const { return canonical(wish); }
  Bytes operator()(const AskVector& ask) const {
    auto out = begin(MessageType::AskVector, nullptr, ask.heads);
    if (ask.base) put_bytes(out, *ask.base);
    return out;
  }
  Bytes operator()(const VectorMessage& message) const {
    const auto* base = message.base && context.vector ? context.vector(*message.base) : nullptr;
    auto out = begin(MessageType::Vector, table);
    compact::put_vector(out, message, table, base);
    return out;
  }
  Bytes operator()(const Keys& keys) const {
    auto out = begin(MessageType::Keys, nullptr);
    for (const auto& key : keys.keys) put_bytes(out, key.view());
    return out;
  }
  Bytes operator()(const Run& run) const {
    return run_bytes(run.stream, run.entries, run.seal ? &*run.seal : nullptr, run.head_known, true, table);
  }
  Bytes operator()(const Ack& ack) const {
    auto out = begin(MessageType::Ack, table);
    compact::put_items(out, ack.items, table);
    return out;
  }
  Bytes operator()(const LastValues& values) const { return positions_bytes(values, context); }
  Bytes operator()(const ChainQuery& query) const {
    auto out = begin(MessageType::ChainQuery, table);
    compact::put_stream(out, table, query.stream);
    for (const auto seq : query.seqs) put_number(out, seq);
    return out;
  }
  Bytes operator()(const ChainReply& reply) const {
    auto out = begin(MessageType::ChainReply, table);
    compact::put_stream(out, table, reply.stream);
    for (const auto& [seq, head] : reply.heads) {
      put_number(out, seq);
      put_bytes(out, head);
    }
    return out;
  }
  Bytes operator()(const Ping& ping) const {
    auto out = begin(MessageType::Ping, nullptr);
    put_number(out, ping.nonce);
    put_bytes(out, ping.digest);
    return out;
  }
  Bytes operator()(const Pong& pong) const {
    auto out = begin(MessageType::Pong, nullptr);
    put_number(out, pong.nonce);
    return out;
  }
  Bytes operator()(const RunRefused& refused) const {
    auto out = begin(MessageType::RunRefused, table);
    compact::put_stream(out, table, refused.stream);
    put_number(out, refused.seq);
    out.push_back(static_cast<std::uint8_t>(refused.reason));
    put_number(out, refused.retry_ms);
    return out;
  }
  Bytes operator()(const Bye& bye) const {
    auto out = begin(MessageType::Bye, nullptr);
    out.push_back(static_cast<std::uint8_t>(bye.reason));
    put_bytes(out, as_bytes(bye.words));
    return out;
  }
  Bytes operator()(const AskWriters& ask) const {
    auto out = begin(MessageType::AskWriters, nullptr);
    put_big_endian(out, ask.tag, sizeof(WriterTag));
    return out;
  }
  Bytes operator()(const Writers& writers) const {
    // Of a table that has grown since the other side learned it, only what is new.
    const auto adds = table != nullptr ? additions_to(*table, writers.writers) : std::nullopt;
    auto out = begin(MessageType::Writers, adds ? table : nullptr);
    for (const auto& writer : adds ? *adds : writers.writers) compact::put_writer(out, writer);
    return out;
  }
  Bytes operator()(const WhoIs& who) const {
    auto out = begin(MessageType::WhoIs, nullptr);
    for (const auto tag : who.tags) put_big_endian(out, tag, 2);
    return out;
  }
};

// ---- reading ----------------------------------------------------------------------------------------------------

CompactError malformed(DecodeError where) { return {CompactFault::Malformed, 0, where}; }

Run get_run(In& in, std::size_t dense_size, const WriterTable* table) {
  if (dense_size > in.left()) in.fail(DecodeFault::Truncated);
  if (!in.ok()) return {};
  In plain(in.bytes(in.left() - dense_size)), dense(in.bytes(dense_size));
  Run run;
  run.stream = compact::get_stream(plain, table);
  const auto first = plain.number();
  const auto counted = plain.number(entries_per_run_max << seal_shift | 3);
  const auto form = static_cast<SealForm>(counted & 3);
  const auto count = counted >> seal_shift;
  if (plain.ok() && (first == 0 || count == 0 || first > UINT64_MAX - count || form > SealForm::HeadAndSignature)) {
    plain.fail(DecodeFault::OutOfRange);
  }
  compact::RunMemory memory;
  std::size_t size = 0;
  for (std::uint64_t i = 0; i < count && plain.ok() && dense.ok(); ++i) {
    auto& entry = run.entries.emplace_back();
    entry.stream = run.stream;
    entry.seq = first + i;
    compact::get_entry(plain, dense, memory, entry, table);
    // A few bytes may stand for a long name said before: bounded as the same run on a stream would be.
    size += entry.size();
    if (size > frame_bytes_max) plain.fail(DecodeFault::TooLong);
  }
  if (form != SealForm::None) {
    auto& seal = run.seal.emplace();
    seal.stream = run.stream;
    seal.seq = first + count - 1;
    run.head_known = form == SealForm::HeadAndSignature;
    if (run.head_known) seal.head.value = dense.array<decltype(seal.head.value)>();
    seal.signature.value = dense.array<decltype(seal.signature.value)>();
  }
  plain.end(), dense.end();
  for (const auto* part : {&plain, &dense}) {
    if (!part->ok()) in.fail(part->fault()->fault);
  }
  return run;
}

void get_positions(In& in, bool only_short, const CompactContext& context, LastValues& values,
                   std::vector<std::uint16_t>& unknown) {
  if (!only_short) {
    const auto count = in.number(observations_per_frame_max);
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
      values.observations.push_back(to_bytes(in.bytes(in.number(observation_bytes_max))));
    }
  }
  if (in.left() / short_position_bytes > observations_per_frame_max - values.observations.size()) {
    in.fail(DecodeFault::TooLong);
  }
  while (in.ok() && in.left() > 0) {
    const auto position = compact::get_short_position(in);
    if (!in.ok()) break;
    std::vector<ByteView> known;
    if (context.known) known = context.known(position.tag);
    // Two things with one tag: neither may be moved by guess.
    const auto full =
        known.size() == 1 ? model::decode_observation(known.front()) : model::decode_observation(ByteView());
    if (!full) {
      unknown.push_back(position.tag);
    } else if (const auto restored = compact::restore(position, *full, context.now)) {
      values.observations.push_back(model::encode(*restored));
    }
  }
}

template <class Item, class Read>
std::vector<Item> rest(In& in, std::size_t max, Read&& read) {
  std::vector<Item> out;
  while (in.ok() && in.left() > 0) {
    if (out.size() >= max) in.fail(DecodeFault::TooLong);
    out.push_back(read());
  }
  return out;
}

// Everything behind the first byte, and the tag if there is one. Nothing is known of the message when it fails.
struct Decoder {
  const CompactContext& context;
  bool variant = false;
  std::size_t dense = 0;
  bool unknown_base = false;
  std::vector<std::uint16_t> unknown_tags = {};

  Message get(MessageType type, In& in, const WriterTable* table) {
    switch (type) {
      case MessageType::AskVector: {
        AskVector ask;
        ask.heads = variant;
        if (in.left() > 0) ask.base = in.array<Digest>();
        return ask;
      }
      case MessageType::Vector:
        return compact::get_vector(in, table, context.vector, unknown_base);
      case MessageType::Keys:
        return Keys{rest<model::PublicKey>(
            in, keys_per_frame_max, [&] { return model::PublicKey{in.array<decltype(model::PublicKey::value)>()}; })};
      case MessageType::Run:
        return get_run(in, dense, table);
      case MessageType::Ack:
        return Ack{compact::get_items(in, table)};
      case MessageType::LastValues: {
        LastValues values;
        get_positions(in, variant, context, values, unknown_tags);
        return values;
      }
      case MessageType::ChainQuery: {
        ChainQuery query;
        query.stream = compact::get_stream(in, table);
        query.seqs = rest<std::uint64_t>(in, chain_query_max + 1, [&] { return in.number(); });
        return query;
      }
      case MessageType::ChainReply: {
        ChainReply reply;
        reply.stream = compact::get_stream(in, table);
        reply.heads = rest<std::pair<std::uint64_t, Head8>>(in, chain_query_max + 1, [&] {
          const auto seq = in.number();
          return std::pair(seq, in.array<Head8>());
        });
        return reply;
      }
      case MessageType::Ping: {
        Ping ping;
        ping.nonce = in.number();
        ping.digest = in.array<Digest>();
        return ping;
      }
      case MessageType::Pong:
        return Pong{in.number()};
      case MessageType::RunRefused: {
        RunRefused refused;
        refused.stream = compact::get_stream(in, table);
        refused.seq = in.number();
        refused.reason = static_cast<Reason>(in.byte());
        refused.retry_ms = static_cast<std::uint32_t>(in.number(UINT32_MAX));
        return refused;
      }
      case MessageType::Bye: {
        Bye bye;
        bye.reason = static_cast<Parting>(in.byte());
        bye.words = std::string(as_text(in.bytes(std::min(in.left(), words_bytes_max))));
        return bye;
      }
      case MessageType::AskWriters:
        return AskWriters{static_cast<WriterTag>(in.big_endian(sizeof(WriterTag)))};
      case MessageType::Writers:
        return get_writers(in, table);
      case MessageType::WhoIs:
        return WhoIs{rest<std::uint16_t>(in, observations_per_frame_max,
                                         [&] { return static_cast<std::uint16_t>(in.big_endian(2)); })};
      case MessageType::Hello:
      case MessageType::SnapshotAsk:
      case MessageType::SnapshotPart:
      case MessageType::TracksHeld:
      case MessageType::TrackPart:
      case MessageType::OnlyUrgent:
        in.fail(DecodeFault::WrongType);  // has the form on streams only
        break;
    }
    return Bye{};
  }
};

}  // namespace

Bytes encode_compact(const Message& message, const CompactContext& context) {
  return std::visit(Encoder{context}, message);
}

Bytes encode_compact_run(const StreamId& stream, std::span<const model::Entry> entries, const model::Seal* seal,
                         bool private_parts, const CompactContext& context) {
  return run_bytes(stream, entries, seal, false, private_parts, context.table);
}

std::size_t dense_bytes_of(ByteView message) {
  if (message.empty() || (message[0] & canonical_flag) != 0) return 0;
  const auto type = static_cast<MessageType>(message[0] & type_mask);
  if (type == MessageType::Run) {
    In in(message.subspan(1));
    const auto dense = in.number();
    return in.ok() && dense <= in.left() ? dense : 0;
  }
  const bool positions = type == MessageType::LastValues && (message[0] & variant_flag) != 0;
  if (positions || type == MessageType::Keys || type == MessageType::Writers || type == MessageType::WhoIs ||
      type == MessageType::Vector) {
    return message.size() - 1;
  }
  return 0;
}

Result<CompactMessage, CompactError> decode_compact(ByteView bytes, const CompactContext& context) {
  if (bytes.empty()) return failure(malformed({DecodeFault::Truncated, 0}));
  const auto first = bytes[0];
  const auto raw_type = static_cast<std::uint8_t>(first & type_mask);
  const auto has_variant = raw_type == static_cast<std::uint8_t>(MessageType::AskVector) ||
                           raw_type == static_cast<std::uint8_t>(MessageType::LastValues);
  const bool is_canonical = raw_type == static_cast<std::uint8_t>(MessageType::TracksHeld) ||
                            raw_type == static_cast<std::uint8_t>(MessageType::TrackPart) ||
                            raw_type == static_cast<std::uint8_t>(MessageType::OnlyUrgent);
  if (raw_type == 0 || (raw_type > static_cast<std::uint8_t>(MessageType::WhoIs) && !is_canonical) ||
      (is_canonical && (first & canonical_flag) == 0) || ((first & variant_flag) != 0 && !has_variant)) {
    return CompactMessage{UnknownMessage{raw_type}, {}};
  }
  if ((first & canonical_flag) != 0) {
    auto message = decode(raw_type, bytes.subspan(1));
    if (!message) return failure(malformed(message.error()));
    return CompactMessage{std::move(*message), {}};
  }
  In start(bytes.subspan(1));
  const auto type = static_cast<MessageType>(raw_type);
  const auto dense = type == MessageType::Run ? start.number(frame_bytes_max) : 0;
  std::vector<const WriterTable*> tables{nullptr};
  if ((first & table_flag) != 0) {
    const auto tag = static_cast<WriterTag>(start.big_endian(sizeof(WriterTag)));
    tables = context.tables ? context.tables(tag) : std::vector<const WriterTable*>{};
    if (start.ok() && tables.empty()) return failure(CompactError{CompactFault::UnknownTable, tag, {}});
  }
  if (!start.ok()) return failure(malformed(*start.fault()));
  DecodeError fault;
  for (const auto* table : tables) {
    In in = start;
    Decoder decoder{context, (first & variant_flag) != 0, dense};
    auto message = decoder.get(type, in, table);
    if (decoder.unknown_base) return failure(CompactError{CompactFault::UnknownBase, 0, {}});
    in.end();
    if (in.ok()) return CompactMessage{std::move(message), std::move(decoder.unknown_tags)};
    fault = *in.fault();
  }
  return failure(malformed(fault));
}

}  // namespace airbridge::sync
