// Hostile pictures on their way to a newcomer: ledger::open_transfer().
// Input: byte 0, bit 0: the rest as it is. Else two bytes n, n bytes of a head, which is signed here, and what follows
// is the packed snapshot; with bit 1 it is packed here.
#include <zstd.h>

#include "ledger/picture_transfer.hpp"

using namespace airbridge;

namespace {
const trust::SigningKey key = [] {
  trust::SigningKey::Seed seed;
  seed.value.fill(5);
  return trust::SigningKey::from_seed(seed);
}();
void put(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  ByteView rest(data + 1, size - 1);
  if ((data[0] & 1) != 0) {
    (void)ledger::open_transfer(rest, {});
    return 0;
  }
  const auto head_bytes = std::min<std::size_t>(rest[0] << 8 | rest[1], rest.size() - 2);
  const auto head = rest.subspan(2, head_bytes);
  rest = rest.subspan(2 + head_bytes);
  Bytes file = to_bytes(as_bytes("AIRBPIC1"));
  for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<std::uint8_t>(head_bytes >> shift));
  put(file, head);
  Bytes text = to_bytes(as_bytes("airbridge picture transfer 1"));
  put(text, head);
  put(file, key.sign(text).view());
  if ((data[0] & 2) != 0) {
    Bytes packed(ZSTD_compressBound(rest.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), rest.data(), rest.size(), 1));
    put(file, packed);
  } else {
    put(file, rest);
  }
  const auto opened = ledger::open_transfer(file, {});
  if (opened && opened->snapshot.size() != opened->head.plain_bytes) std::abort();
  return 0;
}
