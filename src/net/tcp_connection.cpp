#include "net/tcp_connection.hpp"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "net/net_error.hpp"
#include "net/tcp_path.hpp"

namespace airbridge::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

std::string peer_text(const asio::ip::tcp::socket& socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return "unknown";
  return Endpoint{remote.address().to_string(), remote.port()}.text();
}

}  // namespace

TcpConnection::TcpConnection(asio::ip::tcp::socket socket, const ConnectionLimits& limits,
                             std::shared_ptr<std::size_t> open_count)
    : limits_(limits),
      service_(ConnectionService::of(static_cast<asio::io_context&>(socket.get_executor().context()))),
      socket_(std::move(socket)),
      open_count_(std::move(open_count)),
      peer_(peer_text(socket_)),
      last_received_(ConnectionService::now()) {
  fd_ = socket_.native_handle();
  window_ = &service_.window(limits.coalesce);
  last_progress_ = last_received_;
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  service_.enter(*this);
}

TcpConnection::~TcpConnection() { shut({}, false); }

std::shared_ptr<TcpConnection> TcpConnection::self() {
  return std::static_pointer_cast<TcpConnection>(weak_from_this().lock());
}

void TcpConnection::start(Handlers handlers) {
  if (state_ != State::Open) return;
  handlers_ = std::make_shared<Handlers>(std::move(handlers));
  started_ = true;
  wait_readable();
}

void TcpConnection::set_limits(const ConnectionLimits& limits) {
  limits_ = limits;
  window_ = &service_.window(limits.coalesce);
  service_.watch();
}

// Sending ---------------------------------------------------------------------------------------------------------

bool TcpConnection::has_room(std::size_t size, std::size_t limit) const {
  return queued_bytes_ <= limit && size <= limit - queued_bytes_ && queue_.size() - head_ < queue_messages_max;
}

Sent TcpConnection::send(SharedBytes bytes) {
  if (state_ != State::Open) return Sent::Closed;
  if (!bytes || bytes->empty()) return Sent::Queued;
  if (fanout_ != nullptr) fanout_->settle(*this);
  return enqueue(std::move(bytes));
}

Sent TcpConnection::enqueue(SharedBytes bytes) {
  if (state_ != State::Open) return Sent::Closed;
  if (!has_room(bytes->size(), limits_.queue_bytes_max)) return Sent::Dropped;
  if (queued_bytes_ == 0) last_progress_ = ConnectionService::now();
  queued_bytes_ += bytes->size();
  queue_.push_back(std::move(bytes));
  schedule();
  return Sent::Queued;
}

Sent TcpConnection::send_urgent(SharedBytes bytes) {
  if (state_ != State::Open) return Sent::Closed;
  if (!bytes || bytes->empty()) return Sent::Queued;
  if (fanout_ != nullptr) fanout_->settle(*this);
  if (!has_room(bytes->size(), limits_.queue_bytes_max + urgent_bytes_extra)) return Sent::Dropped;
  if (queued_bytes_ == 0) last_progress_ = ConnectionService::now();
  queued_bytes_ += bytes->size();
  const auto place = head_ + (head_offset_ > 0 ? 1 : 0) + urgent_;
  queue_.insert(queue_.begin() + static_cast<std::ptrdiff_t>(place), std::move(bytes));
  ++urgent_;
  schedule_urgent();
  return Sent::Queued;
}

void TcpConnection::take_rest(const std::vector<SharedBytes>& messages, std::size_t offset) {
  last_progress_ = ConnectionService::now();
  for (const auto& bytes : messages) {
    queued_bytes_ += bytes->size();
    queue_.push_back(bytes);
  }
  queued_bytes_ -= offset;
  head_offset_ = offset;
  wait_writable();
}

// What is empty needs no turn of its own: the message that made us take over schedules one.
void TcpConnection::take_over(const std::vector<SharedBytes>& messages) {
  if (messages.empty()) return;
  if (queued_bytes_ == 0) last_progress_ = ConnectionService::now();
  for (const auto& bytes : messages) {
    queued_bytes_ += bytes->size();
    queue_.push_back(bytes);
  }
  schedule();
}

