#pragma once
// Somebody who carries bundles between two nodes that have no other way to each other: what he brings may be cut off,
// damaged or read twice, and one side writes only what it does not know the other to hold.
#include "simulate/sim_node.hpp"

namespace airbridge::simulate {

class Courier {
 public:
  Courier(Fleet& fleet, SimNode& one, SimNode& other, std::uint64_t seed)
      : fleet_(fleet), ends_{&one, &other}, rng_(seed) {}
  void set_out();  // and goes on without end
  void healed() { healed_ = true; }

 private:
  struct Lot {  // what one side knows of the other
    std::optional<bundle::Head> head;
  };
  void fetch(int from);
  void bring(int to, std::vector<Bytes> files);
  void read(int to, std::vector<Bytes> files, std::size_t at, int times);
  std::int64_t some_time(std::int64_t least_ms, std::int64_t most_ms);

  Fleet& fleet_;
  SimNode* ends_[2];
  Rng rng_;
  Lot known_[2];
  bool healed_ = false;
};

}  // namespace airbridge::simulate
