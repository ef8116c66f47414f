#pragma once
// The table made at build time; its last row has a null path.
namespace airbridge::api {
struct WebFileRow {
  const char* path;
  const char* etag;
  const unsigned char* begin;
  const unsigned char* end;
  const unsigned char* gzip_begin;
  const unsigned char* gzip_end;
};
extern const WebFileRow web_file_rows[];
}  // namespace airbridge::api
