#pragma once
// The subcommands, one function each. They print, and return the process's exit status: 0 done, 1 failed (standard
// error says why), 2 wrong usage.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace airbridge::app {

struct Common {
  std::string dir = "airbridge-node";
  std::string url;  // "host:port" of a running node; empty: found through the folder
};

struct InitOptions {
  std::string name, operator_name, incident, join;
  bool exercise = false;
};
int run_init(const Common& common, const InitOptions& options);

struct InviteOptions {
  int days = 7;
  std::string out;
};
int run_invite(const Common& common, const InviteOptions& options);

struct NodeOptions {
  std::string config;
  std::vector<std::string> set;  // section.key=value
  std::vector<std::string> peers;
  std::vector<std::string> bearers;
  std::string http, tak, listen;
  std::vector<std::string> adsb;
  bool insecure_lab = false;
};
int run_node(const Common& common, const NodeOptions& options);

int run_status(const Common& common, bool as_json);

int run_conflicts(const Common& common, bool as_json);
struct ResolveOptions {
  std::string entity;  // display id or id
  std::string field;
  std::string value;  // a number of the list, or the value itself
};
int run_resolve(const Common& common, const ResolveOptions& options);

int run_compare(const Common& common, const std::string& peer);  // 1 also when there is a difference

struct EventsOptions {
  std::optional<std::uint64_t> after;  // none: the newest
  std::uint64_t limit = 50;
  std::string record, text;
  bool as_json = false;
  bool follow = false;
};
int run_events(const Common& common, const EventsOptions& options);

int run_import(const Common& common, const std::vector<std::string>& files);
int run_export(const Common& common, const std::string& out);

struct ReplayOptions {
  std::string until;    // UTC time; empty: everything
  double speed = 0;     // 0: at once; 1: as it happened; 60: a minute a second
  bool verify = false;  // compare with the snapshot
  std::string geojson;  // write the picture as it was then
};
int run_replay(const Common& common, const ReplayOptions& options);

int run_backup(const Common& common, const std::string& file, bool with_keys);
struct RestoreOptions {
  std::string file, join, name, operator_name;
};
int run_restore(const Common& common, const RestoreOptions& options);

struct BundleWriteOptions {
  std::string file, for_name, since;
  bool all = false;
  bool nothing = false;  // only what this node holds
  int class_max = 2;
  std::uint64_t max_size = 0;  // bytes a file; 0: one file
};
int run_bundle_write(const Common& common, const BundleWriteOptions& options);
int run_bundle_read(const Common& common, std::vector<std::string> files);
int run_bundle_info(const std::string& file);

int run_diagnose(const Common& common, const std::string& out);
int run_version();

}  // namespace airbridge::app
