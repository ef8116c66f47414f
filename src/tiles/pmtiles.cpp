#include "tiles/pmtiles.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "base/log.hpp"
#include "tiles/tile_text.hpp"

namespace airbridge::tiles {

namespace {

std::string_view content_type_of(PmtilesType type) {
  switch (type) {
    case PmtilesType::Mvt:
      return "application/vnd.mapbox-vector-tile";
    case PmtilesType::Png:
      return "image/png";
    case PmtilesType::Jpeg:
      return "image/jpeg";
    case PmtilesType::Webp:
      return "image/webp";
    case PmtilesType::Avif:
      return "image/avif";
    case PmtilesType::Unknown:
      break;
  }
  return "application/octet-stream";
}

// Name and attribution; a map whose metadata cannot be read is still a map.
void read_metadata(const Bytes& json, const std::string& file, TileInfo& info) {
  simdjson::dom::parser parser(metadata_bytes_max);
  simdjson::dom::object object;
  if (json.empty() || parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) {
    log::warn("tiles", "the metadata of a map file cannot be read", {{"file", file}});
    return;
  }
  std::string_view text;
  if (object["name"].get(text) == simdjson::SUCCESS && !plain_text(text).empty()) info.title = plain_text(text);
  if (object["attribution"].get(text) == simdjson::SUCCESS) info.attribution = plain_text(text);
}

}  // namespace

Result<std::unique_ptr<TileSource>, TileError> Pmtiles::create(std::unique_ptr<ByteSource> bytes,
                                                               const std::string& file, TileInfo info) {
  const auto fail = [&](const std::string& what) { return failure(TileError{file + ": " + what}); };
  const auto size = bytes->size();
  const auto head = bytes->read(0, static_cast<std::size_t>(std::min<std::uint64_t>(size, pmtiles_header_size)));
  if (!head) return fail(head.error());
  const auto header = parse_pmtiles_header(*head, size);
  if (!header) return fail(header.error());

  info.format = TileFormat::Pmtiles;
  info.minzoom = header->minzoom;
  info.maxzoom = header->maxzoom;
  info.bounds = header->bounds;
  std::unique_ptr<Pmtiles> made(new Pmtiles(std::move(bytes), file, std::move(info)));
  made->header_ = *header;
  auto root = made->read_directory(header->root);
  if (!root) return fail(root.error());
  made->root_ = std::make_shared<const Directory>(*std::move(root));

  if (header->metadata.length > 0) {
    auto json = made->bytes_->read(header->metadata.offset, static_cast<std::size_t>(header->metadata.length));
    if (!json) return fail(json.error());
    if (header->directory_compression == PmtilesCompression::Gzip) json = gunzip(*json, metadata_bytes_max);
    read_metadata(json ? *json : Bytes{}, file, made->info_);
  }

  auto kind = header->type;
  if (kind == PmtilesType::Unknown) {
    // The writer did not say; the first tile does.
    const auto& first = made->root_->front();
    const auto found = made->find(first.tile_id);
    if (!found) return fail(found.error());
    if (!*found || (*found)->content_type == "application/octet-stream") {
      return fail("does not say whether its tiles are pictures or vectors");
    }
    made->info_.kind = (*found)->content_type.starts_with("image/") ? TileKind::Raster : TileKind::Vector;
  } else {
    made->info_.kind = kind == PmtilesType::Mvt ? TileKind::Vector : TileKind::Raster;
  }
  return made;
}

Result<std::optional<Tile>, TileError> Pmtiles::tile(const TileAddress& at) {
  if (!at.valid()) return std::nullopt;
  auto found = find(tile_id_of(at));
  if (!found) return failure(TileError{fmt::format("{}: {} (tile {}/{}/{})", file_, found.error(), at.z, at.x, at.y)});
  return *std::move(found);
}

Result<std::optional<Tile>, std::string> Pmtiles::find(std::uint64_t tile_id) {
  auto directory = root_;
  for (int depth = 0; depth < directory_depth_max; ++depth) {
    const auto* const entry = find_entry(*directory, tile_id);
    if (entry == nullptr) return std::nullopt;
    if (entry->run_length > 0) {
      auto tile = read_tile(*entry);
      if (!tile) return failure(tile.error());
      return *std::move(tile);
    }
    auto below = leaf(*entry);
    if (!below) return failure(below.error());
    directory = *std::move(below);
  }
  return failure(fmt::format("is damaged: its directories are more than {} deep", directory_depth_max));
}

Result<Tile, std::string> Pmtiles::read_tile(const DirectoryEntry& entry) const {
  if (entry.length > header_.tiles.length || entry.offset > header_.tiles.length - entry.length) {
    return failure(std::string("is damaged: a tile lies outside the tile data"));
  }
  if (entry.length > tile_bytes_max) return failure(fmt::format("is damaged: a tile has {} bytes", entry.length));
  auto bytes = bytes_->read(header_.tiles.offset + entry.offset, entry.length);
  if (!bytes) return failure(bytes.error());
  Tile tile{*std::move(bytes), {}, false};
  tile.gzip = looks_gzipped(tile.bytes);
  tile.content_type = picture_type(tile.bytes).value_or(content_type_of(header_.type));
  if (header_.type == PmtilesType::Unknown && tile.gzip) tile.content_type = content_type_of(PmtilesType::Mvt);
  return tile;
}

Result<Directory, std::string> Pmtiles::read_directory(const FileSection& section) const {
  if (section.length > directory_packed_max) return failure(std::string("is damaged: a directory is too long"));
  auto bytes = bytes_->read(section.offset, static_cast<std::size_t>(section.length));
  if (!bytes) return failure(bytes.error());
  if (header_.directory_compression == PmtilesCompression::Gzip) {
    bytes = gunzip(*bytes, directory_bytes_max);
    if (!bytes) return failure("is damaged: a directory " + bytes.error());
  }
  return parse_directory(*bytes);
}

Result<std::shared_ptr<const Directory>, std::string> Pmtiles::leaf(const DirectoryEntry& entry) {
  const auto held = std::find_if(cache_.begin(), cache_.end(), [&](const Cached& item) {
    return item.offset == entry.offset && item.length == entry.length;
  });
  if (held != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, held);
    return cache_.front().directory;
  }
  if (entry.length > header_.leaves.length || entry.offset > header_.leaves.length - entry.length) {
    return failure(std::string("is damaged: a directory lies outside the leaf directories"));
  }
  auto read = read_directory({header_.leaves.offset + entry.offset, entry.length});
  if (!read) return failure(read.error());
  auto directory = std::make_shared<const Directory>(*std::move(read));
  cached_entries_ += directory->size();
  cache_.push_front({entry.offset, entry.length, directory});
  while (cache_.size() > cached_directories_max || cached_entries_ > cached_entries_max) {
    cached_entries_ -= cache_.back().directory->size();
    cache_.pop_back();
  }
  return directory;
}

}  // namespace airbridge::tiles
