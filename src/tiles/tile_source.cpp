#include "tiles/tile_source.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/hash.hpp"
#include "tiles/mbtiles.hpp"
#include "tiles/pmtiles.hpp"
#include "tiles/tile_text.hpp"

namespace airbridge::tiles {

namespace {

// Column and row of a place on a zoom level, not rounded.
double column_of(double longitude, std::uint32_t z) { return (longitude + 180) / 360 * std::exp2(z); }
double row_of(double latitude, std::uint32_t z) {
  const double limited = std::clamp(latitude, -85.0511287798, 85.0511287798) * std::numbers::pi / 180;
  return (1 - std::asinh(std::tan(limited)) / std::numbers::pi) / 2 * std::exp2(z);
}

std::string stamp_of(const std::filesystem::path& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return "0";
  const auto words =
      fmt::format("{} {} {} {}", path.string(), about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec);
  return to_hex(blake2b<8>({as_bytes(words)}));
}

}  // namespace

bool TileInfo::covers(const TileAddress& at) const {
  if (!at.valid() || at.z < minzoom || at.z > maxzoom) return false;
  // A tile that only shares a border with the bounds may be there or not; allow for it.
  constexpr double slack = 1e-6;
  if (row_of(bounds.north, at.z) > at.y + 1 + slack || row_of(bounds.south, at.z) < at.y - slack) return false;
  const bool east_of_west_edge = column_of(bounds.west, at.z) <= at.x + 1 + slack;
  const bool west_of_east_edge = column_of(bounds.east, at.z) >= at.x - slack;
  return bounds.west <= bounds.east ? east_of_west_edge && west_of_east_edge : east_of_west_edge || west_of_east_edge;
}

std::string name_from_path(const std::filesystem::path& path) {
  std::string name;
  for (const char c : path.stem().string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '-' && name.back() != '.') {
      name += c == '.' ? '.' : '-';
    }
    if (name.size() == name_bytes_max) break;
  }
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  return name.empty() ? "map" : name;
}

Result<std::unique_ptr<TileSource>, TileError> load_tiles(const std::filesystem::path& path) {
  const auto file = path.string();
  auto bytes = open_bytes(path);
  if (!bytes) return failure(TileError{file + ": " + bytes.error()});
  const auto size = (*bytes)->size();
  if (size == 0) return failure(TileError{file + ": is empty"});
  const auto head = (*bytes)->read(0, static_cast<std::size_t>(std::min<std::uint64_t>(size, 100)));
  if (!head) return failure(TileError{file + ": " + head.error()});

  TileInfo info;
  info.name = name_from_path(path);
  info.title = plain_text(path.stem().string());
  info.stamp = stamp_of(path);
  if (as_text(*head).starts_with("PMTiles")) return Pmtiles::create(*std::move(bytes), file, std::move(info));
  if (as_text(*head).starts_with("SQLite format 3")) {
    return Mbtiles::create(path, ByteView(*head), size, std::move(info));
  }
  return failure(TileError{file + ": is neither an MBTiles nor a PMTiles (version 3) file"});
}

}  // namespace airbridge::tiles
