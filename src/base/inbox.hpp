#pragma once
// A bounded queue between threads: many put, one takes everything that waits (STYLE 6).
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

namespace airbridge {

template <class T>
class Inbox {
 public:
  explicit Inbox(std::size_t capacity) : capacity_(capacity) {}

  // False when full: the caller says what that means (an old position may go, a task never may).
  bool try_put(T item) {
    {
      const std::scoped_lock lock(mutex_);
      if (items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
    return true;
  }
  // Waits until something is there or stop is asked; then everything there is, in order.
  std::vector<T> take_all(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, stop, [this] { return !items_.empty(); });
    return std::exchange(items_, {});
  }
  std::vector<T> take_now() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(items_, {});
  }
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any ready_;
  std::vector<T> items_;
};

}  // namespace airbridge
