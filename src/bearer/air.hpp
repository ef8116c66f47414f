#pragma once
// A made-up channel between stations, in virtual time and from a seed: rate, delay, jitter, loss by chance and in
// bursts, duplication, half duplex with turn-round and collisions, outages. For tests, the simulation and the
// benchmark.
//
// Full duplex: each pair of stations has its own line each way. Half duplex: one frequency; who keys up while receiving
// needs turn_round until its first bit, hears nothing while it transmits, and two that transmit at once destroy each
// other's frames at everyone who hears both.
#include <deque>
#include <map>
#include <queue>
#include <vector>

#include "base/bytes.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "bearer/air_use.hpp"

namespace airbridge::bearer {

struct Loss {
  double random = 0;        // of frames, independent
  double burst_begins = 0;  // chance at each frame that a burst of losses begins
  double burst_frames = 4;  // its mean length
};

struct AirProfile {
  std::uint32_t rate_bps = 2'400;  // 0: no time on the air
  Milliseconds delay{10};
  Milliseconds jitter{0};  // up to so much more, evenly; reorders
  bool half_duplex = true;
  Milliseconds turn_round{350};
  std::size_t mtu = 200;  // longer frames are lost
  Loss loss;
  double duplicated = 0;
  double damaged = 0;                       // one bit flips
  std::size_t queue_bytes_max = 64 * 1024;  // of a station's own frames; further ones are lost
};

class Air {
 public:
  struct Arrival {
    int to = 0;
    Bytes frame;
  };
  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t arrived = 0;
    std::uint64_t lost = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t overtaken = 0;  // arrived at a station after one that left for it later
    std::uint64_t collided = 0;
    std::uint64_t overflowed = 0;
  };

  Air(const AirProfile& profile, std::uint64_t seed) : profile_(profile), rng_(seed) {}

  int add_station();
  void send(int from, Bytes frame, SteadyTime now);
  // Until when nothing arrives.
  std::optional<SteadyTime> next() const;
  // What arrived until now, in order. Times do not go back.
  std::vector<Arrival> advance(SteadyTime now);

  // From now on; stations hear each other unless told otherwise.
  void set_loss(int from, int to, const Loss& loss) { loss_[{from, to}] = loss; }
  void set_reaches(int from, int to, bool reaches) { reaches_[{from, to}] = reaches; }
  void set_outage(bool out) { outage_ = out; }
  void silence(int station) { stations_[static_cast<std::size_t>(station)].waiting.clear(); }  // it was switched off
  const Counts& counts() const { return counts_; }

 private:
  using Time = Microseconds;  // of the steady clock
  struct Station {
    std::deque<Bytes> waiting;
    std::size_t waiting_bytes = 0;
    Time busy_until{};  // its transmitter
    bool is_sending = false;
    std::uint64_t newest = 0;  // number of the latest flight that arrived
  };
  struct Transmission {
    int from = 0;
    Time keyed{}, begin{}, end{};
    Bytes frame;
    bool done = false;
  };
  struct Flight {
    Time at{};
    std::uint64_t number = 0;
    int to = 0;
    Bytes frame;
    bool operator<(const Flight& other) const { return std::tie(other.at, other.number) < std::tie(at, number); }
  };
  void key_up(int from, Time now);
  void finish(Transmission& transmission);
  void carry(int from, int to, const Bytes& frame, Time end);
  bool is_lost(int from, int to);
  bool reaches(int from, int to) const;

  AirProfile profile_;
  Rng rng_;
  std::vector<Station> stations_;
  std::deque<Transmission> on_air_;  // and what lately was
  std::priority_queue<Flight> flights_;
  std::map<std::pair<int, int>, Loss> loss_;
  std::map<std::pair<int, int>, bool> reaches_;
  std::map<std::pair<int, int>, bool> in_burst_;
  bool outage_ = false;
  std::uint64_t flight_number_ = 0;
  Counts counts_;
};

}  // namespace airbridge::bearer
