#include "picture/dot_set.hpp"

#include <algorithm>

namespace airbridge::picture {
namespace {
// The first run that ends at or behind the number.
template <class Runs>
auto run_at(Runs& runs, std::uint64_t number) {
  return std::lower_bound(runs.begin(), runs.end(), number,
                          [](const RunSet::Run& run, std::uint64_t n) { return run.last < n; });
}
}  // namespace

bool RunSet::add(std::uint64_t number) {
  if (!runs_.empty() && runs_.back().last != UINT64_MAX && number == runs_.back().last + 1) {  // the usual case
    runs_.back().last = number;
    return true;
  }
  const auto at = run_at(runs_, number);
  if (at != runs_.end() && at->first <= number) return false;
  const bool joins_next = at != runs_.end() && at->first == number + 1;
  const bool joins_last = at != runs_.begin() && std::prev(at)->last + 1 == number;
  if (joins_next && joins_last) {
    std::prev(at)->last = at->last;
    runs_.erase(at);
  } else if (joins_next) {
    at->first = number;
  } else if (joins_last) {
    std::prev(at)->last = number;
  } else {
    runs_.insert(at, {number, number});
  }
  return true;
}

bool RunSet::contains(std::uint64_t number) const {
  const auto at = run_at(runs_, number);
  return at != runs_.end() && at->first <= number;
}

std::uint64_t RunSet::count() const {
  std::uint64_t count = 0;
  for (const auto& run : runs_) count += run.last - run.first + 1;
  return count;
}

bool RunSet::append(Run run) {
  if (run.first > run.last || run.first == 0) return false;
  if (!runs_.empty() && run.first - 1 <= runs_.back().last) return false;
  runs_.push_back(run);
  return true;
}

}  // namespace airbridge::picture
