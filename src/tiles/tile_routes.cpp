#include "tiles/tile_routes.hpp"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "base/log.hpp"
#include "tiles/tile_text.hpp"

namespace airbridge::tiles {

namespace {

using Shelf = std::map<std::string, TileSource*>;  // by the name in the URL

Shelf shelve(const std::vector<std::unique_ptr<TileSource>>& sources) {
  Shelf shelf;
  for (const auto& source : sources) {
    const auto& name = source->info().name;
    auto free_name = name;
    for (int n = 2; shelf.contains(free_name); ++n) free_name = fmt::format("{}-{}", name, n);
    shelf.emplace(free_name, source.get());
  }
  return shelf;
}

std::string maps_json(const Shelf& shelf) {
  std::string items;
  for (const auto& [name, source] : shelf) {
    const TileInfo& info = source->info();
    items +=
        fmt::format(R"({}{{"name":"{}","title":"{}","format":"{}","kind":"{}","minzoom":{},"maxzoom":{},)"
                    R"("bounds":[{:.7f},{:.7f},{:.7f},{:.7f}],"attribution":"{}"}})",
                    items.empty() ? "" : ",", net::json_escaped(name), net::json_escaped(info.title),
                    info.format == TileFormat::Mbtiles ? "mbtiles" : "pmtiles",
                    info.kind == TileKind::Raster ? "raster" : "vector", info.minzoom, info.maxzoom, info.bounds.west,
                    info.bounds.south, info.bounds.east, info.bounds.north, net::json_escaped(info.attribution));
  }
  return fmt::format(R"({{"maps":[{}]}})", items);
}

std::optional<TileAddress> address_from(const net::PathValues& values) {
  std::uint32_t numbers[3] = {};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& text = values.at(i + 1);
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  }
  const TileAddress at{numbers[0], numbers[1], numbers[2]};
  return at.valid() ? std::optional(at) : std::nullopt;
}

net::HttpResponse answer_tile(TileSource& source, const TileAddress& at, const net::HttpRequest& request) {
  auto found = source.tile(at);
  if (!found) {
    log::warn("tiles", "a tile cannot be read", {{"why", found.error().what}});
    return net::http_error(500, "damaged_map", found.error().what);
  }
  if (!*found && !source.info().covers(at)) {
    return net::http_error(404, "no_such_tile", "this map has nothing there: outside its bounds or zoom levels");
  }
  net::HttpResponse response;
  response.headers.push_back({"Cache-Control", fmt::format("private, max-age={}", tile_fresh_seconds)});
  if (!*found) {
    response.status = 204;
    return response;
  }
  Tile tile = *std::move(*found);
  const bool send_gzip = tile.gzip && net::list_has_token(request.header("Accept-Encoding"), "gzip");
  const auto tag = fmt::format("\"{}-{}-{}-{}{}\"", source.info().stamp, at.z, at.x, at.y, send_gzip ? "-gz" : "");
  response.headers.push_back({"ETag", tag});
  if (tile.gzip) response.headers.push_back({"Vary", "Accept-Encoding"});
  if (request.header("If-None-Match").find(tag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  if (send_gzip) {
    response.headers.push_back({"Content-Encoding", "gzip"});
  } else if (tile.gzip) {
    auto expanded = gunzip(tile.bytes, tile_bytes_max);
    if (!expanded) return net::http_error(500, "damaged_map", "the tile " + expanded.error());
    tile.bytes = *std::move(expanded);
  }
  response.content_type = tile.content_type;
  response.body = std::make_shared<const Bytes>(std::move(tile.bytes));
  return response;
}

}  // namespace

void add_tile_routes(net::HttpRouter& router, const std::vector<std::unique_ptr<TileSource>>& sources) {
  const auto shelf = std::make_shared<const Shelf>(shelve(sources));
  router.add(net::Method::Get, "/api/v1/maps",
             [json = maps_json(*shelf)](const net::HttpRequest&, const net::PathValues&, const net::Responder& to) {
               to(net::HttpResponse::json(200, json));
             });
  router.add(net::Method::Get, "/tiles/{map}/{z}/{x}/{y}",
             [shelf](const net::HttpRequest& request, const net::PathValues& values, const net::Responder& to) {
               const auto source = shelf->find(values.at(0));
               if (source == shelf->end())
                 return to(net::http_error(404, "no_such_map", "no map of that name is here"));
               const auto at = address_from(values);
               if (!at) return to(net::http_error(404, "no_such_tile", "zoom, column and row name no tile"));
               to(answer_tile(*source->second, *at, request));
             });
}

}  // namespace airbridge::tiles
