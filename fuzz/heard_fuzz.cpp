// Hostile files of what was heard: sync::decode_heard(). Input: byte 0, bit 0: the rest as it is. Else the rest is what
// follows the head, and its checksum is made here.
#include "base/hash.hpp"
#include "sync/heard.hpp"

using namespace airbridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView rest(data + 1, size - 1);
  const model::IncidentId incident;
  const model::KeyId here;
  if ((data[0] & 1) != 0) {
    (void)sync::decode_heard(rest, incident, here);
    return 0;
  }
  auto bytes = to_bytes(as_bytes("AIRBHRD1"));
  bytes.resize(bytes.size() + model::IncidentId::size + model::KeyId::size);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  const auto sum = blake2b<8>({bytes});
  bytes.insert(bytes.end(), sum.begin(), sum.end());
  // What is taken is written as it was read, but for the order within one vector.
  if (const auto nodes = sync::decode_heard(bytes, incident, here)) {
    const auto again = sync::decode_heard(sync::encode_heard(incident, here, *nodes), incident, here);
    if (!again || again->size() != nodes->size()) std::abort();
  }
  return 0;
}
