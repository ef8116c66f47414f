#include "trust/private_part.hpp"

#include <sodium.h>

#include "base/hash.hpp"
#include "model/cbor.hpp"

namespace airbridge::trust {
namespace {
constexpr std::string_view context = "airbridge private 1";
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;

Bytes additional_data(const model::IncidentId& incident, const model::GroupId& group) {
  Bytes out = to_bytes(as_bytes(context));
  out.insert(out.end(), incident.value.begin(), incident.value.end());
  out.insert(out.end(), group.value.begin(), group.value.end());
  return out;
}
std::array<std::uint8_t, 24> nonce_of(const model::Dot& dot) { return blake2b<24>({as_bytes(model::to_text(dot))}); }
}  // namespace

Bytes seal_private(const std::vector<model::Write>& writes, const model::Dot& dot, const model::IncidentId& incident,
                   const DataKey& key, const FixedBytes<16, struct SaltTag>& salt) {
  Bytes plain;
  model::cbor::Writer out(plain);
  out.array(2);
  out.bytes(salt.view());
  out.bytes(model::encode_writes(writes, dot));
  Bytes cipher(plain.size() + tag_size);
  const auto data = additional_data(incident, key.group);
  const auto nonce = nonce_of(dot);
  crypto_aead_xchacha20poly1305_ietf_encrypt(cipher.data(), nullptr, plain.data(), plain.size(), data.data(),
                                             data.size(), nullptr, nonce.data(), key.key.value.data());
  Bytes part;
  model::cbor::Writer part_out(part);
  part_out.array(3);
  part_out.bytes(key.group.view());
  part_out.uint(key.epoch);
  part_out.bytes(cipher);
  return part;
}

Result<std::vector<model::Write>, PrivateFault> open_private(ByteView part, const model::Dot& dot,
                                                             const model::IncidentId& incident,
                                                             const std::vector<DataKey>& keys) {
  model::cbor::Reader in(part);
  const bool three = in.array(3) == 3;
  const auto group = model::GroupId::from(in.bytes(model::GroupId::size));
  const auto epoch = in.uint();
  const auto cipher = in.bytes(model::event_bytes_max);
  in.end();
  if (!in.ok() || !three || !group || cipher.size() < tag_size) return failure(PrivateFault::Malformed);
  for (const auto& key : keys) {
    if (key.group != *group || key.epoch != epoch) continue;
    Bytes plain(cipher.size() - tag_size);
    const auto data = additional_data(incident, key.group);
    const auto nonce = nonce_of(dot);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, cipher.data(), cipher.size(),
                                                   data.data(), data.size(), nonce.data(), key.key.value.data()) != 0) {
      return failure(PrivateFault::WrongKey);
    }
    model::cbor::Reader inner(plain);
    const bool two = inner.array(2) == 2;
    const bool salted = inner.bytes(16).size() == 16;
    const auto writes = inner.bytes(model::event_bytes_max);
    inner.end();
    if (!inner.ok() || !two || !salted) return failure(PrivateFault::Malformed);
    auto decoded = model::decode_writes(writes, dot);
    if (!decoded) return failure(PrivateFault::Malformed);
    return std::move(*decoded);
  }
  return failure(PrivateFault::NotForUs);
}

}  // namespace airbridge::trust
