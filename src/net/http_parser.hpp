#pragma once
// Bytes in, HTTP/1 requests out; no socket, no clock. The grammar is Boost.Beast's, hidden in the .cpp; what Beast lets
// pass and we do not (RFC 9112 sections 3.2, 5.2, 6.1, 11.2) is refused here, so that nothing between us and the
// client can read a request other than we do.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/http_message.hpp"

namespace airbridge::net {

struct HttpParserLimits {
  std::size_t header_bytes_max = 16 * 1024;  // request line and headers; also the trailers of a chunked body
  std::size_t body_bytes_max = 1024 * 1024;
  // A smaller limit for one request, asked when its head is here; empty: body_bytes_max for all.
  std::function<std::size_t(const HttpRequest& head)> body_bytes_max_of = {};
};

struct HttpFault {
  int status;           // what to answer; the connection is of no use after it
  std::string message;  // for a person
};

class HttpParser {
 public:
  explicit HttpParser(const HttpParserLimits& limits);
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  void feed(ByteView bytes);  // appends; next() looks at them
  // The next whole request, or nothing yet, or the fault after which feeding is over.
  Result<std::optional<HttpRequest>, HttpFault> next();

  bool idle() const;           // between requests, and no byte of the next one is here
  bool head_complete() const;  // inside a body
  bool wants_continue();       // true once a request that says "Expect: 100-continue" waits for our word
  std::size_t buffered() const;
  Bytes take_rest();  // what came after the last request: the first bytes of another protocol

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace airbridge::net
