#pragma once
// Simulated time: things to do, in the order of their time and, at one time, of their making.
#include <functional>
#include <map>

#include "base/time.hpp"

namespace airbridge::simulate {

class Timeline {
 public:
  std::int64_t now() const { return now_; }  // milliseconds since the start
  void at(std::int64_t ms, std::function<void()> what) {
    waiting_.emplace(std::pair{std::max(ms, now_), ++made_}, std::move(what));
  }
  void in(std::int64_t ms, std::function<void()> what) { at(now_ + ms, std::move(what)); }
  // Does what is due until `ms`; how many things that were.
  std::uint64_t run_until(std::int64_t ms) {
    std::uint64_t steps = 0;
    while (!waiting_.empty() && waiting_.begin()->first.first <= ms) {
      auto first = waiting_.extract(waiting_.begin());
      now_ = first.key().first;
      first.mapped()();
      ++steps;
    }
    now_ = std::max(now_, ms);
    return steps;
  }

 private:
  std::int64_t now_ = 0;
  std::uint64_t made_ = 0;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::function<void()>> waiting_;
};

}  // namespace airbridge::simulate
