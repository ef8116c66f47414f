#pragma once
// What the log knows in memory: for each stream where its entries and seals lie, and its head. About 8 bytes an event
// (plus 16 a seal). Pure bookkeeping: no disk, no checks of chains; Log does those.
#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "model/entry.hpp"
#include "store/record.hpp"

namespace airbridge::store {

// A stretch of a stream that is not here, both ends included, although something later is or was.
struct Hole {
  model::StreamId stream;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  friend bool operator==(const Hole&, const Hole&) = default;
};

// More entries than this are never taken to be missing between two records: the later one is set aside instead.
inline constexpr std::uint64_t hole_max = 1 << 20;

class StreamState {
 public:
  explicit StreamState(std::uint64_t first = 1) : first_(first) {}
  std::uint64_t first() const { return first_; }                      // of its sequence numbers
  std::uint64_t head_seq() const { return first_ + at_.size() - 1; }  // of the newest entry; first()-1 when empty
  const model::Hash& head() const { return head_; }                   // h_n of the newest entry
  std::uint64_t contiguous() const { return contiguous_; }            // everything up to here is here
  std::uint64_t sealed_seq() const;                                   // the last seal within contiguous(); 0: none
  Location at(std::uint64_t seq) const;                               // nowhere: not here
  std::size_t size() const { return at_.size() - missing_; }

  struct SealAt {
    std::uint64_t seq = 0;
    Location location;
  };
  const std::vector<SealAt>& seals() const { return seals_; }  // by rising seq

  // The entry after the head, or, when `seq` is later, an entry behind a hole.
  void extend(std::uint64_t seq, Location location, const model::Hash& head);
  void fill(std::uint64_t seq, Location location);  // an entry that was missing, or a fuller copy of one
  void lose(std::uint64_t seq);
  void add_seal(std::uint64_t seq, Location location);
  void lose_seal(std::uint64_t seq);
  bool has_seal(std::uint64_t seq) const;
  void cut(std::uint64_t head_seq, const model::Hash& head);  // forgets everything behind `head_seq`
  std::vector<Hole> holes(const model::StreamId& stream) const;

 private:
  friend class SnapshotCodec;
  std::uint64_t first_;
  std::uint64_t contiguous_ = first_ - 1;
  std::size_t missing_ = 0;
  std::vector<Location> at_;  // by seq - first_
  model::Hash head_;
  std::vector<SealAt> seals_;
};

// Which commands were done and what they wrote. The newest `limit` are kept, older ones are the index's to know.
class CommandTable {
 public:
  explicit CommandTable(std::size_t limit) : limit_(limit) {}
  void add(const model::CommandId& id, const model::Dot& dot);
  void remove(const model::CommandId& id, const model::Dot& dot);
  std::vector<model::Dot> find(const model::CommandId& id) const;
  std::size_t size() const { return order_.size(); }
  bool is_full() const { return full_ || order_.size() >= limit_; }  // some may have been forgotten

 private:
  friend class SnapshotCodec;
  std::size_t limit_;
  std::unordered_map<model::CommandId, std::vector<model::Dot>> dots_;
  std::deque<model::CommandId> order_;
  bool full_ = false;
};

// Where reading by arrival number can begin: about one mark every 64 KiB of log.
struct ArrivalMark {
  std::uint64_t arrival = 0;
  Location location;
};

}  // namespace airbridge::store
