// KISS frames as a noisy line might send them. The first byte chooses how the stream is cut into chunks, the second the
// longest frame; the rest is the stream. What comes out must survive being framed and read again.
#include <algorithm>
#include <cstdlib>

#include "net/kiss.hpp"

using namespace airbridge;
using namespace airbridge::net;

namespace {
void require(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t chunk = data[0] % 64U + 1;
  const std::size_t frame_bytes_max = data[1] + std::size_t{1};
  const ByteView stream(data + 2, size - 2);
  KissDecoder decoder(frame_bytes_max);
  std::uint64_t frames = 0;
  const auto take = [&](std::uint8_t port, ByteView payload) {
    ++frames;
    require(port < 16 && !payload.empty() && payload.size() <= frame_bytes_max);
    KissDecoder again(frame_bytes_max);
    int read = 0;
    again.feed(kiss_frame(port, payload), [&](std::uint8_t same_port, ByteView same) {
      ++read;
      require(same_port == port && std::equal(same.begin(), same.end(), payload.begin(), payload.end()));
    });
    require(read == 1);
  };
  for (std::size_t at = 0; at < stream.size(); at += chunk) {
    decoder.feed(stream.subspan(at, std::min(chunk, stream.size() - at)), take);
    require(decoder.held_bytes() <= frame_bytes_max + 1);
  }
  require(decoder.frames() == frames);
  return 0;
}
