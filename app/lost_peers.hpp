#pragma once
// Nodes that were linked to in this run and are gone, whoever had opened the link: so that a lost one is shown with its
// age and does not vanish. At most lost_peers_max; the one heard longest ago goes. Core loop thread only.
#include <algorithm>
#include <map>
#include <string>

#include "base/time.hpp"
#include "model/ids.hpp"

namespace airbridge::app {

inline constexpr std::size_t lost_peers_max = 64;

struct LostPeer {
  std::string name;
  std::string address;  // from where it was last heard
  UtcTime last_heard{};
  std::string why;  // how the link ended
};

class LostPeers {
 public:
  void put(const model::KeyId& node, LostPeer lost) {
    if (!peers_.contains(node) && peers_.size() >= lost_peers_max) {
      peers_.erase(std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
        return a.second.last_heard < b.second.last_heard;
      }));
    }
    peers_[node] = std::move(lost);
  }
  void found(const model::KeyId& node) { peers_.erase(node); }
  const std::map<model::KeyId, LostPeer>& all() const { return peers_; }

 private:
  std::map<model::KeyId, LostPeer> peers_;
};

}  // namespace airbridge::app
