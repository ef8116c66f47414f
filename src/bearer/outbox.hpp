#pragma once
// The sending side of one ordered sub-channel to one neighbour: blocks go in, fragments come out, as large as the frame
// at hand has room for; what is not acknowledged is kept and given again.
#include <deque>

#include "base/time.hpp"
#include "bearer/payload.hpp"

namespace airbridge::bearer {

class Outbox {
 public:
  struct Fragment {
    std::uint64_t seq = 0;
    Bytes bytes;
    bool first = false, last = false, squeezed = false;
    bool acked = false;
    bool lost = false;  // to be sent again
    int sends = 0;
    std::uint64_t counter = 0;  // of the frame that carried it last
    SteadyTime sent_at{};
    SteadyTime first_sent_at{};
  };

  // At most `window` fragments are unacknowledged at a time.
  explicit Outbox(std::size_t window) : window_(window) {}

  void add_block(Bytes block, bool squeezed);
  std::size_t waiting_bytes() const { return waiting_bytes_; }  // not acknowledged, sent or not
  std::size_t unsent_bytes() const { return unsent_bytes_; }
  bool has_unacked() const { return !fragments_.empty(); }
  bool has_lost() const { return lost_ > 0; }
  std::size_t next_lost_bytes() const;  // of the fragment to be sent again first; 0: none
  std::size_t lost_count() const { return lost_; }
  std::size_t in_flight() const { return in_flight_; }  // sent, neither acknowledged nor lost
  // Something may be sent now: lost, or new and within the window.
  bool has_to_send() const { return lost_ > 0 || (unsent_bytes_ > 0 && fragments_.size() < window_); }
  std::size_t bytes_to_send() const;  // of lost fragments and unsent bytes

  // The next fragment that fits into `room` bytes of data: the first lost one, else cut from what is unsent. It counts
  // as sent in the frame `counter`. Null when none fits. Valid until the next call.
  const Fragment* take(std::size_t room, std::uint64_t counter, SteadyTime now);
  // The same fragment once more, as a copy of one sent already; null when it is acknowledged or does not fit.
  const Fragment* copy(std::uint64_t seq, std::size_t room, std::uint64_t counter, SteadyTime now);

  struct Progress {
    std::size_t newly_acked = 0;
    std::size_t newly_lost = 0;
    bool sensible = true;  // false: acknowledges what was never sent
  };
  // The other side said what it has, and that it heard frames up to `heard` of us. Of what it lacks, fragments that
  // went with frames before `lost_before` are lost.
  Progress acknowledged(const Received& received, std::uint64_t lost_before);
  // Everything sent before this moment and not acknowledged is lost.
  std::size_t expire(SteadyTime sent_before);
  bool lose_oldest();
  // The fragment in flight that was sent longest ago.
  const Fragment* oldest_in_flight() const;

 private:
  struct Block {
    Bytes bytes;
    bool squeezed = false;
    std::size_t cut = 0;
  };
  const Fragment* mark_sent(Fragment& fragment, std::uint64_t counter, SteadyTime now);
  void lose(Fragment& fragment);
  void drop_acked();

  std::size_t window_;
  std::deque<Fragment> fragments_;  // from the first unacknowledged on
  std::deque<Block> blocks_;        // the first may be partly cut
  std::uint64_t next_seq_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::size_t unsent_bytes_ = 0;
  std::size_t lost_ = 0;
  std::size_t in_flight_ = 0;
};

}  // namespace airbridge::bearer
