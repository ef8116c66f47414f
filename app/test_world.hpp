#pragma once
// For tests: real processes of this program in folders of their own, spoken to over HTTP and TCP on loopback.
// Everything ends with its object: processes by their pid, folders with all they hold. Not thread-safe.
#include <sys/types.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace airbridge::app::test {

namespace fs = std::filesystem;
namespace json = boost::json;
using Args = std::vector<std::string>;
using Env = std::vector<std::pair<std::string, std::string>>;

// How long a test waits for what must come. Reaching it fails the test; it measures nothing.
inline constexpr std::chrono::seconds patience{60};
bool eventually(const std::function<bool()>& holds);

class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }
  fs::path operator/(std::string_view name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string read_text(const fs::path& path);
void write_text(const fs::path& path, std::string_view text);

// One run of the program. The destructor kills it.
class Process {
 public:
  explicit Process(const Args& args, const Env& env = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void send_signal(int signal) const;
  bool is_running();
  int wait();  // its exit status, 128 + signal when killed; -1 when patience ran out
  std::string out() const;
  std::string err() const;

 private:
  Folder folder_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct Ended {
  int status = 0;
  std::string out, err;
  std::string all() const { return out + err; }
};
Ended run(const Args& args, const Env& env = {});

struct Answer {
  int status = 0;
  json::value body;
  std::string text;
  // Of an error answer: its "message" and "field".
  std::string message() const;
  std::string field() const;
};
Answer call(const std::string& address, std::string_view method, std::string_view path, std::string_view body = {});
// A request as it stands, answered until the server closes. For what a well-behaved client cannot send.
std::string raw_call(const std::string& address, std::string_view bytes);

std::string new_id();  // for a command: 32 hexadecimal digits
// Anything that has a JSON form: Boost's own value takes no std::string.
struct Value {
  template <class T>
  Value(T&& from) : json(boost::json::value_from(std::forward<T>(from))) {}
  boost::json::value json;
};
json::object write_of(std::string_view field, const Value& value, const std::vector<std::string>& replaces = {});
json::object command_of(std::string_view record, json::array writes, const Value& entity = nullptr);

// Makes a node's folder; throws with the program's words when that fails.
void init_node(const fs::path& dir, const std::string& name);
void join_node(const fs::path& founder, const fs::path& dir, const std::string& name);

// A port of loopback, for TCP and UDP, that no other test and no outgoing connection takes while this lives: out of the
// range from which the system gives ports away, and locked between the processes of the tests. Throws when all are
// taken.
class ReservedPort {
 public:
  ReservedPort();
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;
  std::uint16_t number() const { return number_; }

 private:
  std::uint16_t number_ = 0;
  int lock_ = -1;
};

// A running node with all its listeners on loopback. The port for other nodes is its own also while it is stopped, the
// others are chosen by the system at each start.
class TestNode {
 public:
  explicit TestNode(fs::path dir, Args more = {}, Env env = {});
  void start();      // throws with the log when the node does not come up
  int stop();        // SIGTERM; the exit status
  void kill_hard();  // SIGKILL, waited for
  bool is_running() { return process_ && process_->is_running(); }
  void set_args(Args more) { more_ = std::move(more); }

  const fs::path& dir() const { return dir_; }
  const std::string& http() const { return http_; }
  const std::string& tak() const { return tak_; }
  const std::string& peers() const { return peers_; }
  Process& process() { return *process_; }
  std::string log() const { return process_ ? process_->err() : std::string(); }

  Answer get(std::string_view path) const { return call(http_, "GET", path); }
  Answer post(std::string_view path, const json::value& body) const {
    return call(http_, "POST", path, json::serialize(body));
  }
  Answer command(const json::object& body) const { return post("/api/v1/commands", body); }
  // Writes a record and returns its id; throws when refused.
  std::string create(std::string_view record, json::array writes) const;

  json::object status() const;
  json::array feeds() const;   // of the status
  json::array tracks() const;  // of the state
  std::string state_hash() const;
  std::uint64_t events() const;
  // The record once it is in the picture; null after patience.
  json::value entity(const std::string& id) const;
  bool entity_becomes(const std::string& id, const std::function<bool(const json::object&)>& holds) const;
  std::vector<json::object> journal(const std::string& query = {}) const;  // all pages

 private:
  fs::path dir_;
  Args more_;
  Env env_;
  ReservedPort port_;
  std::string http_, tak_, peers_;
  std::optional<Process> process_;
};

// Both hold the same events and say the same hash.
bool agree(const TestNode& one, const TestNode& other);

const json::object& field_of(const json::object& entity, std::string_view name);  // empty object when it has none
std::vector<std::string> dots_of(const json::object& field);

// A TAK client or any other TCP peer: blocking, with a limit of patience on each read.
class TcpClient {
 public:
  explicit TcpClient(const std::string& address);
  ~TcpClient();
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;
  void send(std::string_view bytes) const;
  bool receives(std::string_view text);  // reads on until all it ever read holds the text
  const std::string& received() const { return received_; }

 private:
  int fd_ = -1;
  std::string received_;
};

}  // namespace airbridge::app::test
