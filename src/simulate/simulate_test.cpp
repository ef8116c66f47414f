#include "simulate/simulate.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::simulate;

namespace {
constexpr int quick_seeds = 6;     // the short form; ./dev simulate runs any number
constexpr int seeds_to_find = 40;  // within which a planted bug must show
}  // namespace

TEST_CASE("fleets keep every promise and end alike") {
  std::uint64_t crashes = 0, stops = 0, from_snapshots = 0, refused = 0, repeated = 0, rejected = 0, scrubbed = 0;
  std::uint64_t recalled = 0;
  for (std::uint64_t seed = 1; seed <= quick_seeds; ++seed) {
    const auto report = run(seed * 4 + seed % 2);  // half of them with two or three nodes
    MESSAGE(line_of(report));
    for (const auto& line : report.story) MESSAGE(line);
    CHECK(report.passed);
    CHECK(report.hours >= 6);
    CHECK(report.events >= 500);
    CHECK(report.faults >= 20);
    CHECK(report.claims > 1000);
    crashes += report.crashes;
    stops += report.stops;
    from_snapshots += report.snapshot_starts;
    recalled += report.recalled;
    refused += report.refused;
    repeated += report.repeated;
    rejected += report.rejected;
    scrubbed += report.scrubbed;
  }
  CHECK(crashes > 10);
  // These seeds went everywhere a ledger goes.
  CHECK(stops > 0);
  CHECK(from_snapshots > 10);
  CHECK(recalled > 10);
  CHECK(refused > 0);
  CHECK(repeated > 0);
  CHECK(rejected > 0);
  CHECK(scrubbed > 0);
}

TEST_CASE("the same seed gives the same run, another one another") {
  Options options;
  options.hours = 2;
  options.events_min = 200;
  options.tell_frames = true;
  const auto first = run(8, options), again = run(8, options), other = run(12, options);
  CHECK(first.passed);
  CHECK(first.trace_digest == again.trace_digest);
  CHECK(first.bytes == again.bytes);
  CHECK(first.trace_digest != other.trace_digest);
}

TEST_CASE("planted bugs are found, and the story says who did it") {
  const struct {
    Bug bug;
    std::string_view words;
  } rows[] = {{Bug::SendBeforeSync, "but its disk holds"},
              {Bug::AckBeforeSync, "but its disk holds"},
              {Bug::VectorPastGap, "but its disk holds"},
              {Bug::PriorityHole, "sent an urgent event behind"},
              {Bug::ReplayWindowLost, "that it had taken before"}};
  for (const auto& row : rows) {
    CAPTURE(name_of(row.bug));
    int tried = 0;
    Report report;
    do {
      Options options;
      options.bug = row.bug;
      options.nodes = row.bug == Bug::ReplayWindowLost ? 3 : 2;  // few nodes find what many hide
      report = run(static_cast<std::uint64_t>(++tried), options);
    } while (report.failure.find(row.words) == std::string::npos && tried < seeds_to_find);
    CHECK_FALSE(report.passed);
    CHECK(report.failure.find(row.words) != std::string::npos);
    CHECK_FALSE(report.story.empty());
    MESSAGE(name_of(row.bug) << " found by seed " << tried << ": " << report.failure);
  }
}
