#pragma once
// The TAK gateway as a part of the node: its thread, the server on it, and the feed between it and the ledger.
#include <memory>
#include <string>

#include "api/status.hpp"
#include "config.hpp"
#include "loop_thread.hpp"
#include "shared.hpp"
#include "tak_crossing.hpp"
#include "tak_feed.hpp"

namespace airbridge::app {

class TakGateway {
 public:
  using Take = std::function<void(model::Observation&&)>;  // called on the core thread
  // `own`: this node's key.
  TakGateway(LoopThread& core, Ledger& ledger, const Clock& clock, const model::KeyId& own, Take take)
      : core_(core), ledger_(ledger), clock_(clock), own_(own), take_(std::move(take)) {}

  // Listens when the configuration says so: the port, 0 when it does not. The error says what to do. Not from a loop's
  // thread.
  Result<std::uint16_t, std::string> start(const Config& config);
  // Lets nobody in any more; and, once the core is quiet, ends the thread.
  void stop_listening();
  void stop();

  // Core thread.
  bool is_on() const { return feed_ != nullptr; }
  void show(const std::vector<model::EntityId>& changed) { feed_->show(changed); }  // when it is on
  void show(const model::Observation& observation, bool from_peer);                 // likewise
  void renew() {
    if (feed_) feed_->renew();
  }

  bool is_renewing() const { return feed_ && feed_->is_busy(); }  // renew() is to be called again soon

  api::FeedInfo status() const;  // core thread; at most a second old

 private:
  Result<std::uint16_t, std::string> listen(const Config& config, const net::Endpoint& at);  // on the TAK thread
  void note();                                                                               // likewise

  LoopThread& core_;
  Ledger& ledger_;
  const Clock& clock_;
  const model::KeyId own_;
  const Take take_;
  std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<gateway::tak::TakServer> server_;
  std::unique_ptr<TakFeed> feed_;  // on the core thread
  std::unique_ptr<TakCrossing> crossing_;
  Shared<gateway::tak::TakStatus> status_{std::make_shared<const gateway::tak::TakStatus>()};
  std::shared_ptr<net::EventLoop::Timer> timer_;  // a note that is due
};

}  // namespace airbridge::app
