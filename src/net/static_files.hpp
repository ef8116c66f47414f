#pragma once
// Files that are part of the program (the page, embedded in the binary), with ETag and, where we have it, a gzip form.
// They stay where the program was mapped: memory is taken only while one is on its way to somebody. One thread.
#include <memory>
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
  ByteView bytes;            // these two outlive the StaticFiles
  ByteView gzip;             // empty: none
  bool immutable = false;    // the path names the content (a hash is in it): a browser may keep it for ever
};

class StaticFiles {
 public:
  explicit StaticFiles(std::vector<StaticFile> files);

  // The answer to GET or HEAD of a file, "/" being "/index.html"; 405 for other methods; nothing for a path that is no
  // file.
  std::optional<HttpResponse> answer(const HttpRequest& request) const;

 private:
  // A file and the copies of it that are being sent, which all who ask meanwhile share.
  struct Held {
    StaticFile file;
    mutable std::weak_ptr<const Bytes> bytes, gzip;
  };
  std::unordered_map<std::string, Held> files_;  // by path
};

}  // namespace airbridge::net
