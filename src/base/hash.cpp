#include "base/hash.hpp"

#include <sodium.h>

#include <cstdlib>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace airbridge {

template <std::size_t N>
std::array<std::uint8_t, N> blake2b(std::initializer_list<ByteView> parts) {
  constexpr std::size_t asked = N < crypto_generichash_blake2b_BYTES_MIN ? crypto_generichash_blake2b_BYTES_MIN : N;
  std::array<std::uint8_t, asked> wide;
  crypto_generichash_blake2b_state state;
  // These fail only on sizes outside the documented range, which the template fixes.
  if (crypto_generichash_blake2b_init(&state, nullptr, 0, asked) != 0) std::abort();
  for (const auto part : parts) crypto_generichash_blake2b_update(&state, part.data(), part.size());
  crypto_generichash_blake2b_final(&state, wide.data(), asked);
  std::array<std::uint8_t, N> out;
  std::memcpy(out.data(), wide.data(), N);
  return out;
}

template std::array<std::uint8_t, 8> blake2b<8>(std::initializer_list<ByteView>);
template std::array<std::uint8_t, 16> blake2b<16>(std::initializer_list<ByteView>);
template std::array<std::uint8_t, 24> blake2b<24>(std::initializer_list<ByteView>);
template std::array<std::uint8_t, 32> blake2b<32>(std::initializer_list<ByteView>);

namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78U : crc >> 1;
    table[i] = crc;
  }
  return table;
}
constexpr auto table = make_table();

std::uint32_t crc_by_table(ByteView bytes, std::uint32_t crc) {
  for (const auto byte : bytes) crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc_by_instruction(ByteView bytes, std::uint32_t crc) {
  std::uint64_t wide = crc;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  auto out = static_cast<std::uint32_t>(wide);
  for (; left > 0; --left, ++at) out = _mm_crc32_u8(out, *at);
  return out;
}
#endif

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) {
  const std::uint32_t crc = ~seed;
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~crc_by_instruction(bytes, crc);
#endif
  return ~crc_by_table(bytes, crc);
}

}  // namespace airbridge
