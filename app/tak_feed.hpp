#pragma once
// Between the ledger and the TAK gateway, on the core thread: what clients send becomes reports to the ledger, what the
// ledger folds and other feeds hear is told to the clients.
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "gateway/tak/tak_server.hpp"
#include "ledger.hpp"

namespace airbridge::app {

class TakFeed {
 public:
  static constexpr Milliseconds position_every{1'000};  // positions heard elsewhere, per subject
  static constexpr std::size_t subjects_max = 50'000;
  // What stands is said again in this rhythm, so that neither clients nor the gateway's table take it for stale.
  static constexpr Milliseconds renew_every{6 * 3600 * 1000};
  static constexpr std::size_t renewed_max = 10'000;  // records; beyond, only changes are told
  // What the gateway is behind with is said when it has room again, the newest of each: so many records, and positions.
  static constexpr std::size_t held_records_max = 10'000, held_positions_max = 1'000;
  // Records of one renew(): quick at the start, when clients wait for them, then at a pace no link feels.
  static constexpr std::size_t seed_batch = 500, renew_batch = 5;

  // `own`: this node's key.
  TakFeed(Ledger& ledger, gateway::tak::TakServer& server, const Clock& clock, const model::KeyId& own)
      : ledger_(ledger), server_(server), clock_(clock), own_(own) {}

  void take(const std::vector<gateway::tak::TakReport>& reports);
  void show(const std::vector<model::EntityId>& changed);
  void show(const model::Observation& observation);
  // To be called ten times a second while is_busy(), else now and then. Tells clients, and the gateway's table for
  // those to come, of the records that stand: all of them after the start, later those whose turn it is.
  void renew();
  bool is_busy() const { return !to_renew_.empty() || !held_records_.empty() || !held_positions_.empty(); }

  // Positions and changes of records that found neither room at the gateway nor here.
  std::uint64_t dropped() const { return dropped_; }

 private:
  enum class Times { AsSaid, New };
  Meeting meet(model::Draft draft, const picture::EntityView* shown, const std::string& uid) const;
  void tell(const picture::EntityView& entity, const picture::Picture& picture, Times time);
  bool say(const model::Observation& observation, Now now);
  void say_held();

  Ledger& ledger_;
  gateway::tak::TakServer& server_;
  const Clock& clock_;
  const model::KeyId own_;
  struct Told {
    SteadyTime at{};
    std::string emergency;
  };
  std::unordered_map<model::EntityId, Told> told_;
  std::unordered_set<model::EntityId> held_records_;
  std::unordered_map<model::EntityId, model::Observation> held_positions_;
  std::uint64_t dropped_ = 0;
  std::deque<model::EntityId> to_renew_;
  std::size_t batch_ = 0;  // of the round that goes on
  bool seeded_ = false;
  SteadyTime renewed_{};
};

}  // namespace airbridge::app
