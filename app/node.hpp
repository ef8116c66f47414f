#pragma once
// The one place that builds and connects everything (STYLE 2): threads, gateways, peers, API. Starts in the order of
// the arrows and stops in reverse.
//
//   core thread   ledger, fold, peers, ADS-B, gpsd        its loop: core
//   tak thread    TAK clients                             its loop: tak
//   api thread    HTTP, WebSocket                         its loop: api
//   store thread  writes and fdatasync                    inside the ledger
#include <functional>
#include <memory>
#include <string>

#include "config.hpp"
#include "home.hpp"

namespace airbridge::app {

struct NodePorts {
  std::uint16_t http = 0;
  std::uint16_t tak = 0;    // 0: off
  std::uint16_t peers = 0;  // 0: off
};

// What this node is called in its status, on its page and by the nodes it is linked to: `node.name`, else the name of
// its grant. What it wrote is told under the name of the grant.
std::string shown_name(const Home& home, const Config& config);

class Node {
 public:
  // Opens the store, starts everything; the error says what failed and what to do.
  static Result<std::unique_ptr<Node>, std::string> start(Home home, const Config& config, const Clock& clock);
  virtual ~Node() = default;
  virtual NodePorts ports() const = 0;
  // Stops in order; what was acknowledged is on disk already.
  virtual void stop() = 0;
};

}  // namespace airbridge::app
