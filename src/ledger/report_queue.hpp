#pragma once
// What gateways reported and is not written yet, in order for each record. A marker that is dragged faster than the
// disk syncs does not pile up: a newer report about a field takes the place of one that waits. One thread; size() from
// any.
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "ledger/answers.hpp"

namespace airbridge::ledger {

inline constexpr std::size_t reports_waiting_max = 10'000;  // of all records
inline constexpr std::size_t reports_per_record_max = 64;   // that cannot be merged into one

class ReportQueue {
 public:
  struct Report {
    model::Draft draft;
    Meet meet;
    std::function<void(const Reported&)> done;
  };
  // The draft names its record. Nothing when the report was taken, perhaps in place of one whose `done` is answered as
  // having brought nothing new; else the report back: too much waits.
  std::optional<Report> put(Report report);
  std::optional<Report> take(const model::EntityId& entity);  // the oldest about it
  std::size_t size() const { return size_.load(); }

 private:
  std::map<model::EntityId, std::deque<Report>> waiting_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace airbridge::ledger
