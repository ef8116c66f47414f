#pragma once
// The place a person gave the node by a click, kept over restarts as DIR/own-position: one line "LAT LON MS", degrees
// and milliseconds since 1970 of the click, so that its age stays true.
#include <filesystem>
#include <optional>

#include "base/time.hpp"
#include "geo/position.hpp"
#include "home.hpp"

namespace airbridge::app {

struct KeptPosition {
  Position position;
  UtcTime at{};
};

// None removes the file.
Result<void, HomeError> keep_own_position(const std::filesystem::path& dir, const std::optional<KeptPosition>& kept);
// Nothing when there is none; a damaged file is named in the log and counts as none.
std::optional<KeptPosition> kept_own_position(const std::filesystem::path& dir);

}  // namespace airbridge::app
