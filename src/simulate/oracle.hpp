#pragma once
// What every node's disk is known to hold, kept apart from the nodes' own bookkeeping, and what users were promised.
#include <bitset>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/entry.hpp"

namespace airbridge::simulate {

inline constexpr std::size_t nodes_max = 24;

class Oracle {
 public:
  // A sync of `node` succeeded with these in it.
  void synced(std::size_t node, const std::vector<model::Entry>& entries);
  struct Promise;
  // What a scan of the whole disk found (after a restart, or a repair); `has` tells whether it holds what was promised,
  // be it on a branch.
  void scanned(std::size_t node, const std::map<model::StreamId, std::vector<std::uint64_t>>& found,
               const std::function<bool(const Promise&)>& has);
  // The disk was damaged or exchanged: what it alone held may be gone. True from then on until scanned().
  void hit(std::size_t node);
  // The scan found less than the node believes to hold: as after hit(), but for what the scan did find.
  void doubt(std::size_t node) { hit_.set(node); }
  bool is_hit(std::size_t node) const { return hit_.test(node); }
  // Whether the disk of `node` holds all of the stream up to `seq`.
  bool holds(std::size_t node, const model::StreamId& stream, std::uint64_t seq) const;
  std::uint64_t held(std::size_t node, const model::StreamId& stream) const;

  // A user at `node` was told that this event is saved.
  struct Promise {
    std::size_t node = 0;
    model::Dot dot;
    Bytes public_part;
    std::bitset<nodes_max> holders;  // disks that hold it and can pass it on, and were not hit since; none: excused
  };
  void promise(std::size_t node, const model::Entry& entry);
  const std::vector<Promise>& promises() const { return promises_; }

 private:
  struct Held {
    std::uint64_t end = 0;          // everything up to here
    std::set<std::uint64_t> after;  // and these
  };
  void add(std::size_t node, const model::StreamId& stream, std::uint64_t seq);
  std::map<std::pair<std::size_t, model::StreamId>, Held> disks_;
  std::map<model::Dot, std::vector<std::size_t>> by_dot_;  // places in promises_; two when the stream forked
  std::vector<Promise> promises_;
  std::bitset<nodes_max> hit_;
};

}  // namespace airbridge::simulate
