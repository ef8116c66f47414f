#include "net/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/utf8.hpp"

namespace airbridge::net {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A value must not be able to begin a header of its own.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return out;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool list_has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    const auto item = list.substr(0, comma);
    if (equals_ignoring_case(trimmed(item.substr(0, item.find(';'))), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::string_view method_name(Method method) {
  switch (method) {
    case Method::Get:
      return "GET";
    case Method::Head:
      return "HEAD";
    case Method::Post:
      return "POST";
    case Method::Put:
      return "PUT";
    case Method::Patch:
      return "PATCH";
    case Method::Delete:
      return "DELETE";
    case Method::Options:
      return "OPTIONS";
    case Method::Other:
      break;
  }
  return "?";
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& entry : headers) {
    if (equals_ignoring_case(entry.name, name)) return entry.value;
  }
  return {};
}

bool HttpRequest::header_has(std::string_view name, std::string_view token) const {
  return std::any_of(headers.begin(), headers.end(), [&](const HttpHeader& entry) {
    return equals_ignoring_case(entry.name, name) && list_has_token(entry.value, token);
  });
}

std::optional<std::string_view> HttpRequest::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

HttpResponse HttpResponse::json(int status, std::string_view text) {
  return HttpResponse::text(status, text, "application/json");
}

HttpResponse HttpResponse::text(int status, std::string_view text, std::string content_type) {
  return {status, std::move(content_type), {}, std::make_shared<const Bytes>(to_bytes(as_bytes(text)))};
}

HttpResponse http_error(int status, std::string_view code, std::string_view message) {
  return HttpResponse::json(
      status, fmt::format(R"({{"error":{{"code":"{}","message":"{}"}}}})", json_escaped(code), json_escaped(message)));
}

std::string_view status_text(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

std::string response_head(const HttpResponse& response, bool keep_alive, const std::vector<HttpHeader>& always) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, status_text(response.status));
  const auto add = [&out](std::string_view name, std::string_view value) {
    out += fmt::format("{}: {}\r\n", one_line(name), one_line(value));
  };
  if (response.status >= 200) {
    if (!response.content_type.empty()) add("Content-Type", response.content_type);
    if (response.status != 204 && response.status != 304) {
      add("Content-Length", std::to_string(response.body ? response.body->size() : 0));
    }
    add("Connection", keep_alive ? "keep-alive" : "close");
  }
  for (const auto& header : response.headers) add(header.name, header.value);
  for (const auto& header : always) {
    const auto own = std::any_of(response.headers.begin(), response.headers.end(), [&](const HttpHeader& entry) {
      return equals_ignoring_case(entry.name, header.name);
    });
    if (!own) add(header.name, header.value);
  }
  return out + "\r\n";
}

std::string json_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const bool valid = is_utf8(text);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (byte >= 0x80 && !valid) {
      out += "\\ufffd";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace airbridge::net
