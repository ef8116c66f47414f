#include "trust/keys.hpp"

#include <sodium.h>

#include <cstdlib>

#include "model/cbor.hpp"

namespace airbridge::trust {

bool start() { return sodium_init() >= 0; }

void fill_random(std::span<std::uint8_t> out) { randombytes_buf(out.data(), out.size()); }

std::uint32_t random_u32() {
  // 0 is kept for "none".
  std::uint32_t out = 0;
  while (out == 0) out = randombytes_random();
  return out;
}

SigningKey SigningKey::generate() { return from_seed(random_fixed<Seed>()); }

SigningKey SigningKey::from_seed(const Seed& seed) {
  SigningKey key;
  key.seed_ = seed;
  crypto_sign_ed25519_seed_keypair(key.public_key_.value.data(), key.secret_.data(), seed.value.data());
  return key;
}

SigningKey::~SigningKey() {
  sodium_memzero(secret_.data(), secret_.size());
  sodium_memzero(seed_.value.data(), seed_.value.size());
}

model::Signature SigningKey::sign(ByteView text) const {
  model::Signature out;
  crypto_sign_ed25519_detached(out.value.data(), nullptr, text.data(), text.size(), secret_.data());
  return out;
}

bool verify(const model::PublicKey& key, ByteView text, const model::Signature& signature) {
  return crypto_sign_ed25519_verify_detached(signature.value.data(), text.data(), text.size(), key.value.data()) == 0;
}

bool is_usable(const model::PublicKey& key) { return crypto_core_ed25519_is_valid_point(key.value.data()) == 1; }

bool is_usable_box(const model::PublicKey& key) {
  // libsodium refuses to multiply what would come out as zero, whatever the scalar.
  std::array<std::uint8_t, crypto_scalarmult_curve25519_BYTES> out;
  std::array<std::uint8_t, crypto_scalarmult_curve25519_SCALARBYTES> scalar{};
  scalar.front() = 8;
  return crypto_scalarmult_curve25519(out.data(), scalar.data(), key.value.data()) == 0;
}

model::Seal make_seal(const SigningKey& key, const model::IncidentId& incident, const model::StreamId& stream,
                      std::uint64_t seq, const model::Hash& head) {
  model::Seal seal{stream, seq, head, {}};
  seal.signature = key.sign(model::seal_text(incident, seal));
  return seal;
}

bool verify_seal(const model::PublicKey& key, const model::IncidentId& incident, const model::Seal& seal) {
  return verify(key, model::seal_text(incident, seal), seal.signature);
}

model::Genesis make_genesis(const SigningKey& authority, std::string name, bool exercise, UtcTime created) {
  model::Genesis genesis;
  genesis.name = model::cbor::clean_text(name, model::incident_name_max);
  genesis.exercise = exercise;
  genesis.created = created;
  genesis.salt = random_fixed<model::Hash>();
  genesis.authorities.push_back(authority.public_key());
  genesis.signature = authority.sign(model::genesis_text(genesis));
  return genesis;
}

bool verify_genesis(const model::Genesis& genesis) {
  if (genesis.authorities.empty()) return false;
  for (const auto& key : genesis.authorities) {
    if (!is_usable(key)) return false;
  }
  return verify(genesis.authorities.front(), model::genesis_text(genesis), genesis.signature);
}

}  // namespace airbridge::trust
