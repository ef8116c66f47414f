#include "net/http_server.hpp"

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "net/http_router.hpp"
#include "net/static_files.hpp"
#include "net/test_http.hpp"

namespace airbridge::net {

using testing::fetch;
using testing::read_reply;
using testing::request_text;
using testing::run_until;
using testing::TestPeer;

namespace {

struct Site {
  EventLoop loop;
  HttpRouter router;
  std::vector<Responder> waiting;
  std::vector<std::shared_ptr<EventLoop::Timer>> timers;
  std::unique_ptr<HttpServer> server;

  explicit Site(const HttpServerOptions& options = {}) {
    router.add(Method::Get, "/hello/{name}", [](const HttpRequest&, const PathValues& values, const Responder& to) {
      to(HttpResponse::text(200, "hello " + values.at(0)));
    });
    router.add(Method::Post, "/echo", [](const HttpRequest& request, const PathValues&, const Responder& to) {
      to(HttpResponse::text(200, request.body_text()));
    });
    router.add(Method::Get, "/later", [this](const HttpRequest&, const PathValues&, const Responder& to) {
      timers.push_back(loop.after(Milliseconds{5}, [to] { to(HttpResponse::json(200, "{}")); }));
    });
    router.add(Method::Get, "/keep",
               [this](const HttpRequest&, const PathValues&, const Responder& to) { waiting.push_back(to); });
    router.add(Method::Get, "/forget", [](const HttpRequest&, const PathValues&, const Responder&) {});
    router.add(Method::Get, "/big", [](const HttpRequest&, const PathValues&, const Responder& to) {
      to({200, "application/octet-stream", {}, std::make_shared<const Bytes>(std::size_t{8} << 20, std::uint8_t{'b'})});
    });
    auto made = HttpServer::create(loop, {"127.0.0.1", 0}, options,
                                   [this](const HttpRequest& request, const Responder& to) { router(request, to); });
    REQUIRE(made);
    server = *std::move(made);
  }
  TestPeer peer() { return {loop, server->port()}; }
};

}  // namespace

TEST_CASE("requests on one connection are answered one after the other") {
  Site site;
  auto peer = site.peer();
  const auto hello = fetch(peer, "GET", "/hello/Ana%20B");
  CHECK(hello.status == 200);
  CHECK(hello.body == "hello Ana B");
  CHECK(hello.header("Connection") == "keep-alive");
  CHECK(hello.header("X-Content-Type-Options") == "nosniff");
  CHECK(hello.header("Content-Security-Policy").find("frame-ancestors 'none'") != std::string::npos);
  CHECK(fetch(peer, "POST", "/echo", {}, "abc").body == "abc");
  CHECK(fetch(peer, "GET", "/later").body == "{}");
  const auto head = fetch(peer, "HEAD", "/hello/x");
  CHECK(head.status == 200);
  CHECK(head.header("Content-Length") == "7");
  const auto missing = fetch(peer, "GET", "/nothing");
  CHECK(missing.status == 404);
  CHECK(missing.body == R"({"error":{"code":"not_found","message":"nothing is at /nothing"}})");
  const auto wrong = fetch(peer, "DELETE", "/hello/x");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("Allow") == "GET, HEAD");
  CHECK(fetch(peer, "BREW", "/hello/x").status == 405);
  const auto last = fetch(peer, "GET", "/hello/x", "Connection: close\r\n");
  CHECK(last.header("Connection") == "close");
  CHECK(peer.wait_for_end());
  CHECK(site.server->counters().requests == 8);
}

TEST_CASE("pipelined requests are answered in order, slow and large ones between them") {
  Site site;
  auto peer = site.peer();
  std::string all;
  for (const auto* path : {"/hello/1", "/later", "/big", "/hello/2"}) all += request_text("GET", path);
  for (int i = 0; i < 2000; ++i) all += request_text("POST", "/echo", {}, std::to_string(i));
  REQUIRE(peer.send(all));
  CHECK(read_reply(peer).body == "hello 1");
  CHECK(read_reply(peer).body == "{}");
  CHECK(read_reply(peer).body.size() == std::size_t{8} << 20);
  CHECK(read_reply(peer).body == "hello 2");
  for (int i = 0; i < 2000; ++i) REQUIRE(read_reply(peer).body == std::to_string(i));
}

TEST_CASE("a request that trickles in byte by byte is answered") {
  Site site;
  auto peer = site.peer();
  for (const char c : request_text("POST", "/echo", {}, "drip")) {
    REQUIRE(peer.send(std::string_view(&c, 1)));
    site.loop.run_for(Milliseconds{1});
  }
  CHECK(read_reply(peer).body == "drip");
}

