#pragma once
// The sending side of a channel on which nobody answers: blocks for all who hear, with repair frames, repeated after
// growing pauses.
#include <deque>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "bearer/payload.hpp"

namespace airbridge::bearer {

class OneWay {
 public:
  // Cuts the block into fragments of `cut` bytes and adds repair frames, so many for a hundred fragments.
  void add_block(const Bytes& block, bool squeezed, bool urgent, std::size_t cut, std::size_t repair_percent,
                 SteadyTime now);
  bool has_to_send() const { return !urgent_.empty() || !bulk_.empty(); }
  bool has_urgent() const { return !urgent_.empty(); }
  // The payload of the next Data frame, urgent ones first.
  std::optional<Bytes> next();
  // Queues what is due to be repeated.
  void repeat(SteadyTime now);
  std::optional<SteadyTime> next_repeat() const;

 private:
  struct Sent {
    std::vector<Bytes> payloads;
    bool urgent = false;
    int repeats = 0;
    Milliseconds pause{0};
    SteadyTime again{};
  };
  void queue(const Sent& sent);
  std::uint16_t urgent_seq_ = 0, bulk_seq_ = 0;
  std::deque<Bytes> urgent_, bulk_;
  std::deque<Sent> sent_;  // to be repeated
};

}  // namespace airbridge::bearer