void TcpConnection::schedule() {
  if (scheduled_in_ || write_waiting_) return;
  scheduled_in_ = window_;
  window_->add(self());
}

void TcpConnection::send_failed(int code) { shut("sending failed: " + errno_text(code), true); }

void TcpConnection::schedule_urgent() {
  if (urgent_scheduled_ || write_waiting_) return;
  urgent_scheduled_ = true;
  service_.next_turn().add(self());
}

void TcpConnection::flush_window(const FlushWindow& window, SteadyTime now) {
  if (&window == scheduled_in_) scheduled_in_ = nullptr;
  if (window.span() == Milliseconds{0}) urgent_scheduled_ = false;
  if (!write_waiting_) flush(now);
}

void TcpConnection::flush(SteadyTime now) {
  if (queued_bytes_ == 0 || state_ == State::Closed) return;
  const int fd = fd_;
  for (std::size_t round = 0; round < gather_rounds_max; ++round) {
    std::array<iovec, gather_max> parts;
    const auto count = std::min(queue_.size() - head_, gather_max);
    std::size_t asked = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto skip = i == 0 ? head_offset_ : 0;
      const Bytes& bytes = *queue_[head_ + i];
      parts[i].iov_base = const_cast<std::uint8_t*>(bytes.data() + skip);
      parts[i].iov_len = bytes.size() - skip;
      asked += parts[i].iov_len;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    const auto written = count == 1 ? ::send(fd, parts[0].iov_base, asked, flags) : ::sendmsg(fd, &message, flags);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      return shut("sending failed: " + errno_text(errno), true);
    }
    last_progress_ = now;
    advance(static_cast<std::size_t>(written));
    if (queued_bytes_ == 0) {
      if (fanout_ != nullptr) fanout_->caught_up(*this);
      if (state_ == State::Draining) return begin_linger();
      if (drained_wanted_ && handlers_ && handlers_->on_drained) {
        const auto handlers = handlers_;
        handlers->on_drained();
      }
      return;
    }
    if (static_cast<std::size_t>(written) < asked) break;
  }
  wait_writable();
}

void TcpConnection::advance(std::size_t written) {
  queued_bytes_ -= written;
  while (written > 0) {
    const auto rest = queue_[head_]->size() - head_offset_;
    if (written < rest) {
      // An urgent message whose first bytes are gone is the head now, and no longer counted among those that follow it.
      if (head_offset_ == 0 && urgent_ > 0) --urgent_;
      head_offset_ += written;
      break;
    }
    if (head_offset_ == 0 && urgent_ > 0) --urgent_;
    written -= rest;
    head_offset_ = 0;
    queue_[head_++].reset();
  }
  if (head_ == queue_.size()) {
    head_ = 0;
    queue_.clear();
    if (queue_.capacity() > queue_slots_kept) queue_ = {};
  } else if (head_ >= gather_max && head_ * 2 >= queue_.size()) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

void TcpConnection::wait_writable() {
  if (write_waiting_) return;
  write_waiting_ = true;
  service_.watch();
  socket_.async_wait(asio::socket_base::wait_write, [self = self()](const error_code& error) {
    self->write_waiting_ = false;
    if (!error) self->flush(ConnectionService::now());
  });
}

// Receiving -------------------------------------------------------------------------------------------------------

std::size_t TcpConnection::system_bytes() const {
  int count = 0;
  if (state_ != State::Closed) ::ioctl(fd_, SIOCOUTQ, &count);
  return static_cast<std::size_t>(std::max(count, 0));
}

std::optional<TcpPath> tcp_path(const Connection& connection) {
  const auto* tcp = dynamic_cast<const TcpConnection*>(&connection);
  if (tcp == nullptr || !tcp->is_open()) return std::nullopt;
  return tcp_path(tcp->descriptor());
}

void TcpConnection::pause_reading(bool pause) {
  if (paused_ && !pause) last_received_ = ConnectionService::now();  // the silence was our own
  paused_ = pause;
  if (!pause && started_) wait_readable();
}

void TcpConnection::wait_readable() {
  if (read_waiting_ || state_ == State::Closed) return;
  read_waiting_ = true;
  socket_.async_wait(asio::socket_base::wait_read, [self = self()](const error_code& error) {
    self->read_waiting_ = false;
    if (!error) self->read_some();
  });
}

void TcpConnection::read_some() {
  auto& buffer = service_.read_buffer();
  for (std::size_t round = 0; round < read_rounds_max; ++round) {
    if (state_ == State::Closed || (paused_ && state_ == State::Open)) return;
    const auto got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      return shut("receiving failed: " + errno_text(errno), state_ == State::Open);
    }
    if (got == 0) return shut("closed by the peer", state_ == State::Open);
    const auto size = static_cast<std::size_t>(got);
    if (state_ == State::Open) {
      last_received_ = ConnectionService::now();
      const auto handlers = handlers_;
      if (handlers && handlers->on_bytes) handlers->on_bytes(ByteView(buffer.data(), size));
    }
    if (size < buffer.size()) break;
  }
  if (state_ == State::Closed || (paused_ && state_ == State::Open)) return;
  wait_readable();
}

