#pragma once
// GET /api/v1/maps and GET /tiles/{map}/{z}/{x}/{y} of docs/protocol/api.md. Handlers run, and read the disk, on the
// server's loop thread; a tile is one or two reads.
#include <memory>
#include <vector>

#include "net/http_router.hpp"
#include "tiles/tile_source.hpp"

namespace airbridge::tiles {

inline constexpr int tile_fresh_seconds = 3'600;  // how long a browser may use a tile without asking again

// The sources outlive the router. Of several files with one name the later ones are served as "name-2", "name-3", ...
//
// A tile: 200, with Content-Encoding for gzip (expanded for a client that does not take it). 204: the file has none
// there, though its bounds and zoom levels hold the place. 404: no such map, no such address, or outside of both. 500:
// damage.
void add_tile_routes(net::HttpRouter& router, const std::vector<std::unique_ptr<TileSource>>& sources);

}  // namespace airbridge::tiles
