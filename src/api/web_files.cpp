#include "api/web_files.hpp"

#include <string_view>

#include "api/web_files_table.hpp"

namespace airbridge::api {
namespace {
std::string_view content_type_of(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> types[] = {{".html", "text/html; charset=utf-8"},
                                                                     {".js", "text/javascript; charset=utf-8"},
                                                                     {".mjs", "text/javascript; charset=utf-8"},
                                                                     {".css", "text/css; charset=utf-8"},
                                                                     {".json", "application/json"},
                                                                     {".svg", "image/svg+xml"},
                                                                     {".png", "image/png"},
                                                                     {".ico", "image/x-icon"},
                                                                     {".woff2", "font/woff2"},
                                                                     {".woff", "font/woff"},
                                                                     {".txt", "text/plain; charset=utf-8"},
                                                                     {".webmanifest", "application/manifest+json"}};
  for (const auto& [ending, type] : types) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}
}  // namespace

std::vector<net::StaticFile> web_files() {
  std::vector<net::StaticFile> files;
  for (const auto* row = web_file_rows; row->path != nullptr; ++row) {
    net::StaticFile file;
    file.path = row->path;
    file.content_type = content_type_of(file.path);
    file.etag = row->etag;
    file.bytes = {row->begin, row->end};
    if (row->gzip_begin != nullptr) file.gzip = {row->gzip_begin, row->gzip_end};
    file.immutable = file.path.starts_with("/assets/");
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace airbridge::api
