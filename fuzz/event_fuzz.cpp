// The decoders of what is stored and signed. Byte 0 chooses which. What decodes must encode to the same bytes: there is
// one form of everything, or hashes and signatures would not mean anything.
#include <cstdlib>

#include "model/entry.hpp"
#include "model/observation.hpp"
#include "trust/roster.hpp"

using namespace airbridge;

namespace {
template <class Decoded>
void same_again(const Decoded& decoded, ByteView bytes) {
  if (decoded && encode(*decoded) != to_bytes(bytes)) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView bytes(data + 1, size - 1);
  model::Dot own;
  own.writer.author.value.fill(7);
  own.writer.incarnation = 3;
  own.cls = model::Class::Important;
  own.seq = 9;
  switch (data[0] % 6) {
    case 0:
      if (const auto event = model::decode_event(bytes, own)) {
        // Keys of a newer version are dropped on reading, so only what is wholly understood comes out the same.
        if (event->newer_keys == 0 && model::encode(*event, own) != to_bytes(bytes)) {
          const auto again = model::decode_event(model::encode(*event, own), own);
          if (!again || !(*again == *event)) std::abort();
        }
      }
      break;
    case 1:
      same_again(model::decode_entry(bytes), bytes);
      break;
    case 2:
      same_again(model::decode_seal(bytes), bytes);
      break;
    case 3:
      same_again(trust::decode_grant(bytes), bytes);
      break;
    case 4:
      (void)model::decode_observation(bytes);
      break;
    default:
      (void)model::decode_genesis(bytes);
      (void)model::decode_writes(bytes, own);
      break;
  }
  return 0;
}
