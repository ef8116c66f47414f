#pragma once
// What TAK clients said, on its way from the gateway's thread to the core's: the bound of what is posted there and not
// yet run. Of positions the oldest go, and are counted; of reports nothing is lost, the gateway keeps them meanwhile.
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "gateway/tak/tak_server.hpp"
#include "net/event_loop.hpp"

namespace airbridge::app {

class TakCrossing {
 public:
  static constexpr std::size_t observations_max = 10'000;
  static constexpr std::size_t document_bytes_max = 16U << 20;  // of their documents
  static constexpr std::size_t at_once = 256;  // observations taken before other work of the core has its turn

  struct Core {  // called on the core thread, but `waiting`
    std::function<void(model::Observation&&)> take;
    std::function<void(const std::vector<gateway::tak::TakReport>&)> take_reports;
    std::function<std::size_t()> waiting;  // any thread: drafts the ledger has taken and not yet made durable
  };
  // `drafts_max`: of those waiting and those under way; beyond it, reports are not taken.
  TakCrossing(net::EventLoop& core_loop, std::size_t drafts_max, Core core)
      : loop_(core_loop), drafts_max_(drafts_max), core_(std::move(core)) {}

  // The gateway's thread.
  void put(std::vector<model::Observation>&& observations);
  bool put(const std::vector<gateway::tak::TakReport>& reports);  // false: not taken, to be offered again

  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }  // any thread

 private:
  void take_some();
  model::Observation pop();

  net::EventLoop& loop_;
  const std::size_t drafts_max_;
  const Core core_;
  std::mutex mutex_;
  std::size_t document_bytes_ = 0;
  std::deque<model::Observation> observations_;  // one take_some() is posted as long as there are any
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::size_t> drafts_{0};  // of reports posted and not yet run
};

}  // namespace airbridge::app
