#pragma once
// A PMTiles archive with a small cache of leaf directories.
#include <list>
#include <memory>

#include "tiles/byte_source.hpp"
#include "tiles/pmtiles_format.hpp"

namespace airbridge::tiles {

inline constexpr int directory_depth_max = 4;  // the root and three leaves below it
inline constexpr std::size_t cached_directories_max = 64;
inline constexpr std::size_t cached_entries_max = 2 * directory_entries_max;  // 24 bytes each

class Pmtiles final : public TileSource {
 public:
  // `file` names the file in errors. Reads header, root directory and metadata.
  static Result<std::unique_ptr<TileSource>, TileError> create(std::unique_ptr<ByteSource> bytes,
                                                               const std::string& file, TileInfo info);
  const TileInfo& info() const override { return info_; }
  Result<std::optional<Tile>, TileError> tile(const TileAddress& at) override;

  std::size_t cached_entries() const { return cached_entries_; }

 private:
  Pmtiles(std::unique_ptr<ByteSource> bytes, std::string file, TileInfo info)
      : bytes_(std::move(bytes)), file_(std::move(file)), info_(std::move(info)) {}

  Result<Directory, std::string> read_directory(const FileSection& section) const;
  Result<std::shared_ptr<const Directory>, std::string> leaf(const DirectoryEntry& entry);
  Result<std::optional<Tile>, std::string> find(std::uint64_t tile_id);
  Result<Tile, std::string> read_tile(const DirectoryEntry& entry) const;

  struct Cached {
    std::uint64_t offset;
    std::uint32_t length;
    std::shared_ptr<const Directory> directory;
  };

  std::unique_ptr<ByteSource> bytes_;
  std::string file_;
  TileInfo info_;
  PmtilesHeader header_;
  std::shared_ptr<const Directory> root_;
  std::list<Cached> cache_;  // last used first
  std::size_t cached_entries_ = 0;
};

}  // namespace airbridge::tiles
