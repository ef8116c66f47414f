#pragma once
// For tests only: network namespaces that the test makes for itself, on one thread that steps from one into another.
// They need root and vanish with the object; what a socket was made in, it stays in.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "net/net_error.hpp"

namespace airbridge::net::testing {

class Namespaces {
 public:
  static constexpr int count = 2;
  // Makes `count` namespaces, each with its loopback up.
  Namespaces() {
    home_ = open_current();
    for (auto& one : made_) {
      if (::unshare(CLONE_NEWNET) != 0) {
        why_not_ = "cannot make a network namespace: " + errno_text(errno);
        return;
      }
      one = open_current();
      if (!run("ip link set lo up")) why_not_ = "the program ip (package iproute2) is missing or refuses";
      ::setns(home_, CLONE_NEWNET);
    }
  }
  ~Namespaces() {
    for (const int one : made_) {
      if (one >= 0) ::close(one);
    }
    ::close(home_);
  }
  Namespaces(const Namespaces&) = delete;
  Namespaces& operator=(const Namespaces&) = delete;

  // Why there are none; empty when there are.
  const std::string& why_not() const { return why_not_; }

  template <class Work>
  auto in(int which, Work&& work) {
    const Inside inside(made_[which], home_);
    return work();
  }
  // "ip link set a down", inside one of them; false when it failed.
  bool run_in(int which, const std::string& command) {
    return in(which, [&] { return run(command); });
  }
  // A cable from `first` in namespace 0 to `second` in namespace 1, both ends up with 10.77.0.1/24 and 10.77.0.2/24.
  bool connect(const std::string& first, const std::string& second) {
    const auto other = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(made_[1]);
    return run_in(0, "ip link add " + first + " type veth peer name " + second + " netns " + other) &&
           run_in(0, "ip addr add 10.77.0.1/24 dev " + first) && run_in(0, "ip link set " + first + " up") &&
           run_in(1, "ip addr add 10.77.0.2/24 dev " + second) && run_in(1, "ip link set " + second + " up");
  }

 private:
  struct Inside {
    Inside(int there, int back) : home(back) { ::setns(there, CLONE_NEWNET); }
    ~Inside() { ::setns(home, CLONE_NEWNET); }
    int home;
  };
  static int open_current() { return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }
  static bool run(const std::string& command) { return std::system((command + " 2>/dev/null").c_str()) == 0; }

  int home_ = -1;
  int made_[count] = {-1, -1};
  std::string why_not_;
};

// A case that cannot run here says why and counts as skipped.
inline void say_skipped(const std::string& why) { std::printf("SKIPPED: %s\n", why.c_str()); }

}  // namespace airbridge::net::testing
