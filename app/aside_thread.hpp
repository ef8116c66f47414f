#pragma once
// A thread for long work that nobody waits for, one at a time. Every call from one thread.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace airbridge::app {

class AsideThread {
 public:
  AsideThread() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

  // Waits for the end of what is under way.
  void begin(std::function<void()> work) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !work_; });
      work_ = std::move(work);
    }
    changed_.notify_all();
  }
  // Waits for what is under way.
  void finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !work_; });
  }

 private:
  void run(const std::stop_token& stop) {
    while (true) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [this] { return static_cast<bool>(work_); });
      if (!work_) return;
      lock.unlock();
      work_();  // begin() touches none that is there
      lock.lock();
      work_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::function<void()> work_;
  std::jthread thread_;
};

}  // namespace airbridge::app
