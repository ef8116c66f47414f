#pragma once
// When the status makes the hash of the state anew: it reads all of it.
//
// The log counts an event as soon as it is on disk, the picture a moment later. So a hash can be of fewer events than
// the log held when it was made; that it is the last one's is known by the picture it was made of, not by the log.
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace airbridge::app {

inline constexpr Milliseconds state_hash_every{5'000};    // of a large state, so often at most
inline constexpr std::uint64_t state_hash_small = 1'000;  // events; below, it is made each time

class ToldHash {
 public:
  // `picture`: the number of the picture published in the same call as the hash is made.
  bool is_due(std::uint64_t events, std::uint64_t picture, SteadyTime now) const {
    if (!made_ || events < state_hash_small) return true;
    return (events != events_ || picture != picture_) && now - *made_ >= state_hash_every;
  }
  void made(std::uint64_t events, std::uint64_t picture, SteadyTime now) {
    events_ = events;
    picture_ = picture;
    made_ = now;
  }

 private:
  std::uint64_t events_ = 0, picture_ = 0;
  std::optional<SteadyTime> made_;
};

}  // namespace airbridge::app
