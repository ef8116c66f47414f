#include "net/websocket_session.hpp"

#include "net/websocket_handshake.hpp"

namespace airbridge::net {

namespace {

class Session final : public WebSocketSession, public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Connection> connection, const WebSocketLimits& limits, Handlers handlers)
      : connection_(std::move(connection)),
        parser_(WebSocketParser::Side::Server, limits.parser),
        handlers_(std::make_shared<Handlers>(std::move(handlers))) {
    auto own = connection_->limits();
    own.queue_bytes_max = limits.queue_bytes_max;
    own.idle_max = limits.silence_max;
    own.write_stall_max = limits.write_stall_max;
    connection_->set_limits(own);
  }

  void start(EventLoop& loop, Milliseconds ping_every, Bytes early_bytes) {
    connection_->start(
        {.on_bytes = [self = shared_from_this()](ByteView bytes) { self->receive(bytes); },
         .on_close = [self = shared_from_this()](const std::string& why) { self->ended(close_code::abnormal, why); },
         .on_drained =
             [self = shared_from_this()] {
               self->opened_ = true;
               const auto handlers = self->handlers_;
               if (handlers && handlers->on_drained) handlers->on_drained();
             }});
    pinger_ = loop.every(ping_every, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->control(WebSocketOpcode::Ping, {});
    });
    if (!early_bytes.empty()) {
      loop.post([self = shared_from_this(), early = std::move(early_bytes)] { self->receive(early); });
      // What comes from the socket meanwhile must not overtake them: the loop runs posted work before it polls again.
    }
  }

  Sent send_text(std::string_view text) override { return send_frame(websocket_text_frame(text)); }
  Sent send_text(const SharedBytes& text) override { return send_text(text ? as_text(*text) : std::string_view{}); }
  Sent send_frame(SharedBytes frame) override { return handlers_ ? connection_->send(std::move(frame)) : Sent::Closed; }

  void close(std::uint16_t code, std::string_view reason) override {
    if (!handlers_) return;
    connection_->send(websocket_frame(WebSocketOpcode::Close, websocket_close_payload(code, reason)));
    finish();
    connection_->close_after_sending();
  }

  std::size_t queued_bytes() const override { return connection_->queued_bytes(); }
  const std::string& peer() const override { return connection_->peer(); }

 private:
  void receive(ByteView bytes) {
    if (!handlers_) return;
    const auto self = shared_from_this();
    const auto fault = parser_.feed(bytes, [this](const WebSocketEvent& event) { return handle(event); });
    if (fault && handlers_) goodbye(fault->close_code, fault->why, fault->why);
  }

  bool handle(const WebSocketEvent& event) {
    const auto handlers = handlers_;
    if (!handlers) return false;
    switch (event.opcode) {
      case WebSocketOpcode::Text:
        if (handlers->on_text) handlers->on_text(event.payload);
        break;
      case WebSocketOpcode::Binary:
        if (!handlers->on_binary) {
          constexpr std::string_view why = "only text is understood here";
          goodbye(close_code::unsupported, why, why);
          break;
        }
        handlers->on_binary(event.payload);
        break;
      case WebSocketOpcode::Ping:
        control(WebSocketOpcode::Pong, event.payload);
        break;
      case WebSocketOpcode::Close:
        goodbye(event.close_code, {}, event.payload);
        break;
      case WebSocketOpcode::Pong:
      case WebSocketOpcode::Continuation:
        break;
    }
    return handlers_ != nullptr;
  }

  // Pongs and pings do not wait behind a backlog, only for the 101. When even the urgent room is full the client floods
  // us while it does not read: the pong is left out, and the stall limit ends it.
  void control(WebSocketOpcode opcode, std::string_view payload) {
    auto frame = std::make_shared<const Bytes>(websocket_frame(opcode, payload));
    if (opened_) {
      connection_->send_urgent(std::move(frame));
    } else {
      connection_->send(std::move(frame));
    }
  }

  // The close frame goes after what is queued, since no message may follow it (RFC 6455 section 5.5.1).
  void goodbye(std::uint16_t code, std::string_view send_reason, std::string_view told) {
    connection_->send(websocket_frame(WebSocketOpcode::Close, websocket_close_payload(code, send_reason)));
    connection_->close_after_sending();
    ended(code, told);
  }

  void ended(std::uint16_t code, std::string_view why) {
    const auto handlers = handlers_;
    finish();
    if (handlers && handlers->on_close) handlers->on_close(code, why);
  }

  void finish() {
    handlers_.reset();
    pinger_.reset();
  }

  std::shared_ptr<Connection> connection_;
  WebSocketParser parser_;
  std::shared_ptr<Handlers> handlers_;  // null once the session is over
  std::shared_ptr<EventLoop::Timer> pinger_;
  bool opened_ = false;  // the 101 has left
};

}  // namespace

SharedBytes websocket_text_frame(std::string_view text) {
  return std::make_shared<const Bytes>(websocket_frame(WebSocketOpcode::Text, text));
}

std::shared_ptr<WebSocketSession> accept_websocket(EventLoop& loop, const HttpRequest& request,
                                                   const Responder& responder, const WebSocketLimits& limits,
                                                   WebSocketSession::Handlers handlers) {
  auto handshake = websocket_handshake(request);
  if (!handshake) {
    responder(std::move(handshake.error()));
    return nullptr;
  }
  auto taken = responder.take_connection(*handshake);
  if (!taken.connection) return nullptr;
  auto session = std::make_shared<Session>(std::move(taken.connection), limits, std::move(handlers));
  session->start(loop, limits.ping_every, std::move(taken.early_bytes));
  return session;
}

}  // namespace airbridge::net
