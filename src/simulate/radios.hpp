#pragma once
// Radio and datagram channels between nodes: the bearer's made-up air, with loss, bursts, duplication, reordering,
// one-sided reach, collisions and outages; and somebody who records frames and plays them again.
#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/hash.hpp"
#include "bearer/air.hpp"
#include "bearer/profile.hpp"
#include "simulate/timeline.hpp"
#include "simulate/trace.hpp"

namespace airbridge::simulate {

struct Fleet;
class SimNode;

struct RadioNature {
  bearer::Profile profile;
  bearer::AirProfile air;
};

class Radios {
 public:
  Radios(Fleet& fleet, std::vector<std::unique_ptr<SimNode>>& nodes) : fleet_(fleet), nodes_(nodes) {}

  // Before the nodes start.
  std::size_t add(const RadioNature& nature, std::vector<std::size_t> members, std::uint64_t seed);
  std::size_t size() const { return channels_.size(); }
  std::string name_of(std::size_t channel) const;
  const bearer::Profile& profile(std::size_t channel) const { return channels_[channel].nature.profile; }
  const std::vector<std::size_t>& members(std::size_t channel) const { return channels_[channel].members; }

  void send(std::size_t channel, std::size_t node, Bytes frame);
  void lost(std::size_t node);  // it went down: what it had to transmit is gone

  // Its disk went back to an earlier state: it may take again what it took since.
  void forget(std::size_t node);

  void set_outage(std::size_t channel, bool out);
  bool is_out(std::size_t channel) const { return channels_[channel].out; }
  void set_loss(std::size_t channel, const bearer::Loss& loss);  // of all
  void set_usual_loss(std::size_t channel) { set_loss(channel, channels_[channel].nature.air.loss); }
  bearer::Air::Counts counts() const;  // of all channels
  void set_deaf(std::size_t channel, std::size_t from, std::size_t to, bool deaf);
  bool is_deaf(std::size_t channel, std::size_t from, std::size_t to) const {
    return channels_[channel].deaf.contains({from, to});
  }
  // Frames heard some time ago are put on the air again. How many: 0 when there are none so old.
  std::size_t replay(std::size_t channel, std::size_t count, Rng& rng);
  void heal();

 private:
  using Mark = std::array<std::uint8_t, 16>;
  struct FirstOfMark {
    std::size_t operator()(const Mark& mark) const {
      std::size_t out = 0;
      std::memcpy(&out, mark.data(), sizeof out);
      return out;
    }
  };
  struct Channel {
    RadioNature nature;
    std::vector<std::size_t> members;
    std::unique_ptr<bearer::Air> air;
    std::int64_t wake_at = -1;
    bool out = false;
    std::set<std::pair<std::size_t, std::size_t>> deaf;  // from, to
    std::deque<std::pair<std::int64_t, Bytes>> recorded;
    std::vector<std::unordered_set<Mark, FirstOfMark>> taken;  // by each member, for good
  };
  std::size_t station_of(const Channel& channel, std::size_t node) const;
  std::string told_bytes() const;
  void wake(std::size_t channel);
  void arrive(std::size_t channel, std::size_t station, const Bytes& frame);

  Fleet& fleet_;
  std::vector<std::unique_ptr<SimNode>>& nodes_;
  std::vector<Channel> channels_;
};

}  // namespace airbridge::simulate
