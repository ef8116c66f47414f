#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>

#include "net/net_error.hpp"
#include "net/resolve.hpp"
#include "net/tcp_connection.hpp"

namespace airbridge::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Outcome = Result<std::shared_ptr<Connection>, NetError>;

namespace {

constexpr std::size_t addresses_max = 8;  // of a name, tried in turn within the one timeout

struct ConnectorCore : std::enable_shared_from_this<ConnectorCore> {
  ConnectorCore(asio::io_context& io, const Endpoint& to, const ConnectionLimits& the_limits,
                std::function<void(Outcome)> callback)
      : socket(io), resolver(io), timer(io), limits(the_limits), where(to), done(std::move(callback)) {}

  void start(Milliseconds timeout) {
    timer.expires_after(timeout);
    timer.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->finish(failure(net_error("cannot connect to " + self->where.text(), ETIMEDOUT)));
    });
    if (auto literal = resolve_literal(where)) {
      addresses = *std::move(literal);
      // Posted, so that `done` never runs inside connect().
      return asio::post(socket.get_executor(), [self = shared_from_this()] { self->try_next(ECONNREFUSED); });
    }
    resolver.async_resolve(
        where.host, std::to_string(where.port),
        [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& r) {
          if (error) {
            return self->finish(failure(NetError{"cannot connect to " + self->where.text() + ": " + error.message()}));
          }
          for (const auto& entry : r) {
            if (self->addresses.size() < addresses_max) self->addresses.push_back(entry.endpoint());
          }
          self->try_next(EHOSTUNREACH);
        });
  }

  void try_next(int last_error) {
    if (!done) return;
    if (next == addresses.size()) return finish(failure(net_error("cannot connect to " + where.text(), last_error)));
    error_code ignored;
    socket.close(ignored);
    socket.async_connect(addresses[next++], [self = shared_from_this()](const error_code& error) {
      if (!self->done) return;
      if (error) return self->try_next(error.value());
      self->finish(std::make_shared<TcpConnection>(std::move(self->socket), self->limits, nullptr));
    });
  }

  void finish(Outcome outcome) {
    const auto callback = std::exchange(done, nullptr);
    cancel();
    if (callback) callback(std::move(outcome));
  }

  void cancel() {
    done = nullptr;
    timer.cancel();
    resolver.cancel();
    error_code ignored;
    if (socket.is_open()) socket.close(ignored);
  }

  tcp::socket socket;
  tcp::resolver resolver;
  asio::steady_timer timer;
  ConnectionLimits limits;
  Endpoint where;
  std::function<void(Outcome)> done;  // empty: finished or cancelled
  std::vector<tcp::endpoint> addresses;
  std::size_t next = 0;
};

class TcpConnector final : public Connector {
 public:
  explicit TcpConnector(std::shared_ptr<ConnectorCore> core) : core_(std::move(core)) {}
  ~TcpConnector() override { core_->cancel(); }

 private:
  std::shared_ptr<ConnectorCore> core_;
};

}  // namespace

std::unique_ptr<Connector> connect(EventLoop& loop, const Endpoint& to, const ConnectionLimits& limits,
                                   Milliseconds timeout, std::function<void(Outcome)> done) {
  auto core = std::make_shared<ConnectorCore>(loop.asio(), to, limits, std::move(done));
  core->start(timeout);
  return std::make_unique<TcpConnector>(std::move(core));
}

}  // namespace airbridge::net
