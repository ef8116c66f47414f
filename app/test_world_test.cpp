// What test_world.hpp promises, and a test of the most important promise.
#include "test_world.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "http_client.hpp"

namespace airbridge::app::test {

bool eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (holds()) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
}

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "airbridge-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}
Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_text(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// ---- processes ------------------------------------------------------------------------------------------------------

Process::Process(const Args& args, const Env& env) {
  // Everything the child needs is made before the fork.
  std::vector<std::string> words{AIRBRIDGE_PROGRAM};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> settings;
  for (char** at = environ; *at != nullptr; ++at) {
    if (!std::string_view(*at).starts_with("AIRBRIDGE_")) settings.emplace_back(*at);
  }
  for (const auto& [key, value] : env) settings.push_back(key + "=" + value);
  std::vector<char*> envp;
  for (auto& setting : settings) envp.push_back(setting.data());
  envp.push_back(nullptr);
  const auto out = (folder_ / "out").string(), err = (folder_ / "err").string();
  const auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    ::dup2(::open("/dev/null", O_RDONLY), 0);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 1);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    // What the test listens at or is connected to ends with the test's own object, not with the child.
    ::close_range(3, ~0U, 0);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
}

Process::~Process() {
  if (!is_running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::send_signal(int signal) const { ::kill(pid_, signal); }

bool Process::is_running() {
  if (status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

int Process::wait() {
  return eventually([this] { return !is_running(); }) ? *status_ : -1;
}
std::string Process::out() const { return read_text(folder_ / "out"); }
std::string Process::err() const { return read_text(folder_ / "err"); }

Ended run(const Args& args, const Env& env) {
  Process process(args, env);
  const int status = process.wait();
  return {status, process.out(), process.err()};
}

// ---- HTTP -----------------------------------------------------------------------------------------------------------

namespace {

std::string error_text(const json::value& body, std::string_view key) {
  const auto* object = body.if_object();
  const auto* error = object != nullptr ? object->if_contains("error") : nullptr;
  const auto* inner = error != nullptr ? error->if_object() : nullptr;
  const auto* value = inner != nullptr ? inner->if_contains(key) : nullptr;
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

int connect_to(const std::string& address) {
  const auto colon = address.rfind(':');
  std::uint16_t port = 0;
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{patience.count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(fd);
    throw std::runtime_error(fmt::format("cannot connect to {}: {}", address, std::strerror(errno)));
  }
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // the other side may close early; what it answered is still to be read
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

std::string Answer::message() const { return error_text(body, "message"); }
std::string Answer::field() const { return error_text(body, "field"); }

Answer call(const std::string& address, std::string_view method, std::string_view path, std::string_view body) {
  Answer out;
  auto answer = http_call(address, method, path, body);
  if (!answer) {
    out.text = answer.error();
    return out;
  }
  out.status = answer->status;
  out.text = std::move(answer->body);
  boost::system::error_code error;
  out.body = json::parse(out.text, error);
  return out;
}

std::string raw_call(const std::string& address, std::string_view bytes) {
  const int fd = connect_to(address);
  send_all(fd, bytes);
  std::string answer;
  char buffer[16 * 1024];
  for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(n));
  ::close(fd);
  return answer;
}

std::string new_id() {
  static std::uint64_t number = 0;
  return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(::getpid()), ++number);
}

json::object write_of(std::string_view field, const Value& value, const std::vector<std::string>& replaces) {
  json::object out{{"field", field}, {"value", value.json}};
  json::array dots;
  for (const auto& dot : replaces) dots.emplace_back(dot);
  out["replaces"] = std::move(dots);
  return out;
}

json::object command_of(std::string_view record, json::array writes, const Value& entity) {
  return {{"id", new_id()}, {"record", record}, {"entity", entity.json}, {"writes", std::move(writes)}};
}

// ---- nodes ----------------------------------------------------------------------------------------------------------

void init_node(const fs::path& dir, const std::string& name) {
  const auto done = run({"init", "--dir", dir.string(), "--name", name, "--operator", "Ana Kovac", "--incident",
                         "Flood of the test", "--exercise"});
  if (done.status != 0) throw std::runtime_error("init failed: " + done.all());
}

void join_node(const fs::path& founder, const fs::path& dir, const std::string& name) {
  const auto invitation = dir.string() + ".invitation";
  auto done = run({"invite", "--dir", founder.string(), "--out", invitation});
  if (done.status == 0)
    done = run({"init", "--dir", dir.string(), "--name", name, "--operator", "Ben Lind", "--join", invitation});
  if (done.status != 0) throw std::runtime_error("join failed: " + done.all());
}

namespace {

constexpr std::uint16_t reserved_first = 20'000, reserved_count = 10'000;

// Can both kinds of socket be bound there?
bool is_free(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return std::ranges::all_of(std::array{SOCK_STREAM, SOCK_DGRAM}, [&](int type) {
    const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    ::close(fd);
    return bound;
  });
}

// A name of the kernel's, gone with the process however that ends; -1 when another holds it.
int lock_of(std::uint16_t port) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  const auto name = fmt::format("airbridge-test-port-{}", port);
  std::ranges::copy(name, at.sun_path + 1);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), length) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

ReservedPort::ReservedPort() {
  static std::uint32_t next = static_cast<std::uint32_t>(::getpid()) * 64;
  for (int tries = 0; tries < reserved_count; ++tries) {
    number_ = static_cast<std::uint16_t>(reserved_first + next++ % reserved_count);
    lock_ = lock_of(number_);
    if (lock_ < 0) continue;
    if (is_free(number_)) return;
    ::close(lock_);
  }
  throw std::runtime_error("no port is free for a test");
}

ReservedPort::~ReservedPort() { ::close(lock_); }

TestNode::TestNode(fs::path dir, Args more, Env env)
    : dir_(std::move(dir)), more_(std::move(more)), env_(std::move(env)) {
  start();
}

void TestNode::start() {
  const std::string any = "127.0.0.1:0";
  Args args{"node", "--dir", dir_.string()};
  const auto unless_given = [&](const std::string& option, const std::string& value) {
    if (std::find(more_.begin(), more_.end(), option) == more_.end()) args.insert(args.end(), {option, value});
  };
  unless_given("--http", any);
  unless_given("--tak", any);
  unless_given("--listen", fmt::format("127.0.0.1:{}", port_.number()));
  args.insert(args.end(), more_.begin(), more_.end());
  process_.reset();
  process_.emplace(args, env_);
  const bool up = eventually(
      [&] { return !process_->is_running() || process_->out().find("Ctrl-C stops it") != std::string::npos; });
  if (!up || !process_->is_running()) throw std::runtime_error("the node did not start: " + process_->err());
  const auto out = process_->out();
  const auto after = [&](std::string_view label) {
    const auto at = out.find(label);
    if (at == std::string::npos) return std::string();
    const auto from = at + label.size();
    return out.substr(from, out.find_first_of(" /\n", from) - from);
  };
  http_ = after("page        http://");
  tak_ = after("TAK         ");
  peers_ = after("other nodes ");
}

int TestNode::stop() {
  process_->send_signal(SIGTERM);
  return process_->wait();
}

void TestNode::kill_hard() {
  process_->send_signal(SIGKILL);
  process_->wait();
}

std::string TestNode::create(std::string_view record, json::array writes) const {
  const auto answer = command(command_of(record, std::move(writes)));
  if (answer.status != 200) throw std::runtime_error("refused: " + answer.text);
  return std::string(answer.body.at("entity").as_string());
}

json::object TestNode::status() const {
  const auto answer = get("/api/v1/status");
  if (answer.status != 200) throw std::runtime_error("no status: " + answer.text);
  return answer.body.as_object();
}
json::array TestNode::feeds() const { return status().at("feeds").as_array(); }
json::array TestNode::tracks() const {
  const auto answer = get("/api/v1/state");
  return answer.status == 200 ? answer.body.at("tracks").as_array() : json::array();
}
std::string TestNode::state_hash() const { return std::string(status().at("store").at("state_hash").as_string()); }
std::uint64_t TestNode::events() const { return status().at("store").at("events").to_number<std::uint64_t>(); }

json::value TestNode::entity(const std::string& id) const {
  json::value out;
  eventually([&] {
    auto answer = get("/api/v1/entities/" + id);
    if (answer.status != 200) return false;
    out = std::move(answer.body);
    return true;
  });
  return out;
}

bool TestNode::entity_becomes(const std::string& id, const std::function<bool(const json::object&)>& holds) const {
  return eventually([&] {
    const auto answer = get("/api/v1/entities/" + id);
    return answer.status == 200 && holds(answer.body.as_object());
  });
}

std::vector<json::object> TestNode::journal(const std::string& query) const {
  std::vector<json::object> out;
  std::uint64_t after = 0;
  for (;;) {
    const auto answer = get(fmt::format("/api/v1/events?after={}&limit=1000{}", after, query));
    if (answer.status != 200) throw std::runtime_error("no journal: " + answer.text);
    const auto& events = answer.body.at("events").as_array();
    if (events.empty()) return out;
    for (const auto& event : events) out.push_back(event.as_object());
    after = answer.body.at("next").to_number<std::uint64_t>();
  }
}

bool agree(const TestNode& one, const TestNode& other) {
  return eventually([&] {
    const auto left = one.status(), right = other.status();
    const auto& a = left.at("store").as_object();
    const auto& b = right.at("store").as_object();
    return a.at("events") == b.at("events") && a.at("state_hash") == b.at("state_hash");
  });
}

const json::object& field_of(const json::object& entity, std::string_view name) {
  static const json::object none;
  const auto* fields = entity.if_contains("fields");
  const auto* field = fields != nullptr ? fields->as_object().if_contains(name) : nullptr;
  return field != nullptr ? field->as_object() : none;
}

std::vector<std::string> dots_of(const json::object& field) {
  std::vector<std::string> out;
  for (const auto& dot : field.at("dots").as_array()) out.emplace_back(dot.as_string());
  if (const auto* others = field.if_contains("alternatives")) {
    for (const auto& other : others->as_array()) {
      for (const auto& dot : other.at("dots").as_array()) out.emplace_back(dot.as_string());
    }
  }
  return out;
}

// ---- TCP ------------------------------------------------------------------------------------------------------------

TcpClient::TcpClient(const std::string& address) : fd_(connect_to(address)) {}
TcpClient::~TcpClient() { ::close(fd_); }
void TcpClient::send(std::string_view bytes) const { send_all(fd_, bytes); }

bool TcpClient::receives(std::string_view text) {
  char buffer[16 * 1024];
  while (received_.find(text) == std::string::npos) {
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(n));
  }
  return true;
}

TEST_CASE("a test's process is gone when its object is") {
  pid_t pid = 0;
  {
    Folder folder;
    init_node(folder / "n", "POST 1");
    TestNode node(folder / "n");
    pid = node.process().pid();
    CHECK(node.get("/healthz").status == 200);
  }
  CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("a port reserved for a test is no other's while it lasts, and none that the system gives away") {
  std::uint16_t number = 0;
  {
    const ReservedPort one, other;
    number = one.number();
    CHECK(number != other.number());
    CHECK(lock_of(number) == -1);
    std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
    std::uint32_t first = 32'768, last = 0;
    range >> first >> last;
    CHECK((number < first || number > last));
  }
  const int lock = lock_of(number);
  CHECK(lock >= 0);
  ::close(lock);
}

}  // namespace airbridge::app::test
