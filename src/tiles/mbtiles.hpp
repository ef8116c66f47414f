#pragma once
// MBTiles 1.3 (https://github.com/mapbox/mbtiles-spec/blob/master/1.3/spec.md): an SQLite database with
// tiles(zoom_level, tile_column, tile_row, tile_data) and metadata(name, value). Rows count from the south.
//
// Either may be a view with any SQL in it, so the file is opened read-only and immutable, may call nothing and write
// nothing, and every query has a budget of work.
#include <memory>

#include "tiles/tile_source.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace airbridge::tiles {

inline constexpr int query_steps_max = 300'000;        // of SQLite's machine, for one tile: some tens of milliseconds
inline constexpr int open_steps_max = 20'000'000;      // for a question at the start
inline constexpr std::size_t metadata_rows_max = 256;  // later ones are not looked at

class Mbtiles final : public TileSource {
 public:
  // `head` is the file's first 100 bytes (less when it is shorter).
  static Result<std::unique_ptr<TileSource>, TileError> create(const std::filesystem::path& path, ByteView head,
                                                               std::uint64_t file_size, TileInfo info);
  const TileInfo& info() const override { return info_; }
  Result<std::optional<Tile>, TileError> tile(const TileAddress& at) override;

 private:
  struct CloseDatabase {
    void operator()(sqlite3* database) const;
  };
  struct EndStatement {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;

  Mbtiles(std::string file, TileInfo info) : file_(std::move(file)), info_(std::move(info)) {}

  Result<void, std::string> open(const std::filesystem::path& path);
  Result<Statement, std::string> prepare(const char* sql);
  Result<bool, std::string> step(sqlite3_stmt* statement, int steps_max);  // true: a row
  Result<void, std::string> read_metadata();
  Result<void, std::string> learn_zooms();
  Result<void, std::string> learn_kind();
  Result<std::optional<Tile>, std::string> find(const TileAddress& at);

  std::string file_;
  TileInfo info_;
  std::string said_format_;  // "png", "pbf", ...; empty: the file does not say
  bool zooms_known_ = false;
  int steps_left_ = 0;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  Statement find_;
};

}  // namespace airbridge::tiles
