#include "bearer_port.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.hpp"
#include "net/kiss_line.hpp"
#include "net/multicast.hpp"

namespace airbridge::app {
namespace {

constexpr std::size_t ip_udp_bytes = 28;       // IPv4 and UDP heads (RFC 791, RFC 768)
constexpr std::size_t line_frames_max = 4;     // that wait for a modem: later ones would be old when they leave
constexpr std::size_t line_bytes_min = 1'024;  // ... yet at least so many bytes
constexpr std::uint16_t any_port = 0;

SteadyTime steady_now() { return std::chrono::time_point_cast<Milliseconds>(std::chrono::steady_clock::now()); }

// To one other node, or, when only a place to listen is named, to all that lately came there with authentic frames.
class UdpPort final : public BearerPort {
 public:
  UdpPort(net::EventLoop& loop, const BearerSpec& spec, OnFrame on_frame)
      : loop_(loop), to_(spec.to), on_frame_(std::move(on_frame)) {}

  Result<void, std::string> open(const BearerSpec& spec) {
    net::Endpoint at{to_ && to_->is_loopback() ? "127.0.0.1" : "::", any_port};
    if (to_ && to_->host == "::1") at.host = "::1";
    if (spec.listen) at = *spec.listen;
    net::DatagramOptions options;
    const auto address = net::UdpAddress::from(at);
    if (!address) return failure(fmt::format("'{}' is no address of this machine to listen at", at.host));
    options.at = *address;
    auto socket = net::DatagramSocket::open(
        loop_, options, [this](ByteView frame, const net::Arrival& arrival) { heard(frame, arrival.from); });
    if (!socket && !spec.listen && at.host == "::") {  // a machine without IPv6
      options.at = *net::UdpAddress::from({"0.0.0.0", any_port});
      socket = net::DatagramSocket::open(
          loop_, options, [this](ByteView frame, const net::Arrival& arrival) { heard(frame, arrival.from); });
    }
    if (!socket) return failure(socket.error().what);
    socket_ = *std::move(socket);
    if (to_) resolve();
    return {};
  }

  void send(ByteView frame) override {
    if (to_) {
      if (!peer_ || socket_->send_to(*peer_, frame) != net::Sent::Queued) ++dropped_;
      return;
    }
    forget_old();
    for (const auto& [address, heard] : senders_) {
      if (socket_->send_to(address, frame) != net::Sent::Queued) ++dropped_;
    }
  }
  std::string problem() const override { return resolve_problem_.empty() ? socket_->problem() : resolve_problem_; }
  std::uint64_t dropped() const override { return dropped_; }
  std::size_t overhead() const override { return ip_udp_bytes; }
  std::uint16_t port() const override { return socket_->port(); }
  bool wants_senders() const override { return !to_; }
  void met(Sender sender) override {
    if (sender == Sender::Unknown) return;
    forget_old();
    const bool is_outdated = sender == Sender::Outdated;
    const auto known = senders_.find(from_);
    if (is_outdated && known != senders_.end()) return;
    if (known == senders_.end() && senders_.size() >= udp_senders_max) {
      if (is_outdated) return;
      senders_.erase(std::min_element(senders_.begin(), senders_.end(), [](const auto& a, const auto& b) {
        return a.second.is_outdated != b.second.is_outdated ? a.second.is_outdated : a.second.until < b.second.until;
      }));
    }
    senders_[from_] = {steady_now() + (is_outdated ? udp_outdated_kept : udp_sender_kept), is_outdated};
  }

 private:
  // An address is kept for as long as it is heard; one that only played an old frame briefly, and in nobody's place.
  struct Heard {
    SteadyTime until{};
    bool is_outdated = false;
  };
  void heard(ByteView frame, const net::UdpAddress& from) {
    from_ = from;
    on_frame_(frame);
  }
  void forget_old() {
    const auto now = steady_now();
    std::erase_if(senders_, [&](const auto& one) { return one.second.until < now; });
  }
  // A name may get another address (a new lease, a new cell): it is asked again and again.
  void resolve() {
    resolving_ = net::resolve_udp(loop_, *to_, [this](Result<net::UdpAddress, net::NetError> found) {
      if (found) {
        peer_ = *found;
        resolve_problem_.clear();
        if (net::UdpAddress::from(*to_)) return;  // a literal stays what it is
      } else if (!peer_) {
        resolve_problem_ = found.error().what;
      }
      timer_ = loop_.after(resolve_again, [this] { resolve(); });
    });
  }

