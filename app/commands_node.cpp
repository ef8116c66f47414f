// node: runs until it is asked to stop.
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "base/log.hpp"
#include "cli_support.hpp"
#include "config.hpp"
#include "home.hpp"
#include "node.hpp"
#include "service.hpp"
#include "version.hpp"

namespace airbridge::app {
namespace {

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::Debug;
  if (name == "warn") return log::Level::Warn;
  if (name == "error") return log::Level::Error;
  return log::Level::Info;
}

// Many clients, many segments: take what the system allows.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65'536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void, std::string> read_settings(const Common& common, const NodeOptions& options, Config& config) {
  auto file = options.config;
  if (file.empty()) {
    const auto own = std::filesystem::path(common.dir) / "airbridge.toml";
    if (std::filesystem::exists(own)) file = own.string();
  }
  if (const auto loaded = load_config(file, config); !loaded) return failure(loaded.error().text);
  for (const auto& item : options.set) {
    const auto equals = item.find('=');
    if (equals == std::string::npos) return failure(fmt::format("--set {}: write section.key=value", item));
    if (const auto set = set_option(config, "--set", item.substr(0, equals), item.substr(equals + 1)); !set)
      return failure(set.error().text);
  }
  if (!options.http.empty()) {
    config.http_listen = options.http;
    config.said_at["http.listen"] = "--http";
  }
  if (!options.listen.empty()) {
    config.peers_listen = options.listen;
    config.said_at["peers.listen"] = "--listen";
  }
  if (options.tak == "off") {
    config.tak_enabled = false;
  } else if (!options.tak.empty()) {
    config.tak_listen = options.tak;
    config.said_at["tak.listen"] = "--tak";
  }
  config.peers.insert(config.peers.end(), options.peers.begin(), options.peers.end());
  config.bearers.insert(config.bearers.end(), options.bearers.begin(), options.bearers.end());
  config.adsb_connect.insert(config.adsb_connect.end(), options.adsb.begin(), options.adsb.end());
  config.insecure_lab = config.insecure_lab || options.insecure_lab;
  return {};
}

// Read twice: the first time says which profile it is, whose defaults the second begins with.
Result<Config, std::string> settings(const Common& common, const NodeOptions& options) {
  Config config;
  if (const auto read = read_settings(common, options, config); !read) return failure(read.error());
  config = defaults_of(config.profile);
  if (const auto read = read_settings(common, options, config); !read) return failure(read.error());
  if (const auto whole = check_config(config); !whole) return failure(whole.error().text);
  return config;
}

// The allocator keeps what is freed for later, and the more the larger the pieces were. A box with little memory wants
// it back. Before any thread is made.
void give_memory_back() {
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
  ::mallopt(M_ARENA_MAX, 2);
}

}  // namespace

int run_node(const Common& common, const NodeOptions& options) {
  const auto config = settings(common, options);
  if (!config) return complain("{}", config.error()), 2;
  for (const auto& words : unknown_environment()) complain("warning: {}", words);
  log::configure(level_of(config->log_level), config->log_format == "json" ? log::Format::Json : log::Format::Text);
  raise_file_limit();
  if (config->profile == "portable") give_memory_back();

  // Signals are taken by this thread alone; the others start with them blocked.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  auto home = open_home(common.dir);
  if (!home) return complain("{}", home.error().text);
  const auto name = printable(shown_name(*home, *config));
  const auto incident = home->genesis.name;
  const bool exercise = home->genesis.exercise;
  const SystemClock clock;
  auto node = Node::start(std::move(*home), *config, clock);
  if (!node) return complain("{}", node.error());
  const auto ports = (*node)->ports();
  const auto host = config->http_listen.substr(0, config->http_listen.rfind(':'));
  const auto address = fmt::format("{}:{}", host, ports.http);
  const auto running = std::filesystem::path(common.dir) / running_file;
  if (const auto written = write_file(running, fmt::format("{} {}\n", ::getpid(), address), 0644); !written) {
    log::warn("node", "the other subcommands will not find this node", {{"why", written.error().text}});
  }
  log::info("node", "running",
            {{"version", version},
             {"name", name},
             {"incident", incident},
             {"http", ports.http},
             {"tak", ports.tak},
             {"peers", ports.peers}});
  fmt::print("\n  {} - {}{}\n  page        http://{}/\n", name, printable(incident), exercise ? " - EXERCISE" : "",
             address);
  if (ports.tak != 0)
    fmt::print("  TAK         {}:{} (CoT XML over TCP)\n", config->tak_listen.substr(0, config->tak_listen.rfind(':')),
               ports.tak);
  if (ports.peers != 0)
    fmt::print("  other nodes {}:{}\n", config->peers_listen.substr(0, config->peers_listen.rfind(':')), ports.peers);
  if (config->insecure_lab) fmt::print("  INSECURE LAB: anybody on the network can read and write everything\n");
  fmt::print("  Ctrl-C stops it\n\n");
  std::fflush(stdout);
  notify_service("READY=1");

  int signal = 0;
  ::sigwait(&signals, &signal);
  log::info("node", "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  notify_service("STOPPING=1");
  (*node)->stop();
  std::error_code ignored;
  std::filesystem::remove(running, ignored);
  log::info("node", "stopped");
  return 0;
}

}  // namespace airbridge::app
