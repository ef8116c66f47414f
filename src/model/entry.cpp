#include "model/entry.hpp"

#include <set>

#include "base/hash.hpp"
#include "model/cbor.hpp"

namespace airbridge::model {
namespace {

constexpr std::string_view stream_context = "airbridge stream 1";
constexpr std::string_view seal_context = "airbridge seal 1";
constexpr std::string_view genesis_context = "airbridge genesis 1";

template <class Number>
std::array<std::uint8_t, sizeof(Number)> big_endian(Number value) {
  std::array<std::uint8_t, sizeof(Number)> out;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(Number) - 1 - i)));
  }
  return out;
}

std::array<std::uint8_t, 5> stream_tail(const StreamId& stream) {
  const auto incarnation = big_endian(stream.writer.incarnation);
  return {incarnation[0], incarnation[1], incarnation[2], incarnation[3], static_cast<std::uint8_t>(stream.cls)};
}

Writer get_writer(cbor::Reader& in) {
  const auto author = in.fixed<KeyId>();
  return {author, static_cast<std::uint32_t>(in.uint(UINT32_MAX))};
}

void put_branch(cbor::Writer& out, const ForkBranch& branch) {
  out.array(2);
  out.uint(branch.from);
  out.bytes(branch.head);
}

ForkBranch get_branch(cbor::Reader& in) {
  const auto at = in.offset();
  if (in.array(2) != 2) in.fail_at(DecodeFault::WrongType, at);
  ForkBranch branch;
  branch.from = in.uint();
  const auto head = in.bytes(branch.head.size());
  if (in.ok() && (branch.from == 0 || head.size() != branch.head.size())) in.fail_at(DecodeFault::WrongType, at);
  if (in.ok()) std::copy(head.begin(), head.end(), branch.head.begin());
  return branch;
}

template <class T>
Result<T, DecodeError> finish(cbor::Reader& in, T value) {
  in.end();
  if (!in.ok()) return failure(*in.fault());
  return value;
}

}  // namespace

PrivatePart PrivatePart::here(Bytes ciphertext) {
  const Hash hash{blake2b<32>({ciphertext})};
  return {State::Here, std::move(ciphertext), hash};
}

Bytes encode(const Entry& entry) {
  Bytes bytes;
  bytes.reserve(entry.size() + 48);
  encode_to(bytes, entry);
  return bytes;
}

void encode_to(Bytes& bytes, const Entry& entry) {
  cbor::Writer out(bytes);
  out.array(entry.stream.is_branch() ? 7 : 6);
  out.bytes(entry.stream.writer.author.view());
  out.uint(entry.stream.writer.incarnation);
  out.uint(static_cast<std::uint64_t>(entry.stream.cls));
  out.uint(entry.seq);
  out.bytes(entry.public_part);
  switch (entry.private_part.state) {
    case PrivatePart::State::Absent:
      out.null();
      break;
    case PrivatePart::State::Here:
      out.bytes(entry.private_part.ciphertext);
      break;
    case PrivatePart::State::Withheld:
      out.array(1);
      out.bytes(entry.private_part.hash.view());
      break;
  }
  if (entry.stream.is_branch()) put_branch(out, entry.stream.branch);
}

Result<Entry, DecodeError> decode_entry(ByteView bytes) {
  cbor::Reader in(bytes);
  Entry entry;
  const auto parts = in.array(7);
  if (in.ok() && parts < 6) in.fail_at(DecodeFault::WrongType, 0);
  entry.stream.writer = get_writer(in);
  entry.stream.cls = static_cast<Class>(in.uint(class_count - 1));
  entry.seq = in.uint();
  if (in.ok() && entry.seq == 0) in.fail(DecodeFault::OutOfRange);
  entry.public_part = to_bytes(in.bytes(event_bytes_max));
  if (in.next_is_null()) {
    in.null();
  } else if (in.peek() == cbor::Kind::Array) {
    const auto at = in.offset();
    if (in.array(1) != 1) in.fail_at(DecodeFault::WrongType, at);
    entry.private_part = PrivatePart::withheld(in.fixed<Hash>());
    // 32 zero bytes stand for "no private part" in the chain: nobody may pass that off as one withheld.
    if (in.ok() && entry.private_part.hash.is_zero()) in.fail_at(DecodeFault::OutOfRange, at);
  } else {
    entry.private_part = PrivatePart::here(to_bytes(in.bytes(event_bytes_max)));
  }
  if (parts == 7) entry.stream.branch = get_branch(in);
  if (in.ok() && entry.seq < entry.stream.branch.from) in.fail_at(DecodeFault::OutOfRange, 0);
  if (in.ok() && entry.size() > event_bytes_max) in.fail_at(DecodeFault::TooLong, 0);
  return finish(in, std::move(entry));
}

