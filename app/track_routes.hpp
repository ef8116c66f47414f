#pragma once
// GET /api/v1/tracks/{id}/fixes: where a thing has been (docs/protocol/api.md, "Tracks").
#include <functional>

#include "net/event_loop.hpp"
#include "net/http_router.hpp"
#include "sync/track_table.hpp"

namespace airbridge::app {

using TracksOf = std::vector<std::pair<model::KeyId, std::vector<sync::Fix>>>;

// `find` is called on the loop `core`; the answer is brought to `loop`, the router's. All outlive the router.
void add_track_routes(net::HttpRouter& router, net::EventLoop& core, net::EventLoop& loop,
                      std::function<TracksOf(const model::EntityId&)> find);

}  // namespace airbridge::app
