#include "bearer/ccm.hpp"

#include <openssl/evp.h>

#include <stdexcept>

namespace airbridge::bearer {
namespace {
EVP_CIPHER_CTX* as_context(void* context) { return static_cast<EVP_CIPHER_CTX*>(context); }
int length_of(ByteView bytes) { return static_cast<int>(bytes.size()); }  // frames are short
}  // namespace

void Ccm::Free::operator()(void* context) const { EVP_CIPHER_CTX_free(as_context(context)); }

Ccm::Ccm(const Key& key) : sealing_(EVP_CIPHER_CTX_new()), opening_(EVP_CIPHER_CTX_new()) {
  const auto prepare = [&](void* context, int encrypt) {
    auto* const c = as_context(context);
    // Nonce and tag lengths come before the key: OpenSSL lays out the first block by them.
    return c != nullptr && EVP_CipherInit_ex(c, EVP_aes_256_ccm(), nullptr, nullptr, nullptr, encrypt) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(Nonce{}.size()), nullptr) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), nullptr) == 1 &&
           EVP_CipherInit_ex(c, nullptr, nullptr, key.data(), nullptr, encrypt) == 1;
  };
  if (!prepare(sealing_.get(), 1) || !prepare(opening_.get(), 0)) {
    throw std::runtime_error("OpenSSL does not offer AES-256-CCM");
  }
}

void Ccm::seal(const Nonce& nonce, ByteView associated, ByteView plain, Bytes& out) {
  auto* const c = as_context(sealing_.get());
  const std::size_t at = out.size();
  out.resize(at + plain.size() + tag_size);
  int written = 0;
  std::uint8_t none = 0;
  const bool good =
      EVP_EncryptInit_ex(c, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
      EVP_EncryptUpdate(c, nullptr, &written, nullptr, length_of(plain)) == 1 &&
      (associated.empty() || EVP_EncryptUpdate(c, nullptr, &written, associated.data(), length_of(associated)) == 1) &&
      EVP_EncryptUpdate(c, out.data() + at, &written, plain.empty() ? &none : plain.data(), length_of(plain)) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_size), out.data() + at + plain.size()) == 1;
  // Lengths are ours and the key is set: this does not fail but without memory, and then nothing unsealed may leave.
  if (!good) throw std::runtime_error("AES-256-CCM did not seal");
}

bool Ccm::open(const Nonce& nonce, ByteView associated, ByteView sealed, Bytes& plain) {
  plain.clear();
  if (sealed.size() < tag_size) return false;
  auto* const c = as_context(opening_.get());
  const ByteView cipher = sealed.first(sealed.size() - tag_size);
  std::array<std::uint8_t, tag_size> tag;
  std::memcpy(tag.data(), sealed.data() + cipher.size(), tag_size);
  plain.resize(cipher.size() + 1);  // never a null pointer: that would mean associated data
  int written = 0;
  std::uint8_t none = 0;
  const bool good =
      EVP_DecryptInit_ex(c, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), tag.data()) == 1 &&
      EVP_DecryptUpdate(c, nullptr, &written, nullptr, length_of(cipher)) == 1 &&
      (associated.empty() || EVP_DecryptUpdate(c, nullptr, &written, associated.data(), length_of(associated)) == 1) &&
      EVP_DecryptUpdate(c, plain.data(), &written, cipher.empty() ? &none : cipher.data(), length_of(cipher)) == 1;
  plain.resize(good ? cipher.size() : 0);
  return good;
}

}  // namespace airbridge::bearer