Hash chain_start(const IncidentId& incident, const StreamId& stream) {
  return {blake2b<32>({as_bytes(stream_context), incident.view(), stream.writer.author.view(), stream_tail(stream)})};
}

Hash chain_next(const Hash& before, const Entry& entry) {
  return {blake2b<32>({before.view(), big_endian(entry.seq), entry.private_part.hash.view(), entry.public_part})};
}

Bytes seal_text(const IncidentId& incident, const Seal& seal) {
  Bytes text;
  const auto add = [&](ByteView part) { text.insert(text.end(), part.begin(), part.end()); };
  add(as_bytes(seal_context));
  add(incident.view());
  add(seal.stream.writer.author.view());
  add(stream_tail(seal.stream));
  add(big_endian(seal.seq));
  add(seal.head.view());
  return text;
}

void put_stream(Bytes& bytes, const StreamId& stream) {
  cbor::Writer out(bytes);
  out.array(stream.is_branch() ? 4 : 3);
  out.bytes(stream.writer.author.view());
  out.uint(stream.writer.incarnation);
  out.uint(static_cast<std::uint64_t>(stream.cls));
  if (stream.is_branch()) put_branch(out, stream.branch);
}

namespace {
StreamId get_stream(cbor::Reader& in) {
  StreamId stream;
  const auto at = in.offset();
  const auto parts = in.array(4);
  if (in.ok() && parts < 3) in.fail_at(DecodeFault::WrongType, at);
  stream.writer = get_writer(in);
  stream.cls = static_cast<Class>(in.uint(class_count - 1));
  if (parts == 4) stream.branch = get_branch(in);
  return stream;
}
}  // namespace

Bytes encode(const Seal& seal) {
  Bytes bytes;
  cbor::Writer out(bytes);
  out.array(4);
  put_stream(bytes, seal.stream);
  out.uint(seal.seq);
  out.bytes(seal.head.view());
  out.bytes(seal.signature.view());
  return bytes;
}

Result<Seal, DecodeError> decode_seal(ByteView bytes) {
  cbor::Reader in(bytes);
  Seal seal;
  if (in.array(4) != 4) in.fail_at(DecodeFault::WrongType, 0);
  seal.stream = get_stream(in);
  seal.seq = in.uint();
  if (in.ok() && seal.seq == 0) in.fail(DecodeFault::OutOfRange);
  seal.head = in.fixed<Hash>();
  seal.signature = in.fixed<Signature>();
  if (in.ok() && seal.seq < seal.stream.branch.from) in.fail_at(DecodeFault::OutOfRange, 0);
  return finish(in, seal);
}

Bytes genesis_text(const Genesis& genesis) {
  Bytes bytes;
  cbor::Writer out(bytes);
  out.array(7);
  out.text(genesis_context);
  out.text(genesis.name);
  out.boolean(genesis.exercise);
  out.uint(genesis.policy_version);
  out.integer(ms_of(genesis.created));
  out.bytes(genesis.salt.view());
  out.array(genesis.authorities.size());
  for (const auto& key : genesis.authorities) out.bytes(key.view());
  return bytes;
}

IncidentId incident_of(const Genesis& genesis) { return {blake2b<32>({genesis_text(genesis)})}; }

Bytes encode(const Genesis& genesis) {
  Bytes bytes;
  cbor::Writer out(bytes);
  out.array(2);
  out.bytes(genesis_text(genesis));
  out.bytes(genesis.signature.view());
  return bytes;
}

Result<Genesis, DecodeError> decode_genesis(ByteView bytes) {
  cbor::Reader outer(bytes);
  Genesis genesis;
  if (outer.array(2) != 2) outer.fail_at(DecodeFault::WrongType, 0);
  const auto text = outer.bytes(4096);
  genesis.signature = outer.fixed<Signature>();
  outer.end();
  if (!outer.ok()) return failure(*outer.fault());
  cbor::Reader in(text);
  if (in.array(7) != 7 || in.text(64) != genesis_context) in.fail_at(DecodeFault::UnknownSchema, 0);
  genesis.name = std::string(in.text(incident_name_max));
  genesis.exercise = in.boolean();
  genesis.policy_version = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  genesis.created = utc_from_ms(in.integer());
  genesis.salt = in.fixed<Hash>();
  const auto count = in.array(authorities_max);
  for (std::size_t i = 0; i < count && in.ok(); ++i) genesis.authorities.push_back(in.fixed<PublicKey>());
  if (in.ok() && genesis.authorities.empty()) in.fail(DecodeFault::OutOfRange);
  const std::set<PublicKey> distinct(genesis.authorities.begin(), genesis.authorities.end());
  if (in.ok() && distinct.size() != genesis.authorities.size()) in.fail(DecodeFault::NotCanonical);
  return finish(in, std::move(genesis));
}

KeyId key_id_of(const PublicKey& key) { return {blake2b<16>({key.view()})}; }

}  // namespace airbridge::model
