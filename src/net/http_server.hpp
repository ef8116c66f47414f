#pragma once
// HTTP/1.1 over our connections (RFC 9112): keep-alive, bounded pipelining, answers now or later. Loop thread only.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/connection.hpp"
#include "net/http_message.hpp"
#include "net/http_parser.hpp"

namespace airbridge::net {

struct HttpLimits {
  HttpParserLimits parser;
  std::size_t connections_max = 256;
  std::size_t requests_max = 10'000;                       // on one connection
  std::size_t pipelined_bytes_max = 64 * 1024;             // read ahead while a request is being answered
  std::size_t response_bytes_max = std::size_t{64} << 20;  // a longer answer ends the connection
  Milliseconds idle_max{60'000};                           // between requests
  Milliseconds head_max{10'000};                           // from a request's first byte to its blank line
  Milliseconds body_max{60'000};                           // from there to its last byte
  Milliseconds answer_max{60'000};                         // a handler that says nothing for so long: 503
};

struct HttpServerOptions {
  HttpLimits limits;
  bool insecure_lab = false;  // see origin_allowed()
  std::string bound_name;     // a host name by which this server may be called, besides addresses and localhost
};

struct HttpCounters {
  std::uint64_t requests = 0;
  std::uint64_t malformed = 0;        // answered with 4xx by the server itself, before any handler
  std::uint64_t refused_origins = 0;  // answered with 403
  std::uint64_t timeouts = 0;
};

class HttpSession;

// The promise of one answer. Copies share it; the first call counts. When the last copy goes unanswered, the server
// answers 500. On the loop's thread; from elsewhere post to the loop first. Harmless when the client is gone.
class Responder {
 public:
  void operator()(HttpResponse response) const;
  bool client_is_there() const;

  // Ends HTTP on this connection: sends `response` (101) and gives the connection, to be start()ed anew, with the bytes
  // that came after the request. Null connection: the client is gone, or an answer was given before.
  struct Taken {
    std::shared_ptr<Connection> connection;
    Bytes early_bytes;
  };
  Taken take_connection(const HttpResponse& response) const;

  struct Promise;
  explicit Responder(std::shared_ptr<Promise> promise) : promise_(std::move(promise)) {}

 private:
  std::shared_ptr<Promise> promise_;
};

class HttpServer {
 public:
  // Requests come checked: Host and Origin are allowed, the path is decoded. HEAD comes as HEAD; its body is not sent.
  using Handler = std::function<void(HttpRequest, Responder)>;
  static Result<std::unique_ptr<HttpServer>, NetError> create(EventLoop& loop, const Endpoint& at,
                                                              const HttpServerOptions& options, Handler handler);
  ~HttpServer();  // closes its connections, not those that were taken

  std::uint16_t port() const;
  std::size_t open_connections() const;  // with those that were taken
  std::uint64_t refused() const;         // turned away because connections_max were open
  const HttpCounters& counters() const;

  struct Core;

 private:
  explicit HttpServer(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace airbridge::net
