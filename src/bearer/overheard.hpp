#pragma once
// Blocks of one sender that were not sent to this node alone: to another one on the same channel, or to everybody. Each
// is put together by itself, from fragments and repair frames; what stays incomplete is dropped in time.
#include <deque>
#include <map>

#include "bearer/inbox.hpp"

namespace airbridge::bearer {

class Overheard {
 public:
  // A whole block when this part completed one that was not given before.
  std::optional<WholeBlock> take(std::uint16_t tag, const FragmentPart& part);
  std::optional<WholeBlock> take(std::uint16_t tag, const RepairPart& part);

 private:
  struct Kept {
    Bytes bytes;
    bool first = false, last = false, squeezed = false;
  };
  struct Parity {  // of the block that begins at its number
    std::size_t count = 0;
    std::size_t last_bytes = 0;
    bool squeezed = false;
    std::map<std::size_t, Bytes> pieces;
  };
  struct Stream {
    std::uint16_t tag = 0;
    bool urgent = false;
    std::uint64_t newest = 1U << 16;
    std::map<std::uint64_t, Kept> fragments;
    std::map<std::uint64_t, Parity> parities;
    std::deque<std::pair<std::uint64_t, std::uint64_t>> given;  // first and last of blocks
  };
  Stream& stream_of(std::uint16_t tag, bool urgent);
  static std::uint64_t whole_number(Stream& stream, std::uint16_t seq);
  static bool was_given(const Stream& stream, std::uint64_t seq);
  static std::optional<WholeBlock> complete_around(Stream& stream, std::uint64_t seq);
  static std::optional<WholeBlock> repair(Stream& stream, std::uint64_t from);
  static void forget_old(Stream& stream);

  std::deque<Stream> streams_;  // the one heard last comes last
};

}  // namespace airbridge::bearer
