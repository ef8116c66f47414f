#include "net/connection_service.hpp"

#include <boost/asio/post.hpp>

#include "net/tcp_connection.hpp"

namespace airbridge::net {

namespace asio = boost::asio;

asio::execution_context::id ConnectionService::id;

FlushWindow::FlushWindow(asio::io_context& io, Milliseconds span) : io_(io), span_(span), timer_(io) {}

void FlushWindow::add(std::shared_ptr<TcpConnection> connection) {
  waiting_.push_back(std::move(connection));
  if (waiting_.size() > 1) return;  // the flush is already on its way
  if (span_ == Milliseconds{0}) {
    asio::post(io_, [this] { flush(); });
    return;
  }
  timer_.expires_after(span_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) flush();
  });
}

void FlushWindow::flush() {
  // Callbacks may queue more: that goes into the next window.
  flushing_.swap(waiting_);
  const auto now = ConnectionService::now();
  for (const auto& connection : flushing_) connection->flush_window(*this, now);
  flushing_.clear();
}

void FlushWindow::shutdown() {
  timer_.cancel();
  waiting_.clear();
  flushing_.clear();
}

ConnectionService::ConnectionService(asio::execution_context& context)
    : service(context),
      io_(static_cast<asio::io_context&>(context)),
      read_buffer_(std::make_unique<std::array<std::uint8_t, read_buffer_size>>()),
      tick_timer_(io_) {
  windows_.push_back(std::make_unique<FlushWindow>(io_, Milliseconds{0}));
}

ConnectionService& ConnectionService::of(asio::io_context& io) { return asio::use_service<ConnectionService>(io); }

FlushWindow& ConnectionService::window(Milliseconds span) {
  if (span <= Milliseconds{0}) return next_turn();
  for (const auto& window : windows_) {
    if (window->span() == span) return *window;
  }
  if (windows_.size() >= flush_windows_max) return *windows_.front();
  windows_.push_back(std::make_unique<FlushWindow>(io_, span));
  return *windows_.back();
}

void ConnectionService::enter(TcpConnection& connection) {
  connection.registry_index = connections_.size();
  connections_.push_back(&connection);
  watch();
}

void ConnectionService::watch() {
  if (tick_armed_) return;
  last_tick_ = now();
  arm_tick();
}

void ConnectionService::leave(TcpConnection& connection) {
  const auto index = connection.registry_index;
  if (index >= connections_.size() || connections_[index] != &connection) return;
  connections_[index] = connections_.back();
  connections_[index]->registry_index = index;
  connections_.pop_back();
  connection.registry_index = TcpConnection::not_registered;
}

void ConnectionService::arm_tick() {
  tick_armed_ = true;
  tick_timer_.expires_after(coarse_tick);
  tick_timer_.async_wait([this](const boost::system::error_code& error) {
    tick_armed_ = false;
    if (!error) tick();
  });
}

void ConnectionService::tick() {
  const auto at = now();
  const auto late = at - last_tick_ - coarse_tick;
  last_tick_ = at;
  // When this process stood still (stopped, swapped out), the peers are not to blame: their clocks stood still too.
  const auto pause = late > coarse_tick ? late : Milliseconds{0};
  std::vector<std::shared_ptr<TcpConnection>> expired;
  bool any_timed = false;
  for (auto* connection : connections_) {
    connection->forgive(pause);
    if (connection->expired(at)) expired.push_back(connection->self());
    any_timed = any_timed || connection->is_timed();
  }
  for (const auto& connection : expired) {
    if (connection) connection->expire(at);
  }
  if (any_timed && !connections_.empty()) arm_tick();
}

// The loop ends. Closing breaks the rings of connections and the handlers that hold them.
void ConnectionService::shutdown() {
  std::vector<std::shared_ptr<TcpConnection>> open;
  for (auto* connection : connections_) open.push_back(connection->self());
  for (const auto& connection : open) {
    if (connection) connection->close();
  }
  for (const auto& window : windows_) window->shutdown();
  tick_timer_.cancel();
}

}  // namespace airbridge::net
