#pragma once
// Links between nodes, as TCP over bad radio shows them: bytes in order, at the link's rate and delay, until it breaks.
#include <deque>

#include "simulate/sim_node.hpp"

namespace airbridge::simulate {

// How a link is; each direction has its own rate.
struct LinkNature {
  double bytes_per_s[2] = {1e6, 1e6};
  std::int64_t delay_ms = 20;
  std::int64_t heartbeat_ms = 30'000;
  std::optional<std::uint64_t> budget = {};  // bytes that the first end, which pays, may send; then what is urgent
};

class Network {
 public:
  Network(Fleet& fleet, std::vector<std::unique_ptr<SimNode>>& nodes) : fleet_(fleet), nodes_(nodes) {}

  std::size_t add_link(std::size_t a, std::size_t b, const LinkNature& nature);
  std::size_t size() const { return links_.size(); }
  bool is_up(std::size_t link) const { return links_[link].up && links_[link].down_until_ms <= fleet_.timeline.now(); }
  std::string name_of(std::size_t link) const;
  std::pair<std::size_t, std::size_t> ends(std::size_t link) const {
    return {links_[link].node[0], links_[link].node[1]};
  }

  // `silent`: the ends are not told and notice by themselves.
  void set_up(std::size_t link, bool up, bool silent);
  // Nothing brings it up before.
  void keep_down(std::size_t link, std::int64_t until_ms);
  void change(std::size_t link, LinkNature nature) {  // but for the budget
    nature.budget = links_[link].nature.budget;
    links_[link].nature = nature;
  }
  const LinkNature& nature(std::size_t link) const { return links_[link].nature; }
  // All connections of a node that went down.
  void lost(std::size_t node);
  void send(std::size_t node, const sync::Send& send);
  void close(std::size_t node, sync::PeerId peer);
  // Opens what is up and not connected, now and then; call once.
  void keep_connected();
  // What was urgent when it was noted has passed since, also where the budget is spent.
  void note_metered();
  void check_metered() const;
  void lift_budgets();

 private:
  struct Direction {
    std::deque<Bytes> urgent, normal;
    Bytes current;
    std::size_t sent = 0;
    bool busy = false;
    std::int64_t last_arrival_ms = 0;
  };
  struct Link {
    std::size_t node[2];
    LinkNature nature;
    bool up = true;
    std::int64_t down_until_ms = 0;
    std::uint64_t paid = 0;  // bytes of the budget
    std::uint64_t noted_connection = 0;
    std::uint64_t noted_paid = 0;
    model::VersionVector noted[2];  // held by both ends
    std::uint64_t connection = 0;   // 0: none
    sync::PeerId peer[2] = {0, 0};
    Direction direction[2];
  };
  void connect(std::size_t link);
  void break_connection(std::size_t link, bool tell_first, bool tell_second, const std::string& why);
  void pay(Link& link, const sync::Send& send, std::size_t node);
  void transmit(std::size_t link, int from);
  std::optional<std::pair<std::size_t, int>> find(std::size_t node, sync::PeerId peer) const;

  Fleet& fleet_;
  std::vector<std::unique_ptr<SimNode>>& nodes_;
  std::vector<Link> links_;
  std::uint64_t connections_ = 0;
};

}  // namespace airbridge::simulate
