#include "net/datagram.hpp"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <deque>

#include "net/connection_service.hpp"
#include "net/net_error.hpp"
#include "net/udp_address.hpp"

namespace airbridge::net {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

namespace {

// Room for one in_pktinfo or in6_pktinfo, aligned as the system wants it.
union Control {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
};

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

void read_destination(msghdr& message, Arrival& arrival) {
  for (auto* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      arrival.to = mapped(info.ipi_addr);
      arrival.interface = static_cast<unsigned>(info.ipi_ifindex);
    } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      arrival.to = plain(info.ipi6_addr);
      arrival.interface = info.ipi6_ifindex;
    }
  }
}

// The control message that makes a datagram leave by one interface.
void write_interface(msghdr& message, Control& control, int family, unsigned interface) {
  message.msg_control = control.bytes;
  const bool v4 = family == AF_INET;
  const std::size_t size = v4 ? sizeof(in_pktinfo) : sizeof(in6_pktinfo);
  message.msg_controllen = v4 ? CMSG_SPACE(sizeof(in_pktinfo)) : CMSG_SPACE(sizeof(in6_pktinfo));
  auto* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
  head->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
  head->cmsg_len = v4 ? CMSG_LEN(sizeof(in_pktinfo)) : CMSG_LEN(sizeof(in6_pktinfo));
  if (v4) {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(interface);
    std::memcpy(CMSG_DATA(head), &info, size);
  } else {
    in6_pktinfo info{};
    info.ipi6_ifindex = interface;
    std::memcpy(CMSG_DATA(head), &info, size);
  }
}

}  // namespace

struct DatagramSocket::Core : std::enable_shared_from_this<Core> {
  Core(asio::io_context& io, const DatagramLimits& the_limits, OnDatagram callback)
      : service(ConnectionService::of(io)),
        socket(io),
        limits(the_limits),
        on_datagram(std::make_shared<OnDatagram>(std::move(callback))) {}

  struct Waiting {
    UdpAddress to;
    unsigned interface;
    Bytes bytes;
  };

  void close() {
    on_datagram = nullptr;
    queue.clear();
    queued_bytes = 0;
    error_code ignored;
    socket.close(ignored);
  }

  void wait_readable() {
    socket.async_wait(udp::socket::wait_read, [self = shared_from_this()](const error_code& error) {
      if (!error && self->on_datagram) self->read_some();
    });
  }

  void read_some() {
    auto& buffer = service.read_buffer();
    for (std::size_t round = 0; round < datagram_rounds_max; ++round) {
      sockaddr_storage from{};
      iovec part{buffer.data(), buffer.size()};
      Control control{};
      msghdr message{};
      message.msg_name = &from;
      message.msg_namelen = sizeof from;
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.bytes;
      message.msg_controllen = sizeof control.bytes;
      const auto got = ::recvmsg(socket.native_handle(), &message, MSG_DONTWAIT);
      // An error here tells of an earlier datagram (an ICMP answer) and is cleared by being read.
      if (got < 0 && errno != EAGAIN) continue;
      if (got < 0) break;
      ++counters.received;
      counters.received_bytes += static_cast<std::uint64_t>(got);
      Arrival arrival;
      arrival.from = from_system(from);
      read_destination(message, arrival);
      const auto callback = on_datagram;  // held, so that it may drop the socket
      (*callback)(ByteView(buffer.data(), static_cast<std::size_t>(got)), arrival);
      if (!on_datagram) return;
    }
    wait_readable();
  }

  // False when the system has no room now.
  bool transmit(const UdpAddress& to, ByteView bytes, unsigned interface) {
    const auto fail = [&](int code) {
      ++counters.failed;
      problem = net_error(fmt::format("cannot send {} bytes to {}", bytes.size(), to.text()), code).what;
      return true;
    };
    auto name = to_system(to, family);
    if (!name) return fail(EAFNOSUPPORT);
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    Control control{};
    msghdr message{};
    message.msg_name = &*name;
    message.msg_namelen = system_length(family);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (interface != 0) write_interface(message, control, family, interface);
    for (;;) {
      const auto sent = ::sendmsg(socket.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) {
        ++counters.sent;
        counters.sent_bytes += bytes.size();
        problem.clear();
        return true;
      }
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return false;
      return fail(errno);
    }
  }

  void wait_writable() {
    if (write_waiting) return;
    write_waiting = true;
    socket.async_wait(udp::socket::wait_write, [self = shared_from_this()](const error_code& error) {
      self->write_waiting = false;
      if (error || !self->on_datagram) return;
      while (!self->queue.empty()) {
        const auto& first = self->queue.front();
        if (!self->transmit(first.to, first.bytes, first.interface)) return self->wait_writable();
        self->queued_bytes -= first.bytes.size();
        self->queue.pop_front();
      }
    });
  }

