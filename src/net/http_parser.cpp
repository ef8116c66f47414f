#include "net/http_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>

#include <algorithm>

#include "net/http_target.hpp"

namespace airbridge::net {

namespace http = boost::beast::http;
using boost::system::error_code;
using BeastParser = http::request_parser<http::vector_body<std::uint8_t>>;

namespace {

constexpr std::size_t buffer_kept = 4 * 1024;  // an idle connection holds no more

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::Get;
    case http::verb::head:
      return Method::Head;
    case http::verb::post:
      return Method::Post;
    case http::verb::put:
      return Method::Put;
    case http::verb::patch:
      return Method::Patch;
    case http::verb::delete_:
      return Method::Delete;
    case http::verb::options:
      return Method::Options;
    default:
      return Method::Other;
  }
}

HttpFault body_too_long(std::size_t bytes_max) {
  return {413, "the request's body is longer than " + std::to_string(bytes_max) + " bytes"};
}

HttpFault fault_of(const error_code& error, const HttpParserLimits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {431, "the request's headers are longer than " + std::to_string(limits.header_bytes_max) + " bytes"};
  }
  if (error == http::error::body_limit) return body_too_long(limits.body_bytes_max);
  return {400, "the request is malformed: " + error.message()};
}

// A line that begins with a blank goes on with the header before it: obsolete, and read differently by different
// programs.
bool has_folded_line(ByteView head) {
  for (std::size_t i = 0; i + 2 < head.size(); ++i) {
    if (head[i] == '\r' && head[i + 1] == '\n' && (head[i + 2] == ' ' || head[i + 2] == '\t')) return true;
  }
  return false;
}

}  // namespace

struct HttpParser::Parts {
  HttpParserLimits limits;
  Bytes input;
  std::size_t used = 0;  // of input
  std::optional<BeastParser> parser;
  HttpRequest request;  // of which the head is complete
  bool head_done = false;
  std::size_t body_bytes_max = 0;  // of `request`
  bool continue_due = false;
  bool blank_line_skipped = false;
  std::size_t searched = 0;   // of rest(), for the end of the head
  std::size_t head_size = 0;  // once found

  ByteView rest() const { return ByteView(input).subspan(used); }

  void begin() {
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
    parser->body_limit(limits.body_bytes_max);
    parser->eager(false);
    head_done = false;
    continue_due = false;
    blank_line_skipped = false;
    searched = 0;
  }

