#include "net/websocket_handshake.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace airbridge::net {

namespace {

// SHA-1 (RFC 3174, method 1).
std::array<std::uint8_t, 20> sha1(std::string_view text) {
  Bytes message = to_bytes(as_bytes(text));
  const auto bits = static_cast<std::uint64_t>(message.size()) * 8;
  message.push_back(0x80);
  while (message.size() % 64 != 56) message.push_back(0);
  for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<std::uint8_t>(bits >> shift));

  std::array<std::uint32_t, 5> hash{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  for (std::size_t block = 0; block < message.size(); block += 64) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t t = 0; t < 16; ++t) {
      for (std::size_t i = 0; i < 4; ++i) w[t] = w[t] << 8 | message[block + 4 * t + i];
    }
    for (std::size_t t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    auto [a, b, c, d, e] = hash;
    for (std::size_t t = 0; t < 80; ++t) {
      const auto [f, k] = t < 20   ? std::pair{(b & c) | (~b & d), 0x5A827999U}
                          : t < 40 ? std::pair{b ^ c ^ d, 0x6ED9EBA1U}
                          : t < 60 ? std::pair{(b & c) | (b & d) | (c & d), 0x8F1BBCDCU}
                                   : std::pair{b ^ c ^ d, 0xCA62C1D6U};
      const auto next = std::rotl(a, 5) + f + e + w[t] + k;
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
  }
  std::array<std::uint8_t, 20> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(hash[i / 4] >> (24 - 8 * (i % 4)));
  return out;
}

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(ByteView bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) word = word << 8 | (k < have ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= have ? base64_digits[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// Base64 of exactly 16 bytes.
bool is_key(std::string_view key) {
  return key.size() == 24 && key.substr(22) == "==" && key.substr(0, 22).find_first_not_of(base64_digits) == key.npos;
}

}  // namespace

std::string websocket_accept_key(std::string_view key) {
  return base64(sha1(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

Result<HttpResponse, HttpResponse> websocket_handshake(const HttpRequest& request) {
  if (request.method != Method::Get) {
    auto response = http_error(405, "method_not_allowed", "a WebSocket begins with GET");
    response.headers.push_back({"Allow", "GET"});
    return failure(std::move(response));
  }
  if (!request.header_has("Upgrade", "websocket") || !request.header_has("Connection", "upgrade")) {
    auto response = http_error(426, "upgrade_required", "this path speaks WebSocket");
    response.headers.push_back({"Upgrade", "websocket"});
    return failure(std::move(response));
  }
  if (request.header("Sec-WebSocket-Version") != "13") {
    auto response = http_error(426, "upgrade_required", "this path speaks WebSocket version 13");
    response.headers.push_back({"Sec-WebSocket-Version", "13"});
    return failure(std::move(response));
  }
  const auto key = request.header("Sec-WebSocket-Key");
  if (!is_key(key) || !request.body.empty()) {
    return failure(
        http_error(400, "bad_request", "Sec-WebSocket-Key is not the base64 of 16 bytes, or there is a body"));
  }
  HttpResponse response;
  response.status = 101;
  response.headers = {
      {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", websocket_accept_key(key)}};
  return response;
}

}  // namespace airbridge::net
