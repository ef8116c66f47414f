#include <fmt/format.h>

#include "linkemu/emulator.hpp"

namespace airbridge::linkemu {
namespace {

class PacketLink final : public Link {
 public:
  PacketLink(net::EventLoop& loop, const LinkNature& nature, std::uint64_t seed, std::size_t stations)
      : loop_(loop), channel_(nature, stations, seed) {}

  Result<void, net::NetError> open(const std::vector<StationSpec>& specs) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
      auto station = open_station(loop_, specs[i], [this, i](Bytes packet) {
        channel_.offer(i, std::move(packet), watch_.elapsed());
        pump();
      });
      if (!station) return failure(station.error());
      stations_.push_back(*std::move(station));
    }
    return {};
  }

  std::vector<std::string> stations() const override {
    std::vector<std::string> out;
    for (const auto& one : stations_) out.push_back(one->text());
    return out;
  }
  const LinkCounters& counters() const override { return channel_.counters(); }
  Microseconds elapsed() const override { return watch_.elapsed(); }
  void set_down(bool down) override {
    pump();
    channel_.set_down(down, watch_.elapsed());
    pump();
  }

 private:
  void pump() {
    for (const auto& arrival : channel_.take(watch_.elapsed())) stations_[arrival.to]->deliver(arrival.packet);
    const auto next = channel_.next();
    if (!next) return timer_.reset();
    const auto wait = std::chrono::ceil<Milliseconds>(std::max(Microseconds(0), *next - watch_.elapsed()));
    timer_ = loop_.after(wait, [this] { pump(); });
  }

  net::EventLoop& loop_;
  Stopwatch watch_;
  Channel channel_;
  std::vector<std::unique_ptr<Station>> stations_;
  std::shared_ptr<net::EventLoop::Timer> timer_;
};

}  // namespace

Result<std::unique_ptr<Link>, net::NetError> open_packet_link(net::EventLoop& loop, const LinkNature& nature,
                                                              std::uint64_t seed,
                                                              const std::vector<StationSpec>& specs) {
  auto link = std::make_unique<PacketLink>(loop, nature, seed, specs.size());
  if (auto opened = link->open(specs); !opened) return failure(opened.error());
  return link;
}

std::string describe(const LinkCounters& c, Microseconds elapsed) {
  const auto seconds = static_cast<double>(elapsed.count()) / 1e6;
  auto out = fmt::format("{:.0f} s: offered {} ({} B), arrived {} ({} B)", seconds, c.offered, c.offered_bytes,
                         c.arrived, c.arrived_bytes);
  const std::pair<const char*, std::uint64_t> rest[] = {{"lost", c.lost},
                                                        {"lost in outages", c.lost_in_outage},
                                                        {"too long", c.too_long},
                                                        {"queue full", c.queue_full},
                                                        {"duplicated", c.duplicated},
                                                        {"reordered", c.reordered}};
  for (const auto& [name, count] : rest) {
    if (count > 0) out += fmt::format(", {} {}", name, count);
  }
  if (seconds > 0)
    out += fmt::format(", channel busy {:.0f} %", 100 * static_cast<double>(c.busy.count()) / 1e6 / seconds);
  return out;
}

}  // namespace airbridge::linkemu
