#pragma once
// Comparing on demand: the log with itself, read again in slices so that links and pages are not held up, and with
// every node in reach (sync/compare.hpp). Core loop thread only; what came of it is published for the API's thread.
#include <functional>
#include <memory>
#include <optional>

#include "api/comparison.hpp"
#include "net/event_loop.hpp"
#include "peers.hpp"
#include "shared.hpp"
#include "sync/refold.hpp"

namespace airbridge::app {

inline constexpr std::size_t refold_slice_bytes = 256 * 1024;  // read between two looks at everything else
inline constexpr Milliseconds refold_pause{2};

class Comparer {
 public:
  struct Parts {
    net::EventLoop& loop;
    const Clock& clock;
    const sync::LogView& log;
    model::IncidentId incident;
    Peers& peers;
    std::function<std::string(const model::KeyId&)> name_of;
    Shared<api::Comparisons>& published;
  };
  explicit Comparer(Parts parts) : parts_(std::move(parts)) {}

  // With the node of this name or key id (its first digits are enough), or with all when empty. A comparison that runs
  // is begun anew. False: no such node is in reach.
  bool begin(const std::string& peer);
  void compared(const sync::Compared& compared);

 private:
  void slice();
  void publish() { parts_.published.set(std::make_shared<const api::Comparisons>(now_)); }
  api::FoundDifference found(const sync::Difference& difference, const std::string& peer) const;

  const Parts parts_;
  api::Comparisons now_;
  std::optional<sync::Refold> refold_;
  std::shared_ptr<net::EventLoop::Timer> timer_;
};

}  // namespace airbridge::app
