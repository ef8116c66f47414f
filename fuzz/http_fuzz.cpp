// HTTP requests from arbitrary bytes, whole and cut in two: nothing crashes, limits hold, and both give the same
// requests. The input's first byte says where to cut.
#include <cstdlib>
#include <string>

#include "net/http_origin.hpp"
#include "net/http_parser.hpp"
#include "net/static_files.hpp"
#include "net/websocket_handshake.hpp"

namespace {

using namespace airbridge;
using namespace airbridge::net;

void check(bool holds) {
  if (!holds) std::abort();
}

std::string story_of(ByteView bytes, std::size_t cut) {
  const HttpParserLimits limits{.header_bytes_max = 2048, .body_bytes_max = 4096};
  HttpParser parser(limits);
  std::string story;
  for (const auto part : {bytes.first(cut), bytes.subspan(cut)}) {
    parser.feed(part);
    while (true) {
      const auto got = parser.next();
      if (!got) return story;  // a fault may be found earlier or later, but never becomes a request
      if (!*got) break;
      const HttpRequest& request = **got;
      check(request.path.starts_with('/') && request.path.find("/../") == std::string::npos &&
            !request.path.ends_with("/..") && request.path.find('\\') == std::string::npos);
      check(request.body.size() <= limits.body_bytes_max);
      (void)origin_allowed(request, false, "post.example");
      (void)websocket_handshake(request);
      story += std::string(method_name(request.method)) + ' ' + request.path + ' ' + to_hex(request.body) +
               (request.keep_alive ? "+\n" : "-\n");
    }
  }
  return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  check(story_of(bytes, 0) == story_of(bytes, data[0] * bytes.size() / 256));
  return 0;
}
