#pragma once
// For tests only: a pseudo-terminal, whose slave is a serial port to the code under test and whose master is the modem.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

namespace airbridge::net::testing {

class Pty {
 public:
  Pty() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {
    char name[128] = {};
    if (master_ >= 0 && ::grantpt(master_) == 0 && ::unlockpt(master_) == 0 &&
        ::ptsname_r(master_, name, sizeof name) == 0)
      device_ = name;
  }
  ~Pty() { unplug(); }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;

  const std::string& device() const { return device_; }  // empty: none could be made
  int descriptor() const { return master_; }
  void unplug() {
    if (master_ >= 0) ::close(std::exchange(master_, -1));
  }
  bool say(std::string_view bytes) const {
    return ::write(master_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  // What has come by now.
  std::string take() const {
    char buffer[4'096];
    const auto got = ::read(master_, buffer, sizeof buffer);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
  }

 private:
  int master_;
  std::string device_;
};

}  // namespace airbridge::net::testing