// Closing ---------------------------------------------------------------------------------------------------------

void TcpConnection::close() { shut({}, false); }

void TcpConnection::close_after_sending() {
  if (state_ != State::Open) return;
  handlers_.reset();
  if (fanout_ != nullptr) fanout_->leave(*this);
  state_ = State::Draining;
  service_.watch();
  if (queued_bytes_ == 0) return begin_linger();
  schedule_urgent();
  wait_readable();  // so that a peer that leaves is noticed
}

// Closing a socket with unread input sends a reset, which can destroy the last answer on its way: so we end our side,
// and read what still comes until the peer ends its own.
void TcpConnection::begin_linger() {
  state_ = State::Lingering;
  service_.watch();
  last_progress_ = ConnectionService::now();
  ::shutdown(socket_.native_handle(), SHUT_WR);
  wait_readable();
}

void TcpConnection::shut(const std::string& why, bool tell) {
  if (state_ == State::Closed) return;
  if (fanout_ != nullptr) fanout_->remove(*this);
  state_ = State::Closed;
  service_.leave(*this);
  if (open_count_) --*open_count_;
  open_count_.reset();
  error_code ignored;
  socket_.close(ignored);  // pending waits end with an error and let go of us
  queue_ = {};
  head_ = head_offset_ = urgent_ = queued_bytes_ = 0;
  const auto handlers = std::exchange(handlers_, nullptr);
  if (tell && handlers && handlers->on_close) handlers->on_close(why);
}

// Limits of time, from the service's coarse tick ------------------------------------------------------------------

void TcpConnection::forgive(Milliseconds pause) {
  last_received_ += pause;
  last_progress_ += pause;
}

bool TcpConnection::expired(SteadyTime now) const {
  if (state_ == State::Lingering) return now - last_progress_ > linger_max;
  auto stall_max = limits_.write_stall_max;
  if (state_ == State::Draining && stall_max == Milliseconds{0}) stall_max = drain_stall_max;
  if (queued_bytes_ > 0 && stall_max > Milliseconds{0} && now - last_progress_ > stall_max) return true;
  return state_ == State::Open && started_ && !paused_ && limits_.idle_max > Milliseconds{0} &&
         now - last_received_ > limits_.idle_max;
}

bool TcpConnection::is_timed() const {
  return state_ != State::Open || queued_bytes_ > 0 || limits_.idle_max > Milliseconds{0};
}

void TcpConnection::expire(SteadyTime now) {
  if (state_ == State::Closed || !expired(now)) return;
  const bool idle = limits_.idle_max > Milliseconds{0} && now - last_received_ > limits_.idle_max;
  shut(!idle ? fmt::format("the peer read nothing for {} ms while {} bytes waited", (now - last_progress_).count(),
                           queued_bytes_)
             : fmt::format("nothing received for {} ms", (now - last_received_).count()),
       state_ == State::Open);
}

}  // namespace airbridge::net
