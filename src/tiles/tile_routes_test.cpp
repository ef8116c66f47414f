#include "tiles/tile_routes.hpp"

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "net/test_http.hpp"
#include "tiles/test_map_files.hpp"
#include "tiles/tile_text.hpp"

namespace airbridge::tiles {

using net::testing::fetch;
using net::testing::TestPeer;
using namespace testing;

namespace {

struct Site {
  std::vector<std::unique_ptr<TileSource>> sources;
  net::EventLoop loop;
  net::HttpRouter router;
  std::unique_ptr<net::HttpServer> server;

  explicit Site(const std::vector<std::filesystem::path>& files) {
    for (const auto& file : files) {
      auto map = load_tiles(file);
      REQUIRE(map);
      sources.push_back(*std::move(map));
    }
    add_tile_routes(router, sources);
    auto made = net::HttpServer::create(loop, {"127.0.0.1", 0}, {},
                                        [this](const auto& request, const auto& to) { router(request, to); });
    REQUIRE(made);
    server = *std::move(made);
  }
  TestPeer peer() { return {loop, server->port()}; }
};

const std::string one_vector_tile =
    "INSERT INTO metadata VALUES ('format','pbf'),('minzoom','0'),('maxzoom','2'),('bounds','-10,40,10,60');"
    "INSERT INTO tiles VALUES (0,0,0,x'";

}  // namespace

TEST_CASE("the maps are listed and their tiles served") {
  const Folder folder;
  const auto plain = to_bytes(as_bytes("a vector tile, or so"));
  const auto path = mbtiles(folder, "alps.mbtiles", usual_tables + one_vector_tile + to_hex(gzipped(plain)) + "');");
  Site site({path, path, std::filesystem::path(AIRBRIDGE_TEST_DATA) / "tiles" / "some-empty-tiles.mbtiles"});
  auto peer = site.peer();

  const auto maps = fetch(peer, "GET", "/api/v1/maps");
  CHECK(maps.status == 200);
  CHECK(
      maps.body.starts_with(R"({"maps":[{"name":"alps","title":"alps","format":"mbtiles","kind":"vector","minzoom":0,)"
                            R"("maxzoom":2,"bounds":[-10.0000000,40.0000000,10.0000000,60.0000000],"attribution":""},)"
                            R"({"name":"alps-2",)"));

  const auto packed = fetch(peer, "GET", "/tiles/alps/0/0/0", "Accept-Encoding: br, gzip\r\n");
  CHECK(packed.status == 200);
  CHECK(packed.header("Content-Encoding") == "gzip");
  CHECK(packed.header("Vary") == "Accept-Encoding");
  CHECK(packed.header("Content-Type") == "application/vnd.mapbox-vector-tile");
  CHECK(packed.header("Cache-Control") == "private, max-age=3600");
  CHECK(*gunzip(as_bytes(packed.body), 1'000) == plain);

  const auto expanded = fetch(peer, "GET", "/tiles/alps-2/0/0/0");
  CHECK(expanded.header("Content-Encoding").empty());
  CHECK(expanded.body == as_text(plain));
  CHECK(expanded.header("ETag") != packed.header("ETag"));
  const auto again = fetch(peer, "GET", "/tiles/alps/0/0/0", "If-None-Match: " + expanded.header("ETag") + "\r\n");
  CHECK(again.status == 304);
  CHECK(again.body.empty());

  const auto picture = fetch(peer, "GET", "/tiles/some-empty-tiles/1/0/0");
  CHECK(picture.status == 200);
  CHECK(picture.header("Content-Type") == "image/png");
  CHECK(picture.header("X-Content-Type-Options") == "nosniff");
}

TEST_CASE("a missing tile inside the bounds is 204, anything else that is not there 404") {
  const Folder folder;
  Site site({mbtiles(folder, "alps.mbtiles", usual_tables + one_vector_tile + "1F8B08');")});
  auto peer = site.peer();
  const std::pair<std::string_view, int> rows[] = {
      {"/tiles/alps/1/0/0", 204},  {"/tiles/alps/2/2/1", 204},  {"/tiles/alps/2/0/3", 404},
      {"/tiles/alps/3/4/2", 404},  {"/tiles/other/0/0/0", 404}, {"/tiles/alps/1/2/0", 404},
      {"/tiles/alps/99/0/0", 404}, {"/tiles/alps/a/0/0", 404},  {"/tiles/alps/-1/0/0", 404},
      {"/tiles/alps/0/0/0x", 404}, {"/tiles/alps/0/0", 404},    {"/tiles/alps/99999999999/0/0", 404},
  };
  for (const auto& [target, status] : rows) {
    CAPTURE(target);
    const auto reply = fetch(peer, "GET", target);
    CHECK(reply.status == status);
    if (status == 204) CHECK(reply.body.empty());
  }
  CHECK(fetch(peer, "POST", "/tiles/alps/0/0/0").status == 405);
}

TEST_CASE("damage in a tile is answered, not fatal") {
  const Folder folder;
  log::set_sink([](std::string_view) {});
  Site site({mbtiles(folder, "alps.mbtiles", usual_tables + one_vector_tile + "1F8B08AABB');")});
  auto peer = site.peer();
  CHECK(fetch(peer, "GET", "/tiles/alps/0/0/0", "Accept-Encoding: gzip\r\n").status == 200);  // the client's to expand
  const auto reply = fetch(peer, "GET", "/tiles/alps/0/0/0");
  CHECK(reply.status == 500);
  CHECK(reply.body.find("damaged_map") != std::string::npos);
  CHECK(fetch(peer, "GET", "/api/v1/maps").status == 200);
  log::set_sink({});
}

TEST_CASE("bounds may cross the 180th meridian") {
  TileInfo info;
  info.maxzoom = 4;
  info.bounds = {170, -20, -170, 20};
  CHECK(info.covers({4, 15, 7}));
  CHECK(info.covers({4, 0, 8}));
  CHECK_FALSE(info.covers({4, 8, 8}));
  CHECK_FALSE(info.covers({4, 15, 0}));
  CHECK_FALSE(info.covers({5, 31, 15}));
}

TEST_CASE("text from a map file becomes plain text") {
  CHECK(plain_text("<a href=\"x\">&copy; A &amp; B</a>\n\t and  C") == "© A & B and C");
  CHECK(plain_text("&amp;lt;script>x</script") == "&lt;scriptx");
  CHECK(plain_text("<") == "");
  CHECK(plain_text(std::string(text_bytes_max - 1, 'x') + "©").size() == text_bytes_max - 1);
}

}  // namespace airbridge::tiles
