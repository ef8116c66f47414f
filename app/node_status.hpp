#pragma once
// How the node is doing, put together for the page, at most about once a second. Core thread only.
#include <memory>
#include <string>
#include <vector>

#include "api/status.hpp"
#include "clock_watch.hpp"
#include "feeds.hpp"
#include "ledger.hpp"
#include "own_place.hpp"
#include "peers.hpp"
#include "shared.hpp"
#include "tak_gateway.hpp"
#include "told_hash.hpp"

namespace airbridge::app {

class NodeStatus {
 public:
  struct Parts {
    Ledger& ledger;
    Peers& peers;
    const TakGateway& tak;
    const Feeds& feeds;
    const OwnPlace& own_place;
    const Shared<api::ReportedTable>& reported;
  };
  NodeStatus(api::NodeInfo node, api::IncidentInfo incident, const Parts& parts, const Clock& clock)
      : node_(std::move(node)), incident_(std::move(incident)), parts_(parts), clock_(clock) {}

  // `start_problems`: what did not start, in words.
  std::shared_ptr<const api::Status> make(model::ClockQuality clock_quality,
                                          const std::vector<std::string>& start_problems);

 private:
  void count_unshared(api::Status& status);
  void count_conflicts(const picture::Picture& picture);
  void hash_state(api::StoreInfo& store, const picture::Picture& picture);
  void add_problems(api::Status& status, const picture::Picture& picture,
                    const std::vector<std::string>& start_problems) const;

  const api::NodeInfo node_;
  const api::IncidentInfo incident_;
  const Parts parts_;
  const Clock& clock_;
  ClockWatch clocks_;
  std::shared_ptr<const api::HeldTable> held_ = std::make_shared<api::HeldTable>();  // as last told
  std::uint64_t conflicts_ = 0, conflicts_urgent_ = 0, conflicts_in_ = 0;            // of the picture with that number
  std::string state_hash_;
  ToldHash told_hash_;
};

}  // namespace airbridge::app
