#include "net/websocket_codec.hpp"

#include <algorithm>

namespace airbridge::net {

namespace {

constexpr std::size_t control_payload_max = 125;
constexpr std::size_t message_kept = 4 * 1024;  // capacity that a silent connection keeps

std::optional<WebSocketFault> protocol_error(const char* why) {
  return WebSocketFault{close_code::protocol_error, why};
}

// RFC 6455 section 7.4: which codes may stand in a frame.
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace

// How long the header is, as far as its first two bytes tell.
std::size_t WebSocketParser::header_size() const {
  if (header_have_ < 2) return 2;
  const auto length = header_[1] & 0x7F;
  return 2U + (length == 126 ? 2U : length == 127 ? 8U : 0U) + ((header_[1] & 0x80) != 0 ? 4U : 0U);
}

std::optional<WebSocketFault> WebSocketParser::feed(ByteView bytes,
                                                    const std::function<bool(const WebSocketEvent&)>& on_event) {
  while (!stopped_) {
    std::optional<WebSocketFault> fault;
    if (!in_payload_) {
      while (header_have_ < header_size() && !bytes.empty()) {
        header_[header_have_++] = bytes.front();
        bytes = bytes.subspan(1);
      }
      if (header_have_ < 2 || header_have_ < header_size()) return std::nullopt;
      fault = check_header();
    } else {
      const auto part = bytes.first(std::min(bytes.size(), payload_size_ - payload_have_));
      bytes = bytes.subspan(part.size());
      fault = take_payload(part);
    }
    if (!fault && in_payload_) {
      if (payload_have_ < payload_size_) {
        if (bytes.empty()) return std::nullopt;
        continue;
      }
      fault = finish_frame(on_event);
    }
    if (fault) {
      stopped_ = true;
      return fault;
    }
  }
  return std::nullopt;
}

std::optional<WebSocketFault> WebSocketParser::check_header() {
  if ((header_[0] & 0x70) != 0) return protocol_error("reserved bits are set though no extension was agreed");
  final_ = (header_[0] & 0x80) != 0;
  const auto code = static_cast<std::uint8_t>(header_[0] & 0x0F);
  if ((code > 2 && code < 8) || code > 10) return protocol_error("unknown opcode");
  opcode_ = static_cast<WebSocketOpcode>(code);
  const bool masked = (header_[1] & 0x80) != 0;
  if (masked != (side_ == Side::Server)) {
    return protocol_error(masked ? "a server's frame is masked" : "a client's frame is not masked");
  }

  std::uint64_t length = header_[1] & 0x7F;
  const std::size_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (wide > 0) {
    length = 0;
    for (std::size_t i = 0; i < wide; ++i) length = length << 8 | header_[2 + i];
    if (length < (wide == 2 ? 126U : 65'536U)) return protocol_error("the length is not in its shortest form");
    if ((length >> 63) != 0) return protocol_error("the length's highest bit is set");
  }
  if (is_control()) {
    if (!final_) return protocol_error("a control frame is fragmented");
    if (length > control_payload_max) return protocol_error("a control frame is longer than 125 bytes");
    control_.clear();
  } else {
    if (opcode_ == WebSocketOpcode::Continuation) {
      if (!message_opcode_) return protocol_error("a continuation without a beginning");
    } else {
      if (message_opcode_) return protocol_error("a new message inside an unfinished one");
      message_opcode_ = opcode_;
      fragments_ = 0;
      utf8_ = {};
    }
    if (++fragments_ > limits_.fragments_max) return WebSocketFault{close_code::too_big, "too many fragments"};
    if (length > limits_.message_bytes_max - message_.size()) {
      return WebSocketFault{close_code::too_big, "the message is too long"};
    }
  }
  std::copy_n(header_.begin() + 2 + static_cast<std::ptrdiff_t>(wide), masked ? 4 : 0, mask_.begin());
  payload_size_ = static_cast<std::size_t>(length);
  payload_have_ = 0;
  in_payload_ = true;
  return std::nullopt;
}

std::optional<WebSocketFault> WebSocketParser::take_payload(ByteView bytes) {
  auto& into = is_control() ? control_ : message_;
  const auto start = into.size();
  into.append(as_text(bytes));
  if (side_ == Side::Server) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      into[start + i] = static_cast<char>(static_cast<std::uint8_t>(into[start + i]) ^ mask_[(payload_have_ + i) % 4]);
    }
  }
  payload_have_ += bytes.size();
  if (!is_control() && message_opcode_ == WebSocketOpcode::Text && !utf8_.feed(std::string_view(into).substr(start))) {
    return WebSocketFault{close_code::bad_text, "the text is not UTF-8"};
  }
  return std::nullopt;
}

std::optional<WebSocketFault> WebSocketParser::finish_frame(
    const std::function<bool(const WebSocketEvent&)>& on_event) {
  header_have_ = 0;
  in_payload_ = false;
  if (opcode_ == WebSocketOpcode::Close) {
    WebSocketEvent event{opcode_, {}, close_code::none_given};
    if (control_.size() == 1) return protocol_error("a close frame with half a code");
    if (control_.size() >= 2) {
      event.close_code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(control_[0]) << 8 |
                                                    static_cast<std::uint8_t>(control_[1]));
      event.payload = std::string_view(control_).substr(2);
      if (!may_be_sent(event.close_code)) return protocol_error("a close code that may not be sent");
      if (!is_utf8(event.payload)) return WebSocketFault{close_code::bad_text, "the close reason is not UTF-8"};
    }
    stopped_ = true;  // nothing counts after it
    on_event(event);
    return std::nullopt;
  }
  if (is_control()) {
    stopped_ = !on_event({opcode_, control_, 0});
    return std::nullopt;
  }
  if (!final_) return std::nullopt;
  const auto opcode = *message_opcode_;
  if (opcode == WebSocketOpcode::Text && !utf8_.complete()) {
    return WebSocketFault{close_code::bad_text, "the text ends inside a character"};
  }
  message_opcode_.reset();
  stopped_ = !on_event({opcode, message_, 0});
  message_.clear();
  if (message_.capacity() > message_kept) std::string().swap(message_);
  return std::nullopt;
}

Bytes websocket_frame(WebSocketOpcode opcode, std::string_view payload, std::optional<std::array<std::uint8_t, 4>> mask,
                      bool final) {
  Bytes out;
  out.reserve(payload.size() + 14);
  out.push_back(static_cast<std::uint8_t>((final ? 0x80 : 0) | static_cast<std::uint8_t>(opcode)));
  const auto size = static_cast<std::uint64_t>(payload.size());
  const std::uint8_t mask_bit = mask ? 0x80 : 0;
  if (size < 126) {
    out.push_back(static_cast<std::uint8_t>(mask_bit | size));
  } else {
    const int wide = size < 65'536 ? 2 : 8;
    out.push_back(static_cast<std::uint8_t>(mask_bit | (wide == 2 ? 126 : 127)));
    for (int i = wide - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
  }
  if (mask) out.insert(out.end(), mask->begin(), mask->end());
  const auto start = out.size();
  out.insert(out.end(), payload.begin(), payload.end());
  if (mask) {
    for (std::size_t i = start; i < out.size(); ++i)
      out[i] = static_cast<std::uint8_t>(out[i] ^ (*mask)[(i - start) % 4]);
  }
  return out;
}

std::string websocket_close_payload(std::uint16_t code, std::string_view reason) {
  if (code == close_code::none_given) return {};
  std::string out{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  if (reason.size() > control_payload_max - 2) {
    auto end = control_payload_max - 2;
    while (end > 0 && (static_cast<std::uint8_t>(reason[end]) & 0xC0) == 0x80) --end;
    reason = reason.substr(0, end);
  }
  return out.append(reason);
}

}  // namespace airbridge::net