  void compact() {
    input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(used));
    used = 0;
    if (input.empty() && input.capacity() > buffer_kept) input = {};
  }

  // Feeds Beast once; false when it needs more bytes.
  Result<bool, HttpFault> put() {
    error_code error;
    used += parser->put(boost::asio::const_buffer(rest().data(), rest().size()), error);
    if (error == http::error::need_more) return false;
    if (error) return failure(fault_of(error, limits));
    return true;
  }

  // Beast sees a head only when it is whole: fed in pieces, its limit counts each piece anew, and what it finds depends
  // on where they were cut. False: more bytes are needed.
  Result<bool, HttpFault> find_head_end() {
    if (rest().size() >= 2 && rest()[0] == '\r' && rest()[1] == '\n' && !blank_line_skipped) {
      used += 2;  // RFC 9112 section 2.2: some clients end a body with a blank line of their own
      blank_line_skipped = true;
    }
    const auto head = as_text(rest());
    if (!head.empty() && head.front() != '\r' && !(head.front() >= 'A' && head.front() <= 'Z')) {
      return failure(HttpFault{400, "this is not HTTP"});
    }
    const auto end = head.find("\r\n\r\n", searched < 3 ? 0 : searched - 3);
    searched = head.size();
    const auto size = end == head.npos ? head.size() : end + 4;
    if (size > limits.header_bytes_max) return failure(fault_of(http::error::header_limit, limits));
    if (end == head.npos) return false;
    head_size = size;
    return true;
  }

  Result<void, HttpFault> take_head() {
    const auto& message = parser->get();
    const auto fail = [](int status, const char* why) { return failure(HttpFault{status, why}); };
    const bool http_1_1 = message.version() == 11;
    if (!http_1_1 && message.version() != 10) return fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    if (message.count(http::field::host) > 1) return fail(400, "there is more than one Host header");
    if (http_1_1 && message.count(http::field::host) == 0) return fail(400, "the Host header is missing");
    const auto length = message[http::field::content_length];
    if (message.count(http::field::content_length) > 1 || length.find_first_not_of("0123456789") != length.npos) {
      return fail(400, "Content-Length is not one number");
    }
    if (const auto encodings = message.count(http::field::transfer_encoding); encodings > 0) {
      if (message.count(http::field::content_length) > 0) {
        return fail(400, "Content-Length and Transfer-Encoding contradict each other");
      }
      const auto value = message[http::field::transfer_encoding];
      if (encodings > 1 || !http_1_1 || !equals_ignoring_case({value.data(), value.size()}, "chunked")) {
        return fail(400, "the only Transfer-Encoding understood is 'chunked', once, in HTTP/1.1");
      }
    }
    const auto target = message.target();
    auto parsed = parse_target({target.data(), target.size()});
    if (!parsed) return fail(400, "the request target is not a plain path");
    request = {};
    request.method = method_of(message.method());
    request.path = std::move(parsed->path);
    request.query = std::move(parsed->query);
    request.keep_alive = message.keep_alive();
    for (const auto& field : message) {
      const auto name = field.name_string();
      request.headers.push_back({{name.data(), name.size()}, {field.value().data(), field.value().size()}});
    }
    // Beast compares with its limit when it reads the head, which is when ours is not known yet.
    body_bytes_max = limits.body_bytes_max;
    if (limits.body_bytes_max_of) body_bytes_max = std::min(limits.body_bytes_max_of(request), limits.body_bytes_max);
    if (const auto said = parser->content_length(); said && *said > body_bytes_max)
      return failure(body_too_long(body_bytes_max));
    head_done = true;
    continue_due = http_1_1 && !parser->is_done() && request.header_has("Expect", "100-continue");
    parser->eager(true);
    return {};
  }
};

HttpParser::HttpParser(const HttpParserLimits& limits) : parts_(std::make_unique<Parts>()) { parts_->limits = limits; }
HttpParser::~HttpParser() = default;

void HttpParser::feed(ByteView bytes) { parts_->input.insert(parts_->input.end(), bytes.begin(), bytes.end()); }

Result<std::optional<HttpRequest>, HttpFault> HttpParser::next() {
  auto& p = *parts_;
  if (p.rest().empty()) return std::nullopt;
  if (!p.parser) p.begin();
  if (!p.head_done) {
    const auto whole = p.find_head_end();
    if (!whole) return failure(whole.error());
    if (!*whole) {
      p.compact();
      return std::nullopt;
    }
    if (has_folded_line(p.rest().first(p.head_size))) return failure(HttpFault{400, "a header goes over two lines"});
    if (const auto read = p.put(); !read) return failure(read.error());
    if (!p.parser->is_header_done()) return failure(HttpFault{400, "the request's head ends too early"});
    if (const auto head = p.take_head(); !head) return failure(head.error());
  }
  while (!p.parser->is_done() && !p.rest().empty()) {
    const auto more = p.put();
    if (!more) return failure(more.error());
    if (p.parser->get().body().size() > p.body_bytes_max) return failure(body_too_long(p.body_bytes_max));
    if (!*more) break;
  }
  const bool done = p.parser->is_done();
  if (done) {
    p.request.body = std::move(p.parser->get().body());
    p.parser.reset();
    p.head_done = false;
    p.continue_due = false;
  } else if (p.rest().size() > p.limits.header_bytes_max) {
    return failure(HttpFault{400, "a chunk's header or the trailers are too long"});
  }
  p.compact();
  if (!done) return std::nullopt;
  return std::exchange(p.request, {});
}

bool HttpParser::idle() const { return !parts_->parser && parts_->rest().empty(); }
bool HttpParser::head_complete() const { return parts_->head_done; }
bool HttpParser::wants_continue() { return std::exchange(parts_->continue_due, false); }
std::size_t HttpParser::buffered() const { return parts_->rest().size(); }
Bytes HttpParser::take_rest() {
  parts_->compact();
  return std::exchange(parts_->input, {});
}

}  // namespace airbridge::net
