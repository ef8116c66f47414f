#include "tiles/mbtiles.hpp"

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "tiles/test_map_files.hpp"

namespace airbridge::tiles {

using namespace testing;

namespace {

const std::filesystem::path data = std::filesystem::path(AIRBRIDGE_TEST_DATA) / "tiles";

std::string refusal(const std::filesystem::path& path) {
  const auto map = load_tiles(path);
  if (map) return "was accepted";
  CHECK(map.error().what.starts_with(path.string() + ": "));
  return map.error().what;
}

}  // namespace

TEST_CASE("a real MBTiles file gives its pictures and says nothing where it has none") {
  const auto map = load_tiles(data / "some-empty-tiles.mbtiles");
  REQUIRE(map);
  const auto& info = (*map)->info();
  CHECK(info.name == "some-empty-tiles");
  CHECK(info.title == "US Debt Held By Foreign Nations");
  CHECK(info.format == TileFormat::Mbtiles);
  CHECK(info.kind == TileKind::Raster);  // told from the first tile: the file has no format row
  CHECK(info.minzoom == 1);
  CHECK(info.maxzoom == 2);
  int here = 0;
  for (std::uint32_t z = 0; z <= 3; ++z) {
    for (std::uint32_t x = 0; x < (1U << z); ++x) {
      for (std::uint32_t y = 0; y < (1U << z); ++y) {
        const auto tile = (*map)->tile({z, x, y});
        REQUIRE(tile);
        if (!*tile) continue;
        ++here;
        CHECK((*tile)->content_type == "image/png");
        CHECK_FALSE((*tile)->gzip);
      }
    }
  }
  CHECK(here == 11);  // 4 on level 1 and 7 on level 2
}

TEST_CASE("rows count from the south in the file and from the north outside") {
  const Folder folder;
  const auto path = mbtiles(folder, "rows.mbtiles",
                            usual_tables +
                                "INSERT INTO metadata VALUES ('format','pbf'),('minzoom','2'),('maxzoom','2'),"
                                "('bounds','-10.5, 40,10,60'),('attribution','<a>&copy; x</a><script>');"
                                "INSERT INTO tiles VALUES (2,1,3,x'1F8B08AA');");
  const auto map = load_tiles(path);
  REQUIRE(map);
  const auto& info = (*map)->info();
  CHECK(info.kind == TileKind::Vector);
  CHECK(info.bounds.west == -10.5);
  CHECK(info.bounds.north == 60);
  CHECK(info.attribution == "© x");
  const auto tile = (*map)->tile({2, 1, 0});
  REQUIRE(tile);
  REQUIRE(*tile);
  CHECK((*tile)->gzip);
  CHECK((*tile)->content_type == "application/vnd.mapbox-vector-tile");
  CHECK_FALSE(*(*map)->tile({2, 1, 3}));
  for (const TileAddress at : {TileAddress{2, 4, 0}, {2, 0, 4}, {31, 0, 0}}) CHECK_FALSE(*(*map)->tile(at));
}

TEST_CASE("zoom levels are counted where the metadata lack them, odd bounds become the world") {
  const Folder folder;
  log::set_sink([](std::string_view) {});
  const auto path =
      mbtiles(folder, "odd ?#%41.mbtiles",
              usual_tables +
                  "INSERT INTO metadata VALUES ('bounds','7,8,nonsense'),('minzoom','-1'),('maxzoom','x');"
                  "INSERT INTO tiles VALUES (4,1,3,x'FFD8FFE0'),(9,1,3,x'FFD8FFE0');");
  const auto map = load_tiles(path);
  log::set_sink({});
  REQUIRE(map);
  CHECK((*map)->info().name == "odd-41");
  CHECK((*map)->info().minzoom == 4);
  CHECK((*map)->info().maxzoom == 9);
  CHECK((*map)->info().bounds.west == -180);
  CHECK((*(*map)->tile({4, 1, 12}))->content_type == "image/jpeg");
}

TEST_CASE("odd and hostile databases are refused with words and the file's name") {
  const Folder folder;
  const std::string tables = "CREATE TABLE metadata(name,value);";
  const struct {
    std::string sql;
    std::string_view words;
  } rows[] = {
      {"CREATE TABLE other(x);", "no such table: metadata"},
      {tables, "no such table: tiles"},
      {tables + "CREATE TABLE tiles(z,x,y,data);", "no such column"},
      {usual_tables, "has no tiles"},
      {usual_tables + "INSERT INTO tiles VALUES (0,0,0,'hello');", "unknown format"},
      {usual_tables + "INSERT INTO tiles VALUES (77,0,0,x'FFD8FF');", "zoom levels 77 to 77"},
      {usual_tables + "INSERT INTO metadata VALUES('minzoom','5'),('maxzoom','2'); INSERT INTO tiles VALUES "
                      "(0,0,0,x'FFD8FF');",
       "zoom levels 5 to 2"},
      // Without an index each tile would cost a walk over all of them.
      {tables + "CREATE TABLE tiles(zoom_level,tile_column,tile_row,tile_data);"
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 200000)"
                "INSERT INTO tiles SELECT 16,i,i,x'FFD8FF' FROM n;",
       "lack an index"},
      // Views may hold any SQL.
      {tables + "CREATE VIEW tiles AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "
                "SELECT 1 AS zoom_level, i AS tile_column, 0 AS tile_row, x'FFD8FF' AS tile_data FROM n WHERE i < 0;",
       "not authorized"},
      {tables + "CREATE VIEW tiles AS SELECT 1 AS zoom_level, 0 AS tile_column, 0 AS tile_row, "
                "zeroblob(900000000) AS tile_data;",
       "too big"},
  };
  int n = 0;
  for (const auto& row : rows) {
    const auto text = refusal(mbtiles(folder, std::to_string(n++) + ".mbtiles", row.sql));
    CAPTURE(row.sql);
    CAPTURE(text);
    CHECK(text.find(row.words) != std::string::npos);
  }
}

