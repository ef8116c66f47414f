#pragma once
// A bad link, as a model: packets go in with the time they were offered, and come out, or do not, with the time they
// arrive. Pure and seeded: the same offers give the same arrivals, in virtual time for tests and in real time for the
// program. Stations hear one another: what one says arrives at all others.
//
// Half duplex: one frequency for all. A station waits until the channel is free, as modems do that listen before they
// key up; whenever another than the last begins, the turn-round passes first. Full duplex: each station has a channel
// of its own.
//
// Everything is scheduled from when the channel came free, never from when somebody asked: a process that wakes late
// (25 ms are common on a shared machine) does not make the link slower than it is.
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <vector>

#include "base/bytes.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"

namespace airbridge::linkemu {

using Microseconds = std::chrono::microseconds;  // since the start of the emulation

// Losses in bursts (Gilbert): a fraction `share` of all packets is lost, in runs of `length` packets on average.
struct BurstLoss {
  double share = 0;
  double length = 4;
};

struct Outage {
  Microseconds from{0}, to{0};  // `to` is the first moment after it
};

struct LinkNature {
  std::uint64_t rate_bps = 0;  // 0: without limit
  std::size_t head_bytes = 0;  // that each packet costs besides, on the way
  Microseconds delay{0};
  Microseconds jitter{0};  // up to so much more, evenly; order is kept
  double loss = 0;         // of packets, one by one
  BurstLoss burst_loss;
  double duplicated = 0;
  double reordered = 0;  // so many are held back by up to reorder_hold, others overtake them
  Microseconds reorder_hold{200'000};
  bool half_duplex = false;
  Microseconds turn_round{0};
  Microseconds hold_max{20'000'000};        // half duplex: who has more to say goes on for so long before others come
  std::size_t mtu = 65'535;                 // longer packets are lost
  std::size_t queue_bytes_max = 64 * 1024;  // a station's packets that wait for the channel; further ones are lost
  std::vector<Outage> outages;              // what is on the way then is lost, unless waits_out_outages
  bool waits_out_outages = false;           // for streams, which lose nothing: the channel stands still meanwhile
};

struct LinkCounters {
  std::uint64_t offered = 0, offered_bytes = 0;
  std::uint64_t carried = 0, carried_bytes = 0;  // had their time on the channel, head_bytes included
  std::uint64_t arrived = 0, arrived_bytes = 0;  // at one station or another
  std::uint64_t lost = 0;                        // by chance, alone or in a burst; counted for each station
  std::uint64_t lost_in_outage = 0;
  std::uint64_t too_long = 0, queue_full = 0;
  std::uint64_t duplicated = 0, reordered = 0;
  Microseconds busy{0};  // time on the channel, turn-round excluded
};

class Channel {
 public:
  struct Arrival {
    std::size_t to = 0;
    Microseconds at{0};
    Bytes packet;
  };
  Channel(LinkNature nature, std::size_t stations, std::uint64_t seed);

  // Times of successive calls do not go back.
  void offer(std::size_t from, Bytes packet, Microseconds now);
  // What has arrived until `now`, in order of time.
  std::vector<Arrival> take(Microseconds now);
  // When take() is worth calling again: the next arrival, or the next packet to have its time on the channel.
  std::optional<Microseconds> next() const;

  // An outage by hand: until it is over, what has its time on the channel is lost, or waits.
  void set_down(bool down, Microseconds now);

  std::size_t queued_bytes(std::size_t station) const { return stations_[station].queued_bytes; }
  bool is_out(Microseconds now) const;
  const LinkCounters& counters() const { return counters_; }
  const LinkNature& nature() const { return nature_; }

 private:
  struct Waiting {
    Bytes packet;
    Microseconds since{0};
  };
  struct Station {
    std::deque<Waiting> queue;
    std::size_t queued_bytes = 0;
    Microseconds free_at{0};  // full duplex: of its own channel
  };
  struct Flight {
    Microseconds at{0};
    std::uint64_t number = 0;  // keeps the order of equal times
    std::size_t to = 0;
    Bytes packet;
    bool operator<(const Flight& other) const { return at != other.at ? at > other.at : number > other.number; }
  };
  struct Pair {  // one station as heard by another
    bool in_burst = false;
    Microseconds last_arrival{0};
  };
  struct Start {
    std::size_t station = 0;
    Microseconds at{0};
  };
  std::optional<Start> next_start() const;
  Microseconds asked(std::size_t station) const;
  Microseconds after_outages(Microseconds start, Microseconds span) const;
  bool meets_outage(Microseconds from, Microseconds to) const;
  void carry(const Start& start);
  void fly(std::size_t from, std::size_t to, const Bytes& packet, Microseconds sent);
  bool is_lost(Pair& pair);
  Microseconds up_to(Microseconds span);

  LinkNature nature_;
  Rng rng_;
  std::vector<Station> stations_;
  std::map<std::pair<std::size_t, std::size_t>, Pair> pairs_;
  Microseconds free_at_{0};                 // half duplex: of the one channel
  std::optional<std::size_t> last_talker_;  // half duplex
  Microseconds talks_since_{0};             // without a pause
  std::priority_queue<Flight> flights_;
  std::uint64_t flight_numbers_ = 0;
  bool down_ = false;
  LinkCounters counters_;
};

}  // namespace airbridge::linkemu
