#pragma once
// A TCP link of a given rate between two processes on this machine: what comes in is passed on no faster, each way by
// itself. On a thread of its own.
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace airbridge::bench {

class PacedProxy {
 public:
  // Listens on a free port of 127.0.0.1; each caller is joined to 127.0.0.1:`to_port`.
  PacedProxy(std::uint16_t to_port, double bits_per_second);
  ~PacedProxy();
  PacedProxy(const PacedProxy&) = delete;
  PacedProxy& operator=(const PacedProxy&) = delete;
  std::uint16_t port() const { return port_; }
  std::uint64_t bytes_back() const { return bytes_back_; }  // from `to_port` to the callers

 private:
  void run(const std::stop_token& stop);
  int listener_ = -1;
  std::uint16_t port_ = 0;
  const std::uint16_t to_port_;
  const double bytes_per_second_;
  std::atomic<std::uint64_t> bytes_back_{0};
  std::jthread thread_;
};

}  // namespace airbridge::bench
