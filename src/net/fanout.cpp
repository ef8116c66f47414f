#include "net/fanout.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "net/fanout_list.hpp"
#include "net/tcp_connection.hpp"

namespace airbridge::net {

namespace asio = boost::asio;

static_assert(fanout_messages_max <= gather_max && fanout_messages_max <= 255);

std::shared_ptr<Fanout> make_fanout(EventLoop& loop, Milliseconds span) {
  return std::make_shared<FanoutList>(loop.asio(), span);
}

FanoutList::FanoutList(asio::io_context& io, Milliseconds span) : span_(span), timer_(io) {}

FanoutList::~FanoutList() {
  for (const auto& member : members_) member.connection->set_fanout(nullptr, 0);
}

void FanoutList::join(Connection& connection) {
  auto& member = static_cast<TcpConnection&>(connection);
  if (member.fanout() != nullptr || !member.is_open()) return;
  member.set_fanout(this, members_.size());
  const bool ready = member.queued_bytes() == 0;
  not_ready_ += ready ? 0 : 1;
  // What was gathered before it came is not for it.
  members_.push_back({member.descriptor(), ready, static_cast<std::uint8_t>(gathered_.size()), &member});
}

void FanoutList::leave(Connection& connection) {
  auto& member = static_cast<TcpConnection&>(connection);
  if (member.fanout() != this) return;
  settle(member);
  remove(member);
}

void FanoutList::remove(TcpConnection& connection) {
  const auto at = connection.fanout_index();
  not_ready_ -= members_[at].ready ? 0 : 1;
  members_[at] = members_.back();
  members_[at].connection->set_fanout(this, at);
  members_.pop_back();
  connection.set_fanout(nullptr, 0);
}

std::size_t FanoutList::send(SharedBytes bytes, const Connection* except,
                             const std::function<void(Connection&)>& dropped) {
  if (members_.empty() || !bytes || bytes->empty()) return 0;
  if (gathered_.size() >= fanout_messages_max || gathered_bytes_ > fanout_bytes_max) flush();
  const auto* const spared = static_cast<const TcpConnection*>(except);
  gathered_bytes_ += bytes->size();
  gathered_.push_back({std::move(bytes), spared});
  judge();
  std::size_t reached = members_.size() - (spared != nullptr && spared->fanout() == this ? 1 : 0);
  // The slow ones get it into their own queues now, so that they are told now when these are full.
  for (std::size_t i = 0; not_ready_ > 0 && i < members_.size(); ++i) {
    auto& member = members_[i];
    if (member.ready) continue;
    member.skip = static_cast<std::uint8_t>(gathered_.size());
    if (member.connection == spared || member.connection->enqueue(gathered_.back().bytes) == Sent::Queued) continue;
    --reached;
    if (dropped) dropped(*member.connection);
  }
  arm();
  return reached;
}

void FanoutList::judge() {
  if (++judged_ < fanout_judged) return;
  const auto now = std::chrono::steady_clock::now();
  waits_ = now - judged_since_ <= fanout_judged * fanout_worth_spans * span_;
  judged_since_ = now;
  judged_ = 0;
}

void FanoutList::end_turn() {
  if (!waits_ && !gathered_.empty()) flush();
}

void FanoutList::arm() {
  if (armed_ || !waits_) return;
  armed_ = true;
  timer_.expires_after(span_);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self) self->flush();
  });
}

// No callback runs here before all members are served, so the lists hold still.
void FanoutList::flush() {
  if (std::exchange(armed_, false)) timer_.cancel();
  for (auto& member : members_) {
    if (member.ready && member.skip < gathered_.size()) flush_to(member);
    member.skip = 0;
  }
  gathered_.clear();
  gathered_bytes_ = 0;
  if (failed_.empty()) return;
  std::vector<std::pair<std::shared_ptr<TcpConnection>, int>> failed;
  for (const auto& [connection, code] : failed_) failed.emplace_back(connection->self(), code);
  failed_.clear();
  for (const auto& [connection, code] : failed) connection->send_failed(code);
}

void FanoutList::flush_to(Member& member) {
  std::array<iovec, fanout_messages_max> parts;
  std::array<std::uint8_t, fanout_messages_max> indices;
  std::size_t count = 0, asked = 0;
  for (std::size_t i = member.skip; i < gathered_.size(); ++i) {
    const auto& [bytes, except] = gathered_[i];
    if (except == member.connection) continue;
    indices[count] = static_cast<std::uint8_t>(i);
    parts[count++] = {const_cast<std::uint8_t*>(bytes->data()), bytes->size()};
    asked += bytes->size();
  }
  if (count == 0) return;
  constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
  ssize_t written = -1;
  do {
    if (count == 1) {
      written = ::send(member.fd, parts[0].iov_base, asked, flags);
    } else {
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = count;
      written = ::sendmsg(member.fd, &message, flags);
    }
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(asked)) return;
  if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
    return failed_.emplace_back(member.connection, errno), void();
  auto done = static_cast<std::size_t>(std::max<ssize_t>(written, 0));
  std::vector<SharedBytes> rest;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& bytes = gathered_[indices[i]].bytes;
    if (rest.empty() && done >= bytes->size()) {
      done -= bytes->size();
    } else {
      rest.push_back(bytes);
    }
  }
  member.ready = false;
  ++not_ready_;
  member.connection->take_rest(rest, done);
}

void FanoutList::settle(TcpConnection& connection) {
  auto& member = members_[connection.fanout_index()];
  if (!member.ready) return;
  member.ready = false;
  ++not_ready_;
  std::vector<SharedBytes> rest;
  for (std::size_t i = member.skip; i < gathered_.size(); ++i) {
    if (gathered_[i].except != &connection) rest.push_back(gathered_[i].bytes);
  }
  member.skip = static_cast<std::uint8_t>(gathered_.size());
  connection.take_over(rest);
}

void FanoutList::caught_up(TcpConnection& connection) {
  auto& member = members_[connection.fanout_index()];
  if (member.ready) return;
  member.ready = true;
  --not_ready_;
}

}  // namespace airbridge::net
