#pragma once
// Whose clocks run ahead of this node's. An event cannot be written after it arrived, so a stamp later than the arrival
// shows a wrong clock: the author's, or this one. Stamps are hybrid (model::HlcClock): an author whose clock is right
// may still stamp up to 5 minutes ahead because it heard somebody who is; beyond that it is its own clock. A clock that
// is behind cannot be told from a slow link, so nothing is said about those. Display only, outside the state hash.
#include <map>
#include <vector>

#include "api/status.hpp"
#include "picture/picture.hpp"

namespace airbridge::app {

inline constexpr std::size_t clocks_watched_max = 1'000;  // authors; further ones are not watched

class ClockWatch {
 public:
  // Takes in what changed since the last call; costs that, and all records the first time.
  void look(const picture::Picture& picture);
  // The furthest ahead first. Authors whose last event was in order are not in it.
  std::vector<api::ClockInfo> doubtful(const picture::Picture& picture) const;

 private:
  struct Seen {
    std::int64_t ahead_ms = 0;
    model::ClockQuality quality = model::ClockQuality::None;
    std::uint64_t arrival = 0;
    UtcTime arrived{};
  };
  void note(const picture::Records& records, const picture::EntityRow& row);
  std::uint64_t seq_ = 0;
  std::uint64_t highest_ = 0;  // arrival number noted
  std::map<model::KeyId, Seen> seen_;
};

// "The clock of POST 2 is ahead of this node's by about 12 min; one of the two is wrong".
std::string words_of(const api::ClockInfo& clock);

}  // namespace airbridge::app
