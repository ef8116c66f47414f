// Hostile packed tracks: sync::unpack_fixes(). What is taken must come back the same.
#include "sync/track.hpp"

using namespace airbridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fixes = sync::unpack_fixes(ByteView(data, size));
  if (!fixes) return 0;
  for (std::size_t i = 1; i < fixes->size(); ++i) {
    if ((*fixes)[i].time_s <= (*fixes)[i - 1].time_s) std::abort();
  }
  const auto again = sync::unpack_fixes(sync::pack_fixes(*fixes));
  if (!again || *again != *fixes) std::abort();
  return 0;
}
