#include "net/http_session.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "net/http_origin.hpp"

namespace airbridge::net {

namespace {

constexpr std::size_t response_head_max = 64 * 1024;  // room in the send queue beside the body

SteadyTime now() { return std::chrono::time_point_cast<Milliseconds>(std::chrono::steady_clock::now()); }

}  // namespace

Responder::Promise::~Promise() {
  if (kept) return;
  if (const auto there = session.lock()) {
    there->answer(http_error(500, "no_answer", "the server gave no answer to this request"), head_only);
  }
}

void Responder::operator()(HttpResponse response) const {
  if (!promise_ || std::exchange(promise_->kept, true)) return;
  if (const auto session = promise_->session.lock()) session->answer(std::move(response), promise_->head_only);
}

bool Responder::client_is_there() const { return promise_ && !promise_->kept && !promise_->session.expired(); }

Responder::Taken Responder::take_connection(const HttpResponse& response) const {
  if (!promise_ || std::exchange(promise_->kept, true)) return {};
  const auto session = promise_->session.lock();
  return session ? session->take(response) : Taken{};
}

HttpSession::HttpSession(std::shared_ptr<Connection> connection, std::weak_ptr<HttpServer::Core> core,
                         const HttpServerOptions& options)
    : connection_(std::move(connection)),
      core_(std::move(core)),
      options_(options),
      parser_(options.limits.parser),
      phase_since_(now()) {}

void HttpSession::start() {
  connection_->start({.on_bytes = [self = shared_from_this()](ByteView bytes) { self->receive(bytes); },
                      .on_close = [self = shared_from_this()](const std::string&) { self->end(); },
                      .on_drained = [self = shared_from_this()] { self->proceed(); }});
}

void HttpSession::enter(Phase phase) {
  if (phase_ == Phase::Over || phase_ == phase) return;
  phase_ = phase;
  phase_since_ = now();
}

void HttpSession::receive(ByteView bytes) {
  if (phase_ == Phase::Over) return;
  parser_.feed(bytes);
  proceed();
  // Whoever sends ahead of our answers waits in the kernel's buffers.
  if (phase_ != Phase::Over && parser_.buffered() > options_.limits.pipelined_bytes_max) {
    connection_->pause_reading(true);
  }
}

// Reads the next request, once the answer before it has left.
void HttpSession::proceed() {
  if (phase_ == Phase::Answering || phase_ == Phase::Over || connection_->queued_bytes() > 0) return;
  auto request = parser_.next();
  if (!request) {
    if (const auto core = core_.lock()) ++core->counters.malformed;
    const auto fault = request.error();
    log::debug("http", "refused a request", {{"peer", connection_->peer()}, {"reason", fault.message}});
    return give_up(fault.status, fault.status == 413 ? "too_large" : "bad_request", fault.message);
  }
  if (*request) {
    connection_->pause_reading(false);
    return dispatch(**std::move(request));
  }
  connection_->pause_reading(false);
  if (parser_.head_complete()) {
    enter(Phase::Body);
    if (parser_.wants_continue()) {
      connection_->send(to_bytes(as_bytes("HTTP/1.1 100 Continue\r\n\r\n")));
    }
  } else {
    enter(parser_.idle() ? Phase::Idle : Phase::Head);
  }
}

void HttpSession::dispatch(HttpRequest request) {
  const auto core = core_.lock();
  if (!core) return close();
  enter(Phase::Answering);
  ++core->counters.requests;
  request.peer = connection_->peer();
  keep_alive_ = request.keep_alive && ++requests_ < options_.limits.requests_max;
  const bool head_only = request.method == Method::Head;
  if (!origin_allowed(request, options_.insecure_lab, options_.bound_name)) {
    ++core->counters.refused_origins;
    log::warn("http", "refused a request by its Host or Origin",
              {{"peer", request.peer}, {"host", request.header("Host")}, {"origin", request.header("Origin")}});
    return answer(http_error(403, "foreign_origin",
                             "this Host or Origin is not allowed here; call the node by its address or as localhost"),
                  head_only);
  }
  const auto promise = std::make_shared<Responder::Promise>();
  promise->session = weak_from_this();
  promise->head_only = head_only;
  core->handler(std::move(request), Responder(promise));
}

void HttpSession::answer(HttpResponse response, bool head_only) {
  if (phase_ != Phase::Answering) return;
  const bool keep = keep_alive_;
  send(response, keep, head_only);
  if (phase_ == Phase::Over) return;
  if (!keep) {
    const auto connection = connection_;
    end();
    return connection->close_after_sending();
  }
  // The next request, if one is here already, is read when this answer has left: on_drained.
  enter(parser_.idle() ? Phase::Idle : Phase::Head);
}

void HttpSession::send(const HttpResponse& response, bool keep_alive, bool head_only) {
  if (phase_ == Phase::Over) return;
  const bool with_body = !head_only && response.body && response.status != 204 && response.status != 304;
  if (with_body && response.body->size() > options_.limits.response_bytes_max) {
    log::error("http", "an answer was too long to send",
               {{"bytes", response.body->size()}, {"response_bytes_max", options_.limits.response_bytes_max}});
    const auto words = http_error(500, "answer_too_long",
                                  fmt::format("the answer would have {} bytes; at most {} are sent",
                                              response.body->size(), options_.limits.response_bytes_max));
    return words.body->size() > options_.limits.response_bytes_max ? close() : send(words, keep_alive, head_only);
  }
  auto limits = connection_->limits();
  limits.queue_bytes_max = options_.limits.response_bytes_max + response_head_max;
  connection_->set_limits(limits);
  auto sent = connection_->send(to_bytes(as_bytes(response_head(response, keep_alive, security_headers()))));
  if (sent == Sent::Queued && with_body) sent = connection_->send(response.body);
  if (sent != Sent::Queued) close();
}

void HttpSession::give_up(int status, std::string_view code, std::string_view message) {
  if (phase_ == Phase::Over) return;
  send(http_error(status, code, message), false, false);
  const auto connection = connection_;
  end();
  connection->close_after_sending();
}

Responder::Taken HttpSession::take(const HttpResponse& response) {
  if (phase_ != Phase::Answering) return {};
  send(response, true, true);
  if (phase_ == Phase::Over) return {};
  Responder::Taken taken{connection_, parser_.take_rest()};
  end();
  return taken;
}

void HttpSession::check_deadline(SteadyTime at) {
  // While an answer is on its way the connection's own stall limit watches the client.
  if (phase_ != Phase::Over && connection_->queued_bytes() > 0) phase_since_ = at;
  const auto spent = at - phase_since_;
  const auto late = [&](std::string_view what, Milliseconds limit, int status) {
    if (const auto core = core_.lock()) ++core->counters.timeouts;
    give_up(status, "timeout", fmt::format("{} took longer than {} ms", what, limit.count()));
  };
  const auto& limits = options_.limits;
  switch (phase_) {
    case Phase::Idle:
      if (spent > limits.idle_max) close();
      return;
    case Phase::Head:
      if (spent > limits.head_max) late("the request's head", limits.head_max, 408);
      return;
    case Phase::Body:
      if (spent > limits.body_max) late("the request's body", limits.body_max, 408);
      return;
    case Phase::Answering:
      if (spent > limits.answer_max) late("the answer", limits.answer_max, 503);
      return;
    case Phase::Over:
      return;
  }
}

void HttpSession::close() {
  const auto connection = connection_;
  end();
  connection->close();
}

void HttpSession::end() {
  if (phase_ == Phase::Over) return;
  phase_ = Phase::Over;
  if (const auto core = core_.lock()) core->forget(this);
}

}  // namespace airbridge::net
