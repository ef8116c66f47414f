// ./dev bench fanout [--short]: the TAK gateway and the byte relay in turn, each a process of its own on core 0, the
// load on core 1; then a whole node in the gateway's place (rows fanout_node_*): log, picture, page and all. Rows: name
// value unit goal ratio ok|short. Figures are medians over pairs of runs; on a busy machine only the contrast within a
// pair means something.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Result {
  double expected = 0, delivered = 0, p50_ms = 0, p99_ms = 0, cpu_us = 0, rss_kb = 0;
  double ratio() const { return expected > 0 ? delivered / expected : 0; }
  // Behind for good: events still missing seconds after the last was sent. How late they come has a row of its own.
  bool collapsed() const { return ratio() < 0.999; }
};
struct Load {
  int clients = 50, stalled = 0;
  double warm = 2, seconds = 6;
  int seed = 1;
};

std::string folder_of_this_program() {
  char path[PATH_MAX] = {};
  const auto length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  const std::string full(path, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  return full.substr(0, full.rfind('/') + 1);
}

// Starts a program on a core, its output in a pipe.
struct Child {
  pid_t pid = -1;
  std::FILE* out = nullptr;
};
Child start(const std::vector<std::string>& words, int core) {
  int ends[2];
  if (::pipe(ends) != 0) std::exit(1);
  const pid_t pid = ::fork();
  if (pid == 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(core), &set);
    if (::sysconf(_SC_NPROCESSORS_ONLN) > 1) ::sched_setaffinity(0, sizeof set, &set);
    ::dup2(ends[1], 1);
    ::close(ends[0]);
    ::close(ends[1]);
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  return {pid, ::fdopen(ends[0], "r")};
}
void end(Child& child, bool by_signal) {
  if (by_signal) ::kill(child.pid, SIGTERM);
  std::fclose(child.out);
  ::waitpid(child.pid, nullptr, 0);
}

sockaddr_in loopback(int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  return out;
}
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  auto at = loopback(0);
  socklen_t size = sizeof at;
  ::bind(socket, reinterpret_cast<sockaddr*>(&at), size);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(socket);
  return ntohs(at.sin_port);
}
bool answers(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto at = loopback(port);
  const bool ok = ::connect(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(socket);
  return ok;
}

[[noreturn]] void did_not_start(const std::string& server) {
  fmt::print(stderr, "{} did not start\n", server);
  std::exit(1);
}

const std::string whole_node = "node";

// The node of a new incident, in `folder`; the port of its TAK gateway.
Child start_node(const std::string& folder, int& port) {
  const auto program = folder_of_this_program() + "../app/airbridge";
  std::filesystem::remove_all(folder);
  auto making =
      start({program, "init", "--dir", folder, "--name", "POST 1", "--operator", "Bench", "--incident", "Bench"}, 0);
  end(making, false);
  port = free_port();
  auto out = start({program, "node", "--dir", folder, "--http", "127.0.0.1:0", "--tak",
                    fmt::format("127.0.0.1:{}", port), "--set", "peers.listen=", "--set", "log.level=error"},
                   0);
  for (int tries = 0; !answers(port); ++tries) {
    if (tries == 100) did_not_start(program);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return out;
}

Child start_server(const std::string& server, const std::string& folder, int& port) {
  if (server == whole_node) return start_node(folder, port);
  auto out = start({folder_of_this_program() + server}, 0);
  if (std::fscanf(out.out, "port %d", &port) != 1) did_not_start(server);
  return out;
}

Result measure(const std::string& server, const Load& load) {
  const auto here = folder_of_this_program();
  const auto folder = fmt::format("fanout_bench.{}", ::getpid());
  int port = 0;
  auto serving = start_server(server, folder, port);
  auto loading =
      start({here + "fanout_load", "--port", std::to_string(port), "--pid", std::to_string(serving.pid), "--clients",
             std::to_string(load.clients), "--stalled", std::to_string(load.stalled), "--warm",
             std::to_string(load.warm), "--seconds", std::to_string(load.seconds), "--seed", std::to_string(load.seed)},
            1);
  Result out;
  if (std::fscanf(loading.out, "%lf %lf %lf %lf %lf %lf", &out.expected, &out.delivered, &out.p50_ms, &out.p99_ms,
                  &out.cpu_us, &out.rss_kb) != 6) {
    fmt::print(stderr, "the load did not finish\n");
  }
  end(loading, false);
  end(serving, true);
  std::filesystem::remove_all(folder);
  fmt::print(stderr,
             "  {:13} {:3} clients {} stalled: {:.4f} delivered, p50 {:.2f} ms, p99 {:.2f} ms, {:.2f} us a delivery, "
             "{:.1f} MB\n",
             server, load.clients, load.stalled, out.ratio(), out.p50_ms, out.p99_ms, out.cpu_us, out.rss_kb / 1024);
  return out;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void row(const std::string& name, double value, const char* unit, const std::string& goal, double ratio, bool ok) {
  fmt::print("{:32} {:10.3f} {:6} {:>16} {:8.3f} {}\n", name, value, unit, goal, ratio, ok ? "ok" : "short");
  std::fflush(stdout);
}

struct Pairs {
  std::vector<Result> relay, ours;
};
Pairs measure_pairs(const std::string& server, Load load, int count) {
  Pairs out;
  for (int i = 0; i < count; ++i) {
    load.seed = i + 1;
    // The one that goes first changes, so that a drift of the machine favours neither.
    if (i % 2 == 0) out.relay.push_back(measure("relay", load));
    out.ours.push_back(measure(server, load));
    if (i % 2 != 0) out.relay.push_back(measure("relay", load));
  }
  return out;
}

void report(const std::string& prefix, const Load& load, const Pairs& pairs) {
  std::vector<double> cpu, cpu_ratio, p99, p99_goal, rss;
  int collapsed = 0;
  for (std::size_t i = 0; i < pairs.ours.size(); ++i) {
    const auto &ours = pairs.ours[i], &relay = pairs.relay[i];
    cpu.push_back(ours.cpu_us);
    cpu_ratio.push_back(ours.cpu_us / relay.cpu_us);
    p99.push_back(ours.p99_ms);
    p99_goal.push_back(2 * relay.p99_ms + 3);
    rss.push_back(ours.rss_kb);
    collapsed += ours.collapsed() ? 1 : 0;
  }
  const auto name = fmt::format("{}{}_", prefix, load.clients);
  const auto runs = static_cast<double>(pairs.ours.size());
  row(name + "cpu_per_delivery", median(cpu), "us", "<=1.0xrelay", median(cpu_ratio), median(cpu_ratio) <= 1.0);
  row(name + "p99", median(p99), "ms", fmt::format("<={:.2f}", median(p99_goal)), median(p99) / median(p99_goal),
      median(p99) <= median(p99_goal));
  row(name + "runs_without_collapse", runs - collapsed, "runs", fmt::format("{:.0f}of{:.0f}", runs, runs),
      (runs - collapsed) / runs, collapsed == 0);
  const auto rss_goal = 25.0 * 1024 + 64.0 * load.clients;
  row(name + "peak_rss", median(rss) / 1024, "MB", fmt::format("<={:.1f}", rss_goal / 1024), median(rss) / rss_goal,
      median(rss) <= rss_goal);
}

void report_stalled(const Load& load, int count) {
  auto with = load;
  with.stalled = 3;
  std::vector<double> delivered, p99, p99_ratio, rss;
  for (int i = 0; i < count; ++i) {
    const auto free = measure("fanout_server", load);
    const auto held = measure("fanout_server", with);
    delivered.push_back(held.ratio());
    p99.push_back(held.p99_ms);
    p99_ratio.push_back(held.p99_ms / free.p99_ms);
    rss.push_back(held.rss_kb);
  }
  const auto name = fmt::format("fanout_{}_stalled3_", load.clients);
  row(name + "delivered", median(delivered), "ratio", ">=1.0", median(delivered), median(delivered) >= 1.0);
  row(name + "p99", median(p99), "ms", "<=2xwithout", median(p99_ratio), median(p99_ratio) <= 2.0);
  const auto rss_goal = 25.0 * 1024 + 64.0 * (load.clients + with.stalled);
  row(name + "peak_rss", median(rss) / 1024, "MB", fmt::format("<={:.1f}", rss_goal / 1024), median(rss) / rss_goal,
      median(rss) <= rss_goal);
}

}  // namespace

int main(int count, char** words) {
  bool quick = false;
  for (int i = 1; i < count; ++i) quick = quick || std::string(words[i]) == "--short";
  const Load fifty{.clients = 50, .warm = quick ? 1.0 : 2.0, .seconds = quick ? 3.0 : 6.0};
  const Load two_hundred{.clients = 200, .warm = fifty.warm, .seconds = fifty.seconds};
  const std::string gateway = "fanout_server";
  for (const auto& load : {fifty, two_hundred}) {
    report("fanout_", load, measure_pairs(gateway, load, quick ? 1 : 10));
  }
  for (const auto& load : {fifty, two_hundred}) {
    report("fanout_node_", load, measure_pairs(whole_node, load, quick ? 1 : 5));
  }
  report_stalled(two_hundred, quick ? 1 : 3);
}