  Sent send(const UdpAddress& to, ByteView bytes, unsigned interface) {
    if (!on_datagram) return Sent::Closed;
    if (bytes.size() <= datagram_bytes_max) {
      if (queue.empty() && transmit(to, bytes, interface)) return Sent::Queued;
      if (queue.size() < limits.queue_datagrams_max && queued_bytes + bytes.size() <= limits.queue_bytes_max) {
        queued_bytes += bytes.size();
        queue.push_back({to, interface, to_bytes(bytes)});
        wait_writable();
        return Sent::Queued;
      }
    }
    ++counters.dropped;
    return Sent::Dropped;
  }

  ConnectionService& service;
  udp::socket socket;
  DatagramLimits limits;
  std::shared_ptr<OnDatagram> on_datagram;  // empty: closed
  int family = AF_INET;
  std::uint16_t port = 0;
  std::deque<Waiting> queue;
  std::size_t queued_bytes = 0;
  bool write_waiting = false;
  DatagramCounters counters;
  std::string problem;
};

Result<std::unique_ptr<DatagramSocket>, NetError> DatagramSocket::open(EventLoop& loop, const DatagramOptions& options,
                                                                       OnDatagram on_datagram) {
  if (!on_datagram) on_datagram = [](ByteView, const Arrival&) {};
  auto core = std::make_shared<Core>(loop.asio(), options.limits, std::move(on_datagram));
  core->family = options.at.is_v4() ? AF_INET : AF_INET6;
  const bool v4 = core->family == AF_INET;
  const auto fail = [&](int code) {
    return failure(net_error("cannot receive datagrams at " + options.at.text(), code));
  };
  error_code error;
  core->socket.open(v4 ? udp::v4() : udp::v6(), error);
  if (error) return fail(error.value());
  core->socket.native_non_blocking(true, error);
  const int fd = core->socket.native_handle();
  bool fine = !error && set_option(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1);
  if (fine && options.share_port) fine = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (fine && !v4) fine = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  const auto name = to_system(options.at, core->family);
  if (!fine || !name) return fail(errno);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&*name), system_length(core->family)) != 0) return fail(errno);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return fail(errno);
  core->port = from_system(bound).port;
  core->wait_readable();
  return std::unique_ptr<DatagramSocket>(new DatagramSocket(std::move(core)));
}

DatagramSocket::DatagramSocket(std::shared_ptr<Core> core) : core_(std::move(core)) {}
DatagramSocket::~DatagramSocket() { core_->close(); }

Sent DatagramSocket::send_to(const UdpAddress& to, ByteView bytes, unsigned interface) {
  return core_->send(to, bytes, interface);
}

std::size_t DatagramSocket::waiting_bytes() const {
  int in_system = 0;
  ::ioctl(core_->socket.native_handle(), SIOCOUTQ, &in_system);
  return core_->queued_bytes + static_cast<std::size_t>(in_system < 0 ? 0 : in_system);
}

std::uint16_t DatagramSocket::port() const { return core_->port; }
const DatagramCounters& DatagramSocket::counters() const { return core_->counters; }
const std::string& DatagramSocket::problem() const { return core_->problem; }
int DatagramSocket::descriptor() const { return core_->socket.native_handle(); }

namespace {

struct ResolvingCore : std::enable_shared_from_this<ResolvingCore> {
  explicit ResolvingCore(asio::io_context& io) : resolver(io) {}
  udp::resolver resolver;
  std::function<void(Result<UdpAddress, NetError>)> done;  // empty: finished or cancelled

  void finish(Result<UdpAddress, NetError> outcome) {
    if (const auto callback = std::exchange(done, nullptr)) callback(std::move(outcome));
  }
};

class AsioResolving final : public UdpResolving {
 public:
  explicit AsioResolving(std::shared_ptr<ResolvingCore> core) : core_(std::move(core)) {}
  ~AsioResolving() override {
    core_->done = nullptr;
    core_->resolver.cancel();
  }

 private:
  std::shared_ptr<ResolvingCore> core_;
};

}  // namespace

std::unique_ptr<UdpResolving> resolve_udp(EventLoop& loop, const Endpoint& of,
                                          std::function<void(Result<UdpAddress, NetError>)> done) {
  auto core = std::make_shared<ResolvingCore>(loop.asio());
  core->done = std::move(done);
  if (const auto literal = UdpAddress::from(of)) {
    asio::post(loop.asio(), [core, address = *literal] { core->finish(address); });
    return std::make_unique<AsioResolving>(core);
  }
  core->resolver.async_resolve(
      of.host, std::to_string(of.port), [core, of](const error_code& error, const udp::resolver::results_type& found) {
        if (error || found.empty()) {
          const auto why = error ? error.message() : std::string("it has no address");
          return core->finish(failure(NetError{fmt::format("the name '{}' is not known: {}", of.host, why)}));
        }
        sockaddr_storage name{};
        const auto endpoint = found.begin()->endpoint();
        std::memcpy(&name, endpoint.data(), endpoint.size());
        core->finish(from_system(name));
      });
  return std::make_unique<AsioResolving>(core);
}

}  // namespace airbridge::net
