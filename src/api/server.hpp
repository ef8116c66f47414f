#pragma once
// HTTP and WebSocket on one port (docs/protocol/api.md). Made, used and destroyed on its loop's thread.
#include <memory>

#include "api/backend.hpp"
#include "api/live.hpp"
#include "net/http_router.hpp"
#include "net/http_server.hpp"

namespace airbridge::api {

struct ServerOptions {
  net::Endpoint at{"127.0.0.1", 8080};
  bool insecure_lab = false;
  std::string version;
  LiveLimits live;
  std::function<void(net::HttpRouter&)> more_routes;  // tiles
};

class Server {
 public:
  static Result<std::unique_ptr<Server>, net::NetError> create(net::EventLoop& loop, const Clock& clock,
                                                               Backend& backend, const ServerOptions& options);
  ~Server();
  std::uint16_t port() const;

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace airbridge::api
