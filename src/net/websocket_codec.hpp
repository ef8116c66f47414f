#pragma once
// WebSocket frames (RFC 6455 section 5) without a socket: bytes in, messages and control frames out.
//
//   byte 0   FIN RSV1 RSV2 RSV3 opcode(4)
//   byte 1   MASK length(7): 0..125, or 126 and 2 more bytes, or 127 and 8 more bytes, big endian, shortest form
//   then     4 bytes of mask when MASK is set (client to server always, server to client never), then the payload
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "net/connection.hpp"
#include "net/utf8.hpp"

namespace airbridge::net {

enum class WebSocketOpcode : std::uint8_t { Continuation = 0, Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };

// RFC 6455 section 7.4.1.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported = 1003;
inline constexpr std::uint16_t none_given = 1005;  // never on the wire: a close frame without a code
inline constexpr std::uint16_t abnormal = 1006;    // never on the wire: no close frame at all
inline constexpr std::uint16_t bad_text = 1007;
inline constexpr std::uint16_t policy = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal_error = 1011;
inline constexpr std::uint16_t try_again_later = 1013;  // registered with IANA after the RFC
}  // namespace close_code

struct WebSocketParserLimits {
  std::size_t message_bytes_max = 1024 * 1024;
  std::size_t fragments_max = 64;  // of one message
};

struct WebSocketEvent {
  WebSocketOpcode opcode;        // Text, Binary, Close, Ping or Pong
  std::string_view payload;      // valid during the call; of Close: the reason
  std::uint16_t close_code = 0;  // of Close
};

struct WebSocketFault {
  std::uint16_t close_code;  // to be sent
  std::string why;
};

class WebSocketParser {
 public:
  enum class Side { Server /* reads masked frames */, Client /* reads unmasked ones */ };
  WebSocketParser(Side side, const WebSocketParserLimits& limits) : side_(side), limits_(limits) {}

  // Calls `on_event` for each whole message and control frame; it answers false to stop (nothing more is read, now or
  // later). The fault ends the connection. Text is valid UTF-8.
  std::optional<WebSocketFault> feed(ByteView bytes, const std::function<bool(const WebSocketEvent&)>& on_event);
  bool stopped() const { return stopped_; }

 private:
  std::optional<WebSocketFault> check_header();
  std::optional<WebSocketFault> take_payload(ByteView bytes);
  std::optional<WebSocketFault> finish_frame(const std::function<bool(const WebSocketEvent&)>& on_event);
  bool is_control() const { return (static_cast<std::uint8_t>(opcode_) & 8) != 0; }
  std::size_t header_size() const;

  const Side side_;
  const WebSocketParserLimits limits_;
  std::array<std::uint8_t, 14> header_{};
  std::size_t header_have_ = 0;
  bool in_payload_ = false;
  bool stopped_ = false;

  // The frame being read.
  WebSocketOpcode opcode_{};
  bool final_ = false;
  std::array<std::uint8_t, 4> mask_{};
  std::size_t payload_size_ = 0;
  std::size_t payload_have_ = 0;
  std::string control_;  // payload of a control frame: at most 125 bytes

  // The message being read, over its fragments.
  std::optional<WebSocketOpcode> message_opcode_;
  std::size_t fragments_ = 0;
  std::string message_;
  Utf8Check utf8_;
};

// A whole frame. Server frames have no mask; a client's must have one.
Bytes websocket_frame(WebSocketOpcode opcode, std::string_view payload,
                      std::optional<std::array<std::uint8_t, 4>> mask = std::nullopt, bool final = true);
// The payload of a Close frame; the reason is cut to 123 bytes at a character's border. none_given makes it empty.
std::string websocket_close_payload(std::uint16_t code, std::string_view reason);

}  // namespace airbridge::net
