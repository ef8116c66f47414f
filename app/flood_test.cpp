// Garbage at full rate into a real node, over TCP and into the socket of its UDP bearer, while an honest node goes on
// exchanging records with it over the same way.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/rng.hpp"
#include "net/datagram.hpp"
#include "sync/frame.hpp"
#include "sync/limits.hpp"
#include "sync/message.hpp"
#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app;
using namespace airbridge::app::test;

namespace {

// What a flood may add to the resident memory of a node, at its highest. AddressSanitizer keeps what was freed for a
// while; `small_quarantine` bounds that, so that the number means the node's own there too.
constexpr std::uint64_t growth_bytes_max = std::uint64_t{64} << 20;
const Env small_quarantine{{"ASAN_OPTIONS", "quarantine_size_mb=4:thread_local_quarantine_size_kb=64"}};
constexpr int flood_rounds = 12;               // records each way while it lasts
constexpr std::uint64_t flood_pieces = 1'000;  // and so many pieces of it at least
constexpr std::size_t flood_links = 6;

// Of a process, as the system counts it (proc(5)).
struct Usage {
  std::uint64_t peak_bytes = 0;
  double cpu_seconds = 0;

  explicit Usage(pid_t pid) {
    std::istringstream status(read_text(fmt::format("/proc/{}/status", pid)));
    for (std::string word; status >> word;) {
      if (word == "VmHWM:") status >> peak_bytes;
    }
    peak_bytes *= 1'024;
    const auto stat = read_text(fmt::format("/proc/{}/stat", pid));
    std::istringstream fields(stat.substr(stat.rfind(')') + 2));
    std::string skipped;
    for (int i = 3; i < 14; ++i) fields >> skipped;
    std::uint64_t user = 0, system = 0;
    fields >> user >> system;
    cpu_seconds = static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    REQUIRE(peak_bytes > 0);
  }
};

sockaddr_in loopback(const std::string& port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  return at;
}

// ---- over TCP -------------------------------------------------------------------------------------------------------

enum class Garbage { Bytes, Frames, GreetedFrames, GreetedNothing, Beginnings };
constexpr std::size_t garbage_kinds = 5;

Bytes random_bytes(Rng& rng, std::size_t size) {
  Bytes out(size);
  rng.fill(out);
  return out;
}

// Writes garbage to one port over several links at once, each opened anew when the node closes it.
class TcpFlood {
 public:
  TcpFlood(const std::string& address, const model::IncidentId& incident)
      : at_(loopback(address.substr(address.rfind(':') + 1))), incident_(incident), thread_([this] { run(); }) {}
  ~TcpFlood() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t bytes() const { return bytes_; }    // that left here
  std::uint64_t closed() const { return closed_; }  // links that the node closed
  std::uint64_t pieces() const { return pieces_; }

 private:
  struct Link {
    int fd = -1;
    Garbage kind = Garbage::Bytes;
    Bytes unsent;
    bool greeted = false;
  };

