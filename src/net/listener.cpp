#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>

#include "base/log.hpp"
#include "net/net_error.hpp"
#include "net/resolve.hpp"
#include "net/tcp_connection.hpp"

namespace airbridge::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Milliseconds accept_back_off{100};  // after the system had no descriptor or memory for another socket

struct ListenerCore : std::enable_shared_from_this<ListenerCore> {
  ListenerCore(asio::io_context& io, const ListenerLimits& the_limits, std::string at,
               std::function<void(std::shared_ptr<Connection>)> callback)
      : acceptor(io), retry(io), limits(the_limits), where(std::move(at)), on_connection(std::move(callback)) {}

  void accept() {
    acceptor.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
      if (!self->acceptor.is_open()) return;
      if (error) return self->accept_failed(error);
      self->accepted(std::move(socket));
      if (self->acceptor.is_open()) self->accept();
    });
  }

  void accepted(tcp::socket socket) {
    if (*open >= limits.connections_max) {
      ++refused;
      log::warn("net", "turned a connection away: too many are open",
                {{"listener", where}, {"connections_max", limits.connections_max}});
      error_code ignored;
      socket.close(ignored);
      return;
    }
    ++*open;
    on_connection(std::make_shared<TcpConnection>(std::move(socket), limits.connection, open));
  }

  void accept_failed(const error_code& error) {
    // A peer that left before we accepted it is no trouble; a full descriptor table is, and asking again at once would
    // spin.
    const int code = error.value();
    if (code != EMFILE && code != ENFILE && code != ENOBUFS && code != ENOMEM) return accept();
    log::error("net", "cannot accept a connection, trying again shortly",
               {{"listener", where}, {"reason", errno_text(code)}});
    retry.expires_after(accept_back_off);
    retry.async_wait([self = shared_from_this()](const error_code& cancelled) {
      if (!cancelled && self->acceptor.is_open()) self->accept();
    });
  }

  tcp::acceptor acceptor;
  asio::steady_timer retry;
  ListenerLimits limits;
  std::string where;
  std::function<void(std::shared_ptr<Connection>)> on_connection;
  std::shared_ptr<std::size_t> open = std::make_shared<std::size_t>(0);
  std::uint64_t refused = 0;
};

class TcpListener final : public Listener {
 public:
  explicit TcpListener(std::shared_ptr<ListenerCore> core) : core_(std::move(core)) {}
  ~TcpListener() override {
    error_code ignored;
    core_->acceptor.close(ignored);
    core_->retry.cancel();
  }
  std::uint16_t port() const override {
    error_code ignored;
    return core_->acceptor.local_endpoint(ignored).port();
  }
  std::size_t open_connections() const override { return *core_->open; }
  std::uint64_t refused() const override { return core_->refused; }

 private:
  std::shared_ptr<ListenerCore> core_;
};

}  // namespace

Result<std::unique_ptr<Listener>, NetError> listen(EventLoop& loop, const Endpoint& at, const ListenerLimits& limits,
                                                   std::function<void(std::shared_ptr<Connection>)> on_connection) {
  const auto what = "cannot listen on " + at.text();
  const auto addresses = resolve_now(loop.asio(), at);
  if (!addresses) return failure(NetError{what + ": " + addresses.error().what, addresses.error().code});
  const tcp::endpoint endpoint = addresses->front();
  auto core = std::make_shared<ListenerCore>(loop.asio(), limits, at.text(), std::move(on_connection));
  error_code error;
  core->acceptor.open(endpoint.protocol(), error);
  if (!error) core->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) core->acceptor.bind(endpoint, error);
  if (!error) core->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failure(net_error(what, error.value()));
  core->accept();
  return std::make_unique<TcpListener>(std::move(core));
}

}  // namespace airbridge::net
