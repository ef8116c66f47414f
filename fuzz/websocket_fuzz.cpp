// WebSocket frames from arbitrary bytes: nothing crashes, limits hold, text is UTF-8, and where the bytes are cut
// changes nothing. The input's first byte chooses the side and the cut.
#include <cstdlib>
#include <string>

#include "net/websocket_codec.hpp"

namespace {

using namespace airbridge;
using namespace airbridge::net;

void check(bool holds) {
  if (!holds) std::abort();
}

std::string story_of(WebSocketParser::Side side, ByteView bytes, std::size_t cut) {
  const WebSocketParserLimits limits{.message_bytes_max = 1000, .fragments_max = 8};
  WebSocketParser parser(side, limits);
  std::string story;
  for (const auto part : {bytes.first(cut), bytes.subspan(cut)}) {
    const auto fault = parser.feed(part, [&](const WebSocketEvent& event) {
      check(event.payload.size() <= limits.message_bytes_max);
      if (event.opcode == WebSocketOpcode::Text) check(is_utf8(event.payload));
      story += std::to_string(static_cast<int>(event.opcode)) + ' ' + std::to_string(event.close_code) + ' ' +
               std::string(event.payload) + '\n';
      return true;
    });
    if (fault) return story + "fault " + std::to_string(fault->close_code);
  }
  return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto side = (data[0] & 1) != 0 ? WebSocketParser::Side::Server : WebSocketParser::Side::Client;
  const ByteView bytes(data + 1, size - 1);
  check(story_of(side, bytes, 0) == story_of(side, bytes, (data[0] >> 1) * bytes.size() / 128));
  return 0;
}