  Bytes hello() {
    sync::Hello hello;
    hello.version = sync::protocol_version;
    hello.incident = incident_;
    rng_.fill(hello.node.value);
    hello.name = "FLOOD";
    hello.run = rng_();
    auto out = sync::encode(hello);
    const auto vector = sync::encode(sync::VectorMessage{});
    out.insert(out.end(), vector.begin(), vector.end());
    return out;
  }
  Bytes piece(Link& link) {
    Bytes out;
    const auto add = [&](const Bytes& bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
    const bool greets = link.kind == Garbage::GreetedFrames || link.kind == Garbage::GreetedNothing;
    if (greets && !std::exchange(link.greeted, true)) add(hello());
    switch (link.kind) {
      case Garbage::Bytes:
        return random_bytes(rng_, 1 + rng_.below(64 * 1'024));
      case Garbage::Beginnings:  // of a frame as long as one may be, that never ends
        if (!std::exchange(link.greeted, true)) out = {0x00, 0x17, 0xFF, 0x00, 0x05};
        add(random_bytes(rng_, 32 * 1'024));
        return out;
      case Garbage::Frames:
      case Garbage::GreetedFrames:
        for (int i = 0; i < 50; ++i)
          add(sync::make_frame(static_cast<std::uint8_t>(rng_.below(24)), random_bytes(rng_, rng_.below(600))));
        return out;
      case Garbage::GreetedNothing:  // good messages that say nothing and want to be answered
        for (int i = 0; i < 50; ++i) {
          model::StreamId stream{{{}, 1}, model::Class::Urgent, {}};
          rng_.fill(stream.writer.author.value);
          switch (rng_.below(4)) {
            case 0:
              add(sync::encode(sync::Ping{rng_(), {}}));
              break;
            case 1:
              add(sync::encode(sync::AskVector{}));
              break;
            case 2:
              add(sync::encode(sync::ChainQuery{stream, {1, 2, 3}}));
              break;
            default:
              add(sync::make_frame(200, random_bytes(rng_, 100)));  // of a version to come
          }
        }
        return out;
    }
    return out;
  }

  void open(Link& link) {
    link.kind = static_cast<Garbage>(next_kind_++ % garbage_kinds);
    link.unsent.clear();
    link.greeted = false;
    link.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (::connect(link.fd, reinterpret_cast<const sockaddr*>(&at_), sizeof at_) != 0 && errno != EINPROGRESS)
      close(link);
  }
  void close(Link& link) {
    if (link.fd >= 0) ::close(link.fd);
    link.fd = -1;
    ++closed_;
  }
  // What the node says is not read, but its end is noticed.
  void write(Link& link, short events) {
    char some[4'096];
    const bool ended = (events & POLLIN) != 0 && ::recv(link.fd, some, sizeof some, 0) == 0;
    if (ended || (events & (POLLERR | POLLHUP)) != 0) return close(link);
    if ((events & POLLOUT) == 0) return;
    if (link.unsent.empty()) link.unsent = piece(link);
    const auto sent = ::send(link.fd, link.unsent.data(), link.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? void() : close(link);
    bytes_ += static_cast<std::uint64_t>(sent);
    link.unsent.erase(link.unsent.begin(), link.unsent.begin() + sent);
    if (link.unsent.empty()) ++pieces_;
  }
  void run() {
    std::array<Link, flood_links> links;
    while (!stop_) {
      std::array<pollfd, flood_links> polled;
      for (std::size_t i = 0; i < flood_links; ++i) {
        if (links[i].fd < 0) open(links[i]);
        polled[i] = {links[i].fd, POLLIN | POLLOUT, 0};
      }
      ::poll(polled.data(), polled.size(), 100);
      for (std::size_t i = 0; i < flood_links; ++i) {
        if (links[i].fd >= 0 && polled[i].revents != 0) write(links[i], polled[i].revents);
      }
    }
    for (auto& link : links) {
      if (link.fd >= 0) ::close(link.fd);
    }
  }

  sockaddr_in at_;
  model::IncidentId incident_;
  Rng rng_{20'261'123};
  std::size_t next_kind_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> bytes_ = 0, closed_ = 0, pieces_ = 0;
  std::thread thread_;
};

// ---- datagrams ------------------------------------------------------------------------------------------------------

// Stands between two nodes on UDP, carries what they say, and keeps some of it for the flood.
class Tap {
 public:
  explicit Tap(const std::string& to) {
    const auto peer = *net::UdpAddress::from({"127.0.0.1", static_cast<std::uint16_t>(std::stoi(to))});
    net::DatagramOptions options;
    options.at = *net::UdpAddress::from({"127.0.0.1", 0});
    thread_.call([&] {
      near_ = net::DatagramSocket::open(thread_.loop(), options, [this, peer](ByteView bytes, const auto& arrival) {
                from_ = arrival.from;
                keep(bytes);
                far_->send_to(peer, bytes);
              }).value();
      far_ = net::DatagramSocket::open(thread_.loop(), options, [this](ByteView bytes, const auto&) {
               keep(bytes);
               if (from_) near_->send_to(*from_, bytes);
             }).value();
    });
  }
  ~Tap() {
    thread_.call([&] {
      near_.reset();
      far_.reset();
    });
  }
  std::uint16_t port() const { return near_->port(); }
  std::vector<Bytes> kept() {
    const std::scoped_lock lock(mutex_);
    return kept_;
  }

 private:
  static constexpr std::size_t kept_max = 500;
  void keep(ByteView bytes) {
    const std::scoped_lock lock(mutex_);
    if (kept_.size() < kept_max) kept_.push_back(to_bytes(bytes));
  }
  LoopThread thread_;
  std::unique_ptr<net::DatagramSocket> near_, far_;
  std::optional<net::UdpAddress> from_;
  std::mutex mutex_;
  std::vector<Bytes> kept_;
};

// Datagrams at full rate: random, and of real ones what was cut, flipped, or said before.
class UdpFlood {
 public:
  UdpFlood(std::uint16_t port, std::vector<Bytes> real)
      : at_(loopback(std::to_string(port))), real_(std::move(real)), thread_([this] { run(); }) {}
  ~UdpFlood() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t pieces() const { return pieces_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Bytes piece() {
    const auto kind = rng_.below(5);
    if (kind == 0) return random_bytes(rng_, rng_.below(1'472));
    if (kind == 1) return random_bytes(rng_, 20'000 + rng_.below(45'000));
    auto out = real_[rng_.below(real_.size())];
    if (kind == 2) out.resize(rng_.below(out.size()));
    if (kind == 3) out[rng_.below(out.size())] ^= static_cast<std::uint8_t>(1U << rng_.below(8));
    return out;
  }
  void run() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    while (!stop_) {
      const auto datagram = piece();
      const auto sent =
          ::sendto(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&at_), sizeof at_);
      if (sent < 0) continue;
      ++pieces_;
      bytes_ += static_cast<std::uint64_t>(sent);
    }
    ::close(fd);
  }
  sockaddr_in at_;
  std::vector<Bytes> real_;
  Rng rng_{20'261'123};
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> bytes_ = 0, pieces_ = 0;
  std::thread thread_;
};

// Two nodes that exchange records, before and during a flood.
struct Conversation {
  TestNode& a;
  TestNode& b;
  int said = 0;

  bool exchange(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const auto of_a = a.create("site", site(fmt::format("a {}", ++said)));
      const auto of_b = b.create("site", site(fmt::format("b {}", said)));
      const auto holds = [](const TestNode& node, const std::string& id) {
        return node.get("/api/v1/entities/" + id).status == 200;
      };
      if (!eventually([&] { return holds(a, of_b) && holds(b, of_a); })) return false;
    }
    return true;
  }
  // Until the flood was long enough to mean something.
  template <class Flood>
  bool exchange_under(Flood& flood) {
    bool fine = exchange(flood_rounds);
    while (fine && flood.pieces() < flood_pieces) fine = exchange(1);
    return fine;
  }
};

// A post and a truck of one incident, joined by TCP.
struct Pair {
  static std::filesystem::path founded(const Folder& folder) {
    init_node(folder / "a", "POST 1");
    join_node(folder / "a", folder / "b", "TRUCK 2");
    return folder / "a";
  }
  Folder folder;
  TestNode a{founded(folder), {"--tak", "off"}, small_quarantine};
  TestNode b{folder / "b", {"--tak", "off", "--peer", a.peers()}};
};

bool says(const TestNode& node, std::string_view words) {
  return eventually([&] { return json::serialize(node.status().at("problems")).find(words) != std::string::npos; });
}

}  // namespace

TEST_CASE("garbage at full rate over TCP costs a node little memory, is named, and stops nobody else") {
  Pair pair;
  auto& [folder, a, b] = pair;
  Conversation conversation{a, b};
  REQUIRE(conversation.exchange(5));
  const auto events = a.journal().size();
  const Usage before(a.process().pid());

  const auto incident = model::IncidentId::from_hex(a.status().at("incident").at("id").as_string());
  REQUIRE(incident);
  TcpFlood flood(a.peers(), *incident);
  const int said_before = conversation.said;
  CHECK(conversation.exchange_under(flood));
  CHECK(says(a, "sent what is not taken"));
  flood.stop();

  const Usage after(a.process().pid());
  const auto grown = after.peak_bytes - before.peak_bytes;
  MESSAGE(fmt::format(
      "{} MB in {} pieces over {} links that were closed; {:.1f} s of CPU, {} kB more at the highest, log {} kB",
      flood.bytes() / 1'000'000, flood.pieces(), flood.closed(), after.cpu_seconds - before.cpu_seconds, grown / 1'000,
      a.log().size() / 1'000));
  CHECK(grown < growth_bytes_max);
  // Nothing of it became an event, and what it was is gone.
  CHECK(a.journal().size() == events + 2 * static_cast<std::size_t>(conversation.said - said_before));
  CHECK(agree(a, b));
  CHECK(eventually([&] { return a.status().at("peers").as_array().size() == 1; }));
}

TEST_CASE("a flood of false, cut, flipped and replayed datagrams costs a node little, is counted, and stops nobody") {
  Pair pair;
  auto& [folder, a, b] = pair;
  REQUIRE(agree(a, b));  // by cable, so that each knows who belongs to the incident
  REQUIRE(a.stop() == 0);
  REQUIRE(b.stop() == 0);
  const ReservedPort reserved;
  const auto port = reserved.number();
  Tap tap(std::to_string(port));
  a.set_args({"--tak", "off", "--bearer", fmt::format("udp://?listen=127.0.0.1:{}&interval=1s", port)});
  b.set_args({"--tak", "off", "--bearer", fmt::format("udp://127.0.0.1:{}?interval=1s", tap.port())});
  a.start();
  b.start();
  Conversation conversation{a, b};
  REQUIRE(conversation.exchange(5));
  const auto events = a.journal().size();
  const Usage before(a.process().pid());

  UdpFlood flood(port, tap.kept());
  const int said_before = conversation.said;
  CHECK(conversation.exchange_under(flood));
  flood.stop();

  const Usage after(a.process().pid());
  const auto grown = after.peak_bytes - before.peak_bytes;
  const auto refused = [&] { return a.status().at("bearers").as_array().at(0).at("refused").as_object(); };
  MESSAGE(fmt::format("{} MB in {} datagrams; {:.1f} s of CPU, {} kB more at the highest; refused: {}",
                      flood.bytes() / 1'000'000, flood.pieces(), after.cpu_seconds - before.cpu_seconds, grown / 1'000,
                      json::serialize(refused())));
  CHECK(grown < growth_bytes_max);
  CHECK(a.journal().size() == events + 2 * static_cast<std::size_t>(conversation.said - said_before));
  CHECK(refused().at("forged, damaged or under another key").to_number<std::uint64_t>() > 0);
  CHECK(refused().at("heard before").to_number<std::uint64_t>() > 0);
  CHECK(agree(a, b));
}
