#pragma once
// For tests only: writes small PMTiles and MBTiles files.
#include <sqlite3.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tiles/pmtiles_format.hpp"

namespace airbridge::tiles::testing {

// A folder that goes away with the test.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "airbridge-tiles-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path write(const std::string& name, ByteView bytes) const {
    std::ofstream out(path / name, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path / name;
  }
};

inline Bytes file_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return to_bytes(as_bytes(text));
}

inline Bytes gzipped(ByteView bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline void put_varint(Bytes& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<std::uint8_t>(number | 0x80));
  out.push_back(static_cast<std::uint8_t>(number));
}

inline Bytes directory_bytes(const Directory& directory) {
  Bytes out;
  put_varint(out, directory.size());
  std::uint64_t before = 0;
  for (const auto& entry : directory) put_varint(out, entry.tile_id - std::exchange(before, entry.tile_id));
  for (const auto& entry : directory) put_varint(out, entry.run_length);
  for (const auto& entry : directory) put_varint(out, entry.length);
  for (std::size_t i = 0; i < directory.size(); ++i) {
    const bool follows = i > 0 && directory[i].offset == directory[i - 1].offset + directory[i - 1].length;
    put_varint(out, follows ? 0 : directory[i].offset + 1);
  }
  return out;
}

struct PmtilesParts {
  Bytes root;    // as it lies in the file
  Bytes leaves;  // likewise
  Bytes tiles;
  std::string metadata = R"({"name":"Test <b>map</b>","attribution":"<a href='https://x'>&copy; makers</a>"})";
  PmtilesCompression compression = PmtilesCompression::None;
  PmtilesType type = PmtilesType::Png;
  std::uint8_t minzoom = 0;
  std::uint8_t maxzoom = 3;
};

inline Bytes pmtiles_bytes(const PmtilesParts& parts) {
  Bytes out = to_bytes(as_bytes("PMTiles\3"));
  const auto put = [&out](std::uint64_t number, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
  };
  const Bytes metadata = parts.compression == PmtilesCompression::Gzip ? gzipped(as_bytes(parts.metadata))
                                                                       : to_bytes(as_bytes(parts.metadata));
  std::uint64_t at = pmtiles_header_size;
  for (const auto* section : {&parts.root, &metadata, &parts.leaves, &parts.tiles}) {
    put(at, 8);
    put(section->size(), 8);
    at += section->size();
  }
  for (int i = 0; i < 3; ++i) put(0, 8);
  put(1, 1);
  put(static_cast<std::uint8_t>(parts.compression), 1);
  put(static_cast<std::uint8_t>(PmtilesCompression::None), 1);
  put(static_cast<std::uint8_t>(parts.type), 1);
  put(parts.minzoom, 1);
  put(parts.maxzoom, 1);
  for (const std::int32_t corner : {-100'000'000, 400'000'000, 100'000'000, 600'000'000}) {
    put(static_cast<std::uint32_t>(corner), 4);
  }
  put(0, 8);
  put(0, 1);
  for (const auto* section : {&parts.root, &metadata, &parts.leaves, &parts.tiles}) {
    out.insert(out.end(), section->begin(), section->end());
  }
  return out;
}

inline Bytes png(std::string_view more = {}) {
  Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

// Runs the statements on a new database with small pages.
inline std::filesystem::path mbtiles(const Folder& folder, const std::string& name, const std::string& sql) {
  const auto path = folder.path / name;
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  const auto all = "PRAGMA page_size=512;" + sql;
  char* fault = nullptr;
  if (sqlite3_exec(database, all.c_str(), nullptr, nullptr, &fault) != SQLITE_OK) {
    std::fprintf(stderr, "the test's own SQL is wrong: %s\n", fault);
    std::abort();
  }
  sqlite3_close(database);
  return path;
}

inline const std::string usual_tables =
    "CREATE TABLE metadata(name TEXT, value TEXT);"
    "CREATE TABLE tiles(zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB);"
    "CREATE UNIQUE INDEX tile_index ON tiles(zoom_level, tile_column, tile_row);";

}  // namespace airbridge::tiles::testing
