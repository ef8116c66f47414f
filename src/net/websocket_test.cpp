#include <doctest/doctest.h>

#include "base/log.hpp"
#include "base/rng.hpp"
#include "net/http_router.hpp"
#include "net/test_http.hpp"
#include "net/websocket_handshake.hpp"
#include "net/websocket_session.hpp"

namespace airbridge::net {

using testing::run_until;
using testing::TestPeer;
using testing::WebSocketTestClient;

namespace {

using Side = WebSocketParser::Side;
constexpr std::array<std::uint8_t, 4> mask{0x37, 0xfa, 0x21, 0x3d};  // of the examples

// What a parser says to the bytes, as "T:Hello" "B:.." "P:" (ping) "O:" (pong) "C1000:reason", then "!1002" for a
// fault.
std::string read(Side side, const Bytes& bytes, std::size_t step = 1'000'000,
                 const WebSocketParserLimits& limits = {}) {
  WebSocketParser parser(side, limits);
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto fault =
        parser.feed(ByteView(bytes).subspan(at, std::min(step, bytes.size() - at)), [&](const WebSocketEvent& e) {
          switch (e.opcode) {
            case WebSocketOpcode::Text:
              out += "T:";
              break;
            case WebSocketOpcode::Binary:
              out += "B:";
              break;
            case WebSocketOpcode::Ping:
              out += "P:";
              break;
            case WebSocketOpcode::Pong:
              out += "O:";
              break;
            case WebSocketOpcode::Close:
              out += "C" + std::to_string(e.close_code) + ":";
              break;
            case WebSocketOpcode::Continuation:
              break;
          }
          out += std::string(e.payload) + ";";
          return true;
        });
    if (fault) return out + "!" + std::to_string(fault->close_code);
  }
  return out;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes from_client(WebSocketOpcode opcode, std::string_view payload, bool final = true) {
  return websocket_frame(opcode, payload, mask, final);
}

}  // namespace

TEST_CASE("the examples of RFC 6455 section 5.7 are read and written") {
  const auto hex = [](std::string_view text) { return *from_hex(text); };
  CHECK(read(Side::Client, hex("810548656c6c6f")) == "T:Hello;");
  CHECK(read(Side::Server, hex("818537fa213d7f9f4d5158")) == "T:Hello;");
  CHECK(read(Side::Client, hex("010348656c80026c6f")) == "T:Hello;");
  CHECK(read(Side::Client, hex("890548656c6c6f")) == "P:Hello;");
  CHECK(read(Side::Server, hex("8a8537fa213d7f9f4d5158")) == "O:Hello;");
  const std::string medium(256, 'm');
  const std::string large(65'536, 'l');
  CHECK(read(Side::Client, joined({hex("827e0100"), to_bytes(as_bytes(medium))})) == "B:" + medium + ";");
  CHECK(read(Side::Client, joined({hex("827f0000000000010000"), to_bytes(as_bytes(large))})) == "B:" + large + ";");

  CHECK(to_hex(websocket_frame(WebSocketOpcode::Text, "Hello")) == "810548656c6c6f");
  CHECK(to_hex(websocket_frame(WebSocketOpcode::Text, "Hello", mask)) == "818537fa213d7f9f4d5158");
  CHECK(to_hex(ByteView(websocket_frame(WebSocketOpcode::Binary, medium)).first(4)) == "827e0100");
  CHECK(to_hex(ByteView(websocket_frame(WebSocketOpcode::Binary, large)).first(10)) == "827f0000000000010000");
}

TEST_CASE("the key of RFC 6455 section 1.3 is answered") {
  CHECK(websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("messages come out alike however the bytes are cut") {
  const auto bytes = joined(
      {from_client(WebSocketOpcode::Text, "", false), from_client(WebSocketOpcode::Ping, "p"),
       from_client(WebSocketOpcode::Continuation, "h\xC3", false), from_client(WebSocketOpcode::Pong, ""),
       from_client(WebSocketOpcode::Continuation, "\xA9!"), from_client(WebSocketOpcode::Binary, std::string(300, 'x')),
       from_client(WebSocketOpcode::Close, websocket_close_payload(1001, "bye")),
       from_client(WebSocketOpcode::Text, "after the end")});
  const auto want = "P:p;O:;T:h\xC3\xA9!;B:" + std::string(300, 'x') + ";C1001:bye;";
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    CAPTURE(step);
    REQUIRE(read(Side::Server, bytes, step) == want);
  }
}

TEST_CASE("frames that break the protocol end it with the right code") {
  const auto close = [](std::string payload) { return from_client(WebSocketOpcode::Close, payload); };
  const struct {
    const char* what;
    Bytes bytes;
    const char* want;
  } rows[] = {
      {"not masked", websocket_frame(WebSocketOpcode::Text, "x"), "!1002"},
      {"reserved bit", *from_hex("c18000000000"), "!1002"},
      {"opcode 3", *from_hex("838000000000"), "!1002"},
      {"opcode 11", *from_hex("8b8000000000"), "!1002"},
      {"fragmented ping", *from_hex("098000000000"), "!1002"},
      {"long ping", *from_hex("89fe007e00000000"), "!1002"},
      {"length not shortest, 2 bytes", *from_hex("81fe007d00000000"), "!1002"},
      {"length not shortest, 8 bytes", *from_hex("81ff000000000000ffff00000000"), "!1002"},
      {"length with the highest bit", *from_hex("81ff800000000001000000000000"), "!1002"},
      {"too long by its header alone", *from_hex("81ff000000000010000100000000"), "!1009"},
      {"continuation first", from_client(WebSocketOpcode::Continuation, "x"), "!1002"},
      {"message inside a message",
       joined({from_client(WebSocketOpcode::Text, "a", false), from_client(WebSocketOpcode::Text, "b")}), "!1002"},
      {"bad UTF-8", from_client(WebSocketOpcode::Text, "\xC0\xAF"), "!1007"},
      {"surrogate", from_client(WebSocketOpcode::Text, "\xED\xA0\x80"), "!1007"},
      {"past U+10FFFF", from_client(WebSocketOpcode::Text, "\xF4\x90\x80\x80"), "!1007"},
      {"cut character", from_client(WebSocketOpcode::Text, "a\xE2\x82"), "!1007"},
      {"close without code", close(""), "C1005:;"},
      {"close with code",
       close("\x03\xE8"
             "ok"),
       "C1000:ok;"},
      {"half a code", close("\x03"), "!1002"},
      {"code 1005 on the wire", close("\x03\xED"), "!1002"},
      {"code 999", close("\x03\xE7"), "!1002"},
      {"code 2999", close("\x0B\xB7"), "!1002"},
      {"code 4999", close("\x13\x87"), "C4999:;"},
      {"reason not UTF-8", close("\x03\xE8\xFF"), "!1007"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(read(Side::Server, row.bytes) == row.want);
    CHECK(read(Side::Server, row.bytes, 1) == row.want);
  }
  CHECK(read(Side::Client, from_client(WebSocketOpcode::Text, "x")) == "!1002");
}

TEST_CASE("fragments without end and messages without end meet their limits") {
  Bytes bytes = from_client(WebSocketOpcode::Text, "", false);
  for (int i = 0; i < 100; ++i) {
    const auto more = from_client(WebSocketOpcode::Continuation, "", false);
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  CHECK(read(Side::Server, bytes) == "!1009");
  const auto half = from_client(WebSocketOpcode::Binary, std::string(600, 'a'), false);
  const auto rest = from_client(WebSocketOpcode::Continuation, std::string(600, 'a'));
  CHECK(read(Side::Server, joined({half, rest}), 50, {.message_bytes_max = 1000}) == "!1009");
  CHECK(read(Side::Server, joined({half, rest}), 50, {.message_bytes_max = 1200}).size() == 1203);
}

TEST_CASE("random bytes never break the parser, and it goes on saying nothing once stopped") {
  Rng rng(6455);
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes(rng.below(200));
    rng.fill(bytes);
    if (bytes.size() > 1 && rng.chance(0.8)) {  // more often a plausible header
      bytes[0] = static_cast<std::uint8_t>(bytes[0] & 0x8F);
      bytes[1] = static_cast<std::uint8_t>(bytes[1] | 0x80);
    }
    const auto whole = read(Side::Server, bytes);
    CHECK(whole == read(Side::Server, bytes, 1 + rng.below(7)));
  }
}

TEST_CASE("a long close reason is cut at a character") {
  std::string reason(122, 'a');
  reason += "\xC3\xA9\xC3\xA9";
  CHECK(websocket_close_payload(1000, reason).size() == 124);
  CHECK(is_utf8(std::string_view(websocket_close_payload(1000, reason)).substr(2)));
  CHECK(websocket_close_payload(close_code::none_given, "x").empty());
}

TEST_CASE("a handshake that is none says what is wrong") {
  const auto ask = [](std::vector<HttpHeader> headers, Method method = Method::Get) {
    HttpRequest request;
    request.method = method;
    request.headers = std::move(headers);
    const auto got = websocket_handshake(request);
    return got ? got->status : got.error().status;
  };
  const HttpHeader upgrade{"Upgrade", "WebSocket"};
  const HttpHeader connection{"Connection", "keep-alive, Upgrade"};
  const HttpHeader version{"Sec-WebSocket-Version", "13"};
  const HttpHeader key{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="};
  CHECK(ask({upgrade, connection, version, key}) == 101);
  CHECK(ask({upgrade, connection, version, key}, Method::Post) == 405);
  CHECK(ask({connection, version, key}) == 426);
  CHECK(ask({upgrade, version, key}) == 426);
  CHECK(ask({upgrade, connection, {"Sec-WebSocket-Version", "8"}, key}) == 426);
  CHECK(ask({upgrade, connection, version}) == 400);
  CHECK(ask({upgrade, connection, version, {"Sec-WebSocket-Key", "c2hvcnQ="}}) == 400);
  CHECK(ask({upgrade, connection, version, {"Sec-WebSocket-Key", "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"=="}}) ==
        400);
}

namespace {

struct Site {
  EventLoop loop;
  HttpRouter router;
  std::vector<std::shared_ptr<WebSocketSession>> sessions;
  std::vector<std::string> texts;
  std::vector<std::pair<std::uint16_t, std::string>> ends;
  std::unique_ptr<HttpServer> server;
  WebSocketLimits limits;

  Site() {
    router.add(Method::Get, "/live", [this](const HttpRequest& request, const PathValues&, const Responder& to) {
      WebSocketSession::Handlers handlers;
      handlers.on_text = [this](std::string_view text) {
        texts.emplace_back(text);
        if (text == "leave") sessions.back()->close(close_code::going_away, "as asked");
      };
      handlers.on_close = [this](std::uint16_t code, std::string_view why) { ends.emplace_back(code, why); };
      if (auto session = accept_websocket(loop, request, to, limits, std::move(handlers)))
        sessions.push_back(std::move(session));
    });
    auto made = HttpServer::create(loop, {"127.0.0.1", 0}, {},
                                   [this](const HttpRequest& request, const Responder& to) { router(request, to); });
    REQUIRE(made);
    server = *std::move(made);
  }
  WebSocketTestClient client() { return WebSocketTestClient(TestPeer(loop, server->port())); }
};

}  // namespace

TEST_CASE("a session greets, echoes pings, receives and says goodbye") {
  Site site;
  auto client = site.client();
  const auto reply = client.open("/live?epoch=1&since=2");
  CHECK(reply.status == 101);
  CHECK(reply.header("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  REQUIRE(site.sessions.size() == 1);
  site.sessions[0]->send_text("hello");
  CHECK(client.read()->payload == "hello");
  client.send(WebSocketOpcode::Ping, "are you there");
  const auto pong = client.read();
  REQUIRE(pong);
  CHECK(pong->opcode == WebSocketOpcode::Pong);
  CHECK(pong->payload == "are you there");
  client.send_text("one");
  client.send(WebSocketOpcode::Text, "tw", false);
  client.send(WebSocketOpcode::Continuation, "o");
  REQUIRE(run_until(site.loop, [&] { return site.texts.size() == 2; }));
  CHECK(site.texts == std::vector<std::string>{"one", "two"});
  client.send(WebSocketOpcode::Close, websocket_close_payload(1000, "done"));
  const auto end = client.read();
  REQUIRE(end);
  CHECK(end->close_code == 1000);
  CHECK(client.peer().wait_for_end());
  REQUIRE(site.ends.size() == 1);
  CHECK(site.ends[0] == std::pair<std::uint16_t, std::string>{1000, "done"});
  CHECK(site.sessions[0]->send_text("late") == Sent::Closed);
}

TEST_CASE("one frame goes to many clients, and frames sent with the handshake are read") {
  Site site;
  std::vector<WebSocketTestClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(site.client());
    REQUIRE(clients.back().open("/live").status == 101);
  }
  const auto frame = websocket_text_frame(std::string(70'000, 'm'));
  for (const auto& session : site.sessions) CHECK(session->send_frame(frame) == Sent::Queued);
  for (auto& client : clients) CHECK(client.read()->payload.size() == 70'000);
  CHECK(frame.use_count() == 1);

  auto eager = site.client();
  const auto hello = websocket_frame(WebSocketOpcode::Text, "early", mask);
  const auto ping = websocket_frame(WebSocketOpcode::Ping, "", mask);
  eager.peer().send(testing::request_text("GET", "/live",
                                          "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") +
                    std::string(as_text(hello)) + std::string(as_text(ping)));
  CHECK(testing::read_reply(eager.peer()).status == 101);
  CHECK(eager.read()->opcode == WebSocketOpcode::Pong);
  CHECK(site.texts == std::vector<std::string>{"early"});
}

TEST_CASE("our own goodbye comes after what was queued and calls nobody") {
  Site site;
  auto client = site.client();
  REQUIRE(client.open("/live").status == 101);
  site.sessions[0]->send_text(std::string(3'000'000, 'q'));
  client.send_text("leave");
  client.send_text("more");
  CHECK(client.read()->payload.size() == 3'000'000);
  const auto end = client.read();
  REQUIRE(end);
  CHECK(end->close_code == close_code::going_away);
  CHECK(end->payload == "as asked");
  CHECK(client.peer().wait_for_end());
  CHECK(site.ends.empty());
  CHECK(site.texts == std::vector<std::string>{"leave"});
}

TEST_CASE("protocol errors, binary messages and lost clients are told with their code") {
  Site site;
  auto bad = site.client();
  REQUIRE(bad.open("/live").status == 101);
  bad.send_raw(websocket_frame(WebSocketOpcode::Text, "not masked"));
  CHECK(bad.read()->close_code == close_code::protocol_error);
  auto binary = site.client();
  REQUIRE(binary.open("/live").status == 101);
  binary.send(WebSocketOpcode::Binary, "x");
  CHECK(binary.read()->close_code == close_code::unsupported);
  auto lost = site.client();
  REQUIRE(lost.open("/live").status == 101);
  lost.peer().close();
  REQUIRE(run_until(site.loop, [&] { return site.ends.size() == 3; }));
  CHECK(site.ends[0].first == close_code::protocol_error);
  CHECK(site.ends[1].first == close_code::unsupported);
  CHECK(site.ends[2].first == close_code::abnormal);
}

TEST_CASE("a client that does not read is told apart by its queue, then closed") {
  Site site;
  site.limits.queue_bytes_max = 10'000'000;
  site.limits.write_stall_max = Milliseconds{50};
  WebSocketTestClient client(TestPeer(site.loop, site.server->port(), 4096));
  REQUIRE(client.open("/live").status == 101);
  const auto frame = websocket_text_frame(std::string(1'000'000, 's'));
  bool dropped = false;
  REQUIRE(run_until(site.loop, [&] {
    dropped = dropped || site.sessions[0]->send_frame(frame) == Sent::Dropped;
    return dropped;
  }));
  CHECK(site.sessions[0]->queued_bytes() <= 10'000'000);
  REQUIRE(run_until(site.loop, [&] { return !site.ends.empty(); }));
  CHECK(site.ends[0].first == close_code::abnormal);
}

TEST_CASE("a quiet client is pinged") {
  Site site;
  site.limits.ping_every = Milliseconds{5};
  auto client = site.client();
  REQUIRE(client.open("/live").status == 101);
  CHECK(client.read()->opcode == WebSocketOpcode::Ping);
}

TEST_CASE("a foreign page cannot open a WebSocket, and a plain request is told to upgrade") {
  log::set_sink([](std::string_view) {});
  Site site;
  auto foreign = site.client();
  CHECK(foreign.open("/live", "Origin: http://evil.example\r\n").status == 403);
  auto own = site.client();
  CHECK(own.open("/live", "Origin: http://127.0.0.1\r\n").status == 101);
  TestPeer plain(site.loop, site.server->port());
  CHECK(testing::fetch(plain, "GET", "/live").status == 426);
  log::set_sink({});
}

}  // namespace airbridge::net
