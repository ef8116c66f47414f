#pragma once
// Files held in memory (the page, embedded in the binary), with ETag and, where we have it, a gzip form.
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/http_message.hpp"

namespace airbridge::net {

struct StaticFile {
  std::string path;          // "/assets/index-3f9c.js"
  std::string content_type;  // "text/javascript; charset=utf-8"
  std::string etag;          // without quotes; a hash of the bytes
  SharedBytes bytes;
  SharedBytes gzip;        // null: none
  bool immutable = false;  // the path names the content (a hash is in it): a browser may keep it for ever
};

class StaticFiles {
 public:
  explicit StaticFiles(std::vector<StaticFile> files);

  // The answer to GET or HEAD of a file, "/" being "/index.html"; 405 for other methods; nothing for a path that is no
  // file.
  std::optional<HttpResponse> answer(const HttpRequest& request) const;

 private:
  std::unordered_map<std::string, StaticFile> files_;  // by path
};

}  // namespace airbridge::net
