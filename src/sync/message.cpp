#include "sync/message.hpp"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "model/cbor.hpp"
#include "sync/frame.hpp"
#include "sync/limits.hpp"

namespace airbridge::sync {

using model::DecodeError;
using model::DecodeFault;
using model::StreamId;
using model::cbor::Kind;
using model::cbor::Reader;
using model::cbor::Writer;

namespace {

template <class Array>
Array get_array(Reader& in) {
  Array out{};
  const auto at = in.offset();
  const auto bytes = in.bytes(out.size());
  if (in.ok() && bytes.size() != out.size()) in.fail_at(DecodeFault::WrongType, at);
  if (in.ok()) std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}
void expect_array(Reader& in, std::size_t count) {
  const auto at = in.offset();
  if (in.array(count) != count) in.fail_at(DecodeFault::WrongType, at);
}
std::uint64_t get_seq(Reader& in) {
  const auto at = in.offset();
  const auto seq = in.uint();
  if (in.ok() && seq == 0) in.fail_at(DecodeFault::OutOfRange, at);
  return seq;
}
std::uint32_t get_u32(Reader& in) { return static_cast<std::uint32_t>(in.uint(UINT32_MAX)); }

// The form of model::put_stream().
StreamId get_stream(Reader& in) {
  StreamId stream;
  const auto at = in.offset();
  const auto parts = in.array(4);
  if (in.ok() && parts < 3) in.fail_at(DecodeFault::WrongType, at);
  stream.writer.author = in.fixed<model::KeyId>();
  stream.writer.incarnation = get_u32(in);
  stream.cls = static_cast<model::Class>(in.uint(model::class_count - 1));
  if (parts == 4) {
    expect_array(in, 2);
    stream.branch.from = get_seq(in);
    stream.branch.head = get_array<Head8>(in);
  }
  return stream;
}

// Items of one writer stand together: [[author, incarnation, [class, seq, head, (from, branch head)]...]...]
void put_items(Bytes& bytes, const std::vector<VectorItem>& items) {
  std::vector<const VectorItem*> in_order;
  in_order.reserve(items.size());
  for (const auto& item : items) in_order.push_back(&item);
  const auto writer_of = [](const VectorItem* item) -> const model::Writer& { return item->stream.writer; };
  // Nearly always it is so already; those of one writer stay as they are.
  if (!std::ranges::is_sorted(in_order, {}, writer_of)) {
    std::ranges::sort(in_order, [](const VectorItem* a, const VectorItem* b) {
      return std::tie(a->stream.writer, a) < std::tie(b->stream.writer, b);
    });
  }
  std::size_t writers = 0;
  for (std::size_t i = 0; i < in_order.size(); ++i)
    writers += i == 0 || writer_of(in_order[i - 1]) != writer_of(in_order[i]) ? 1 : 0;
  Writer out(bytes);
  out.array(writers);
  for (auto from = in_order.begin(); from != in_order.end();) {
    const auto& writer = writer_of(*from);
    const auto to = std::find_if(from, in_order.end(), [&](const auto* item) { return writer_of(item) != writer; });
    const std::span of_writer(std::exchange(from, to), to);
    out.array(2 + of_writer.size());
    out.bytes(writer.author.view());
    out.uint(writer.incarnation);
    for (const auto* item : of_writer) {
      out.array(item->stream.is_branch() ? 5 : 3);
      out.uint(static_cast<std::uint64_t>(item->stream.cls));
      out.uint(item->seq);
      out.bytes(item->head.value_or(Head4{}));
      if (item->stream.is_branch()) {
        out.uint(item->stream.branch.from);
        out.bytes(item->stream.branch.head);
      }
    }
  }
}

std::vector<VectorItem> get_items(Reader& in) {
  std::vector<VectorItem> items;
  const auto writers = in.array(streams_max);
  for (std::size_t w = 0; w < writers && in.ok(); ++w) {
    const auto at = in.offset();
    const auto parts = in.array(streams_max);
    if (in.ok() && parts < 3) in.fail_at(DecodeFault::WrongType, at);
    VectorItem item;
    item.stream.writer.author = in.fixed<model::KeyId>();
    item.stream.writer.incarnation = get_u32(in);
    for (std::size_t i = 2; i < parts && in.ok(); ++i) {
      const auto item_at = in.offset();
      const auto count = in.array(5);
      if (in.ok() && count != 3 && count != 5) in.fail_at(DecodeFault::WrongType, item_at);
      item.stream.cls = static_cast<model::Class>(in.uint(model::class_count - 1));
      item.seq = in.uint();
      item.head = get_array<Head4>(in);
      item.stream.branch = {};
      if (count == 5) {
        item.stream.branch.from = get_seq(in);
        item.stream.branch.head = get_array<Head8>(in);
      }
      if (in.ok() && items.size() >= streams_max) in.fail_at(DecodeFault::TooLong, item_at);
      if (in.ok()) items.push_back(item);
    }
  }
  return items;
}

struct Encoder {
  Bytes& bytes;
  Writer out{bytes};

