#pragma once
// The node's own figures as Prometheus text; docs/ and dashboards rely on the names.
#include <cstdint>
#include <string>

#include "api/status.hpp"
#include "picture/picture.hpp"

namespace airbridge::app {

// `commands`: taken from the API since the start. Any thread.
std::string node_metrics(const api::Status& status, const picture::Picture& picture, std::uint64_t commands);

}  // namespace airbridge::app
