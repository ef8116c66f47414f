// A real process killed at random moments, hundreds of times, on a real file system.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "store/kill/kill_world.hpp"
#include "store/posix_disk.hpp"
#include "store/test_folder.hpp"
#include "store/test_world.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

namespace {

// Runs the child, reads what it acknowledges, kills it `after` the first word, and returns the last number it said.
std::uint64_t run_and_kill(const std::string& directory, std::chrono::microseconds after) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl(AIRBRIDGE_KILL_CHILD, AIRBRIDGE_KILL_CHILD, directory.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[4096];
  bool killed = false;
  std::optional<std::chrono::steady_clock::time_point> kill_at;
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    if (kill_at && !killed && now >= *kill_at) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    struct pollfd waiting{ends[0], POLLIN, 0};
    if (::poll(&waiting, 1, kill_at && !killed ? 1 : 1000) > 0) {
      const auto got = ::read(ends[0], buffer, sizeof buffer);
      if (got <= 0) break;  // the child is gone and everything it said is read
      said.append(buffer, static_cast<std::size_t>(got));
    }
    if (!kill_at && (!said.empty() || after.count() == 0)) kill_at = std::chrono::steady_clock::now() + after;
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));  // it ended by the kill, not by itself
  const auto end = said.rfind('\n');
  if (end == std::string::npos) return 0;
  const auto start = said.rfind('\n', end - 1);
  return std::strtoull(said.c_str() + (start == std::string::npos ? 0 : start + 1), nullptr, 10);
}

}  // namespace

TEST_CASE("a process killed at any moment has lost nothing it acknowledged") {
  const char* const asked = std::getenv("AIRBRIDGE_KILLS");
  const int kills = asked != nullptr ? std::atoi(asked) : 200;
  TestFolder folder;
  const auto directory = folder.file("store");
  Rng rng(20260314);
  std::uint64_t acknowledged = 0;
  std::uint64_t checked = 0;
  int torn = 0;
  bool started_in_doubt = false;
  for (int i = 0; i < kills; ++i) {
    CAPTURE(i);
    // Some die while they start, most while they write.
    const auto after = rng.chance(0.05) ? std::chrono::microseconds(0) : std::chrono::microseconds(rng.below(20'000));
    acknowledged = std::max(acknowledged, run_and_kill(directory, after));
    auto disk = PosixDisk::open(directory);
    REQUIRE(disk);
    auto log = Log::open(**disk, kill_incident(), kill_options(), noon);
    REQUIRE(log);
    for (const auto& range : log->damaged()) CHECK(range.torn_tail);  // the kill came in the middle of a write
    torn += log->damaged().empty() ? 0 : 1;
    const auto head = log->head(kill_stream());
    const auto present = head ? head->contiguous : 0;
    REQUIRE(present >= acknowledged);
    if (head) CHECK(head->seq == present);
    if (log->incarnation() && log->damaged().empty() && !started_in_doubt) {
      CHECK_FALSE(log->must_begin_new_incarnation(kill_stream().writer.author));
    }
    started_in_doubt = log->must_begin_new_incarnation(kill_stream().writer.author);
    const auto check = [&](std::uint64_t seq) {
      const auto entry = log->read_entry(kill_stream(), seq);
      REQUIRE(entry);
      REQUIRE(entry->entry == kill_entry(seq));
    };
    for (; checked < acknowledged; ++checked) check(checked + 1);
    for (int again = 0; again < 20 && checked > 0; ++again) check(1 + rng.below(checked));
    if (i + 1 == kills) {
      for (std::uint64_t seq = 1; seq <= acknowledged; ++seq) check(seq);
    }
  }
  MESSAGE(kills, " kills, ", acknowledged, " events acknowledged, none lost; torn ends: ", torn);
  CHECK(acknowledged > static_cast<std::uint64_t>(kills));
}

TEST_CASE("two processes cannot open one store") {
  TestFolder folder;
  const auto first = PosixDisk::open(folder.file("store"));
  REQUIRE(first);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // The lock belongs to the open file, so a second opening is refused in any process.
    const auto second = PosixDisk::open(folder.file("store"));
    ::_exit(!second && second.error().kind == DiskFault::Busy &&
                    second.error().what.find("is in use by another Airbridge (process ") != std::string::npos
                ? 0
                : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace airbridge::store
