#pragma once
// The node's settings: defaults by profile, then the TOML file, then environment, then command line; every option
// stands once in the table of config.cpp, from which the file template, docs/config.md and the checks follow.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace airbridge::app {

struct Config {
  std::string profile = "post";  // post | vehicle | portable
  std::string name;              // empty: as given at init
  std::string http_listen = "127.0.0.1:8080";
  bool tak_enabled = true;
  std::string tak_listen = "127.0.0.1:8087";
  std::int64_t tak_clients_max = 250;
  std::int64_t tak_idle_seconds = 300;
  std::string peers_listen = "127.0.0.1:7420";
  std::vector<std::string> peers;
  std::vector<std::string> bearers;  // bearer_spec.hpp
  std::vector<std::string> adsb_connect;
  std::vector<std::string> adsb_files;
  bool adsb_files_repeat = false;
  double adsb_lines_per_second = 4;
  std::string gnss_gpsd;
  std::optional<double> position_latitude;
  std::optional<double> position_longitude;
  std::optional<double> position_height_m;
  std::vector<std::string> map_files;
  std::string log_level = "info";
  std::string log_format = "text";
  std::int64_t disk_free_min_mib = 64;
  bool insecure_lab = false;
  // Where an option was said, by "section.key": "airbridge.toml:12", "environment AIRBRIDGE_TAK_LISTEN", "--set".
  std::map<std::string, std::string, std::less<>> said_at;
};

struct ConfigError {
  std::string text;  // "airbridge.toml:12: tak.clients_max: must be 1..10000, is 0"
};

// What an option is unless something says otherwise; a profile differs from `post` in few of them (config.cpp).
Config defaults_of(std::string_view profile);

// Reads the file (none when the path is empty) and the environment over `config`. Unknown keys are errors: a misspelt
// option that is silently ignored is how a node ends up listening nowhere.
Result<void, ConfigError> load_config(const std::string& path, Config& config);
// Sets one option from text, as the command line gives it: "tak.listen=127.0.0.1:8087".
Result<void, ConfigError> set_option(Config& config, const std::string& source, const std::string& key,
                                     const std::string& value);

// What only shows when everything has been read: half a position, a port without an address.
Result<void, ConfigError> check_config(const Config& config);
// In words, one for each AIRBRIDGE_ variable of the environment that is no option.
std::vector<std::string> unknown_environment();
// A fault of a file that an option names, with the option and the folder a relative path starts at.
std::string file_problem(std::string_view option, const std::string& file, std::string_view what);

std::string config_template();  // a commented TOML file with every option at its default
std::string config_document();  // docs/config.md

}  // namespace airbridge::app
