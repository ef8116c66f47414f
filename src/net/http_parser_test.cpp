#include "net/http_parser.hpp"

#include <doctest/doctest.h>

#include "net/http_origin.hpp"
#include "net/http_target.hpp"

namespace airbridge::net {

namespace {

using Outcome = Result<std::optional<HttpRequest>, HttpFault>;

Outcome parse(std::string_view text, const HttpParserLimits& limits = {}) {
  HttpParser parser(limits);
  parser.feed(as_bytes(text));
  return parser.next();
}

int status_of(std::string_view text, const HttpParserLimits& limits = {}) {
  const auto got = parse(text, limits);
  return got ? (*got ? 200 : 0) : got.error().status;
}

HttpRequest with_headers(std::vector<HttpHeader> headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

}  // namespace

TEST_CASE("a request is read with path, query, headers and body") {
  const auto got = parse(
      "POST /api/v1/events%20x?after=12&text=a+b%26c&flag HTTP/1.1\r\nHost: localhost:8080\r\n"
      "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  REQUIRE(got);
  REQUIRE(*got);
  const HttpRequest& request = **got;
  CHECK(request.method == Method::Post);
  CHECK(request.path == "/api/v1/events x");
  CHECK(request.query_value("after") == "12");
  CHECK(request.query_value("text") == "a b&c");
  CHECK(request.query_value("flag") == "");
  CHECK_FALSE(request.query_value("none"));
  CHECK(request.header("content-type") == "application/json");
  CHECK(request.body_text() == "{}");
  CHECK(request.keep_alive);
}

TEST_CASE("requests come out alike however the bytes are cut") {
  const std::string text =
      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Late: "
      "1\r\n\r\n"
      "PUT /c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxyz";
  for (std::size_t step = 1; step <= text.size(); step = step < 8 ? step + 1 : step * 2) {
    CAPTURE(step);
    HttpParser parser({});
    std::string seen;
    for (std::size_t at = 0; at < text.size(); at += step) {
      parser.feed(as_bytes(std::string_view(text).substr(at, step)));
      while (true) {
        const auto got = parser.next();
        REQUIRE(got);
        if (!*got) break;
        seen += (*got)->path + "=" + std::string((*got)->body_text()) + ((*got)->keep_alive ? ";" : ".");
        CHECK((*got)->header("X-Late").empty());  // a trailer is no header
      }
    }
    CHECK(seen == "/a=;/b=abcde;/c=xyz.");
    CHECK(parser.idle());
  }
}

TEST_CASE("what could be read in two ways is refused") {
  const char* const rows[] = {
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nHost: g\r\n\r\n",
      "GET / HTTP/1.1\r\nX: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01\r\n\r\n",
      "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n",  // a TLS hello
  };
  for (const auto* text : rows) {
    CAPTURE(std::string(text));
    CHECK(status_of(text) == 400);
    HttpParser parser({});
    int status = 0;
    for (const char c : std::string_view(text)) {  // byte by byte too
      parser.feed(as_bytes(std::string_view(&c, 1)));
      if (const auto got = parser.next(); !got && status == 0) status = got.error().status;
      if (status != 0) break;
    }
    CHECK(status == 400);
  }
}

TEST_CASE("long heads, bodies and chunk headers meet named limits") {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  CHECK(status_of(head + std::string(20'000, 'a') + "\r\n\r\n") == 431);
  CHECK(status_of(head + std::string(20'000, 'a')) == 431);
  CHECK(status_of("GET /" + std::string(20'000, 'a')) == 431);
  CHECK(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n") == 413);
  CHECK(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n") == 0);
  const HttpParserLimits small{.header_bytes_max = 1024, .body_bytes_max = 10};
  const std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(status_of(chunked + "6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n", small) == 413);
  CHECK(status_of(chunked + "1;" + std::string(5'000, 'x'), small) >= 400);
  CHECK(status_of(chunked + "0\r\n" + "X: " + std::string(5'000, 'x'), small) >= 400);
}

TEST_CASE("headers that trickle in count together against the limit") {
  HttpParser parser({.header_bytes_max = 1000});
  parser.feed(as_bytes("GET / HTTP/1.1\r\nHost: h\r\n"));
  int lines = 0;
  while (lines < 1000) {
    parser.feed(as_bytes("X: 1\r\n"));
    ++lines;
    if (!parser.next()) break;
  }
  CHECK(lines < 170);
}

TEST_CASE("other versions of HTTP are refused") {
  CHECK(status_of("GET / HTTP/0.9\r\nHost: h\r\n\r\n") >= 400);
  CHECK(status_of("GET / HTTP/2.0\r\nHost: h\r\n\r\n") >= 400);
  CHECK(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") >= 400);
  CHECK(status_of("GET / HTTP/1.0\r\nHost: h\r\n\r\n") == 200);
}

TEST_CASE("a client that waits for leave to send its body is noticed once") {
  HttpParser parser({});
  parser.feed(as_bytes("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  REQUIRE(parser.next());
  CHECK(parser.head_complete());
  CHECK(parser.wants_continue());
  CHECK_FALSE(parser.wants_continue());
  parser.feed(as_bytes("ok"));
  const auto got = parser.next();
  REQUIRE(got);
  REQUIRE(*got);
  CHECK((*got)->body_text() == "ok");
}

TEST_CASE("paths are decoded once and folded") {
  CHECK(decode_path("/") == "/");
  CHECK(decode_path("/a%20b/%C3%A9") == "/a b/\xC3\xA9");
  CHECK(decode_path("//a///b") == "/a/b");
  CHECK(decode_path("/a/") == "/a/");
  CHECK(decode_path("/...") == "/...");
  CHECK(decode_path("/a..b/.c") == "/a..b/.c");
  CHECK(decode_path("/100%25") == "/100%");
}

TEST_CASE("paths that lead elsewhere are refused, plain, encoded and encoded twice") {
  for (const auto* raw : {"/..",
                          "/../etc/passwd",
                          "/a/../b",
                          "/a/.",
                          "/./a",
                          "/%2e%2e/etc",
                          "/%2E./x",
                          "/a/%2e",
                          "/%252e%252e/etc",
                          "/%252fetc",
                          "/a%2fb",
                          "/a%2Fb",
                          "/..\\x",
                          "/a\\b",
                          "/a%5cb",
                          "/%5c..%5c",
                          "/a%00b",
                          "/%0d%0aX:1",
                          "/%7f",
                          "/%",
                          "/%2",
                          "/%zz",
                          "/%ff",
                          "/%c0%ae%c0%ae/",
                          "/\xC0\xAF",
                          "",
                          "a",
                          "http://h/",
                          "*"}) {
    CAPTURE(std::string(raw));
    CHECK_FALSE(decode_path(raw));
  }
}

TEST_CASE("a query is refused when malformed or too long") {
  CHECK_FALSE(parse_target("/?a=%zz"));
  CHECK_FALSE(parse_target("/?a=%ff"));
  std::string many = "/?";
  for (std::size_t i = 0; i < query_parameters_max; ++i) many += "a=1&";
  CHECK(parse_target(many));
  CHECK_FALSE(parse_target(many + "b=2"));
}

TEST_CASE("only our own page may call, by names that are ours") {
  const auto allowed = [](std::string host, std::string origin = {}, bool lab = false, std::string_view bound = {}) {
    std::vector<HttpHeader> headers{{"Host", std::move(host)}};
    if (!origin.empty()) headers.push_back({"Origin", std::move(origin)});
    return origin_allowed(with_headers(std::move(headers)), lab, bound);
  };
  CHECK(allowed("127.0.0.1:8080"));
  CHECK(allowed("localhost:8080"));
  CHECK(allowed("LOCALHOST:8080"));
  CHECK(allowed("[::1]:8080"));
  CHECK(allowed("192.0.2.7:8080"));
  CHECK_FALSE(allowed("rebound.example:8080"));
  CHECK(allowed("rebound.example:8080", {}, true));
  CHECK(allowed("Post1.example:8080", {}, false, "post1.example"));
  CHECK_FALSE(allowed(""));
  CHECK_FALSE(origin_allowed(with_headers({}), true));

  CHECK(allowed("127.0.0.1:8080", "http://127.0.0.1:8080"));
  CHECK(allowed("localhost:8080", "http://127.0.0.1:5173"));
  CHECK(allowed("localhost", "http://localhost"));
  CHECK(allowed("192.0.2.7", "http://192.0.2.7:80"));
  CHECK_FALSE(allowed("192.0.2.7:8080", "http://192.0.2.7:9000"));
  CHECK_FALSE(allowed("192.0.2.7:8080", "http://localhost:8080"));
  CHECK_FALSE(allowed("127.0.0.1:8080", "http://evil.example"));
  CHECK_FALSE(allowed("127.0.0.1:8080", "http://localhost.evil.example"));
  CHECK_FALSE(allowed("127.0.0.1:8080", "http://127.0.0.1:8080.evil.example"));
  CHECK_FALSE(allowed("127.0.0.1:8080", "http://user@127.0.0.1:8080"));
  CHECK_FALSE(allowed("127.0.0.1:8080", "null"));
  CHECK_FALSE(allowed("127.0.0.1:8080", "file://"));
  CHECK_FALSE(allowed("rebound.example", "http://evil.example", true));
}

TEST_CASE("an error's words cannot break its JSON, nor a header's the head") {
  const auto error = http_error(404, "not_found", "\"\\\n\xFF");
  CHECK(as_text(*error.body) == R"({"error":{"code":"not_found","message":"\"\\\u000a\ufffd"}})");
  HttpResponse response;
  response.headers.push_back({"X-A", "1\r\nX-B: 2"});
  CHECK(response_head(response, true, {}).find("\r\nX-B") == std::string::npos);
}

}  // namespace airbridge::net
