#pragma once
// Real nodes for the benchmarks: folders in a temporary place, events written into them by the ledger, and the program
// itself as a process. What goes wrong ends the benchmark with a sentence on stderr.
#include <sys/types.h>

#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "home.hpp"
#include "incident_of_size.hpp"

namespace airbridge::bench {

[[noreturn]] void die(const std::string& what);
double seconds();  // of a clock that only goes forward

// A folder that goes when this does.
struct Folder {
  std::filesystem::path path;
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

app::Home found_post(const std::filesystem::path& dir);
app::Home join(const app::Home& founder, const std::filesystem::path& dir, const std::string& name);

// Writes the events `from` .. `to` of the incident into a home, by its ledger, without the rest of a node.
void write_events(const app::Home& home, IncidentOfSize& incident, std::uint64_t from, std::uint64_t to);
// Puts all that the nodes of `from` hold into the log of `to`, as if it had met each.
void copy_events(const std::vector<app::Home>& from, const app::Home& to);

// `airbridge node` on that folder, without TAK unless `more` asks for it; killed with its handle.
class Node {
 public:
  Node(std::filesystem::path dir, const std::vector<std::string>& more,
       const std::vector<std::pair<std::string, std::string>>& environment = {});
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Looks every few milliseconds; gives up after twenty minutes.
  static void wait_until(const std::function<bool()>& holds, int every_ms = 20);
  pid_t pid() const { return pid_; }
  std::string http() const;
  std::uint16_t peers_port() const;
  boost::json::object status() const;
  std::uint64_t metric(const std::string& name) const;  // of /metrics, without labels; 0 when there is none
  std::uint64_t entities() const { return metric("airbridge_entities"); }
  void wait_for_index() const;  // until its journal can be searched to the end
  void hold(bool still);        // SIGSTOP and SIGCONT
  void kill_hard();             // as a power cut does, for the process

 private:
  std::filesystem::path dir_;
  std::string out_;
  pid_t pid_ = -1;
};

std::string state_of(const boost::json::object& status);  // the state hash; empty when there is none
// Runs the program to its end, what it prints goes to stderr.
void run_program(const std::vector<std::string>& args);

}  // namespace airbridge::bench
