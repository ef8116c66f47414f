#pragma once
// HTTP requests and answers as plain values (RFC 9110, RFC 9112).
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/connection.hpp"

namespace airbridge::net {

enum class Method { Get, Head, Post, Put, Patch, Delete, Options, Other };
std::string_view method_name(Method method);  // "GET"; "?" for Other

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  Method method = Method::Get;
  std::string path;                                        // decoded and checked: see decode_path()
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::vector<HttpHeader> headers;
  Bytes body;
  std::string peer;  // "127.0.0.1:40112", for logs
  bool keep_alive = true;

  // The first header of that name, in any case; empty when there is none.
  std::string_view header(std::string_view name) const;
  // True when the header is a list of tokens that has `token`, in any case: "Connection: keep-alive, Upgrade".
  bool header_has(std::string_view name, std::string_view token) const;
  std::optional<std::string_view> query_value(std::string_view name) const;  // the first of that name
  std::string_view body_text() const { return as_text(body); }
};

struct HttpResponse {
  int status = 200;
  std::string content_type;         // empty: no Content-Type
  std::vector<HttpHeader> headers;  // without Content-Length, Connection and Content-Type
  SharedBytes body;                 // null: empty. Shared with whoever else sends it

  static HttpResponse json(int status, std::string_view text);
  static HttpResponse text(int status, std::string_view text, std::string content_type = "text/plain; charset=utf-8");
};

// {"error":{"code":CODE,"message":MESSAGE}}, as docs/protocol/api.md has it.
HttpResponse http_error(int status, std::string_view code, std::string_view message);

std::string_view status_text(int status);  // "Not Found"

// The answer up to its blank line. Characters that would end a header line early are left out. For HEAD, and for 1xx,
// 204 and 304, the caller leaves the body out; Content-Length is then that of the body it would have had.
std::string response_head(const HttpResponse& response, bool keep_alive, const std::vector<HttpHeader>& always);

// Text inside quotes in JSON; bytes that are not UTF-8 become U+FFFD.
std::string json_escaped(std::string_view text);

bool equals_ignoring_case(std::string_view a, std::string_view b);  // ASCII
// True when the comma-separated list has the token, in any case, without its ";" parameters.
bool list_has_token(std::string_view list, std::string_view token);

}  // namespace airbridge::net
