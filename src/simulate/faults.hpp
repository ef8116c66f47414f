#pragma once
// What goes wrong, and when; drawn from the seed.
#include "simulate/network.hpp"
#include "simulate/radios.hpp"

namespace airbridge::simulate {

class Faults {
 public:
  Faults(Fleet& fleet, std::vector<std::unique_ptr<SimNode>>& nodes, Network& network, Radios& radios,
         std::uint64_t seed);
  void strike();  // one fault now; those that last heal by themselves some time later
  void heal();    // everything works again, and damaged nodes are restarted

 private:
  SimNode& any_node() { return *nodes_[rng_.below(nodes_.size())]; }
  std::int64_t some_time(std::int64_t least_ms, std::int64_t most_ms) { return rng_.between(least_ms, most_ms); }
  void break_link();
  void partition();
  void worsen_link();
  void jam_radio();
  void worsen_radio();
  void replay_radio();
  void crash();
  void damage();
  void fill_disk();
  void fail_disk();
  void slow_disk();
  void jump_clock();
  void contradict();
  void keep_image();
  void restore_image();
  void down(SimNode& node, store::SimDisk::Cut cut, std::int64_t for_ms);

  Fleet& fleet_;
  std::vector<std::unique_ptr<SimNode>>& nodes_;
  Network& network_;
  Radios& radios_;
  Rng rng_;
  std::map<std::size_t, std::map<std::string, Bytes>> images_;
  std::set<std::size_t> damaged_;
  bool healed_ = false;
};

}  // namespace airbridge::simulate
