#include "net/http_server.hpp"

#include "net/http_session.hpp"

namespace airbridge::net {

namespace {

constexpr Milliseconds deadline_tick{500};  // how exact the limits of time are

}  // namespace

void HttpServer::Core::forget(const HttpSession* session) {
  const auto index = session->list_index;
  if (index >= sessions.size() || sessions[index].get() != session) return;
  const auto last_reference = std::move(sessions[index]);  // its members may be in use up the stack
  sessions[index] = std::move(sessions.back());
  if (sessions[index]) sessions[index]->list_index = index;
  sessions.pop_back();
}

void HttpServer::Core::check_deadlines() {
  const auto now = std::chrono::time_point_cast<Milliseconds>(std::chrono::steady_clock::now());
  const auto all = sessions;  // a deadline takes its session out of the list
  for (const auto& session : all) session->check_deadline(now);
  if (sessions.empty()) tick.reset();
}

// A server that nobody uses does not wake up.
void HttpServer::Core::watch_deadlines() {
  if (tick) return;
  tick = loop->every(deadline_tick, [weak = weak_from_this()] {
    if (const auto there = weak.lock()) there->check_deadlines();
  });
}

HttpServer::HttpServer(std::shared_ptr<Core> core) : core_(std::move(core)) {}

Result<std::unique_ptr<HttpServer>, NetError> HttpServer::create(EventLoop& loop, const Endpoint& at,
                                                                 const HttpServerOptions& options, Handler handler) {
  auto core = std::make_shared<Core>();
  core->loop = &loop;
  core->options = options;
  core->handler = std::move(handler);
  ListenerLimits limits;
  limits.connections_max = options.limits.connections_max;
  auto listener = listen(loop, at, limits, [weak = std::weak_ptr(core)](std::shared_ptr<Connection> connection) {
    const auto there = weak.lock();
    if (!there) return connection->close();
    auto session = std::make_shared<HttpSession>(std::move(connection), there, there->options);
    session->list_index = there->sessions.size();
    there->sessions.push_back(session);
    there->watch_deadlines();
    session->start();
  });
  if (!listener) return failure(listener.error());
  core->listener = *std::move(listener);
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(core)));
}

HttpServer::~HttpServer() {
  core_->listener.reset();
  core_->tick.reset();
  const auto all = std::move(core_->sessions);
  core_->sessions.clear();
  for (const auto& session : all) session->close();
}

std::uint16_t HttpServer::port() const { return core_->listener->port(); }
std::size_t HttpServer::open_connections() const { return core_->listener->open_connections(); }
std::uint64_t HttpServer::refused() const { return core_->listener->refused(); }
const HttpCounters& HttpServer::counters() const { return core_->counters; }

}  // namespace airbridge::net
