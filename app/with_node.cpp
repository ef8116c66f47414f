#include "with_node.hpp"

#include "base/log.hpp"

namespace airbridge::app {

Result<AskedNode, std::string> AskedNode::open(const Common& common) {
  AskedNode out;
  out.address_ = running_address(common);
  if (!out.address_.empty()) return out;
  log::configure(log::Level::Warn, log::Format::Text);
  auto home = open_home(common.dir);
  if (!home) return failure(home.error().text);
  Config config;
  config.http_listen = "127.0.0.1:0";
  config.peers_listen.clear();
  config.tak_enabled = false;
  out.clock_ = std::make_shared<SystemClock>();
  auto node = Node::start(std::move(*home), config, *out.clock_);
  if (!node) return failure(node.error());
  out.node_ = std::move(*node);
  out.address_ = fmt::format("127.0.0.1:{}", out.node_->ports().http);
  return out;
}

}  // namespace airbridge::app
