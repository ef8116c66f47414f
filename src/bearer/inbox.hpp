#pragma once
// The receiving side of one ordered sub-channel from one neighbour: fragments in any order, whole blocks out in theirs.
#include <map>

#include "bearer/payload.hpp"

namespace airbridge::bearer {

struct WholeBlock {
  Bytes bytes;
  bool squeezed = false;
};

class Inbox {
 public:
  // False: had it already, or too far ahead.
  bool take(const FragmentPart& part);
  std::vector<WholeBlock> take_blocks() { return std::exchange(blocks_, {}); }
  // What to acknowledge; at most `bitmap_bytes` of bitmap.
  Received received(std::size_t bitmap_bytes) const;
  bool has_holes() const { return !waiting_.empty(); }
  // Something of it is still to come: a fragment before one that is here, or the rest of a block.
  bool is_incomplete() const { return has_holes() || !open_.bytes.empty(); }
  bool has_heard() const { return next_ > 0 || !waiting_.empty(); }

 private:
  struct Kept {
    Bytes bytes;
    bool first = false, last = false, squeezed = false;
  };
  void append(Kept fragment);

  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Kept> waiting_;  // beyond a hole
  WholeBlock open_;                        // the block being put together
  bool open_sound_ = false;                // it began with its first fragment and did not grow too long
  std::vector<WholeBlock> blocks_;
};

}  // namespace airbridge::bearer
