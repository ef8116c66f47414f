// The load of the fan-out benchmark: N clients that each send a position of 640 bytes at a rate, evenly spread, and
// read everybody else's. Open loop: latency counts from the moment an event was due, not from when it could be sent, so
// a server that falls behind cannot hide it. An event is known by its sender's uid and, as height, its sequence number.
//
//   fanout_load --port N --pid SERVER [--clients 50] [--rate 1] [--warm 2] [--seconds 6] [--stalled 0] [--seed 1]
//
// Prints one line: expected delivered p50_ms p99_ms cpu_us_per_delivery peak_rss_kb. CPU and memory are the server's.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t event_bytes = 640;
constexpr double drain_seconds_max = 3;
constexpr int stalled_receive_buffer = 4096;

double clock_seconds(clockid_t clock) {
  timespec at{};
  ::clock_gettime(clock, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}
double now() { return clock_seconds(CLOCK_MONOTONIC); }

struct Options {
  int port = 0, pid = 0, clients = 50, stalled = 0;
  unsigned seed = 1;
  double rate = 1, warm = 2, seconds = 6;
};

Options read_options(int count, char** words) {
  std::map<std::string, double> given;
  for (int i = 1; i + 1 < count; i += 2) given[words[i]] = std::atof(words[i + 1]);
  const auto get = [&](const char* name, double fallback) { return given.contains(name) ? given[name] : fallback; };
  return {.port = static_cast<int>(get("--port", 0)),
          .pid = static_cast<int>(get("--pid", 0)),
          .clients = static_cast<int>(get("--clients", 50)),
          .stalled = static_cast<int>(get("--stalled", 0)),
          .seed = static_cast<unsigned>(get("--seed", 1)),
          .rate = get("--rate", 1),
          .warm = get("--warm", 2),
          .seconds = get("--seconds", 6)};
}

int connect_to(int port, int receive_buffer) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    std::perror("connect");
    std::exit(2);
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

std::string utc(std::time_t at) {
  char out[32];
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
  return out;
}

std::string position(int client, int sequence) {
  const auto time = std::time(nullptr);
  auto out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<event version=\"2.0\" uid=\"LOAD-{0:04}\" "
      "type=\"a-f-G-U-C\" "
      "time=\"{2}\" start=\"{2}\" stale=\"{3}\" how=\"m-g\"><point lat=\"46.{0:04}1\" lon=\"7.96543\" hae=\"{1}\" "
      "ce=\"9.5\" "
      "le=\"9999999.0\"/><detail><takv device=\"LOAD\" platform=\"ATAK-CIV\" os=\"33\" version=\"5.2.0\"/><contact "
      "callsign=\"L {0}\" "
      "endpoint=\"*:-1:stcp\"/><uid Droid=\"L {0}\"/><precisionlocation altsrc=\"GPS\" geopointsrc=\"GPS\"/><__group "
      "role=\"Medic\" "
      "name=\"Green\"/><status battery=\"71\"/><track course=\"183.2\" speed=\"1.4\"/>",
      client, sequence, utc(time), utc(time + 75));
  constexpr std::string_view end = "</detail></event>", open = "<remarks>", close = "</remarks>";
  const auto bare = out.size() + end.size() + open.size() + close.size();
  if (bare < event_bytes) out += fmt::format("{}{}{}", open, std::string(event_bytes - bare, 'x'), close);
  return out += end;
}

// Reads a decimal number right after `key` in `text`; -1 when it is not there.
int number_after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == text.npos) return -1;
  int out = -1;
  std::from_chars(text.data() + at + key.size(), text.data() + text.size(), out);
  return out;
}

struct Load {
  explicit Load(const Options& options) : o(options) {}
  Options o;
  int epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> fds;
  std::vector<std::string> half;  // of an event, by client
  std::vector<double> phases;     // of each client, in periods
  std::vector<double> latencies;
  double start = 0;
  int first_counted = 0, last_counted = 0;  // sequence numbers, half open

  double due(int client, int sequence) const {
    return start + (static_cast<double>(sequence) + phases[static_cast<std::size_t>(client)]) / o.rate;
  }

