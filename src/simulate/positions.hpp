#pragma once
// Where some nodes are, said again and again while they move: last values, which no log keeps. Nobody shows a place
// nobody was at, nobody goes back to an older one, and when all is healed everybody who can be reached shows a new one.
#include "simulate/sim_node.hpp"

namespace airbridge::simulate {

class Positions {
 public:
  using AreLinked = std::function<bool(std::size_t a, std::size_t b)>;  // by whatever carries positions
  Positions(Fleet& fleet, std::vector<std::unique_ptr<SimNode>>& nodes, AreLinked are_linked, std::uint64_t seed)
      : fleet_(fleet), nodes_(nodes), are_linked_(std::move(are_linked)), rng_(seed) {}

  void plan(std::int64_t end_ms);  // who speaks, from the start on
  void told(std::size_t node, const model::Observation& observation);
  void healed();          // from now on new ones count
  bool all_know() const;  // everybody shows a position of each that was said since
  void check_end() const;

 private:
  struct Speaker {
    std::size_t node = 0;
    std::int64_t every_ms = 0;
    model::EntityId subject;
    std::vector<Position> said;
  };
  struct Shown {
    std::uint64_t life = 0;  // of the node that shows it: last values are lost with it
    UtcTime measured{};
  };
  void speak_on(std::size_t speaker);
  void say(Speaker& speaker);
  // Who does not know of whom.
  std::optional<std::pair<std::size_t, std::size_t>> unaware() const;

  Fleet& fleet_;
  std::vector<std::unique_ptr<SimNode>>& nodes_;
  AreLinked are_linked_;
  Rng rng_;
  std::vector<Speaker> speakers_;
  std::map<std::pair<std::size_t, std::size_t>, Shown> shown_;  // by node, speaker
  std::optional<UtcTime> healed_;
};

}  // namespace airbridge::simulate
