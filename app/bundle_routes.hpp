#pragma once
// The routes of bundles (docs/protocol/api.md, "Bundles").
#include <memory>

#include "bundle_desk.hpp"
#include "net/http_router.hpp"

namespace airbridge::app {

// `desk` answers on other threads; answers are brought to `loop`, the router's. Both outlive the router.
void add_bundle_routes(net::HttpRouter& router, BundleDesk& desk, net::EventLoop& loop);

}  // namespace airbridge::app
