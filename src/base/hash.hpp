#pragma once
// BLAKE2b (RFC 7693, through libsodium) and CRC32C (RFC 3720 appendix B.4).
#include <array>
#include <initializer_list>

#include "base/bytes.hpp"

namespace airbridge {

// Hashes the parts as if they were one text. N of 16..64 bytes out, or 8 (the first 8 of 16: libsodium's least).
template <std::size_t N>
std::array<std::uint8_t, N> blake2b(std::initializer_list<ByteView> parts);

extern template std::array<std::uint8_t, 8> blake2b<8>(std::initializer_list<ByteView>);
extern template std::array<std::uint8_t, 16> blake2b<16>(std::initializer_list<ByteView>);
extern template std::array<std::uint8_t, 24> blake2b<24>(std::initializer_list<ByteView>);
extern template std::array<std::uint8_t, 32> blake2b<32>(std::initializer_list<ByteView>);

// CRC32C of the bytes; pass an earlier result to go on from it.
std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

}  // namespace airbridge