  void take(std::string_view event, double at) {
    const int client = number_after(event, "uid=\"LOAD-"), sequence = number_after(event, "hae=\"");
    if (client < 0 || client >= o.clients || sequence < first_counted || sequence >= last_counted) return;
    latencies.push_back(at - due(client, sequence));
  }

  void read(std::size_t client) {
    static char buffer[256 * 1024];
    const auto got = ::recv(fds[client], buffer, sizeof buffer, MSG_DONTWAIT);
    if (got <= 0) {
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      std::fprintf(stderr, "the server closed client %zu\n", client);
      ::epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fds[client], nullptr);
      return;
    }
    const auto at = now();
    auto& rest = half[client];
    rest.append(buffer, static_cast<std::size_t>(got));
    constexpr std::string_view end = "</event>";
    std::size_t from = 0;
    for (auto stop = rest.find(end); stop != rest.npos; stop = rest.find(end, from)) {
      take(std::string_view(rest).substr(from, stop - from), at);
      from = stop + end.size();
    }
    rest.erase(0, from);
  }

  // Never sleeps: a reader that dozes off between two events makes the server pay, inside its send, for waking it, and
  // how often depends on how the two happen to keep step. Real clients are on other machines.
  void serve_until(double until) {
    epoll_event events[256];
    while (now() < until) {
      const int ready = ::epoll_wait(epoll_fd, events, 256, 0);
      for (int i = 0; i < ready; ++i) read(events[i].data.u64);
    }
  }

  int run() {
    for (int i = 0; i < o.stalled; ++i) connect_to(o.port, stalled_receive_buffer);
    for (int i = 0; i < o.clients; ++i) {
      fds.push_back(connect_to(o.port, 0));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = static_cast<std::uint64_t>(i);
      ::epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds.back(), &event);
    }
    half.resize(fds.size());
    first_counted = static_cast<int>(o.warm * o.rate);
    last_counted = first_counted + static_cast<int>(o.seconds * o.rate);
    const auto expected = static_cast<std::size_t>(last_counted - first_counted) * static_cast<std::size_t>(o.clients) *
                          static_cast<std::size_t>(o.clients - 1);
    latencies.reserve(expected);
    clockid_t server_cpu{};
    if (::clock_getcpuclockid(o.pid, &server_cpu) != 0) return 3;

    std::mt19937 random(o.seed);
    for (int i = 0; i < o.clients; ++i) phases.push_back(std::uniform_real_distribution<>(0, 1)(random));
    std::sort(phases.begin(), phases.end());  // so that clients are due in the order of their numbers
    start = now() + 0.3;
    double cpu_before = 0;
    for (int sequence = 0; sequence < last_counted; ++sequence) {
      for (int client = 0; client < o.clients; ++client) {
        serve_until(due(client, sequence));
        if (sequence == first_counted && client == 0) cpu_before = clock_seconds(server_cpu);
        const auto event = position(client, sequence);
        if (::send(fds[static_cast<std::size_t>(client)], event.data(), event.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(event.size())) {
          std::perror("send");
        }
      }
    }
    const auto give_up = now() + drain_seconds_max;
    while (latencies.size() < expected && now() < give_up) serve_until(now() + 0.02);
    const auto cpu = clock_seconds(server_cpu) - cpu_before;

    std::sort(latencies.begin(), latencies.end());
    const auto at = [&](double part) {
      return latencies.empty()
                 ? 1e6
                 : latencies[static_cast<std::size_t>(part * static_cast<double>(latencies.size() - 1))] * 1e3;
    };
    long rss = 0;
    std::ifstream status(fmt::format("/proc/{}/status", o.pid));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) rss = std::atol(line.c_str() + 6);
    }
    fmt::print("{} {} {:.3f} {:.3f} {:.3f} {}\n", expected, latencies.size(), at(0.5), at(0.99),
               cpu * 1e6 / std::max<double>(1, static_cast<double>(latencies.size())), rss);
    return 0;
  }
};

}  // namespace

int main(int count, char** words) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return Load(read_options(count, words)).run();
}
