#pragma once
// For tests only: a small HTTP and WebSocket client on TestPeer.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "net/test_peer.hpp"
#include "net/websocket_codec.hpp"

namespace airbridge::net::testing {

struct HttpReply {
  int status = 0;  // 0: the server ended the connection instead
  std::string head;
  std::string body;

  std::string header(std::string_view name) const {
    std::string_view rest = head;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(std::min(line.size() + 2, rest.size()));
      const auto colon = line.find(": ");
      if (colon == line.npos || colon != name.size()) continue;
      const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
      if (std::equal(name.begin(), name.end(), line.begin(), same)) return std::string(line.substr(colon + 2));
    }
    return {};
  }
};

// Reads one answer; `head_only` after a HEAD request.
inline HttpReply read_reply(TestPeer& peer, bool head_only = false) {
  HttpReply reply;
  if (!peer.wait_for([](const std::string& got) { return got.find("\r\n\r\n") != std::string::npos; })) return reply;
  reply.head = peer.take(peer.received().find("\r\n\r\n") + 4);
  reply.status = std::atoi(reply.head.c_str() + std::min<std::size_t>(9, reply.head.size()));
  const auto length = reply.header("Content-Length");
  if (!head_only && !length.empty()) reply.body = peer.take(static_cast<std::size_t>(std::atoll(length.c_str())));
  return reply;
}

// `more` are further header lines, each ended by "\r\n".
inline std::string request_text(std::string_view method, std::string_view target, std::string_view more = {},
                                std::string_view body = {}) {
  std::string out =
      std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + std::string(more);
  if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + std::string(body);
}

inline HttpReply fetch(TestPeer& peer, std::string_view method, std::string_view target, std::string_view more = {},
                       std::string_view body = {}) {
  if (!peer.send(request_text(method, target, more, body))) return {};
  return read_reply(peer, method == "HEAD");
}

struct WebSocketMessage {
  WebSocketOpcode opcode{};
  std::string payload;
  std::uint16_t close_code = 0;
};

class WebSocketTestClient {
 public:
  explicit WebSocketTestClient(TestPeer peer) : peer_(std::move(peer)) {}
  TestPeer& peer() { return peer_; }

  // The server's answer; a WebSocket when its status is 101.
  HttpReply open(std::string_view target, std::string_view more = {}) {
    return fetch(peer_, "GET", target,
                 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                     std::string(more));
  }
  bool send(WebSocketOpcode opcode, std::string_view payload, bool final = true) {
    return send_raw(websocket_frame(opcode, payload, std::array<std::uint8_t, 4>{1, 2, 3, 4}, final));
  }
  bool send_raw(const Bytes& bytes) { return peer_.send(as_text(bytes)); }
  bool send_text(std::string_view text) { return send(WebSocketOpcode::Text, text); }

  // The next message or control frame; nothing when the server ended the connection or broke the protocol.
  std::optional<WebSocketMessage> read() {
    std::optional<WebSocketMessage> out;
    const auto bytes_wanted = [&](const std::string& got) {
      const auto size = frame_size(got);
      return size > 0 && got.size() >= size;
    };
    while (!out) {
      if (!peer_.wait_for(bytes_wanted)) return std::nullopt;
      const auto frame = peer_.take(frame_size(peer_.received()));
      const auto fault = parser_.feed(as_bytes(frame), [&](const WebSocketEvent& event) {
        out = WebSocketMessage{event.opcode, std::string(event.payload), event.close_code};
        return true;
      });
      if (fault) return std::nullopt;
    }
    return out;
  }

 private:
  static std::size_t frame_size(const std::string& got) {
    if (got.size() < 2) return 0;
    const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<std::uint8_t>(got[i])); };
    const auto length = at(1) & 0x7F;
    const std::size_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (got.size() < 2 + wide) return 0;
    std::size_t size = wide == 0 ? length : 0;
    for (std::size_t i = 0; i < wide; ++i) size = size << 8 | at(2 + i);
    return 2 + wide + size;
  }

  TestPeer peer_;
  WebSocketParser parser_{WebSocketParser::Side::Client, {.message_bytes_max = std::size_t{64} << 20}};
};

}  // namespace airbridge::net::testing
