#pragma once
// Sets of dots. Streams have no holes, so a stream's part is nearly always one run; what is withheld makes a few more.
#include <map>
#include <unordered_map>
#include <vector>

#include "model/ids.hpp"

namespace airbridge::picture {

// A set of sequence numbers as runs, ascending, neither touching nor overlapping.
class RunSet {
 public:
  struct Run {
    std::uint64_t first = 0, last = 0;
    friend bool operator==(const Run&, const Run&) = default;
  };
  bool add(std::uint64_t number);  // false: it was there
  bool contains(std::uint64_t number) const;
  bool empty() const { return runs_.empty(); }
  std::uint64_t count() const;
  std::uint64_t highest() const { return runs_.empty() ? 0 : runs_.back().last; }
  const std::vector<Run>& runs() const { return runs_; }
  bool append(Run run);  // false when it does not lie behind all others with a gap, or is empty

 private:
  std::vector<Run> runs_;
};

// Dots of ordinary streams; forks are kept apart (Fold).
class DotSet {
 public:
  bool add(const model::Dot& dot) {
    const bool added = streams_[dot.stream()].add(dot.seq);
    count_ += added ? 1 : 0;
    return added;
  }
  bool contains(const model::Dot& dot) const {
    const auto found = streams_.find(dot.stream());
    return found != streams_.end() && found->second.contains(dot.seq);
  }
  std::uint64_t count() const { return count_; }
  const RunSet* of(const model::StreamId& stream) const {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? nullptr : &found->second;
  }
  std::map<model::StreamId, RunSet> sorted() const { return {streams_.begin(), streams_.end()}; }
  void put(const model::StreamId& stream, RunSet runs) {
    count_ += runs.count();
    streams_[stream] = std::move(runs);
  }
  void clear() {
    streams_.clear();
    count_ = 0;
  }

 private:
  std::unordered_map<model::StreamId, RunSet> streams_;
  std::uint64_t count_ = 0;
};

}  // namespace airbridge::picture
