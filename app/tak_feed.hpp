#pragma once
// Between the ledger and the TAK gateway, on the core thread: what clients send becomes reports to the ledger, what the
// ledger folds and other feeds hear is told to the clients.
#include <functional>
#include <unordered_map>
#include <vector>

#include "gateway/tak/tak_server.hpp"
#include "ledger.hpp"

namespace airbridge::app {

class TakFeed {
 public:
  static constexpr Milliseconds position_every{1'000};  // positions heard elsewhere, per subject
  static constexpr std::size_t subjects_max = 50'000;

  // `own`: this node's key.
  TakFeed(Ledger& ledger, gateway::tak::TakServer& server, const Clock& clock, const model::KeyId& own)
      : ledger_(ledger), server_(server), clock_(clock), own_(own) {}

  void take(const std::vector<gateway::tak::TakReport>& reports);
  void show(const std::vector<model::EntityId>& changed);
  void show(const model::Observation& observation);

 private:
  Meeting meet(model::Draft draft, const picture::EntityView* shown) const;
  void tell(const picture::EntityView& entity, const picture::Picture& picture);

  Ledger& ledger_;
  gateway::tak::TakServer& server_;
  const Clock& clock_;
  const model::KeyId own_;
  std::unordered_map<model::EntityId, SteadyTime> told_;
};

}  // namespace airbridge::app
