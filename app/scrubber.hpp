#pragma once
// Reads the whole log again, slowly and for ever, so that cold damage is found while a peer can still repair it. A
// thread of its own, which sleeps most of the time; the log is held for one small piece at a time. (Not at a lower
// priority: who holds the log must not be the last to run.)
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "store/writer.hpp"

namespace airbridge::app {

inline constexpr std::size_t scrub_bytes = 64 * 1024;  // at a time
inline constexpr int scrub_pieces = 16;  // one after the other: a thread that wakes costs more than a read

class Scrubber {
 public:
  // On average one piece a `pause`. `found` is called on the scrubber's thread with the number of newly damaged ranges.
  Scrubber(store::Writer& writer, Milliseconds pause, std::function<void(std::size_t)> found);
  ~Scrubber();  // ends the thread

  void set_paused(bool paused) { paused_ = paused; }
  std::uint64_t bytes_read() const { return bytes_; }
  std::uint64_t ranges_found() const { return found_count_; }

 private:
  void run(const std::stop_token& stop);

  store::Writer& writer_;
  const Milliseconds pause_;
  const std::function<void(std::size_t)> found_;
  std::atomic<bool> paused_{false};
  std::atomic<std::uint64_t> bytes_{0}, found_count_{0};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace airbridge::app
