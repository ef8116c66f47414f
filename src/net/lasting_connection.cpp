#include "net/lasting_connection.hpp"

#include <algorithm>
#include <utility>

namespace airbridge::net {

std::string_view name_of(LinkState state) {
  switch (state) {
    case LinkState::Off:
      return "off";
    case LinkState::Connecting:
      return "connecting";
    case LinkState::Connected:
      return "connected";
    case LinkState::Lost:
      return "lost";
  }
  return "off";
}

LastingConnection::LastingConnection(EventLoop& loop, LastingOptions options, Handlers handlers)
    : loop_(loop),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      rng_(options_.seed),
      wait_(options_.wait_min) {}

LastingConnection::~LastingConnection() { stop(); }

void LastingConnection::start() {
  if (state_ == LinkState::Off) dial();
}

void LastingConnection::stop() {
  state_ = LinkState::Off;
  timer_.reset();
  connector_.reset();
  if (connection_) connection_->close();
  connection_.reset();
}

void LastingConnection::drop(const std::string& why) {
  if (!connection_) return;
  connection_->close();
  lose(why);
}

void LastingConnection::dial() {
  if (state_ != LinkState::Lost) state_ = LinkState::Connecting;  // "lost" stays until it is mended
  connector_ =
      connect(loop_, options_.to, options_.limits, options_.connect_timeout,
              [this](Result<std::shared_ptr<Connection>, NetError> outcome) {
                if (!outcome) return lose(outcome.error().what);
                connection_ = *std::move(outcome);
                state_ = LinkState::Connected;
                why_.clear();
                ++connects_;
                if (handlers_.on_connected) handlers_.on_connected(*connection_);
                if (!connection_) return;  // on_connected may stop or drop
                connection_->start({[this](ByteView bytes) {
                                      wait_ = options_.wait_min;
                                      if (handlers_.on_bytes) handlers_.on_bytes(bytes);
                                    },
                                    [this](const std::string& reason) { lose(reason); }, handlers_.on_drained});
              });
}

void LastingConnection::lose(const std::string& why) {
  state_ = LinkState::Lost;
  why_ = why;
  connection_.reset();
  last_wait_ = std::max(wait_, std::exchange(hold_off_, Milliseconds(0)));
  const auto jitter = static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(last_wait_.count() / 4 + 1)));
  timer_ = loop_.after(last_wait_ + Milliseconds(jitter), [this] { dial(); });
  wait_ = std::min(wait_ * 2, options_.wait_max);
  if (handlers_.on_lost) handlers_.on_lost(why);
}

}  // namespace airbridge::net