TEST_CASE("the file is not changed and nothing is left beside it") {
  const Folder folder;
  const auto path = mbtiles(folder, "a.mbtiles",
                            "PRAGMA journal_mode=WAL;" + usual_tables + "INSERT INTO tiles VALUES (0,0,0,x'FFD8FF');");
  const auto before = file_bytes(path);
  {
    const auto map = load_tiles(path);
    REQUIRE(map);
    CHECK(*(*map)->tile({0, 0, 0}));
  }
  CHECK(file_bytes(path) == before);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("a database cut off at any byte is refused") {
  const Folder folder;
  const auto good = file_bytes(mbtiles(
      folder, "good.mbtiles",
      "CREATE TABLE metadata(name,value);"
      "CREATE TABLE tiles(zoom_level,tile_column,tile_row,tile_data, "
      "PRIMARY KEY(zoom_level,tile_column,tile_row)) WITHOUT ROWID; INSERT INTO tiles VALUES (0,0,0,x'FFD8FF');"));
  REQUIRE(load_tiles(folder.path / "good.mbtiles"));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(load_tiles(folder.write("cut.mbtiles", ByteView(good).first(size))));
  }
}

TEST_CASE("a database with any byte changed is refused or read safely") {
  const Folder folder;
  const auto good =
      file_bytes(mbtiles(folder, "good.mbtiles", usual_tables + "INSERT INTO tiles VALUES (1,0,0,x'FFD8FF');"));
  for (std::size_t i = 0; i < good.size(); i += 3) {
    auto bad = good;
    bad[i] = static_cast<std::uint8_t>(bad[i] ^ 0x41);
    const auto map = load_tiles(folder.write("bad.mbtiles", bad));
    if (map) CHECK((*map)->info().maxzoom <= zoom_max);
    if (map) static_cast<void>((*map)->tile({1, 0, 1}));
  }
}

TEST_CASE("what is no map file is told apart") {
  const Folder folder;
  CHECK(refusal(data / "empty.pmtiles").find("is empty") != std::string::npos);
  CHECK(refusal(data / "invalid.pmtiles").find("neither an MBTiles nor a PMTiles") != std::string::npos);
  CHECK(refusal(folder.path).find("is a folder") != std::string::npos);
  CHECK(refusal(folder.path / "none.mbtiles").find("cannot be opened: No such file") != std::string::npos);
}

TEST_CASE("names are fit for a URL") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"/maps/alps.mbtiles", "alps"}, {"Karte (Süd).mbtiles", "Karte-S-d"},
      {"地图.pmtiles", "map"},        {"../..mbtiles", "map"},
      {"a..b.pmtiles", "a.b"},        {"<b>\"x\n.mbtiles", "b-x"},
      {"v1.2.pmtiles", "v1.2"},
  };
  for (const auto& [path, name] : rows) CHECK(name_from_path(path) == name);
  CHECK(name_from_path(std::string(300, 'n') + ".pmtiles").size() == name_bytes_max);
}

}  // namespace airbridge::tiles
