#pragma once
// Keys, signatures and seals (libsodium: Ed25519, X25519, BLAKE2b). Secrets come from the operating system's generator
// and are wiped when dropped.
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "model/entry.hpp"

namespace airbridge::trust {

// Call once before anything else here; false when the system offers no randomness.
bool start();
void fill_random(std::span<std::uint8_t> out);
template <class Fixed>
Fixed random_fixed() {
  Fixed out;
  fill_random(out.value);
  return out;
}
std::uint32_t random_u32();

// An Ed25519 key pair.
class SigningKey {
 public:
  using Seed = FixedBytes<32, struct SeedTag>;
  static SigningKey generate();
  static SigningKey from_seed(const Seed& seed);  // the same seed, the same key: simulations and key files
  SigningKey(SigningKey&&) noexcept = default;
  SigningKey& operator=(SigningKey&&) noexcept = default;
  SigningKey(const SigningKey&) = default;
  SigningKey& operator=(const SigningKey&) = default;
  ~SigningKey();

  model::Signature sign(ByteView text) const;
  const model::PublicKey& public_key() const { return public_key_; }
  model::KeyId id() const { return model::key_id_of(public_key_); }
  const Seed& seed() const { return seed_; }

 private:
  SigningKey() = default;
  Seed seed_;
  model::PublicKey public_key_;
  std::array<std::uint8_t, 64> secret_{};
};

bool verify(const model::PublicKey& key, ByteView text, const model::Signature& signature);

// A public key of small order or otherwise unusable is refused when met, not when used.
bool is_usable(const model::PublicKey& key);
// The same for an X25519 key: one of small order would make every shared secret the same.
bool is_usable_box(const model::PublicKey& key);

model::Seal make_seal(const SigningKey& key, const model::IncidentId& incident, const model::StreamId& stream,
                      std::uint64_t seq, const model::Hash& head);
bool verify_seal(const model::PublicKey& key, const model::IncidentId& incident, const model::Seal& seal);

model::Genesis make_genesis(const SigningKey& authority, std::string name, bool exercise, UtcTime created);
bool verify_genesis(const model::Genesis& genesis);

}  // namespace airbridge::trust
