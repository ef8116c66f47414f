#include "net/static_files.hpp"

#include <algorithm>

namespace airbridge::net {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// RFC 9110 section 13.1.2: a list of tags, weak ones compare alike, "*" is any.
bool names_tag(std::string_view list, std::string_view quoted) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    auto item = trimmed(list.substr(0, comma));
    if (item == "*") return true;
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item == quoted) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// RFC 9110 section 12.5.3: gzip is welcome when named, unless its weight is zero.
bool accepts_gzip(std::string_view list) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    const auto item = list.substr(0, comma);
    const auto semicolon = std::min(item.find(';'), item.size());
    if (equals_ignoring_case(trimmed(item.substr(0, semicolon)), "gzip")) {
      const auto weight = trimmed(item.substr(std::min(semicolon + 1, item.size())));
      return !weight.starts_with("q=0") || weight.find_first_of("123456789") != weight.npos;
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

StaticFiles::StaticFiles(std::vector<StaticFile> files) {
  for (auto& file : files) {
    auto path = file.path;
    files_.emplace(std::move(path), Held{std::move(file), {}, {}});
  }
}

std::optional<HttpResponse> StaticFiles::answer(const HttpRequest& request) const {
  const auto found = files_.find(request.path == "/" ? "/index.html" : request.path);
  if (found == files_.end()) return std::nullopt;
  const StaticFile& file = found->second.file;
  if (request.method != Method::Get && request.method != Method::Head) {
    auto response = http_error(405, "method_not_allowed", "a file can only be read");
    response.headers.push_back({"Allow", "GET, HEAD"});
    return response;
  }
  const bool gzip = !file.gzip.empty() && accepts_gzip(request.header("Accept-Encoding"));
  const auto tag = '"' + file.etag + (gzip ? "-gz\"" : "\"");
  HttpResponse response;
  response.headers.push_back({"ETag", tag});
  response.headers.push_back({"Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache"});
  if (!file.gzip.empty()) response.headers.push_back({"Vary", "Accept-Encoding"});
  if (names_tag(request.header("If-None-Match"), tag)) {
    response.status = 304;
    return response;
  }
  response.content_type = file.content_type;
  auto& sent = gzip ? found->second.gzip : found->second.bytes;
  auto body = sent.lock();
  if (!body) sent = body = std::make_shared<const Bytes>(to_bytes(gzip ? file.gzip : file.bytes));
  response.body = std::move(body);
  if (gzip) response.headers.push_back({"Content-Encoding", "gzip"});
  return response;
}

}  // namespace airbridge::net
