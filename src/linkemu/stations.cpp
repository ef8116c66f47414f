#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "linkemu/emulator.hpp"
#include "net/datagram.hpp"
#include "net/kiss.hpp"

namespace airbridge::linkemu {
namespace {

namespace asio = boost::asio;
using net::NetError;

class UdpStation final : public Station {
 public:
  static Result<std::unique_ptr<Station>, NetError> open(net::EventLoop& loop, const StationSpec& spec,
                                                         OnPacket on_packet) {
    auto station = std::make_unique<UdpStation>();
    net::DatagramOptions options;
    const auto at = net::UdpAddress::from(spec.at);
    if (!at) return failure(NetError{"'" + spec.at.host + "' is no address to listen on"});
    options.at = *at;
    if (spec.to) {
      station->peer_ = net::UdpAddress::from(*spec.to);
      station->learns_ = false;
      if (!station->peer_) return failure(NetError{"'" + spec.to->host + "' is no address to send to"});
    }
    auto socket = net::DatagramSocket::open(
        loop, options,
        [self = station.get(), on_packet = std::move(on_packet)](ByteView bytes, const net::Arrival& arrival) {
          if (self->learns_) self->peer_ = arrival.from;
          on_packet(to_bytes(bytes));
        });
    if (!socket) return failure(socket.error());
    station->at_ = options.at;
    station->at_.port = (*socket)->port();
    station->socket_ = *std::move(socket);
    return station;
  }
  void deliver(ByteView packet) override {
    if (peer_) socket_->send_to(*peer_, packet);
  }
  std::string text() const override { return "udp " + at_.text(); }

 private:
  net::UdpAddress at_;
  std::optional<net::UdpAddress> peer_;
  bool learns_ = true;
  std::unique_ptr<net::DatagramSocket> socket_;
};

// One client at a time; who comes later takes the place of the one before.
class TncStation final : public Station {
 public:
  static Result<std::unique_ptr<Station>, NetError> open(net::EventLoop& loop, const StationSpec& spec,
                                                         OnPacket on_packet) {
    auto station = std::make_unique<TncStation>();
    auto* const self = station.get();
    self->on_packet_ = std::move(on_packet);
    net::ListenerLimits limits;
    limits.connections_max = 8;
    auto listener = net::listen(loop, spec.at, limits, [self](std::shared_ptr<net::Connection> client) {
      if (self->client_) self->client_->close();
      self->decoder_.reset();
      self->client_ = std::move(client);
      self->client_->start({[self](ByteView bytes) {
                              self->decoder_.feed(bytes, [self](std::uint8_t, ByteView payload) {
                                self->on_packet_(to_bytes(payload));
                              });
                            },
                            [self](const std::string&) { self->client_.reset(); },
                            {}});
    });
    if (!listener) return failure(listener.error());
    self->listener_ = *std::move(listener);
    self->host_ = spec.at.host;
    return station;
  }
  ~TncStation() override {
    if (client_) client_->close();
  }
  void deliver(ByteView packet) override {
    if (client_) client_->send(net::kiss_frame(0, packet));
  }
  std::string text() const override { return "tnc " + net::Endpoint{host_, listener_->port()}.text(); }

 private:
  OnPacket on_packet_;
  std::string host_;
  net::KissDecoder decoder_;
  std::shared_ptr<net::Connection> client_;
  std::unique_ptr<net::Listener> listener_;
};

// A pseudo-terminal whose slave the process under test opens by a symbolic link. While nobody has it open, reading says
// so at once, again and again: then it is asked ten times a second.
class Tty final : public std::enable_shared_from_this<Tty> {
 public:
  static constexpr std::size_t raw_packet_bytes = 64;
  static constexpr Milliseconds nobody_wait{100};

  Tty(net::EventLoop& loop, bool framed, Station::OnPacket on_packet)
      : loop_(loop), framed_(framed), on_packet_(std::move(on_packet)), master_(loop.asio()) {}
  ~Tty() { close(); }

