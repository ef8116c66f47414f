#pragma once
// The opening handshake of RFC 6455 section 4, server side.
#include <string>
#include <string_view>

#include "net/http_message.hpp"

namespace airbridge::net {

// Base64 of SHA-1 of the key and the protocol's GUID (RFC 6455 section 4.2.2, step 5.4). SHA-1 guards nothing here: it
// only shows that the server speaks WebSocket.
std::string websocket_accept_key(std::string_view key);

// The 101 to send, or the answer that says what is wrong with the request (400, 405, 426).
Result<HttpResponse, HttpResponse> websocket_handshake(const HttpRequest& request);

}  // namespace airbridge::net