  net::EventLoop& loop_;
  std::optional<net::Endpoint> to_;
  OnFrame on_frame_;
  std::optional<net::UdpAddress> peer_;
  net::UdpAddress from_;  // of the frame being taken
  std::map<net::UdpAddress, Heard> senders_;
  std::string resolve_problem_;
  std::uint64_t dropped_ = 0;
  std::unique_ptr<net::DatagramSocket> socket_;
  std::unique_ptr<net::UdpResolving> resolving_;
  std::shared_ptr<net::EventLoop::Timer> timer_;
};

class MulticastPort final : public BearerPort {
 public:
  static Result<std::unique_ptr<BearerPort>, std::string> open(net::EventLoop& loop, const BearerSpec& spec,
                                                               OnFrame on_frame) {
    auto port = std::make_unique<MulticastPort>();
    net::MulticastOptions options;
    options.group = *spec.to;
    options.interface = spec.interface;
    options.hops = spec.hops;
    auto socket = net::MulticastSocket::open(
        loop, options, [on_frame = std::move(on_frame)](ByteView frame, const net::UdpAddress&) { on_frame(frame); });
    if (!socket) return failure(socket.error().what);
    port->socket_ = *std::move(socket);
    return port;
  }
  void send(ByteView frame) override {
    if (socket_->send(frame) != net::Sent::Queued) ++dropped_;
  }
  std::string problem() const override { return socket_->problem(); }
  std::uint64_t dropped() const override { return dropped_; }
  std::size_t overhead() const override { return ip_udp_bytes; }

 private:
  std::uint64_t dropped_ = 0;
  std::unique_ptr<net::MulticastSocket> socket_;
};

class ModemPort final : public BearerPort {
 public:
  ModemPort(net::EventLoop& loop, const BearerSpec& spec, OnFrame on_frame)
      : waiting_max_(std::max(line_bytes_min, line_frames_max * spec.profile.mtu)),
        line_(loop, options_of(spec),
              {[name = spec.name] { log::info("bearer", "the line to a modem is open", {{"bearer", name}}); },
               [on_frame = std::move(on_frame)](ByteView frame) { on_frame(frame); },
               [this, name = spec.name](const std::string& why) {
                 if (why == said_) return;  // once, however often it is tried
                 said_ = why;
                 log::warn("bearer", "a modem is away", {{"bearer", name}, {"why", why}});
               }}) {
    line_.start();
  }
  void send(ByteView frame) override {
    if (line_.waiting_bytes() > waiting_max_ || line_.send(frame) != net::Sent::Queued) ++dropped_;
  }
  std::string problem() const override { return line_.why(); }
  std::uint64_t dropped() const override { return dropped_; }
  std::size_t overhead() const override { return 3; }  // two FENDs and the type; escapes are not counted

 private:
  static net::KissLineOptions options_of(const BearerSpec& spec) {
    net::KissLineOptions out;
    if (spec.kind == BearerSpec::Kind::Serial) {
      net::SerialOptions serial;
      serial.device = spec.device;
      serial.baud = spec.baud;
      out.line = serial;
    } else {
      net::LastingOptions to;
      to.to = *spec.to;
      out.line = to;
    }
    out.port = spec.kiss_port;
    out.parameters = spec.kiss;
    return out;
  }

  std::size_t waiting_max_;
  std::string said_;
  std::uint64_t dropped_ = 0;
  net::KissLine line_;
};

}  // namespace

Result<std::unique_ptr<BearerPort>, std::string> open_port(net::EventLoop& loop, const BearerSpec& spec,
                                                           BearerPort::OnFrame on_frame) {
  switch (spec.kind) {
    case BearerSpec::Kind::Udp: {
      auto port = std::make_unique<UdpPort>(loop, spec, std::move(on_frame));
      if (auto opened = port->open(spec); !opened) return failure(opened.error());
      return port;
    }
    case BearerSpec::Kind::Multicast:
      return MulticastPort::open(loop, spec, std::move(on_frame));
    case BearerSpec::Kind::Serial:
    case BearerSpec::Kind::KissTcp:
      break;
  }
  return std::make_unique<ModemPort>(loop, spec, std::move(on_frame));
}

}  // namespace airbridge::app