  Result<void, NetError> open(const std::string& path) {
    const int fd = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    char name[128] = {};
    if (fd < 0 || ::grantpt(fd) != 0 || ::unlockpt(fd) != 0 || ::ptsname_r(fd, name, sizeof name) != 0)
      return failure(NetError{"cannot make a pseudo-terminal", errno});
    master_.assign(fd);
    termios mode{};
    ::tcgetattr(fd, &mode);
    ::cfmakeraw(&mode);
    ::tcsetattr(fd, TCSANOW, &mode);
    std::error_code error;
    if (std::filesystem::is_symlink(path, error)) std::filesystem::remove(path, error);
    std::filesystem::create_symlink(name, path, error);
    if (error) return failure(NetError{fmt::format("cannot link {} to {}: {}", path, name, error.message())});
    path_ = path;
    wait();
    return {};
  }
  void close() {
    on_packet_ = nullptr;
    boost::system::error_code ignored;
    master_.close(ignored);
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove(path_, error);
    path_.clear();
  }
  void deliver(ByteView packet) {
    const auto bytes = framed_ ? net::kiss_frame(0, packet) : to_bytes(packet);
    // What does not fit because nobody reads is lost, whole or in part; the framing finds its way again.
    [[maybe_unused]] const auto put = ::write(master_.native_handle(), bytes.data(), bytes.size());
  }
  std::string text() const { return (framed_ ? "tty " : "raw ") + path_; }

 private:
  void wait() {
    master_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [weak = weak_from_this()](const boost::system::error_code& error) {
                         const auto self = weak.lock();
                         if (!error && self && self->on_packet_) self->read_some();
                       });
  }
  void read_some() {
    std::array<std::uint8_t, 4'096> buffer{};
    const auto got = ::read(master_.native_handle(), buffer.data(), buffer.size());
    if (got <= 0 && errno != EAGAIN) {
      timer_ = loop_.after(nobody_wait, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->on_packet_) self->wait();
      });
      return decoder_.reset();
    }
    ByteView bytes(buffer.data(), static_cast<std::size_t>(got < 0 ? 0 : got));
    if (framed_) {
      decoder_.feed(bytes, [this](std::uint8_t, ByteView payload) { on_packet_(to_bytes(payload)); });
    } else {
      for (; !bytes.empty(); bytes = bytes.subspan(std::min(raw_packet_bytes, bytes.size()))) {
        on_packet_(to_bytes(bytes.first(std::min(raw_packet_bytes, bytes.size()))));
      }
    }
    wait();
  }

  net::EventLoop& loop_;
  bool framed_;
  Station::OnPacket on_packet_;  // empty: closed
  asio::posix::stream_descriptor master_;
  std::string path_;
  net::KissDecoder decoder_;
  std::shared_ptr<net::EventLoop::Timer> timer_;
};

// Owns a Tty, which asio's callbacks hold weakly.
class TtyStation final : public Station {
 public:
  explicit TtyStation(std::shared_ptr<Tty> tty) : tty_(std::move(tty)) {}
  ~TtyStation() override { tty_->close(); }
  void deliver(ByteView packet) override { tty_->deliver(packet); }
  std::string text() const override { return tty_->text(); }

 private:
  std::shared_ptr<Tty> tty_;
};

}  // namespace

Result<std::unique_ptr<Station>, NetError> open_station(net::EventLoop& loop, const StationSpec& spec,
                                                        Station::OnPacket on_packet) {
  switch (spec.kind) {
    case StationSpec::Kind::Udp:
      return UdpStation::open(loop, spec, std::move(on_packet));
    case StationSpec::Kind::Tnc:
      return TncStation::open(loop, spec, std::move(on_packet));
    case StationSpec::Kind::Tty:
    case StationSpec::Kind::Raw: {
      auto tty = std::make_shared<Tty>(loop, spec.kind == StationSpec::Kind::Tty, std::move(on_packet));
      if (auto opened = tty->open(spec.path); !opened) return failure(opened.error());
      return std::make_unique<TtyStation>(std::move(tty));
    }
    case StationSpec::Kind::Tcp:
      break;
  }
  return failure(NetError{"a tcp proxy is no station of a packet link"});
}

}  // namespace airbridge::linkemu
