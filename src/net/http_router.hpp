#pragma once
// Finds the handler of a request by method and path.
//
//   router.add(Method::Get, "/api/v1/entities/{id}/history", [](const HttpRequest& r, const PathValues& v, Responder
//   to) {
//     to(HttpResponse::json(200, ...v[0]...));
//   });
//
// "{...}" matches one whole segment. HEAD goes to the handler of GET. An unknown path is answered 404, a known one with
// another method 405 with Allow, both as JSON errors.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.hpp"

namespace airbridge::net {

inline constexpr std::size_t small_body_bytes_max = 64 * 1024;  // also where no handler is

using PathValues = std::vector<std::string>;  // what the "{...}" matched, in order

class HttpRouter {
 public:
  using Handler = std::function<void(const HttpRequest&, const PathValues&, Responder)>;

  // A longer body is refused (413) before it is read, if the server asks body_bytes_max() (HttpParserLimits).
  void add(Method method, std::string_view pattern, Handler handler, std::size_t body_bytes_max = small_body_bytes_max);
  std::size_t body_bytes_max(const HttpRequest& head) const;
  // For paths that no pattern matches (the page's files); false: not its own either, so 404.
  void set_fallback(std::function<bool(const HttpRequest&, const Responder&)> fallback) {
    fallback_ = std::move(fallback);
  }
  void operator()(const HttpRequest& request, const Responder& responder) const;

 private:
  struct Route {
    Method method;
    std::vector<std::string> segments;
    Handler handler;
    std::size_t body_bytes_max;
  };
  std::vector<Route> routes_;
  std::function<bool(const HttpRequest&, const Responder&)> fallback_;
};

}  // namespace airbridge::net
