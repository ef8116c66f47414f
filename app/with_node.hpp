#pragma once
// Subcommands that ask a node: the running one of this folder, or one started for the moment without listeners of its
// own but a loopback port.
#include <memory>
#include <string>

#include "cli_support.hpp"
#include "node.hpp"

namespace airbridge::app {

class AskedNode {
 public:
  static Result<AskedNode, std::string> open(const Common& common);
  const std::string& address() const { return address_; }
  bool started_here() const { return node_ != nullptr; }

 private:
  std::shared_ptr<SystemClock> clock_;
  std::unique_ptr<Node> node_;  // stops when this goes
  std::string address_;
};

}  // namespace airbridge::app
