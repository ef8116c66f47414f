// Hostile bytes as a compressed block, and any bytes as a block to compress. Input: byte 0, bit 0: which of the two.
#include "bearer/squeeze.hpp"
#include "sync/compact.hpp"

using namespace airbridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static const bearer::DictionarySqueezer squeezer(sync::dense_bytes_of);
  const ByteView bytes(data + 1, size - 1);
  if ((data[0] & 1) != 0) {
    const auto block = squeezer.decompress(bytes, bearer::squeezed_block_max);
    if (block && block->size() > bearer::squeezed_block_max) std::abort();
    return 0;
  }
  const auto smaller = squeezer.compress(bytes);
  if (smaller.size() < bytes.size() && squeezer.decompress(smaller, bytes.size()) != to_bytes(bytes)) std::abort();
  return 0;
}
