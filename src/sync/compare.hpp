#pragma once
// Comparing what two nodes hold, on demand: for every stream that both have, the chain values at the last common number
// and at some below it are asked for and held against this node's own. A chain value stands for all before it, so equal
// ones mean equal contents, and the first number that differs is found by halving. What comes of it is Compared in
// output.hpp; core_compare.cpp does it.
//
// Found this way: a stream of which the two hold other contents under the same numbers; a fork that only one of them
// knows; an index that shows what its log does not hold. What merely has not arrived yet is not a difference: the
// status tells of it.
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/entry.hpp"
#include "sync/message.hpp"

namespace airbridge::sync {

inline constexpr std::size_t compare_open_max = 16;    // streams asked about at a time
inline constexpr std::size_t compare_spots = 4;        // numbers of a stream asked for at first
inline constexpr std::size_t differences_max = 1'000;  // named in one comparison; further ones are counted

struct Difference {
  enum class Kind : std::uint8_t {
    Contents,       // other events under the same numbers, from `from` on
    NotShown,       // the peer shows no chain value of a number it says it holds
    Contradiction,  // the peer's answers contradict each other: its index is damaged, or it lies
    OwnIndex,       // this node shows no chain value of a number it says it holds
    ForkHere,       // a branch of a fork that the peer does not know
    ForkThere,      // one that this node does not know
  };
  model::StreamId stream;
  std::uint64_t from = 0;
  Kind kind = Kind::Contents;
};

// A comparison with one peer that is under way.
struct Comparison {
  struct Search {
    std::uint64_t lo = 0;  // both are alike up to here
    std::uint64_t hi = 0;  // they differ here; 0: not seen yet
    std::uint64_t told_at = 0;
    std::optional<Head4> told;  // what the peer's vector says of `told_at`
    std::vector<std::uint64_t> asked;
    int rounds = 0;
  };
  bool vector_came = false;
  std::deque<model::StreamId> waiting;
  std::map<model::StreamId, Search> open;
  std::size_t streams = 0;  // compared to an end
  std::vector<Difference> differences;
  std::size_t differences_more = 0;  // beyond differences_max
};

}  // namespace airbridge::sync
