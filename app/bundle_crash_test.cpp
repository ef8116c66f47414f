// `airbridge bundle` killed in the middle, as by a power cut. Named pipes in place of files hold it there: who writes
// into one stands still when nobody takes more, who reads one when nobody gives more.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <regex>
#include <thread>

#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

constexpr std::size_t upload_bytes = 1024 * 1024;  // of a bundle that the program hands to the node at once
constexpr std::size_t pipe_bytes = 64 * 1024;      // what a pipe takes while nobody reads it

class Fifo {
 public:
  explicit Fifo(fs::path path) : path_(std::move(path)) { REQUIRE(::mkfifo(path_.c_str(), 0600) == 0); }
  ~Fifo() { close(); }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  void open_to_take() {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(fd_ >= 0);
  }
  bool opens_to_give() {
    return eventually([&] { return (fd_ = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0; });
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  std::string take(std::size_t bytes) {
    std::string out;
    (void)eventually([&] {
      std::string part(bytes - out.size(), '\0');
      const auto n = ::read(fd_, part.data(), part.size());
      if (n > 0) out.append(part, 0, static_cast<std::size_t>(n));
      return out.size() == bytes;
    });
    return out;
  }
  // Until nobody has the other end any more.
  bool take_rest() {
    return eventually([&] {
      std::string part(pipe_bytes, '\0');
      ssize_t n = 0;
      while ((n = ::read(fd_, part.data(), part.size())) > 0) {
      }
      return n == 0;
    });
  }
  // True when all is given, of which the pipe may hold a part yet.
  bool give(std::string_view bytes) {
    return eventually([&] {
      while (!bytes.empty()) {
        const auto n = ::write(fd_, bytes.data(), bytes.size());
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
      }
      return true;
    });
  }
  bool is_drained() {
    return eventually([&] {
      int waiting = 1;
      return ::ioctl(fd_, FIONREAD, &waiting) == 0 && waiting == 0;
    });
  }
  bool is_open_in(pid_t pid) const {
    std::error_code error;
    for (auto at = fs::directory_iterator(fmt::format("/proc/{}/fd", pid), error);
         !error && at != fs::directory_iterator(); at.increment(error)) {
      std::error_code gone;
      if (fs::read_symlink(at->path(), gone) == path_) return true;
    }
    return false;
  }

 private:
  fs::path path_;
  int fd_ = -1;
};

// POST 1 with many long sites, whose bundle no packing makes short, and TRUCK 2 that has seen none of them.
struct Two {
  Folder folder;
  std::string a = (folder / "a").string(), b = (folder / "b").string();
  explicit Two(int records) {
    init_node(a, "POST 1");
    join_node(a, b, "TRUCK 2");
    std::mt19937 random(20'261'123);
    json::array list;
    for (int i = 0; i < records; ++i) {
      std::string note(3'900, ' ');
      for (auto& letter : note) letter = static_cast<char>('0' + random() % 64);
      list.push_back(json::object{
          {"key", fmt::format("k{}", i)},
          {"record", "site"},
          {"fields", json::object{{"name", fmt::format("site {}", i)}, {"category", "marker"}, {"note", note}}}});
    }
    write_text(folder / "import.json",
               json::serialize(json::object{{"airbridge_import", 1}, {"made_up", true}, {"records", list}}));
    const auto imported = run({"import", "--dir", a, file("import.json")});
    REQUIRE_MESSAGE(imported.status == 0, imported.all());
  }
  std::string file(std::string_view name) const { return (folder / name).string(); }
  static std::string state(const std::string& dir) {
    const auto replayed = run({"replay", "--dir", dir, "--verify"});
    std::smatch found;
    return replayed.status == 0 && std::regex_search(replayed.out, found, std::regex("state ([0-9a-f]{64})"))
               ? found[1].str()
               : replayed.all();
  }
};

int count_in(const std::string& words, const char* pattern) {
  std::smatch found;
  return std::regex_search(words, found, std::regex(pattern)) ? std::stoi(found[1].str()) : 0;
}

// Of a report: what came, and what was here before.
int brought(const Ended& read) { return count_in(read.out, "brought ([0-9]+) event"); }
int known(const Ended& read) { return count_in(read.out, "([0-9]+) events? (?:was|were) here already"); }

// The program, reading `bundle` from a pipe: it looks at the beginning, then begins anew, and stands still with so many
// bytes taken.
class Reading {
 public:
  Reading(const Two& two, std::string_view name, const Args& node, const std::string& bundle, std::size_t given)
      : fifo_(two.folder / name), process_(args(node, two.file(name))) {
    REQUIRE(fifo_.opens_to_give());
    REQUIRE(fifo_.give(std::string_view(bundle).substr(0, pipe_bytes / 2)));
    REQUIRE(eventually([&] { return fifo_.is_open_in(process_.pid()); }));
    fifo_.close();
    REQUIRE(eventually([&] { return !fifo_.is_open_in(process_.pid()); }));
    REQUIRE(fifo_.opens_to_give());
    REQUIRE(fifo_.give(std::string_view(bundle).substr(0, given)));
  }
  Fifo& fifo() { return fifo_; }
  Process& process() { return process_; }
  void kill() {
    REQUIRE(process_.is_running());
    process_.send_signal(SIGKILL);
    CHECK(process_.wait() == 128 + SIGKILL);
  }

 private:
  static Args args(const Args& node, const std::string& file) {
    Args out{"bundle", "read"};
    out.insert(out.end(), node.begin(), node.end());
    out.push_back(file);
    return out;
  }
  Fifo fifo_;
  Process process_;
};

// Beyond one upload, by more than the pipe holds: the node has answered the first.
constexpr std::size_t first_is_answered = upload_bytes + 2 * pipe_bytes;

}  // namespace

TEST_CASE("a bundle whose writing was killed has no half file under its name, and is written again") {
  const Two two(240);
  const auto before = Two::state(two.a);
  std::optional<TestNode> running;
  const auto killed = [&](const std::string& name, Args more, std::size_t bytes) {
    const auto at = two.file(name);
    std::string taken;
    {
      Fifo fifo(at + ".partial");
      fifo.open_to_take();
      Args args{"bundle", "write", "--for", "TRUCK 2", two.file(name.substr(0, name.find('.')))};
      args.insert(args.end(), more.begin(), more.end());
      Process process(args);
      taken = fifo.take(bytes);
      CHECK(taken.size() == bytes);
      REQUIRE(process.is_running());  // in the middle: more is to come than the pipe takes
      process.send_signal(SIGKILL);
      CHECK(process.wait() == 128 + SIGKILL);
    }
    CHECK_FALSE(fs::exists(at));
    // What stands there after a power cut.
    fs::remove(at + ".partial");
    write_text(at + ".partial", taken);
  };
  const auto whole = [&](const std::string& name, Args more) {
    Args args{"bundle", "write", "--for", "TRUCK 2", two.file(name)};
    args.insert(args.end(), more.begin(), more.end());
    const auto written = run(args);
    CHECK_MESSAGE(written.status == 0, written.all());
    // Nobody believes that the one that was killed is on its way.
    CHECK_MESSAGE(written.out.find("Leaving out") == std::string::npos, written.all());
    CHECK(run({"bundle", "info", two.file(name)}).status == 0);
    CHECK_FALSE(fs::exists(two.file(name) + ".partial"));
  };

  SUBCASE("on a stopped node's store") {
    killed("file", {"--dir", two.a}, 100'000);
    const auto torn = run({"bundle", "info", two.file("file.partial")});
    CHECK(torn.status == 1);
    CHECK_MESSAGE(torn.all().find("cut") != std::string::npos, torn.all());
    whole("file", {"--dir", two.a});
  }
  SUBCASE("in parts: the first is whole and says that another follows") {
    killed("file.part2", {"--dir", two.a, "--max-size", "256KiB"}, 60'000);
    CHECK(run({"bundle", "info", two.file("file")}).out.find("another part follows") != std::string::npos);
    const auto first = run({"bundle", "read", "--dir", two.b, two.file("file")});
    CHECK(brought(first) > 0);
    CHECK_MESSAGE(first.out.find("another part follows: .part2") != std::string::npos, first.all());
    const auto torn = run({"bundle", "read", "--dir", two.b, two.file("file.part2.partial")});
    CHECK(torn.status == 1);
    CHECK_MESSAGE(torn.out.find("not all of it could be read") != std::string::npos, torn.all());
    whole("again", {"--dir", two.a});
    const auto rest = run({"bundle", "read", "--dir", two.b, two.file("again")});
    CHECK_MESSAGE(rest.status == 0, rest.all());
    CHECK(brought(rest) > 0);
    CHECK(known(rest) == brought(first) + brought(torn));
  }
  SUBCASE("while the node runs, which goes on") {
    running.emplace(two.a, Args{"--tak", "off"});
    killed("file", {"--url", running->http()}, 100'000);
    CHECK_FALSE(running->create("site", {write_of("name", "after"), write_of("category", "marker")}).empty());
    whole("file", {"--url", running->http()});
  }
  SUBCASE("the node is killed: the program says so and leaves nothing") {
    running.emplace(two.a, Args{"--tak", "off"});
    Fifo fifo(two.file("file.partial"));
    fifo.open_to_take();
    Process process({"bundle", "write", "--url", running->http(), two.file("file")});
    CHECK(fifo.take(100'000).size() == 100'000);
    running->kill_hard();
    REQUIRE(process.is_running());
    CHECK(fifo.take_rest());
    CHECK(process.wait() == 1);
    CHECK_FALSE(fs::exists(two.file("file")));
    CHECK_FALSE(fs::exists(two.file("file.partial")));
    running->start();
    whole("file", {"--url", running->http()});
  }
  const auto is_as_before = !running;
  running.reset();
  if (is_as_before) CHECK(Two::state(two.a) == before);
}

TEST_CASE("a bundle whose reading was killed is read again, and nothing that was acknowledged is lost") {
  const Two two(480);
  const auto written = run({"bundle", "write", "--dir", two.a, two.file("file")});
  REQUIRE_MESSAGE(written.status == 0, written.all());
  const auto bundle = read_text(two.file("file"));
  REQUIRE(bundle.size() > first_is_answered + pipe_bytes);
  const auto events = [&](const std::string& name) {
    return count_in(run({"bundle", "info", two.file(name)}).all(), "in all +([0-9]+) event");
  };
  const auto all = events("file");
  write_text(two.file("first"), bundle.substr(0, upload_bytes));
  const auto answered = events("first");  // at least, when the first upload is answered
  REQUIRE(answered > 0);
  REQUIRE(answered < all);
  std::optional<TestNode> running;
  const auto finish = [&](const Args& node, int least) {
    Args args{"bundle", "read"};
    args.insert(args.end(), node.begin(), node.end());
    args.push_back(two.file("file"));
    const auto read = run(args);
    CHECK_MESSAGE(read.status == 0, read.all());
    CHECK(known(read) >= least);
    CHECK(known(read) < all);
    CHECK(known(read) + brought(read) == all);
    if (running) CHECK(running->stop() == 0);
    // And back, for TRUCK 2 wrote who it is.
    REQUIRE(run({"bundle", "write", "--dir", two.b, two.file("back")}).status == 0);
    REQUIRE(run({"bundle", "read", "--dir", two.a, two.file("back")}).status == 0);
    const auto state = Two::state(two.a);
    CHECK(state.size() == 64);
    CHECK(Two::state(two.b) == state);
  };

  SUBCASE("on a stopped node's store") {
    const Args node{"--dir", two.b};
    // While it takes the first upload in, at any moment of it.
    for (const int wait_ms : {0, 30, 120}) {
      Reading reading(two, fmt::format("pipe{}", wait_ms), node, bundle, upload_bytes);
      REQUIRE(reading.fifo().is_drained());
      std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
      reading.kill();
    }
    Reading(two, "pipe", node, bundle, first_is_answered).kill();
    finish(node, answered);
  }
  SUBCASE("while the node runs, which keeps what came") {
    running.emplace(two.b, Args{"--tak", "off"});
    const Args node{"--url", running->http()};
    Reading(two, "pipe", node, bundle, first_is_answered).kill();
    CHECK(eventually([&] { return running->events() >= static_cast<std::uint64_t>(answered); }));
    finish(node, answered);
  }
  SUBCASE("the node is killed: the program says to read again") {
    running.emplace(two.b, Args{"--tak", "off"});
    {
      Reading reading(two, "pipe", {"--url", running->http()}, bundle, first_is_answered);
      running->kill_hard();
      REQUIRE(reading.fifo().give(std::string_view(bundle).substr(first_is_answered)));
      reading.fifo().close();
      CHECK(reading.process().wait() == 1);
      const auto said = reading.process().out() + reading.process().err();
      CHECK_MESSAGE(said.find("what came before is kept") != std::string::npos, said);
    }
    running->start();
    finish({"--url", running->http()}, answered);
  }
}
