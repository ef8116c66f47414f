#pragma once
// Which events this node holds without their private part: it came over a channel that may not be encrypted, and stayed
// home. What a bundle asks for, and takes.
#include <set>
#include <vector>

#include "picture/picture.hpp"
#include "sync/log_view.hpp"

namespace airbridge::app {

// Of what a bundle is asked for, so many are looked up in the log: a few read its disk for long.
inline constexpr std::size_t private_looked_at_max = 16'384;
// For which a bundle's private parts are taken; of more only the first.
inline constexpr std::size_t private_taken_max = 100'000;

// Events whose private part the picture lacks, the first `max` of them: not here, or not to be read here.
std::set<model::Dot> private_lacking(const picture::Picture& picture, std::size_t max);
// Of these the first `max` that the log holds without it. Reads the log for each.
std::vector<model::Dot> withheld_in(const sync::LogView& log, const std::set<model::Dot>& lacking, std::size_t max);

}  // namespace airbridge::app
