#pragma once
// AEAD_AES_256_CCM_8 (RFC 6655 section 3, on RFC 3610 with M = 8, L = 3 and nonces of 12 bytes), through OpenSSL.
#include <array>
#include <memory>

#include "base/bytes.hpp"

namespace airbridge::bearer {

class Ccm {
 public:
  using Key = std::array<std::uint8_t, 32>;
  using Nonce = std::array<std::uint8_t, 12>;
  static constexpr std::size_t tag_size = 8;

  explicit Ccm(const Key& key);

  // Appends ciphertext and tag to `out`. Never twice with one nonce.
  void seal(const Nonce& nonce, ByteView associated, ByteView plain, Bytes& out);
  // `sealed` is ciphertext and tag. False, and `plain` empty, when the tag does not fit.
  bool open(const Nonce& nonce, ByteView associated, ByteView sealed, Bytes& plain);

 private:
  struct Free {
    void operator()(void* context) const;
  };
  using Context = std::unique_ptr<void, Free>;
  Context sealing_, opening_;
};

}  // namespace airbridge::bearer
