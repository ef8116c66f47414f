#pragma once
// What happened, in words: the last lines for the story, all of them for the digest.
#include <fmt/format.h>

#include <deque>
#include <string>
#include <vector>

#include "base/hash.hpp"

namespace airbridge::simulate {

class Trace {
 public:
  explicit Trace(std::size_t lines_max) : lines_max_(lines_max) {}

  template <class... Args>
  void say(std::int64_t ms, fmt::format_string<Args...> form, Args&&... args) {
    add(fmt::format("{:02}:{:02}:{:02}.{:03}  ", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, ms % 1000) +
        fmt::format(form, std::forward<Args>(args)...));
  }
  Bytes digest() const { return {digest_.begin(), digest_.end()}; }
  std::vector<std::string> story() const { return {lines_.begin(), lines_.end()}; }

 private:
  void add(std::string line) {
    digest_ = blake2b<32>({digest_, as_bytes(line)});
    lines_.push_back(std::move(line));
    if (lines_.size() > lines_max_) lines_.pop_front();
  }
  std::size_t lines_max_;
  std::array<std::uint8_t, 32> digest_{};
  std::deque<std::string> lines_;
};

// A claim that does not hold, or an end that is not equal. Thrown through the simulation and caught in run().
struct Failure {
  std::string what;
};

}  // namespace airbridge::simulate
