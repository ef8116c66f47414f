#pragma once
// PMTiles version 3 as bytes (https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md). No file, no cache.
//
// The header is 127 bytes, numbers little-endian:
//
//     0  7  "PMTiles"            72  8  addressed tiles        99  1  tile type (1 vector, 2 PNG, 3 JPEG, 4 WebP, 5
//     AVIF) 7  1  3                    80  8  tile entries          100  1  least zoom 8 16  root directory       88  8
//     tile contents         101  1  greatest zoom
//    24 16  metadata             96  1  clustered             102  8  south-west corner: longitude, latitude
//    40 16  leaf directories     97  1  compression of        110  8  north-east corner   (degrees e7, signed)
//    56 16  tile data                   directories           118  9  centre: zoom, longitude, latitude
//           (offset, length)     98  1  compression of tiles
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "tiles/tile_source.hpp"

namespace airbridge::tiles {

inline constexpr std::size_t pmtiles_header_size = 127;
inline constexpr std::uint64_t pmtiles_root_end_max = 16'384;  // the root directory ends before this byte of the file
inline constexpr std::size_t directory_packed_max = std::size_t{2} << 20;
inline constexpr std::size_t directory_bytes_max = std::size_t{4} << 20;
inline constexpr std::size_t directory_entries_max = 262'144;
inline constexpr std::size_t metadata_bytes_max = std::size_t{4} << 20;

struct FileSection {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

enum class PmtilesCompression : std::uint8_t { Unknown = 0, None = 1, Gzip = 2, Brotli = 3, Zstd = 4 };
enum class PmtilesType : std::uint8_t { Unknown = 0, Mvt = 1, Png = 2, Jpeg = 3, Webp = 4, Avif = 5 };

struct PmtilesHeader {
  FileSection root, metadata, leaves, tiles;
  PmtilesCompression directory_compression = PmtilesCompression::Unknown;
  PmtilesCompression tile_compression = PmtilesCompression::Unknown;
  PmtilesType type = PmtilesType::Unknown;
  std::uint32_t minzoom = 0;
  std::uint32_t maxzoom = 0;
  TileBounds bounds;
};

// Checks that every section lies inside a file of `file_size` bytes and that we can read its compressions. The fault is
// a phrase that goes after the file's name.
Result<PmtilesHeader, std::string> parse_pmtiles_header(ByteView bytes, std::uint64_t file_size);

struct DirectoryEntry {
  std::uint64_t tile_id = 0;
  std::uint64_t offset = 0;  // in the tile data, or, for a leaf directory, in the leaf directories
  std::uint32_t length = 0;
  std::uint32_t run_length = 0;  // so many tiles from tile_id on are these bytes; 0: a leaf directory

  friend bool operator==(const DirectoryEntry&, const DirectoryEntry&) = default;
};
using Directory = std::vector<DirectoryEntry>;  // by tile_id, each once

Result<Directory, std::string> parse_directory(ByteView expanded);
// The entry whose run holds the tile, or the leaf directory that may know it; null: no such tile.
const DirectoryEntry* find_entry(const Directory& directory, std::uint64_t tile_id);

// The number of a valid() address: zoom levels one after the other, each along a Hilbert curve.
std::uint64_t tile_id_of(const TileAddress& at);

}  // namespace airbridge::tiles
