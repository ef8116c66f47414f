#include "ledger/picture_transfer.hpp"

#include <zstd.h>

#include <algorithm>
#include <map>

#include "base/hash.hpp"
#include "model/cbor.hpp"

namespace airbridge::ledger {
namespace {

constexpr std::string_view magic = "AIRBPIC1";
constexpr std::string_view signed_context = "airbridge picture transfer 1";
constexpr int pack_level = 1;  // the receiver waits for it
constexpr std::size_t head_at = 12;

void put(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

Bytes signed_text(ByteView head) {
  Bytes out = to_bytes(as_bytes(signed_context));
  put(out, head);
  return out;
}

model::Seal get_seal(model::cbor::Reader& in) {
  model::Seal seal;
  const auto at = in.offset();
  if (in.array(6) != 6) in.fail_at(model::DecodeFault::WrongType, at);
  seal.stream.writer.author = in.fixed<model::KeyId>();
  seal.stream.writer.incarnation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  seal.stream.cls = static_cast<model::Class>(in.uint(model::class_count - 1));
  seal.seq = in.uint();
  seal.head = in.fixed<model::Hash>();
  seal.signature = in.fixed<model::Signature>();
  return seal;
}

std::optional<TransferHead> read_head(ByteView bytes) {
  model::cbor::Reader in(bytes);
  TransferHead head;
  model::cbor::read_map(in, 32, [&](std::uint64_t key) {
    switch (key) {
      case 0:
        head.incident = in.fixed<model::IncidentId>();
        return true;
      case 1:
        head.sender = in.fixed<model::PublicKey>();
        return true;
      case 2:
        head.made = utc_from_ms(static_cast<std::int64_t>(in.uint(std::uint64_t{1} << 52)));
        return true;
      case 3:
        head.state = in.fixed<model::Hash>();
        return true;
      case 4:
        head.content = in.fixed<model::Hash>();
        return true;
      case 5:
        head.plain_bytes = in.uint();
        return true;
      case 6:
        for (auto count = in.array(transfer_streams_max); count > 0 && in.ok(); --count)
          head.seals.push_back(get_seal(in));
        return true;
      case 7:
        for (auto count = in.array(transfer_streams_max); count > 0 && in.ok(); --count)
          head.keys.push_back(in.fixed<model::PublicKey>());
        return true;
      default:
        return false;
    }
  });
  in.end();
  return in.ok() ? std::optional(std::move(head)) : std::nullopt;
}

bool seals_hold(const TransferHead& head) {
  std::map<model::KeyId, model::PublicKey> keys;
  for (const auto& key : head.keys) {
    if (trust::is_usable(key)) keys[model::key_id_of(key)] = key;
  }
  for (const auto& seal : head.seals) {
    const auto key = keys.find(seal.stream.writer.author);
    if (key == keys.end() || !trust::verify_seal(key->second, head.incident, seal)) return false;
  }
  return true;
}

}  // namespace

Bytes pack_transfer(TransferHead head, ByteView snapshot, const trust::SigningKey& sender) {
  head.sender = sender.public_key();
  head.plain_bytes = snapshot.size();
  head.content = model::Hash{blake2b<32>({snapshot})};
  Bytes map;
  model::cbor::Writer out(map);
  out.map(8);
  out.uint(0);
  out.bytes(head.incident.view());
  out.uint(1);
  out.bytes(head.sender.view());
  out.uint(2);
  out.uint(static_cast<std::uint64_t>(std::max<std::int64_t>(0, ms_of(head.made))));
  out.uint(3);
  out.bytes(head.state.view());
  out.uint(4);
  out.bytes(head.content.view());
  out.uint(5);
  out.uint(head.plain_bytes);
  out.uint(6);
  out.array(head.seals.size());
  for (const auto& seal : head.seals) {
    out.array(6);
    out.bytes(seal.stream.writer.author.view());
    out.uint(seal.stream.writer.incarnation);
    out.uint(static_cast<std::uint64_t>(seal.stream.cls));
    out.uint(seal.seq);
    out.bytes(seal.head.view());
    out.bytes(seal.signature.view());
  }
  out.uint(7);
  out.array(head.keys.size());
  for (const auto& key : head.keys) out.bytes(key.view());

  Bytes file = to_bytes(as_bytes(magic));
  for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<std::uint8_t>(map.size() >> shift));
  put(file, map);
  put(file, sender.sign(signed_text(map)).view());
  const auto at = file.size();
  file.resize(at + ZSTD_compressBound(snapshot.size()));
  const auto size = ZSTD_compress(&file[at], file.size() - at, snapshot.data(), snapshot.size(), pack_level);
  if (ZSTD_isError(size) != 0) return {};
  file.resize(at + size);
  file.shrink_to_fit();
  return file;
}

Result<Transfer, std::string> open_transfer(ByteView bytes, const model::IncidentId& incident) {
  const auto no_picture = [] { return failure(std::string("it is no picture")); };
  if (bytes.size() < head_at || as_text(bytes.first(magic.size())) != magic) return no_picture();
  const auto head_bytes =
      std::size_t{bytes[8]} << 24 | std::size_t{bytes[9]} << 16 | std::size_t{bytes[10]} << 8 | bytes[11];
  if (head_bytes > transfer_head_max || bytes.size() < head_at + head_bytes + model::Signature::size)
    return no_picture();
  const auto map = bytes.subspan(head_at, head_bytes);
  auto head = read_head(map);
  if (!head) return no_picture();
  if (head->incident != incident) return failure(std::string("it is of another incident"));
  const auto signature = model::Signature::from(bytes.subspan(head_at + head_bytes, model::Signature::size));
  if (!trust::is_usable(head->sender) || !trust::verify(head->sender, signed_text(map), *signature))
    return failure(std::string("its signature does not hold"));
  if (head->plain_bytes > transfer_plain_max) return failure(std::string("it is too large"));
  if (!seals_hold(*head)) return failure(std::string("it names events that their authors did not seal"));
  const auto packed = bytes.subspan(head_at + head_bytes + model::Signature::size);
  // No more is made room for than what is there can fill, nor more than the head says.
  const auto says = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (says != head->plain_bytes) return no_picture();
  if (says > transfer_small && says / transfer_ratio_max > packed.size())
    return failure(std::string("it unpacks to more than a picture does"));
  Transfer out{std::move(*head), Bytes(says)};
  const auto size = ZSTD_decompress(out.snapshot.data(), out.snapshot.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0 || size != out.snapshot.size() ||
      model::Hash{blake2b<32>({out.snapshot})} != out.head.content)
    return failure(std::string("it is damaged"));
  return out;
}

}  // namespace airbridge::ledger
