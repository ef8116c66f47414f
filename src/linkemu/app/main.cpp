// airbridge-linkemu: a bad link between real processes, for tests and trials.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "linkemu/emulator.hpp"

using namespace airbridge;
using namespace airbridge::linkemu;

namespace {

constexpr const char* stations_help =
    "one end of the link:\n"
    "  udp:[HOST:]PORT[,to=HOST:PORT]  datagrams; without to=, back to where the last one came from\n"
    "  tnc:[HOST:]PORT                 a modem that speaks KISS over TCP\n"
    "  tty:PATH                        a modem that speaks KISS on a serial port (a pseudo-terminal linked at PATH)\n"
    "  raw:PATH                        a serial port without framing\n"
    "  tcp:[HOST:]PORT,to=HOST:PORT    alone: a proxy, which delays bytes and loses none\n"
    "Two or more share one channel and hear each other. PORT alone is of 127.0.0.1; 0 takes a free one.";

struct Options {
  LinkNature nature;
  std::vector<StationSpec> stations;
  std::uint64_t seed = 1;
  bool verbose = false, down_closes = false, control = false;
  Milliseconds stop_after{0};
};

// Adds an option whose text `read` turns into a value.
template <class Read, class Store>
void add(CLI::App& program, const std::string& name, const std::string& words, Read read, Store store) {
  program.add_option_function<std::string>(
      name,
      [=](const std::string& text) {
        auto value = read(text);
        if (!value) throw CLI::ValidationError(name, value.error());
        store(*value);
      },
      words);
}

void describe_options(CLI::App& program, Options& options) {
  auto& nature = options.nature;
  const auto to_size = [](std::size_t& into) { return [&into](std::uint64_t value) { into = value; }; };
  const auto to_time = [](Microseconds& into) { return [&into](Milliseconds value) { into = value; }; };
  const auto to_share = [](double& into) { return [&into](double value) { into = value; }; };
  add(program, "--rate", "bit/s: 2400, 64k, 100M; without it there is no limit", parse_rate_bps,
      [&nature](std::uint64_t value) { nature.rate_bps = value; });
  add(program, "--delay", "one way: 500ms, 2s", parse_span, to_time(nature.delay));
  add(program, "--jitter", "up to so much more delay, by chance; keeps the order", parse_span, to_time(nature.jitter));
  add(program, "--loss", "of packets, each by itself: 10%", parse_share, to_share(nature.loss));
  add(program, "--burst-loss", "of packets, in bursts of a mean length: 20%:4", parse_burst_loss,
      [&nature](BurstLoss value) { nature.burst_loss = value; });
  add(program, "--duplicate", "share of packets that come twice", parse_share, to_share(nature.duplicated));
  add(program, "--reorder", "share of packets that are held back", parse_share, to_share(nature.reordered));
  add(program, "--reorder-hold", "for up to so long (200ms)", parse_span, to_time(nature.reorder_hold));
  program.add_flag("--half-duplex", nature.half_duplex, "one frequency for all stations");
  add(program, "--turn-round", "half duplex: before another than the last begins, 350ms", parse_span,
      to_time(nature.turn_round));
  add(program, "--hold-max", "half duplex: one may go on for so long (20s)", parse_span, to_time(nature.hold_max));
  add(program, "--mtu", "longer packets are lost, bytes", parse_byte_count, to_size(nature.mtu));
  add(program, "--queue", "of a station's waiting packets, bytes (64kB); further ones are lost", parse_byte_count,
      to_size(nature.queue_bytes_max));
  add(program, "--head", "what each packet costs besides, bytes (0)", parse_byte_count, to_size(nature.head_bytes));
  add(program, "--down", "outages since the start: 30s-45s,120s-150s", parse_outages,
      [&nature](std::vector<Outage> value) { nature.outages = std::move(value); });
  program.add_flag("--down-closes", options.down_closes,
                   "tcp: an outage ends the connections instead of stalling them");
  program.add_option("--seed", options.seed, "of everything by chance")->capture_default_str();
  add(program, "--for", "stop after so long", parse_span,
      [&options](Milliseconds value) { options.stop_after = value; });
  program.add_flag("--verbose", options.verbose, "statistics each second");
  program.add_flag("--control", options.control,
                   "read lines from standard input: down, up, stats; its end stops the program");
  program
      .add_option_function<std::vector<std::string>>(
          "STATION",
          [&options](const std::vector<std::string>& texts) {
            for (const auto& text : texts) {
              auto station = parse_station(text);
              if (!station) throw CLI::ValidationError("STATION", station.error());
              options.stations.push_back(*std::move(station));
            }
            if (auto fine = check_stations(options.stations); !fine)
              throw CLI::ValidationError("STATION", fine.error());
          },
          stations_help)
      ->required();
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// Waits for lines on standard input, beside the loop.
void listen_for_orders(const std::stop_token& stop, net::EventLoop& loop, Link& link) {
  std::string held;
  while (!stop.stop_requested()) {
    pollfd entry{STDIN_FILENO, POLLIN, 0};
    if (::poll(&entry, 1, 200) <= 0) continue;
    char buffer[256];
    const auto got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got <= 0) return loop.stop();
    held.append(buffer, static_cast<std::size_t>(got));
    for (auto end = held.find('\n'); end != held.npos; end = held.find('\n')) {
      const auto order = held.substr(0, end);
      held.erase(0, end + 1);
      loop.post([&link, order] {
        if (order == "down" || order == "up") {
          link.set_down(order == "down");
          say(order);
        } else if (order == "stats") {
          say(describe(link.counters(), link.elapsed()));
        } else {
          say("unknown order; down, up or stats");
        }
      });
    }
    if (held.size() > 1'000) held.clear();
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program{"A bad link between real processes: rate, delay, loss, half duplex, outages; from a seed."};
  Options options;
  describe_options(program, options);
  CLI11_PARSE(program, argc, argv);

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  net::EventLoop loop;
  auto link = options.stations.size() == 1
                  ? open_tcp_link(loop, options.nature, options.seed, options.stations[0], options.down_closes)
                  : open_packet_link(loop, options.nature, options.seed, options.stations);
  if (!link) {
    std::fprintf(stderr, "airbridge-linkemu: %s\n", link.error().what.c_str());
    return 1;
  }
  const auto names = (*link)->stations();
  for (std::size_t i = 0; i < names.size(); ++i) say(fmt::format("station {}: {}", i, names[i]));
  say("ready");

  std::jthread signals([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const timespec patience{0, 200'000'000};
      if (sigtimedwait(&ends, nullptr, &patience) > 0) return loop.stop();
    }
  });
  std::jthread orders;
  if (options.control) {
    orders = std::jthread([&](const std::stop_token& stop) { listen_for_orders(stop, loop, **link); });
  }
  std::shared_ptr<net::EventLoop::Timer> every_second, end;
  if (options.verbose) {
    every_second = loop.every(Milliseconds(1'000), [&] { say(describe((*link)->counters(), (*link)->elapsed())); });
  }
  if (options.stop_after.count() > 0) end = loop.after(options.stop_after, [&] { loop.stop(); });
  loop.run();
  say(describe((*link)->counters(), (*link)->elapsed()));
  return 0;
}
