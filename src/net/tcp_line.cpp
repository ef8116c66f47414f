#include <utility>

#include "net/byte_line.hpp"

namespace airbridge::net {
namespace {

class TcpLine final : public ByteLine {
 public:
  TcpLine(EventLoop& loop, LastingOptions options, Handlers handlers)
      : handlers_(std::move(handlers)),
        lasting_(loop, std::move(options),
                 {[this](Connection& connection) {
                    connection_ = &connection;
                    if (handlers_.on_up) handlers_.on_up();
                  },
                  handlers_.on_bytes,
                  [this](const std::string& why) {
                    connection_ = nullptr;
                    if (handlers_.on_lost) handlers_.on_lost(why);
                  }}) {}

  void start() override { lasting_.start(); }
  void stop() override {
    connection_ = nullptr;
    lasting_.stop();
  }
  Sent send(ByteView bytes) override {
    return connection_ == nullptr ? Sent::Closed : connection_->send(to_bytes(bytes));
  }
  std::size_t waiting_bytes() const override {
    return connection_ == nullptr ? 0 : connection_->queued_bytes() + connection_->system_bytes();
  }
  LinkState state() const override { return lasting_.state(); }
  const std::string& why() const override { return lasting_.why(); }

 private:
  Handlers handlers_;
  Connection* connection_ = nullptr;  // of lasting_, while it is open
  LastingConnection lasting_;
};

}  // namespace

std::unique_ptr<ByteLine> tcp_line(EventLoop& loop, LastingOptions options, ByteLine::Handlers handlers) {
  return std::make_unique<TcpLine>(loop, std::move(options), std::move(handlers));
}

}  // namespace airbridge::net