  MessageType operator()(const Hello& hello) {
    out.map(7U + (hello.run != 0 ? 1U : 0U) + (hello.incident_name.empty() ? 0U : 1U) +
            (hello.bearer.empty() ? 0U : 1U) + (hello.cost == 0 ? 0U : 1U));
    out.uint(0);
    out.uint(hello.version);
    out.uint(1);
    out.bytes(hello.incident.view());
    out.uint(2);
    out.bytes(hello.node.view());
    out.uint(3);
    out.text(hello.name);
    out.uint(4);
    out.uint(hello.incarnation);
    out.uint(5);
    out.bytes(hello.digest);
    out.uint(6);
    out.uint(hello.features);
    if (hello.run != 0) {
      out.uint(7);
      out.uint(hello.run);
    }
    if (!hello.incident_name.empty()) {
      out.uint(8);
      out.text(hello.incident_name);
    }
    if (!hello.bearer.empty()) {
      out.uint(9);
      out.text(hello.bearer);
    }
    if (hello.cost != 0) {
      out.uint(10);
      out.uint(hello.cost);
    }
    return MessageType::Hello;
  }
  MessageType operator()(const VectorMessage& vector) {
    out.array(2);
    vector.base ? out.bytes(*vector.base) : out.null();
    put_items(bytes, vector.items);
    return MessageType::Vector;
  }
  MessageType operator()(const AskVector& ask) {
    ask.base ? out.bytes(*ask.base) : out.null();
    return MessageType::AskVector;
  }
  MessageType operator()(const Keys& keys) {
    out.array(keys.keys.size());
    for (const auto& key : keys.keys) out.bytes(key.view());
    return MessageType::Keys;
  }
  void run(const StreamId& stream, std::span<const model::Entry> entries, const model::Seal* seal, bool private_parts) {
    out.array(4);
    model::put_stream(bytes, stream);
    out.uint(entries.empty() ? 1 : entries.front().seq);
    out.array(entries.size() * 2);
    for (const auto& entry : entries) {
      out.bytes(entry.public_part);
      const auto state = entry.private_part.state;
      if (state == model::PrivatePart::State::Absent) {
        out.null();
      } else if (state == model::PrivatePart::State::Here && private_parts) {
        out.bytes(entry.private_part.ciphertext);
      } else {
        out.array(1);
        out.bytes(entry.private_part.hash.view());
      }
    }
    if (seal == nullptr) {
      out.null();
    } else {
      out.array(2);
      out.bytes(seal->head.view());
      out.bytes(seal->signature.view());
    }
  }
  MessageType operator()(const Run& message) {
    run(message.stream, message.entries, message.seal ? &*message.seal : nullptr, true);
    return MessageType::Run;
  }
  MessageType operator()(const Ack& ack) {
    put_items(bytes, ack.items);
    return MessageType::Ack;
  }
  MessageType operator()(const LastValues& values) {
    out.array(values.observations.size());
    for (const auto& observation : values.observations) out.bytes(observation);
    return MessageType::LastValues;
  }
  MessageType operator()(const ChainQuery& query) {
    out.array(2);
    model::put_stream(bytes, query.stream);
    out.array(query.seqs.size());
    for (const auto seq : query.seqs) out.uint(seq);
    return MessageType::ChainQuery;
  }
  MessageType operator()(const ChainReply& reply) {
    out.array(2);
    model::put_stream(bytes, reply.stream);
    out.array(reply.heads.size() * 2);
    for (const auto& [seq, head] : reply.heads) {
      out.uint(seq);
      out.bytes(head);
    }
    return MessageType::ChainReply;
  }
  MessageType operator()(const Ping& ping) {
    out.array(2);
    out.uint(ping.nonce);
    out.bytes(ping.digest);
    return MessageType::Ping;
  }
  MessageType operator()(const Pong& pong) {
    out.uint(pong.nonce);
    return MessageType::Pong;
  }
  MessageType operator()(const RunRefused& refused) {
    out.array(4);
    model::put_stream(bytes, refused.stream);
    out.uint(refused.seq);
    out.uint(static_cast<std::uint64_t>(refused.reason));
    out.uint(refused.retry_ms);
    return MessageType::RunRefused;
  }
  MessageType operator()(const Bye& bye) {
    out.array(2);
    out.uint(static_cast<std::uint64_t>(bye.reason));
    out.text(bye.words);
    return MessageType::Bye;
  }
  MessageType operator()(const SnapshotAsk& ask) {
    out.uint(ask.bytes_max);
    return MessageType::SnapshotAsk;
  }
  MessageType operator()(const SnapshotPart& part) {
    out.array(3);
    out.uint(part.number);
    out.uint(part.count);
    out.bytes(part.bytes);
    return MessageType::SnapshotPart;
  }
  MessageType operator()(const TracksHeld& held) {
    out.array(held.tracks.size() * 2);
    for (const auto& [tag, last_s] : held.tracks) {
      out.bytes(tag);
      out.uint(last_s);
    }
    return MessageType::TracksHeld;
  }
  MessageType operator()(const TrackPart& part) {
    out.array(3);
    out.text(model::to_text(part.id.subject));
    out.bytes(part.id.gateway.view());
    out.bytes(part.fixes);
    return MessageType::TrackPart;
  }
  MessageType operator()(const OnlyUrgent& wish) {
    out.uint(wish.only ? 1 : 0);
    return MessageType::OnlyUrgent;
  }
  // Never sent on a stream; compact.cpp has its own forms.
  MessageType operator()(const AskWriters& ask) {
    out.uint(ask.tag);
    return MessageType::AskWriters;
  }
  MessageType operator()(const Writers& table) {
    out.array(table.writers.size() * 2);
    for (const auto& writer : table.writers) {
      out.bytes(writer.author.view());
      out.uint(writer.incarnation);
    }
    return MessageType::Writers;
  }
  MessageType operator()(const WhoIs& who) {
    out.array(who.tags.size());
    for (const auto tag : who.tags) out.uint(tag);
    return MessageType::WhoIs;
  }
};

Hello get_hello(Reader& in) {
  Hello hello;
  std::uint32_t seen = 0;
  model::cbor::read_map(in, 32, [&](std::uint64_t key) {
    if (key > 10) return false;
    seen |= 1U << key;
    switch (key) {
      case 0:
        hello.version = get_u32(in);
        break;
      case 1:
        hello.incident = in.fixed<model::IncidentId>();
        break;
      case 2:
        hello.node = in.fixed<model::KeyId>();
        break;
      case 3:
        hello.name = std::string(in.text(name_bytes_max));
        break;
      case 4:
        hello.incarnation = get_u32(in);
        break;
      case 5:
        hello.digest = get_array<Digest>(in);
        break;
      case 6:
        hello.features = in.uint();
        break;
      case 7:
        hello.run = in.uint();
        break;
      case 8:
        hello.incident_name = std::string(in.text(name_bytes_max));
        break;
      case 9:
        hello.bearer = std::string(in.text(name_bytes_max));
        break;
      default:
        hello.cost = get_u32(in);
        break;
    }
    return true;
  });
  // Version, incident and node must be there even from a protocol of the future, so that the refusal can say why.
  if (in.ok() && (seen & 0b111) != 0b111) in.fail(DecodeFault::WrongType);
  return hello;
}

Run get_run(Reader& in) {
  Run run;
  expect_array(in, 4);
  run.stream = get_stream(in);
  const auto seq_at = in.offset();
  const auto first = get_seq(in);
  const auto at = in.offset();
  const auto parts = in.array(entries_per_run_max * 2);
  if (in.ok() && (parts == 0 || parts % 2 != 0)) in.fail_at(DecodeFault::WrongType, at);
  if (in.ok() && first > UINT64_MAX - parts) in.fail_at(DecodeFault::OutOfRange, seq_at);
  for (std::size_t i = 0; i < parts / 2 && in.ok(); ++i) {
    model::Entry entry;
    entry.stream = run.stream;
    entry.seq = first + i;
    entry.public_part = to_bytes(in.bytes(frame_bytes_max));
    if (in.next_is_null()) {
      in.null();
    } else if (in.peek() == Kind::Bytes) {
      entry.private_part = model::PrivatePart::here(to_bytes(in.bytes(frame_bytes_max)));
    } else {
      expect_array(in, 1);
      entry.private_part = model::PrivatePart::withheld(in.fixed<model::Hash>());
    }
    if (in.ok()) run.entries.push_back(std::move(entry));
  }
  if (in.next_is_null()) {
    in.null();
  } else {
    expect_array(in, 2);
    model::Seal seal;
    seal.stream = run.stream;
    seal.seq = first + parts / 2 - 1;
    seal.head = in.fixed<model::Hash>();
    seal.signature = in.fixed<model::Signature>();
    run.seal = seal;
  }
  return run;
}

std::optional<Digest> get_base(Reader& in) {
  if (!in.next_is_null()) return get_array<Digest>(in);
  in.null();
  return std::nullopt;
}

ChainReply get_chain_reply(Reader& in) {
  ChainReply reply;
  expect_array(in, 2);
  reply.stream = get_stream(in);
  const auto at = in.offset();
  const auto parts = in.array(chain_query_max * 2 + 2);
  if (in.ok() && parts % 2 != 0) in.fail_at(DecodeFault::WrongType, at);
  for (std::size_t i = 0; i < parts / 2 && in.ok(); ++i) {
    const auto seq = in.uint();
    reply.heads.emplace_back(seq, get_array<Head8>(in));
  }
  return reply;
}

std::optional<Message> get_message(MessageType type, Reader& in) {
  switch (type) {
    case MessageType::Hello:
      return get_hello(in);
    case MessageType::Vector: {
      VectorMessage vector;
      expect_array(in, 2);
      vector.base = get_base(in);
      vector.items = get_items(in);
      return vector;
    }
    case MessageType::AskVector:
      return AskVector{get_base(in)};
    case MessageType::Keys: {
      Keys keys;
      const auto count = in.array(keys_per_frame_max);
      for (std::size_t i = 0; i < count && in.ok(); ++i) keys.keys.push_back(in.fixed<model::PublicKey>());
      return keys;
    }
    case MessageType::Run:
      return get_run(in);
    case MessageType::Ack:
      return Ack{get_items(in)};
    case MessageType::LastValues: {
      LastValues values;
      const auto count = in.array(observations_per_frame_max);
      for (std::size_t i = 0; i < count && in.ok(); ++i) {
        values.observations.push_back(to_bytes(in.bytes(observation_bytes_max)));
      }
      return values;
    }
    case MessageType::ChainQuery: {
      ChainQuery query;
      expect_array(in, 2);
      query.stream = get_stream(in);
      const auto count = in.array(chain_query_max + 1);
      for (std::size_t i = 0; i < count && in.ok(); ++i) query.seqs.push_back(in.uint());
      return query;
    }
    case MessageType::ChainReply:
      return get_chain_reply(in);
    case MessageType::Ping: {
      Ping ping;
      expect_array(in, 2);
      ping.nonce = in.uint();
      ping.digest = get_array<Digest>(in);
      return ping;
    }
    case MessageType::Pong:
      return Pong{in.uint()};
    case MessageType::RunRefused: {
      RunRefused refused;
      expect_array(in, 4);
      refused.stream = get_stream(in);
      refused.seq = in.uint();
      refused.reason = static_cast<Reason>(in.uint(255));
      refused.retry_ms = get_u32(in);
      return refused;
    }
    case MessageType::Bye: {
      Bye bye;
      expect_array(in, 2);
      bye.reason = static_cast<Parting>(in.uint(255));
      bye.words = std::string(in.text(words_bytes_max));
      return bye;
    }
    case MessageType::SnapshotAsk:
      return SnapshotAsk{in.uint()};
    case MessageType::SnapshotPart: {
      SnapshotPart part;
      expect_array(in, 3);
      part.number = get_u32(in);
      part.count = get_u32(in);
      part.bytes = to_bytes(in.bytes(snapshot_part_bytes));
      return part;
    }
    case MessageType::TracksHeld: {
      TracksHeld held;
      const auto count = in.array(tracks_held_max * 2) / 2;
      for (std::size_t i = 0; i < count && in.ok(); ++i) {
        const auto tag = get_array<TrackTag>(in);
        held.tracks.emplace_back(tag, in.uint(INT64_MAX));
      }
      return held;
    }
    case MessageType::TrackPart: {
      TrackPart part;
      expect_array(in, 3);
      const auto at = in.offset();
      const auto subject = model::entity_from_text(in.text(model::observation_text_max * 2));
      if (in.ok() && !subject) in.fail_at(DecodeFault::BadReference, at);
      part.id.subject = subject.value_or(model::EntityId{});
      part.id.gateway = in.fixed<model::KeyId>();
      part.fixes = to_bytes(in.bytes(track_part_bytes_max));
      return part;
    }
    case MessageType::OnlyUrgent:
      return OnlyUrgent{in.uint(1) == 1};
    case MessageType::AskWriters:
    case MessageType::Writers:
    case MessageType::WhoIs:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Reason reason) {
  static constexpr std::string_view names[] = {"newer reason",     "gap",         "busy",           "forked",
                                               "bad seal",         "wrong chain", "unknown author", "oversized",
                                               "too many streams", "own stream",  "malformed"};
  const auto index = static_cast<std::size_t>(reason);
  return index < std::size(names) ? names[index] : names[0];
}

Bytes encode(const Message& message) {
  Bytes payload;
  const auto type = std::visit(Encoder{payload}, message);
  return make_frame(static_cast<std::uint8_t>(type), payload);
}

Bytes encode_run(const StreamId& stream, std::span<const model::Entry> entries, const model::Seal* seal,
                 bool private_parts) {
  Bytes payload;
  std::size_t size = 192;
  for (const auto& entry : entries) size += entry.size() + 44;
  payload.reserve(size);
  Encoder{payload}.run(stream, entries, seal, private_parts);
  return make_frame(static_cast<std::uint8_t>(MessageType::Run), payload);
}

Result<std::variant<Message, UnknownMessage>, DecodeError> decode(std::uint8_t type, ByteView payload) {
  // A set flag changes what the payload means, so a flagged frame is as unknown as a new type.
  const bool is_compact = type >= static_cast<std::uint8_t>(MessageType::AskWriters) &&
                          type <= static_cast<std::uint8_t>(MessageType::WhoIs);
  if (type == 0 || is_compact || type > static_cast<std::uint8_t>(MessageType::OnlyUrgent)) return UnknownMessage{type};
  Reader in(payload);
  auto message = get_message(static_cast<MessageType>(type), in);
  in.end();
  if (!in.ok()) return failure(*in.fault());
  return std::move(*message);
}

}  // namespace airbridge::sync