TEST_CASE("hostile requests get their status and the connection ends") {
  log::set_sink([](std::string_view) {});
  Site site;
  const struct {
    std::string text;
    int status;
  } rows[] = {
      {"GET /../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400},
      {"GET /%252e%252e/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET "
       "/",
       400},
      {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + std::string(100'000, 'a'), 431},
      {"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999\r\n\r\n" + std::string(200'000, 'b'), 413},
      {"nonsense\r\n\r\n", 400},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text.substr(0, 60));
    auto peer = site.peer();
    peer.send(row.text);
    const auto reply = read_reply(peer);
    CHECK(reply.status == row.status);
    CHECK(reply.body.find(R"({"error":{"code":)") == 0);
    CHECK(reply.header("Connection") == "close");
    CHECK(peer.wait_for_end());
  }
  CHECK(site.server->counters().malformed == 6);
  auto peer = site.peer();
  CHECK(fetch(peer, "GET", "/hello/x").status == 200);
  log::set_sink({});
}

TEST_CASE("a foreign page and a rebound name are refused") {
  log::set_sink([](std::string_view) {});
  Site site;
  auto peer = site.peer();
  CHECK(fetch(peer, "POST", "/echo", "Origin: http://evil.example\r\n", "x").status == 403);
  peer.send("GET /hello/x HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
  CHECK(read_reply(peer).status == 403);
  CHECK(fetch(peer, "GET", "/hello/x").status == 200);
  CHECK(site.server->counters().refused_origins == 2);
  log::set_sink({});
}

TEST_CASE("a slow head, a slow body, silence and a handler that never answers meet their limits") {
  HttpServerOptions options;
  options.limits.head_max = options.limits.body_max = options.limits.idle_max = options.limits.answer_max =
      Milliseconds{20};
  Site site(options);
  auto head = site.peer();
  head.send("GET / HT");
  CHECK(read_reply(head).status == 408);
  CHECK(head.wait_for_end());
  auto body = site.peer();
  body.send("POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nab");
  CHECK(read_reply(body).status == 408);
  auto answer = site.peer();
  CHECK(fetch(answer, "GET", "/keep").status == 503);
  site.waiting.back()(HttpResponse::json(200, "{}"));  // too late, harmless
  auto idle = site.peer();
  CHECK(idle.wait_for_end());
  CHECK(idle.received().empty());
  CHECK(site.server->counters().timeouts == 3);
}

TEST_CASE("a promise that is dropped is answered 500, and answering a client that left does no harm") {
  Site site;
  auto peer = site.peer();
  CHECK(fetch(peer, "GET", "/forget").status == 500);
  peer.send(request_text("GET", "/keep"));
  REQUIRE(run_until(site.loop, [&] { return !site.waiting.empty(); }));
  CHECK(site.waiting.back().client_is_there());
  peer.close();
  REQUIRE(run_until(site.loop, [&] { return site.server->open_connections() == 0; }));
  CHECK_FALSE(site.waiting.back().client_is_there());
  site.waiting.back()(HttpResponse::json(200, "{}"));
}

TEST_CASE("the server may go while clients and promises are there") {
  Site site;
  auto peer = site.peer();
  peer.send(request_text("GET", "/keep"));
  REQUIRE(run_until(site.loop, [&] { return !site.waiting.empty(); }));
  site.server.reset();
  site.waiting.back()(HttpResponse::json(200, "{}"));
  CHECK(peer.wait_for_end());
}

TEST_CASE("connections and requests are counted against their limits") {
  log::set_sink([](std::string_view) {});
  HttpServerOptions options;
  options.limits.connections_max = 2;
  options.limits.requests_max = 2;
  Site site(options);
  auto one = site.peer();
  auto two = site.peer();
  auto three = site.peer();
  CHECK(three.wait_for_end());
  CHECK(site.server->refused() == 1);
  CHECK(fetch(one, "GET", "/hello/x").header("Connection") == "keep-alive");
  CHECK(fetch(one, "GET", "/hello/x").header("Connection") == "close");
  CHECK(one.wait_for_end());
  log::set_sink({});
}

TEST_CASE("files come with a tag, compressed for who accepts it, and not again to who has them") {
  const StaticFiles files({{"/index.html", "text/html; charset=utf-8", "t1", as_bytes("<html>"), {}, false},
                           {"/assets/a.js", "text/javascript", "t2", as_bytes("code"), as_bytes("gz"), true}});
  const auto get = [&](std::string path, std::vector<HttpHeader> headers = {}, Method method = Method::Get) {
    HttpRequest request;
    request.method = method;
    request.path = std::move(path);
    request.headers = std::move(headers);
    return files.answer(request);
  };
  const auto value = [](const HttpResponse& response, std::string_view name) {
    for (const auto& header : response.headers) {
      if (header.name == name) return header.value;
    }
    return std::string();
  };
  CHECK(as_text(*get("/")->body) == "<html>");
  CHECK(value(*get("/"), "Cache-Control") == "no-cache");
  CHECK_FALSE(get("/assets/"));
  CHECK_FALSE(get("/other"));
  CHECK(get("/", {}, Method::Post)->status == 405);
  CHECK(as_text(*get("/assets/a.js")->body) == "code");
  const auto gzip = get("/assets/a.js", {{"Accept-Encoding", "br, gzip;q=0.8"}});
  CHECK(get("/assets/a.js", {{"Accept-Encoding", "gzip"}})->body == gzip->body);  // two who load it share a copy
  CHECK(as_text(*gzip->body) == "gz");
  CHECK(value(*gzip, "Content-Encoding") == "gzip");
  CHECK(value(*gzip, "Vary") == "Accept-Encoding");
  CHECK(value(*gzip, "Cache-Control").find("immutable") != std::string::npos);
  CHECK(value(*gzip, "ETag") != value(*get("/assets/a.js"), "ETag"));
  CHECK(as_text(*get("/assets/a.js", {{"Accept-Encoding", "gzip;q=0"}})->body) == "code");
  CHECK(get("/", {{"If-None-Match", "\"t1\""}})->status == 304);
  CHECK(get("/", {{"If-None-Match", "\"x\", W/\"t1\""}})->status == 304);
  CHECK(get("/", {{"If-None-Match", "*"}})->status == 304);
  CHECK(get("/", {{"If-None-Match", "\"t2\""}})->status == 200);
  CHECK_FALSE(get("/", {{"If-None-Match", "\"t1\""}})->body);
}

TEST_CASE("each route has its own limit of the body, whole or in chunks, and refuses before it has come") {
  HttpRouter router;
  const auto echo = [](const HttpRequest& request, const PathValues&, const Responder& to) {
    to(HttpResponse::text(200, std::to_string(request.body.size())));
  };
  router.add(Method::Post, "/small", echo, 10);
  router.add(Method::Post, "/large/{name}", echo, 1'000'000);
  EventLoop loop;
  HttpServerOptions options;
  options.limits.parser.body_bytes_max = 1'000'000;
  options.limits.parser.body_bytes_max_of = [&](const HttpRequest& head) { return router.body_bytes_max(head); };
  const auto server = HttpServer::create(loop, {"127.0.0.1", 0}, options,
                                         [&](const HttpRequest& request, const Responder& to) { router(request, to); });
  REQUIRE(server);
  const auto post = [&](std::string_view path, std::string_view body) {
    TestPeer peer(loop, (*server)->port());
    return fetch(peer, "POST", path, {}, body);
  };
  CHECK(post("/small", "0123456789").body == "10");
  CHECK(post("/small", "0123456789a").status == 413);
  CHECK(post("/large/x", std::string(1'000'000, 'x')).body == "1000000");
  CHECK(post("/large/x", std::string(1'000'001, 'x')).status == 413);
  CHECK(post("/nowhere", std::string(small_body_bytes_max + 1, 'x')).status == 413);
  CHECK(post("/nowhere", "x").status == 404);
  TestPeer announced(loop, (*server)->port());
  announced.send("POST /small HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999\r\n\r\n");
  CHECK(read_reply(announced).status == 413);
  TestPeer chunked(loop, (*server)->port());
  chunked.send(
      "POST /small HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n012345\r\n");
  CHECK(read_reply(chunked).status == 413);
}

TEST_CASE("an answer that is too long becomes an error with words, and the connection goes on") {
  HttpServerOptions options;
  options.limits.response_bytes_max = 10'000;
  Site site(options);
  auto peer = site.peer();
  const auto refused = fetch(peer, "GET", "/big");
  CHECK(refused.status == 500);
  CHECK(refused.body.find("answer_too_long") != std::string::npos);
  CHECK(fetch(peer, "GET", "/hello/x").status == 200);
}

}  // namespace airbridge::net
