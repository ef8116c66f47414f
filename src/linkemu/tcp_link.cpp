#include <algorithm>
#include <deque>
#include <limits>
#include <map>

#include "linkemu/emulator.hpp"

namespace airbridge::linkemu {
namespace {

constexpr std::size_t connections_max = 64;
constexpr std::size_t chunk_bytes_max = 16 * 1024;
constexpr std::size_t chunk_bytes_min = 64;
constexpr Microseconds chunk_span{20'000};               // of the link's rate, in one piece
constexpr std::size_t receiver_bytes_max = 1024 * 1024;  // that wait for a slow reader before its sender is stopped
constexpr Milliseconds connect_timeout{10'000};

class TcpLink final : public Link {
 public:
  TcpLink(net::EventLoop& loop, LinkNature nature, std::uint64_t seed, const StationSpec& spec, bool down_closes)
      : loop_(loop),
        spec_(spec),
        down_closes_(down_closes),
        queue_bytes_max_(nature.queue_bytes_max),
        channel_(as_stream(nature), 2, seed) {
    const auto of_rate =
        static_cast<std::size_t>(static_cast<double>(nature.rate_bps) / 8e6 * static_cast<double>(chunk_span.count()));
    chunk_bytes_ = nature.rate_bps == 0 ? chunk_bytes_max : std::clamp(of_rate, chunk_bytes_min, chunk_bytes_max);
  }
  ~TcpLink() override { close_all(); }

  Result<void, net::NetError> open() {
    net::ListenerLimits limits;
    limits.connections_max = connections_max;
    auto made = net::listen(loop_, spec_.at, limits,
                            [this](std::shared_ptr<net::Connection> caller) { take(std::move(caller)); });
    if (!made) return failure(made.error());
    listener_ = *std::move(made);
    watch_outages();
    return {};
  }

  std::vector<std::string> stations() const override {
    return {"tcp " + net::Endpoint{spec_.at.host, listener_->port()}.text(), "tcp to " + spec_.to->text()};
  }
  const LinkCounters& counters() const override { return channel_.counters(); }
  Microseconds elapsed() const override { return watch_.elapsed(); }
  void set_down(bool down) override {
    pump();
    channel_.set_down(down, watch_.elapsed());
    if (down && down_closes_) close_all();
    pump();
  }

 private:
  // A connection through the link: side 0 is who called, side 1 whom we called for it.
  struct Pair {
    std::shared_ptr<net::Connection> side[2];
    bool started[2] = {false, false};
    bool paused[2] = {false, false};
    std::unique_ptr<net::Connector> connector;
  };
  // What a packet of the channel belongs to. Nothing is lost or reordered, so one queue a direction is enough.
  struct Piece {
    std::uint64_t pair = 0;
    bool is_end = false;
  };

  static LinkNature as_stream(LinkNature nature) {
    nature.waits_out_outages = true;
    nature.loss = nature.duplicated = nature.reordered = nature.burst_loss.share = 0;
    nature.mtu = chunk_bytes_max;
    nature.queue_bytes_max = std::numeric_limits<std::size_t>::max();  // read_more() keeps the real limit
    return nature;
  }

  void take(std::shared_ptr<net::Connection> caller) {
    if (down_closes_ && channel_.is_out(watch_.elapsed())) return caller->close();
    const auto id = ++pairs_made_;
    auto& pair = pairs_[id];
    pair.side[0] = std::move(caller);
    pair.connector = net::connect(loop_, *spec_.to, limits(), connect_timeout,
                                  [this, id](Result<std::shared_ptr<net::Connection>, net::NetError> outcome) {
                                    const auto found = pairs_.find(id);
                                    if (found == pairs_.end()) return;
                                    if (!outcome) return drop(id);
                                    found->second.side[1] = *std::move(outcome);
                                    found->second.side[0]->set_limits(limits());
                                    start(id, 0);
                                    start(id, 1);
                                  });
  }
  static net::ConnectionLimits limits() {
    net::ConnectionLimits out;
    out.queue_bytes_max = 4 * receiver_bytes_max;
    out.write_stall_max = Milliseconds(0);
    return out;
  }

  void start(std::uint64_t id, int side) {
    const auto found = pairs_.find(id);
    if (found == pairs_.end() || !found->second.side[side]) return;
    found->second.started[side] = true;
    found->second.side[side]->start({[this, id, side](ByteView bytes) { heard(id, side, bytes); },
                                     [this, id, side](const std::string&) { ended(id, side); }, [this] { pump(); }});
  }
  void heard(std::uint64_t id, int side, ByteView bytes) {
    const auto now = watch_.elapsed();
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(chunk_bytes_, bytes.size()))) {
      offer({id, false}, side, to_bytes(bytes.first(std::min(chunk_bytes_, bytes.size()))), now);
    }
    pump();
  }
  void ended(std::uint64_t id, int side) {
    const auto found = pairs_.find(id);
    if (found == pairs_.end()) return;
    found->second.side[side].reset();
    offer({id, true}, side, {}, watch_.elapsed());
    pump();
  }
  void offer(Piece piece, int side, Bytes bytes, Microseconds now) {
    pieces_[side].push_back(piece);
    channel_.offer(static_cast<std::size_t>(side), std::move(bytes), now);
  }

  void pump() {
    if (pumping_) return;
    pumping_ = true;
    for (auto& arrival : channel_.take(watch_.elapsed())) {
      const int to = static_cast<int>(arrival.to);
      const auto piece = pieces_[1 - to].front();
      pieces_[1 - to].pop_front();
      const auto found = pairs_.find(piece.pair);
      if (found == pairs_.end()) continue;  // closed meanwhile
      auto& receiver = found->second.side[to];
      if (piece.is_end) {
        if (receiver) receiver->close_after_sending();
        pairs_.erase(found);
      } else if (receiver) {
        receiver->send(std::move(arrival.packet));
      }
    }
    read_more();
    pumping_ = false;
    const auto next = channel_.next();
    if (!next) return timer_.reset();
    const auto wait = std::chrono::ceil<Milliseconds>(std::max(Microseconds(0), *next - watch_.elapsed()));
    timer_ = loop_.after(wait, [this] { pump(); });
  }
  // Senders stop while their direction's queue or their receiver is full.
  void read_more() {
    for (auto& [id, pair] : pairs_) {
      for (int side = 0; side < 2; ++side) {
        if (!pair.side[side] || !pair.started[side]) continue;
        const auto& other = pair.side[1 - side];
        const bool full = channel_.queued_bytes(static_cast<std::size_t>(side)) >= queue_bytes_max_ ||
                          (other && other->queued_bytes() >= receiver_bytes_max);
        if (full == pair.paused[side]) continue;
        pair.paused[side] = full;
        pair.side[side]->pause_reading(full);
      }
    }
  }

  void drop(std::uint64_t id) {
    const auto found = pairs_.find(id);
    if (found == pairs_.end()) return;
    for (auto& side : found->second.side) {
      if (side) side->close();
    }
    pairs_.erase(found);
  }
  void close_all() {
    while (!pairs_.empty()) drop(pairs_.begin()->first);
  }
  void watch_outages() {
    if (!down_closes_) return;
    const auto now = watch_.elapsed();
    if (channel_.is_out(now)) close_all();
    for (const auto& one : channel_.nature().outages) {
      if (one.from <= now) continue;
      outage_timer_ = loop_.after(std::chrono::ceil<Milliseconds>(one.from - now), [this] { watch_outages(); });
      return;
    }
  }

  net::EventLoop& loop_;
  StationSpec spec_;
  bool down_closes_;
  std::size_t queue_bytes_max_;
  std::size_t chunk_bytes_ = chunk_bytes_max;
  Stopwatch watch_;
  Channel channel_;
  std::deque<Piece> pieces_[2];  // by the side they come from
  std::map<std::uint64_t, Pair> pairs_;
  std::uint64_t pairs_made_ = 0;
  std::unique_ptr<net::Listener> listener_;
  std::shared_ptr<net::EventLoop::Timer> timer_, outage_timer_;
  bool pumping_ = false;
};

}  // namespace

Result<std::unique_ptr<Link>, net::NetError> open_tcp_link(net::EventLoop& loop, const LinkNature& nature,
                                                           std::uint64_t seed, const StationSpec& spec,
                                                           bool down_closes) {
  auto link = std::make_unique<TcpLink>(loop, nature, seed, spec, down_closes);
  if (auto opened = link->open(); !opened) return failure(opened.error());
  return link;
}

}  // namespace airbridge::linkemu
