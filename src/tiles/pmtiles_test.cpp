#include "tiles/pmtiles.hpp"

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "tiles/test_map_files.hpp"
#include "tiles/tile_text.hpp"

namespace airbridge::tiles {

using namespace testing;

namespace {

const std::filesystem::path data = std::filesystem::path(AIRBRIDGE_TEST_DATA) / "tiles";

Result<std::unique_ptr<TileSource>, TileError> open(Bytes bytes) {
  return Pmtiles::create(bytes_in_memory(std::move(bytes)), "test.pmtiles", {});
}

// The root names a leaf; the leaf has one tile, a run of three, and one more.
PmtilesParts with_leaf(PmtilesCompression compression) {
  const auto pack = [&](const Bytes& bytes) {
    return compression == PmtilesCompression::Gzip ? gzipped(bytes) : bytes;
  };
  PmtilesParts parts;
  parts.compression = compression;
  const auto a = png("a"), sea = png("sea"), b = png("bb");
  for (const auto* tile : {&a, &sea, &b}) parts.tiles.insert(parts.tiles.end(), tile->begin(), tile->end());
  parts.leaves = pack(directory_bytes({{5, 0, static_cast<std::uint32_t>(a.size()), 1},
                                       {6, a.size(), static_cast<std::uint32_t>(sea.size()), 3},
                                       {20, a.size() + sea.size(), static_cast<std::uint32_t>(b.size()), 1}}));
  parts.root = pack(directory_bytes(
      {{0, 0, static_cast<std::uint32_t>(a.size()), 1}, {5, 0, static_cast<std::uint32_t>(parts.leaves.size()), 0}}));
  return parts;
}

TileAddress address_of(std::uint64_t id) {
  for (std::uint32_t z = 0; z <= 3; ++z) {
    for (std::uint32_t x = 0; x < (1U << z); ++x) {
      for (std::uint32_t y = 0; y < (1U << z); ++y) {
        if (tile_id_of({z, x, y}) == id) return {z, x, y};
      }
    }
  }
  FAIL("no tile has this id");
  return {};
}

}  // namespace

TEST_CASE("tile ids are those of the specification's table") {
  CHECK(tile_id_of({0, 0, 0}) == 0);
  CHECK(tile_id_of({1, 0, 0}) == 1);
  CHECK(tile_id_of({1, 0, 1}) == 2);
  CHECK(tile_id_of({1, 1, 1}) == 3);
  CHECK(tile_id_of({1, 1, 0}) == 4);
  CHECK(tile_id_of({2, 0, 0}) == 5);
  CHECK(tile_id_of({12, 3423, 1763}) == 19'078'479);
}

TEST_CASE("every tile of a level has an id of its own, next to its neighbour's") {
  for (std::uint32_t z = 1; z <= 6; ++z) {
    const std::uint32_t side = 1U << z;
    std::vector<TileAddress> by_id(std::size_t{side} * side);
    const auto first = tile_id_of({z, 0, 0});
    for (std::uint32_t x = 0; x < side; ++x) {
      for (std::uint32_t y = 0; y < side; ++y) by_id.at(tile_id_of({z, x, y}) - first) = {z, x, y};
    }
    for (std::size_t i = 1; i < by_id.size(); ++i) {
      const auto apart = [](std::uint32_t a, std::uint32_t b) { return a > b ? a - b : b - a; };
      REQUIRE(apart(by_id[i].x, by_id[i - 1].x) + apart(by_id[i].y, by_id[i - 1].y) == 1);
    }
  }
}

TEST_CASE("a real archive gives its only tile") {
  const auto map = load_tiles(data / "test_fixture_1.pmtiles");
  REQUIRE(map);
  const auto& info = (*map)->info();
  CHECK(info.name == "test_fixture_1");
  CHECK(info.format == TileFormat::Pmtiles);
  CHECK(info.kind == TileKind::Vector);
  CHECK(info.minzoom == 0);
  CHECK(info.maxzoom == 0);
  CHECK(info.bounds.east == doctest::Approx(0.9999999).epsilon(1e-6));
  const auto tile = (*map)->tile({0, 0, 0});
  REQUIRE(tile);
  REQUIRE(*tile);
  CHECK((*tile)->gzip);
  CHECK((*tile)->content_type == "application/vnd.mapbox-vector-tile");
  CHECK((*tile)->bytes.size() == 69);
  CHECK(gunzip((*tile)->bytes, tile_bytes_max)->size() == 49);
  CHECK_FALSE(*(*map)->tile({1, 0, 0}));
}

TEST_CASE("leaf directories and runs are followed, packed or not") {
  for (const auto compression : {PmtilesCompression::None, PmtilesCompression::Gzip}) {
    const auto map = open(pmtiles_bytes(with_leaf(compression)));
    REQUIRE(map);
    CHECK((*map)->info().title == "Test map");
    CHECK((*map)->info().attribution == "© makers");
    CHECK((*map)->info().bounds.south == 40);
    const auto bytes_at = [&](std::uint64_t id) {
      const auto tile = (*map)->tile(address_of(id));
      REQUIRE(tile);
      return *tile ? (*tile)->bytes : Bytes{};
    };
    for (int round = 0; round < 2; ++round) {  // from the file, then from the cache
      CHECK(bytes_at(0) == png("a"));
      CHECK(bytes_at(1).empty());
      CHECK(bytes_at(5) == png("a"));
      for (const std::uint64_t id : {6, 7, 8}) CHECK(bytes_at(id) == png("sea"));
      CHECK(bytes_at(9).empty());
      CHECK(bytes_at(20) == png("bb"));
      CHECK(bytes_at(84).empty());
    }
  }
}

TEST_CASE("the cache of leaf directories stays within its limit") {
  PmtilesParts parts;
  parts.tiles = png();
  Directory root;
  constexpr std::uint64_t leaves = cached_directories_max * 3;
  for (std::uint64_t i = 0; i < leaves; ++i) {
    const auto leaf = directory_bytes({{i, 0, static_cast<std::uint32_t>(parts.tiles.size()), 1}});
    root.push_back({i, parts.leaves.size(), static_cast<std::uint32_t>(leaf.size()), 0});
    parts.leaves.insert(parts.leaves.end(), leaf.begin(), leaf.end());
  }
  parts.root = directory_bytes(root);
  parts.maxzoom = 4;
  const auto map = open(pmtiles_bytes(parts));
  REQUIRE(map);
  for (std::uint32_t z = 0; z <= 3; ++z) {
    for (std::uint32_t x = 0; x < (1U << z); ++x) {
      for (std::uint32_t y = 0; y < (1U << z); ++y) CHECK(*(*map)->tile({z, x, y}));
    }
  }
  CHECK(static_cast<Pmtiles&>(**map).cached_entries() == cached_directories_max);
}

TEST_CASE("an address outside the pyramid has no tile") {
  const auto map = open(pmtiles_bytes(with_leaf(PmtilesCompression::None)));
  REQUIRE(map);
  for (const TileAddress at : {TileAddress{0, 1, 0}, {0, 0, 1}, {3, 8, 0}, {31, 0, 0}, {4'294'967'295U, 0, 0}}) {
    const auto tile = (*map)->tile(at);
    REQUIRE(tile);
    CHECK_FALSE(*tile);
  }
}

TEST_CASE("damaged archives are refused with words and the file's name") {
  const auto good = pmtiles_bytes(with_leaf(PmtilesCompression::None));
  const auto with = [&](std::size_t at, std::uint8_t byte) {
    auto bytes = good;
    bytes.at(at) = byte;
    return bytes;
  };
  const auto with_root = [&](const Bytes& root) {
    auto parts = with_leaf(PmtilesCompression::None);
    parts.root = root;
    return pmtiles_bytes(parts);
  };
  const struct {
    Bytes bytes;
    std::string_view words;
  } rows[] = {
      {with(7, 2), "version 2"},
      {with(0, 'p'), "not a PMTiles file"},
      {with(15, 0x80), "root directory"},
      {with(31, 0xFF), "metadata"},
      {with(55, 0xFF), "leaf directories"},
      {with(71, 0x01), "tile data"},
      {with(16, 0), "root directory"},
      {with(97, 3), "compression"},
      {with(98, 4), "compression"},
      {with(99, 77), "unknown type"},
      {with(101, 31), "zoom levels"},
      {with_root({0}), "is empty"},
      {with_root({5, 0, 1}), "ends too early"},
      {with_root({1, 0, 1, 0, 1}), "an entry of 0 bytes"},
      {with_root({1, 0, 1, 9, 0}), "without an offset"},
      {with_root({2, 0, 0, 1, 1, 9, 9, 1, 0}), "not in order"},
      {with_root({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}), "claims 4294967295 entries"},
      {with_root({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}), "is empty"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.words);
    const auto map = open(row.bytes);
    REQUIRE_FALSE(map);
    CAPTURE(map.error().what);
    CHECK(map.error().what.starts_with("test.pmtiles: "));
    CHECK(map.error().what.find(row.words) != std::string::npos);
  }
}

TEST_CASE("a leaf that leads to itself or nowhere is damage, not a loop") {
  auto parts = with_leaf(PmtilesCompression::None);
  const auto leaf = directory_bytes({{0, 0, 5, 0}});
  REQUIRE(leaf.size() == 5);
  parts.leaves = leaf;
  parts.root = leaf;
  const auto round = open(pmtiles_bytes(parts));
  REQUIRE(round);
  CHECK((*round)->tile({0, 0, 0}).error().what.find("more than 4 deep") != std::string::npos);

  parts.root = directory_bytes({{0, 1, 5, 0}});
  CHECK((*open(pmtiles_bytes(parts)))->tile({0, 0, 0}).error().what.find("outside the leaf") != std::string::npos);
  parts.root = directory_bytes({{0, parts.tiles.size(), 1, 1}});
  CHECK((*open(pmtiles_bytes(parts)))->tile({0, 0, 0}).error().what.find("outside the tile data") != std::string::npos);
}

TEST_CASE("a directory that expands without end is stopped") {
  auto parts = with_leaf(PmtilesCompression::Gzip);
  parts.root = gzipped(Bytes(directory_bytes_max + 1));
  const auto map = open(pmtiles_bytes(parts));
  REQUIRE_FALSE(map);
  CHECK(map.error().what.find("larger than allowed") != std::string::npos);
}

TEST_CASE("an archive cut off at any byte is refused") {
  for (const auto& good :
       {file_bytes(data / "test_fixture_1.pmtiles"), pmtiles_bytes(with_leaf(PmtilesCompression::Gzip))}) {
    REQUIRE(open(good));
    for (std::size_t size = 0; size < good.size(); ++size) {
      CAPTURE(size);
      CHECK_FALSE(open(to_bytes(ByteView(good).first(size))));
    }
  }
}

TEST_CASE("an archive with any byte changed is refused or read safely") {
  log::set_sink([](std::string_view) {});
  const auto good = pmtiles_bytes(with_leaf(PmtilesCompression::Gzip));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xFF}) {
      auto bad = good;
      bad[i] = static_cast<std::uint8_t>(bad[i] ^ change);
      const auto map = open(std::move(bad));
      if (!map) continue;
      for (const std::uint64_t id : {0, 5, 6, 20, 84}) {
        const auto tile = (*map)->tile(address_of(id));
        if (tile && *tile) CHECK((*tile)->bytes.size() <= good.size());
      }
    }
  }
  log::set_sink({});
}

}  // namespace airbridge::tiles
