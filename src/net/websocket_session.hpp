#pragma once
// One WebSocket client of our HTTP server. Loop thread only.
//
//   const auto session = accept_websocket(loop, request, responder, {}, handlers);  // null: the client got its refusal
//
// A broadcast frames its text once, websocket_text_frame(), and gives the same frame to every session.
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.hpp"
#include "net/websocket_codec.hpp"

namespace airbridge::net {

struct WebSocketLimits {
  WebSocketParserLimits parser;
  std::size_t queue_bytes_max = std::size_t{8} << 20;  // unsent bytes for a client that reads slowly
  Milliseconds ping_every{20'000};
  Milliseconds silence_max{60'000};  // a client that answers no ping for so long is gone
  Milliseconds write_stall_max{30'000};
};

// A text message from the server, ready to be sent to any number of clients.
SharedBytes websocket_text_frame(std::string_view text);

class WebSocketSession {
 public:
  struct Handlers {
    std::function<void(std::string_view)> on_text;    // valid UTF-8; valid during the call
    std::function<void(std::string_view)> on_binary;  // empty: binary messages end the session with 1003
    // Once, when the client or an error ends the session; never after close() by our side.
    std::function<void(std::uint16_t code, std::string_view why)> on_close;
    std::function<void()> on_drained;  // everything queued has left
  };
  virtual ~WebSocketSession() = default;
  virtual Sent send_text(std::string_view text) = 0;    // must be UTF-8
  virtual Sent send_text(const SharedBytes& text) = 0;  // the same
  virtual Sent send_frame(SharedBytes frame) = 0;       // from websocket_text_frame(); shared, not copied
  virtual void close(std::uint16_t code, std::string_view reason) = 0;  // after what is queued
  virtual std::size_t queued_bytes() const = 0;
  virtual const std::string& peer() const = 0;
};

// Answers the request: 101 and a session, or an error and null. The session lives until it is closed; drop the pointer
// after on_close. No handler runs before this returns.
std::shared_ptr<WebSocketSession> accept_websocket(EventLoop& loop, const HttpRequest& request,
                                                   const Responder& responder, const WebSocketLimits& limits,
                                                   WebSocketSession::Handlers handlers);

}  // namespace airbridge::net
