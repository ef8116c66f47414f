// airbridge_simulate --seeds N --first-seed S [--bug NAME] [--nodes N] [--hours H] [--twins] [--courier] [--positions]
//                    [--metered] [--verbose] [--frames]
// Runs seeds, prints how each went while it goes, the story of the ones that failed, and "N passed, N failed". A seed
// in which too little happened has failed as well.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "simulate/simulate.hpp"

using namespace airbridge;

namespace {
constexpr int failures_told_max = 3;  // with their story

bool read_number(const char* text, std::uint64_t& out) {
  const auto* end = text + std::strlen(text);
  return std::from_chars(text, end, out).ptr == end && text != end;
}
int usage(const char* what) {
  fmt::print(stderr,
             "{}\nusage: airbridge_simulate [--seeds N] [--first-seed S] [--nodes N] [--hours H] [--bug NAME] "
             "[--twins] [--courier] [--positions] [--metered] [--verbose] [--frames]\nbugs: send-before-sync, "
             "ack-before-sync, "
             "vector-past-gap, priority-hole, "
             "replay-window-lost\n",
             what);
  return 2;
}
}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seeds = 20, first = 1, nodes = 0, hours = 6;
  bool verbose = false;
  simulate::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : "";
    const auto number = [&](std::uint64_t& out) { return read_number(value, out) && ++i < argc; };
    if (arg == "--verbose") {
      verbose = true;
    } else if (arg == "--frames") {
      options.tell_frames = true;
    } else if (arg == "--twins") {
      options.twins = true;
    } else if (arg == "--courier") {
      options.courier = true;
    } else if (arg == "--positions") {
      options.positions = true;
    } else if (arg == "--metered") {
      options.metered = true;
    } else if (arg == "--bug") {
      ++i;
      for (int b = 0; b <= static_cast<int>(simulate::Bug::ReplayWindowLost); ++b) {
        if (simulate::name_of(static_cast<simulate::Bug>(b)) == value) options.bug = static_cast<simulate::Bug>(b);
      }
      if (simulate::name_of(options.bug) != value) return usage("unknown bug");
    } else if (!((arg == "--seeds" && number(seeds)) || (arg == "--first-seed" && number(first)) ||
                 (arg == "--nodes" && number(nodes)) || (arg == "--hours" && number(hours)))) {
      return usage(fmt::format("cannot read '{}'", arg).c_str());
    }
  }
  options.nodes = nodes;
  options.hours = static_cast<double>(hours);
  std::uint64_t passed = 0, failed = 0, events = 0, faults = 0, claims = 0;
  simulate::FaultCounts by_fault{};
  double simulated = 0;
  if (options.hours < simulate::worth_hours)
    fmt::print("of {} h it is not judged whether enough happened; that takes {} h\n", hours, simulate::worth_hours);
  const auto start = std::chrono::steady_clock::now();
  for (auto seed = first; seed < first + seeds; ++seed) {
    auto report = simulate::run(seed, options);
    if (auto little = simulate::short_of(report, options); !little.empty()) {
      report.passed = false;
      report.failure = std::move(little);
    }
    (report.passed ? passed : failed) += 1;
    events += report.events;
    faults += report.faults;
    for (std::size_t i = 0; i < by_fault.size(); ++i) by_fault[i] += report.by_fault[i];
    claims += report.claims;
    simulated += report.hours;
    if (verbose || !report.passed || seeds <= 50) fmt::print("{}\n", simulate::line_of(report));
    if (!report.passed && failed <= failures_told_max) {
      for (const auto& line : report.story) fmt::print("    {}\n", line);
      fmt::print("    again: {}\n", simulate::again(seed, options));
    }
    if (!verbose && seeds > 50 && (seed - first + 1) % 50 == 0) {
      fmt::print("{} of {} seeds, {} failed\n", seed - first + 1, seeds, failed);
    }
    std::fflush(stdout);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{:.0f} simulated hours, {} events, {} faults, {} claims checked, {:.1f} s\n", simulated, events, faults,
             claims, took.count());
  fmt::print("{}\n", simulate::words_of(by_fault));
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
