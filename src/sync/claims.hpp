#pragma once
// What a peer says it holds and does not send. A vector is only words: nothing proves a number before the events come.
// A claim that stands while its peer has nothing else to send is told to people; it harms nobody, and what the peer
// does send is taken as ever. Pure; display only.
#include <map>
#include <vector>

#include "sync/vector.hpp"

namespace airbridge::sync {

// A stream ends below this: at a thousand events a second that is after 34 years. Who claims more is not believed, and
// is counted as if it had claimed so many.
inline constexpr std::uint64_t stream_events_max = std::uint64_t{1} << 40;
// Sums of what is claimed stop here: the largest whole number that every reader of JSON keeps.
inline constexpr std::uint64_t claimed_events_max = (std::uint64_t{1} << 53) - 1;
inline constexpr std::size_t claims_watched_max = 1024;  // streams of one peer; further ones are not looked at
inline constexpr Milliseconds claims_looked_every{30'000};
// A claim is doubtful after so long without an event of the stream, if its peer sent no events at all lately; and after
// the longest, whatever else it sent. What goes over message links may wait long for its turn: there the peer must have
// been quiet for as long as the claim stands, and the last does not count.
inline constexpr Milliseconds claim_doubt_after{10 * 60'000};
inline constexpr Milliseconds claim_quiet{2 * 60'000};
inline constexpr Milliseconds claim_doubt_always{60 * 60'000};

// What the peer says it holds beyond `here`, within the bound of a stream.
std::uint64_t claimed_beyond(std::uint64_t claimed, std::uint64_t here);
// a + b, at most claimed_events_max.
std::uint64_t add_claims(std::uint64_t a, std::uint64_t b);

struct DoubtfulClaim {
  model::StreamId stream;
  std::uint64_t claimed = 0;
  std::uint64_t here = 0;
  SteadyTime since{};          // since when it stands without an event
  bool is_impossible = false;  // beyond stream_events_max
};

class ClaimWatch {
 public:
  struct Link {
    SteadyTime events_heard{};  // when the peer last sent any event; at first when it came
    bool is_message = false;
    bool may_hold_back = false;  // one way or metered: what is not urgent may rightly stay away
  };
  void look(const HeldVector& theirs, const model::VersionVector& here, const Link& link, SteadyTime now);
  // Something of the stream came, whether it was taken or not.
  void came(const model::StreamId& stream, SteadyTime now);
  void forget() { standing_.clear(), doubtful_.clear(); }                   // what stands away is this node's own doing
  const std::vector<DoubtfulClaim>& doubtful() const { return doubtful_; }  // as of the last look

 private:
  struct Standing {
    std::uint64_t here = 0;
    SteadyTime since{};
    bool is_there = false;  // in the vector that is looked at
  };
  std::map<model::StreamId, Standing> standing_;
  std::vector<DoubtfulClaim> doubtful_;
};

}  // namespace airbridge::sync
