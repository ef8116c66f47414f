#pragma once
// Copied devices: a second one with the keys and the disk of another runs at the same time, hours out of its reach, and
// people write at both. What is promised then: that there are two contents of one number is found and named, both are
// kept everywhere, and from then on the two write in incarnations of their own.
#include "simulate/network.hpp"
#include "simulate/radios.hpp"

namespace airbridge::simulate {

class Twins {
 public:
  Twins(Fleet& fleet, std::vector<std::unique_ptr<SimNode>>& nodes, Network& network, Radios& radios,
        SimNode::OnOutput on_output, std::uint64_t seed)
      : fleet_(fleet),
        nodes_(nodes),
        network_(network),
        radios_(radios),
        on_output_(std::move(on_output)),
        rng_(seed) {}

  // Copies a device now; until `end_ms` all is over but for the meeting. Nothing is done when no node can be copied.
  void copy(std::int64_t end_ms);
  // Everybody holds the same, all is healed.
  void check_end() const;

 private:
  struct Pair {
    std::size_t first = 0, second = 0;
    std::size_t promised = 0;  // when they parted
    model::Writer writer;      // that both were then
  };
  std::optional<std::size_t> far_from(std::size_t node);
  void let_write(std::size_t node, std::int64_t from_ms, std::int64_t until_ms);

  Fleet& fleet_;
  std::vector<std::unique_ptr<SimNode>>& nodes_;
  Network& network_;
  Radios& radios_;
  SimNode::OnOutput on_output_;
  Rng rng_;
  std::vector<Pair> pairs_;
};

}  // namespace airbridge::simulate
