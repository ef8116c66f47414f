#pragma once
// What goes wrong, and when; drawn from the seed.
#include "simulate/network.hpp"
#include "simulate/radios.hpp"

namespace airbridge::simulate {

class Faults {
 public:
  Faults(Fleet& fleet, std::vector<std::unique_ptr<SimNode>>& nodes, Network& network, Radios& radios,
         std::uint64_t seed);
  // One fault now; those that last heal by themselves some time later. What cannot be done, or would change nothing, is
  // not counted, and another is drawn. What waits for a disk to be written counts when it comes about.
  void strike();
  void heal();  // everything works again, and damaged nodes are restarted

 private:
  SimNode& any_node() { return *nodes_[rng_.below(nodes_.size())]; }
  SimNode* any_running();  // null: none runs
  template <typename... Args>
  void did(Fault fault, fmt::format_string<Args...> format, Args&&... args) {
    ++fleet_.report.faults;
    ++fleet_.report.by_fault[static_cast<std::size_t>(fault)];
    fleet_.say(format, std::forward<Args>(args)...);
  }
  // Each of these says whether there was something to do.
  bool try_one();
  bool try_radio();
  std::int64_t some_time(std::int64_t least_ms, std::int64_t most_ms) { return rng_.between(least_ms, most_ms); }
  bool break_link();
  bool partition();
  std::string part_radios(std::uint64_t side, std::int64_t time_ms);
  bool worsen_link();
  bool jam_radio();
  bool worsen_radio();
  bool replay_radio();
  bool crash();
  bool damage();
  void count_when_failed(Fault fault, SimNode& node, std::string_view what, std::int64_t within_ms);
  bool fill_disk();
  bool fail_disk();
  bool slow_disk();
  bool jump_clock();
  bool contradict();
  void keep_image();
  bool restore_image();
  void down(SimNode& node, store::SimDisk::Cut cut, std::int64_t for_ms);

  Fleet& fleet_;
  std::vector<std::unique_ptr<SimNode>>& nodes_;
  Network& network_;
  Radios& radios_;
  Rng rng_;
  struct Image {
    std::map<std::string, Bytes> files;
    model::Writer writer;  // of what was written then
  };
  std::map<std::size_t, Image> images_;
  std::map<std::size_t, model::Writer> back_to_;  // of nodes that were set back, the last time
  std::set<std::size_t> damaged_;
  bool healed_ = false;
};

}  // namespace airbridge::simulate
