#pragma once
// A value that one thread replaces as a whole and others read.
#include <memory>
#include <mutex>
#include <utility>

namespace airbridge::app {

template <class T>
class Shared {
 public:
  // Never null, so that readers need not ask.
  explicit Shared(std::shared_ptr<const T> value) : value_(std::move(value)) {}
  std::shared_ptr<const T> get() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }
  void set(std::shared_ptr<const T> value) {
    const std::scoped_lock lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace airbridge::app
