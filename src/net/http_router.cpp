#include "net/http_router.hpp"

#include <algorithm>
#include <optional>

namespace airbridge::net {

namespace {

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    out.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return out;
}

bool is_place(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::optional<PathValues> match(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  PathValues values;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_place(pattern[i]) && !path[i].empty()) {
      values.push_back(path[i]);
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return values;
}

}  // namespace

void HttpRouter::add(Method method, std::string_view pattern, Handler handler, std::size_t body_bytes_max) {
  routes_.push_back({method, segments_of(pattern), std::move(handler), body_bytes_max});
}

std::size_t HttpRouter::body_bytes_max(const HttpRequest& head) const {
  const auto path = segments_of(head.path);
  for (const auto& route : routes_) {
    if (route.method == head.method && match(route.segments, path)) return route.body_bytes_max;
  }
  return small_body_bytes_max;
}

void HttpRouter::operator()(const HttpRequest& request, const Responder& responder) const {
  const auto path = segments_of(request.path);
  const auto method = request.method == Method::Head ? Method::Get : request.method;
  std::string allow;
  for (const auto& route : routes_) {
    const auto values = match(route.segments, path);
    if (!values) continue;
    if (route.method == method) return route.handler(request, *values, responder);
    if (!allow.empty()) allow += ", ";
    allow += method_name(route.method);
    if (route.method == Method::Get) allow += ", HEAD";
  }
  if (!allow.empty()) {
    auto response = http_error(405, "method_not_allowed", "this path knows only " + allow);
    response.headers.push_back({"Allow", allow});
    return responder(std::move(response));
  }
  if (fallback_ && fallback_(request, responder)) return;
  responder(http_error(404, "not_found", "nothing is at " + request.path));
}

}  // namespace airbridge::net
