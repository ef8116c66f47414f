#include "config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <variant>

#include "bearer_spec.hpp"

namespace airbridge::app {
namespace {

using Target = std::variant<std::string Config::*, bool Config::*, std::int64_t Config::*, double Config::*,
                            std::optional<double> Config::*, std::vector<std::string> Config::*>;

struct Option {
  std::string_view section;
  std::string_view key;
  Target target;
  std::string_view words;
  double low = 0;
  double high = 0;  // range of numbers when low < high
  std::vector<std::string_view> allowed = {};
  std::string path() const { return fmt::format("{}.{}", section, key); }
  std::string environment() const {
    auto name = fmt::format("AIRBRIDGE_{}_{}", section, key);
    for (auto& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
  }
};

const std::vector<Option>& options() {
  static const std::vector<Option> table = {
      {"node",
       "profile",
       &Config::profile,
       "what this box is; a few defaults follow from it",
       0,
       0,
       {"post", "vehicle", "portable"}},
      {"node", "name", &Config::name,
       "the name in its log, its status, on its page and in the status of nodes linked to it; empty: the name given at "
       "init. The journal names who wrote by the name granted at init, which stays"},
      {"http", "listen", &Config::http_listen, "address and port of the page and the API"},
      {"tak", "enabled", &Config::tak_enabled, "serve TAK clients"},
      {"tak", "listen", &Config::tak_listen, "address and port for TAK clients (CoT XML over TCP)"},
      {"tak", "clients_max", &Config::tak_clients_max, "TAK clients at once", 1, 10'000},
      {"tak", "idle_seconds", &Config::tak_idle_seconds,
       "a client silent for so long is closed; ATAK at rest reports every 180 s", 30, 86'400},
      {"peers", "listen", &Config::peers_listen, "address and port for other Airbridge nodes; empty: do not listen"},
      {"peers", "connect", &Config::peers,
       "other nodes to keep a link to, \"host:port\"; with what kind of way it is: "
       "\"lte=host:port?cost=3&budget=20MB/day&heartbeat=60s\". Of several ways to a node the cheapest that works is "
       "used"},
      {"bearers", "use", &Config::bearers,
       "ways to other nodes by datagrams, radio and serial lines: lan, multicast://, udp://, serial://, kiss-tcp://, "
       "with their options (docs/bearers.md); none unless said"},
      {"adsb", "connect", &Config::adsb_connect, "SBS-1 (BaseStation) sources, \"host:30003\""},
      {"adsb", "files", &Config::adsb_files,
       "recordings (SBS-1 text or aircraft.json) to play, marked as replayed; a relative path starts at the folder the "
       "program is started in"},
      {"adsb", "files_repeat", &Config::adsb_files_repeat, "play the recordings again and again"},
      {"adsb", "lines_per_second", &Config::adsb_lines_per_second, "speed of recordings whose clock stands still", 0.1,
       10'000},
      {"gnss", "gpsd", &Config::gnss_gpsd,
       "gpsd's JSON socket for the node's own position, \"127.0.0.1:2947\"; empty: none"},
      {"position", "latitude", &Config::position_latitude, "own position when nothing measures it, degrees", -90, 90},
      {"position", "longitude", &Config::position_longitude, "degrees", -180, 180},
      {"position", "height_m", &Config::position_height_m, "metres above the WGS 84 ellipsoid", -500, 9'000},
      {"maps", "files", &Config::map_files,
       "MBTiles or PMTiles files shown under the picture; a relative path starts at the folder the program is started "
       "in"},
      {"log",
       "level",
       &Config::log_level,
       "how much the diagnostics log says",
       0,
       0,
       {"debug", "info", "warn", "error"}},
      {"log", "format", &Config::log_format, "text for people, json for programs", 0, 0, {"text", "json"}},
      {"store", "disk_free_min_mib", &Config::disk_free_min_mib, "new writes are refused when less is free, MiB", 1,
       1'000'000},
      {"lab", "insecure", &Config::insecure_lab,
       "let listeners and links of peers.connect leave loopback although nothing authenticates users or encrypts TCP "
       "links yet; shown red on the page. Bearers do not need it"},
  };
  return table;
}

const Option* find(std::string_view section, std::string_view key) {
  for (const auto& option : options()) {
    if (option.section == section && option.key == key) return &option;
  }
  return nullptr;
}

// The option that shares the longest beginning or ending: enough to catch a slip of the fingers. Null: none is near.
const Option* nearest_option(std::string_view path) {
  const Option* best = nullptr;
  std::size_t best_score = 2;
  for (const auto& option : options()) {
    const auto name = option.path();
    std::size_t front = 0, back = 0;
    while (front < name.size() && front < path.size() && name[front] == path[front]) ++front;
    while (back < name.size() && back < path.size() && name[name.size() - 1 - back] == path[path.size() - 1 - back])
      ++back;
    if (front + back > best_score) {
      best_score = front + back;
      best = &option;
    }
  }
  return best;
}

std::string nearest(std::string_view path) {
  const auto* best = nearest_option(path);
  return best == nullptr ? std::string("see `airbridge config`") : fmt::format("did you mean {}?", best->path());
}

using Error = std::optional<std::string>;

Error check_range(const Option& option, double value) {
  if (option.low < option.high && !(value >= option.low && value <= option.high)) {
    return fmt::format("must be {}..{}, is {}", option.low, option.high, value);
  }
  return std::nullopt;
}

Error assign_text(Config& config, const Option& option, const std::string& text) {
  if (auto* member = std::get_if<std::string Config::*>(&option.target)) {
    if (!option.allowed.empty() &&
        std::find(option.allowed.begin(), option.allowed.end(), text) == option.allowed.end()) {
      return fmt::format("must be one of {}, is \"{}\"", fmt::join(option.allowed, ", "), text);
    }
    config.** member = text;
    return std::nullopt;
  }
  if (auto* member = std::get_if<std::vector<std::string> Config::*>(&option.target)) {
    auto& list = config.**member;
    list.clear();
    std::size_t from = 0;
    while (from <= text.size() && !text.empty()) {
      const auto comma = std::min(text.find(',', from), text.size());
      list.push_back(text.substr(from, comma - from));
      from = comma + 1;
    }
    return std::nullopt;
  }
  if (auto* member = std::get_if<bool Config::*>(&option.target)) {
    if (text == "true" || text == "1" || text == "yes") {
      config.** member = true;
    } else if (text == "false" || text == "0" || text == "no") {
      config.** member = false;
    } else {
      return fmt::format("must be true or false, is \"{}\"", text);
    }
    return std::nullopt;
  }
  double number = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{} || stop != text.data() + text.size()) return fmt::format("must be a number, is \"{}\"", text);
  if (auto error = check_range(option, number)) return error;
  if (auto* whole = std::get_if<std::int64_t Config::*>(&option.target)) {
    config.** whole = static_cast<std::int64_t>(number);
    if (static_cast<double>(config.**whole) != number) return fmt::format("must be a whole number, is {}", text);
  } else if (auto* real = std::get_if<double Config::*>(&option.target)) {
    config.** real = number;
  } else {
    config.*std::get<std::optional<double> Config::*>(option.target) = number;
  }
  return std::nullopt;
}

Error assign_node(Config& config, const Option& option, const toml::node& node) {
  if (std::holds_alternative<std::vector<std::string> Config::*>(option.target)) {
    const auto* array = node.as_array();
    if (array == nullptr) return "must be a list of texts, [\"...\"]";
    std::vector<std::string> list;
    for (const auto& item : *array) {
      const auto text = item.value<std::string>();
      if (!text || !item.is_string()) return "must be a list of texts, [\"...\"]";
      list.push_back(*text);
    }
    config.*std::get<std::vector<std::string> Config::*>(option.target) = std::move(list);
    return std::nullopt;
  }
  if (std::holds_alternative<std::string Config::*>(option.target)) {
    if (!node.is_string()) return "must be text in quotes";
    return assign_text(config, option, *node.value<std::string>());
  }
  if (std::holds_alternative<bool Config::*>(option.target)) {
    if (!node.is_boolean()) return "must be true or false";
    return assign_text(config, option, *node.value<bool>() ? "true" : "false");
  }
  if (!node.is_number()) return "must be a number";
  return assign_text(config, option, fmt::format("{}", *node.value<double>()));
}

std::string default_text(const Option& option, const Config& config = {}) {
  return std::visit(
      [&](auto member) -> std::string {
        const auto& value = config.*member;
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return fmt::format("\"{}\"", value);
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return "[]";
        } else if constexpr (std::is_same_v<T, std::optional<double>>) {
          return "";
        } else {
          return fmt::format("{}", value);
        }
      },
      option.target);
}

}  // namespace

Config defaults_of(std::string_view profile) {
  Config config;
  config.profile = profile;
  if (profile == "vehicle") {
    config.tak_clients_max = 50;
  } else if (profile == "portable") {
    config.tak_clients_max = 10;
    config.log_level = "warn";  // a card that wears out, a battery
  }
  return config;
}

Result<void, ConfigError> set_option(Config& config, const std::string& source, const std::string& key,
                                     const std::string& value) {
  const auto point = key.find('.');
  const auto* option = point == std::string::npos ? nullptr : find(key.substr(0, point), key.substr(point + 1));
  if (option == nullptr)
    return failure(ConfigError{fmt::format("{}: there is no option {}; {}", source, key, nearest(key))});
  if (auto error = assign_text(config, *option, value))
    return failure(ConfigError{fmt::format("{}: {}: {}", source, key, *error)});
  config.said_at[key] = source;
  return {};
}

Result<void, ConfigError> load_config(const std::string& path, Config& config) {
  if (!path.empty()) {
    toml::table table;
    try {
      table = toml::parse_file(path);
    } catch (const toml::parse_error& error) {
      const auto& at = error.source().begin;
      if (at.line == 0)  // not read at all
        return failure(ConfigError{fmt::format("{}: {}; `airbridge config` prints one", path, error.description())});
      return failure(ConfigError{fmt::format("{}:{}:{}: {}", path, at.line, at.column, error.description())});
    }
    for (const auto& [section, content] : table) {
      const auto* inner = content.as_table();
      const auto line = content.source().begin.line;
      if (inner == nullptr) {
        return failure(ConfigError{
            fmt::format("{}:{}: {} stands outside a section; {}", path, line, section.str(), nearest(section.str()))});
      }
      for (const auto& [key, node] : *inner) {
        const auto place = fmt::format("{}:{}", path, node.source().begin.line);
        const auto* option = find(section.str(), key.str());
        const auto name = fmt::format("{}.{}", section.str(), key.str());
        if (option == nullptr)
          return failure(ConfigError{fmt::format("{}: there is no option {}; {}", place, name, nearest(name))});
        if (auto error = assign_node(config, *option, node))
          return failure(ConfigError{fmt::format("{}: {}: {}", place, name, *error)});
        config.said_at[name] = place;
      }
    }
  }
  for (const auto& option : options()) {
    const auto name = option.environment();
    if (const char* value = std::getenv(name.c_str())) {
      if (auto error = assign_text(config, option, value))
        return failure(ConfigError{fmt::format("environment {}: {}", name, *error)});
      config.said_at[option.path()] = "environment " + name;
    }
  }
  return {};
}

Result<void, ConfigError> check_config(const Config& config) {
  const auto fault = [&](std::string_view option, std::string_view what) {
    const auto said = config.said_at.find(option);
    const auto place = said == config.said_at.end() ? std::string() : said->second + ": ";
    return failure(ConfigError{fmt::format("{}{}: {}", place, option, what)});
  };
  if (config.position_latitude && !config.position_longitude)
    return fault("position.latitude", "position.longitude is missing; a position needs both");
  if (config.position_longitude && !config.position_latitude)
    return fault("position.longitude", "position.latitude is missing; a position needs both");
  if (config.position_height_m && !config.position_latitude)
    return fault("position.height_m", "position.latitude and position.longitude are missing");
  const std::pair<std::string_view, const std::string*> listeners[] = {
      {"http.listen", &config.http_listen}, {"tak.listen", &config.tak_listen}, {"peers.listen", &config.peers_listen}};
  for (const auto& [option, text] : listeners) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    auto port = std::string_view(*text);
    if (port.starts_with(':')) port.remove_prefix(1);
    if (!port.empty() && std::all_of(port.begin(), port.end(), is_digit))
      return fault(option, fmt::format("\"{}\" is a port without an address; write \"127.0.0.1:{}\"", *text, port));
  }
  if (const auto bearers = parse_bearers(config.bearers); !bearers) return fault("bearers.use", bearers.error());
  return {};
}

std::vector<std::string> unknown_environment() {
  constexpr std::string_view prefix = "AIRBRIDGE_";
  std::vector<std::string> out;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const auto name = entry.substr(0, entry.find('='));
    if (!name.starts_with(prefix) || name == "AIRBRIDGE_DIR") continue;
    if (std::any_of(options().begin(), options().end(), [&](const auto& one) { return one.environment() == name; }))
      continue;
    // As a path: AIRBRIDGE_TAK_CLIENTSMAX is tak.clientsmax.
    std::string path(name.substr(prefix.size()));
    for (auto& c : path) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (const auto bar = path.find('_'); bar != std::string::npos) path[bar] = '.';
    const auto close = nearest_option(path);
    out.push_back(fmt::format(
        "environment {}: there is no such setting, and it is not used; {}", name,
        close == nullptr ? "see `airbridge config`" : fmt::format("did you mean {}?", close->environment())));
  }
  return out;
}

std::string file_problem(std::string_view option, const std::string& file, std::string_view what) {
  std::error_code error;
  const auto folder = std::filesystem::current_path(error);
  if (error || std::filesystem::path(file).is_absolute()) return fmt::format("{}: {}", option, what);
  return fmt::format("{}: {} (looked for in {})", option, what, folder.string());
}

namespace {
// "vehicle 50, portable 10": where a profile has another default.
std::string other_defaults(const Option& option) {
  std::string out;
  for (const auto* profile : {"vehicle", "portable"}) {
    const auto value = default_text(option, defaults_of(profile));
    if (option.path() == "node.profile" || value == default_text(option)) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", profile, value);
  }
  return out;
}
}  // namespace

std::string config_template() {
  std::string out = "# Airbridge node settings. Every option stands here with its default; uncomment to change.\n";
  std::string_view section;
  for (const auto& option : options()) {
    if (option.section != section) out += fmt::format("\n[{}]\n", section = option.section);
    const auto value = default_text(option);
    const auto others = other_defaults(option);
    out += fmt::format("# {}{}{}\n#{} = {}\n", option.words,
                       option.allowed.empty() ? "" : fmt::format(" ({})", fmt::join(option.allowed, ", ")),
                       others.empty() ? "" : "; " + others, option.key, value.empty() ? "0.0" : value);
  }
  return out;
}

std::string config_document() {
  std::string out =
      "# Settings\n\nGenerated from the table in `app/config.cpp`; a test compares. Order of precedence: defaults (of "
      "the profile), the "
      "TOML file "
      "(`DIR/airbridge.toml` or `--config FILE`), environment, command line (`--set section.key=value`). An unknown "
      "key or a value "
      "out of range stops the start with file, line and key.\n\n| option | default | range | environment | says |\n| "
      "--- | --- | --- | --- | --- |\n";
  for (const auto& option : options()) {
    std::string range;
    if (!option.allowed.empty()) range = fmt::format("{}", fmt::join(option.allowed, ", "));
    if (option.low < option.high) range = fmt::format("{}..{}", option.low, option.high);
    const auto value = default_text(option);
    const auto others = other_defaults(option);
    out += fmt::format("| `{}` | `{}`{} | {} | `{}` | {} |\n", option.path(), value.empty() ? "-" : value,
                       others.empty() ? "" : "; " + others, range, option.environment(), option.words);
  }
  return out;
}

}  // namespace airbridge::app
