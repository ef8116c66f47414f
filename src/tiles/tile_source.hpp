#pragma once
// Map files that an operator adds: MBTiles 1.3 and PMTiles v3, read where they lie, never changed.
//
// The files come from outside and may be damaged or made to harm. Nothing in them is trusted: every offset is checked
// against the file, every size against a limit below, and text from them leaves this folder as plain text.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace airbridge::tiles {

inline constexpr std::size_t tile_bytes_max = std::size_t{16} << 20;  // a larger tile is reported as damage
inline constexpr std::uint32_t zoom_max = 30;
inline constexpr std::size_t name_bytes_max = 64;
inline constexpr std::size_t text_bytes_max = 400;  // title and attribution; longer ones are cut

struct TileError {
  std::string what;  // "maps/alps.pmtiles: is cut off: ...": which file, what is wrong, what may help
};

// A tile of the Web Mercator pyramid, x from the west, y from the north.
struct TileAddress {
  std::uint32_t z = 0;
  std::uint32_t x = 0;
  std::uint32_t y = 0;

  bool valid() const { return z <= zoom_max && x < (std::uint32_t{1} << z) && y < (std::uint32_t{1} << z); }
};

// Degrees, WGS 84. West may be east of east across the 180th meridian.
struct TileBounds {
  double west = -180;
  double south = -85.0511287798;
  double east = 180;
  double north = 85.0511287798;
};

enum class TileFormat { Mbtiles, Pmtiles };
enum class TileKind { Raster, Vector };

struct TileInfo {
  std::string name;   // from the file name; letters, digits, ".", "_" and "-" of ASCII only, so fit for a URL
  std::string title;  // what the file calls itself; plain text without markup
  TileFormat format = TileFormat::Mbtiles;
  TileKind kind = TileKind::Raster;
  std::uint32_t minzoom = 0;
  std::uint32_t maxzoom = 0;
  TileBounds bounds;
  std::string attribution;  // plain text without markup; empty: the file names none
  std::string stamp;        // changes with the file's size or time: part of the ETag

  // False for a tile that no reader may expect here: outside the zoom levels or the bounds.
  bool covers(const TileAddress& at) const;
};

struct Tile {
  Bytes bytes;
  std::string content_type;  // from the bytes themselves where they tell, else from the file's own word
  bool gzip = false;         // `bytes` are gzip-compressed, as vector tiles mostly are
};

// One thread at a time; reads the disk in tile().
class TileSource {
 public:
  virtual ~TileSource() = default;
  virtual const TileInfo& info() const = 0;
  // Nothing: the file has no such tile (also for an address that is not valid()).
  virtual Result<std::optional<Tile>, TileError> tile(const TileAddress& at) = 0;
};

// Tells the two formats apart by their first bytes, not by the file's name.
Result<std::unique_ptr<TileSource>, TileError> load_tiles(const std::filesystem::path& path);

// "Karte (Süd).mbtiles" becomes "Karte-S-d"; "map" when nothing is left.
std::string name_from_path(const std::filesystem::path& path);

}  // namespace airbridge::tiles
