#pragma once
// Lines of SBS-1 in, observations out: what the live client and the file reader share. Counts everything, and logs
// faults with source, line and column: the first `faults_logged_max` of a connection one by one, then only at each
// doubling.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "codec/adsb/tracker.hpp"
#include "gateway/adsb/to_model.hpp"

namespace airbridge::gateway::adsb {

using OnObservation = std::function<void(model::Observation&&)>;

inline constexpr std::uint64_t faults_logged_max = 10;

struct LineCounters {
  std::uint64_t lines = 0;         // read, good or bad
  std::uint64_t ignored = 0;       // records that carry no aircraft data
  std::uint64_t refused = 0;       // damaged
  std::uint64_t oversized = 0;     // longer than codec::adsb::sbs_line_bytes_max
  std::uint64_t observations = 0;  // handed on
};

class LineReader {
 public:
  LineReader(std::string source, Origin origin, const codec::adsb::TrackerLimits& limits, OnObservation on_observation);

  void read(std::string_view line, std::uint64_t number, Now now);
  void note_oversized(std::uint64_t total);  // the framer's count
  void new_connection();                     // fault logging begins anew
  // Many lines and not one of them SBS-1: most likely the wrong port.
  bool is_other_protocol() const { return good_here_ == 0 && faults_here_ >= faults_logged_max; }

  const LineCounters& counters() const { return counters_; }
  const codec::adsb::SbsTracker& tracker() const { return tracker_; }

 private:
  void log_fault(std::string_view line, std::uint64_t number, const codec::adsb::SbsError& error);

  std::string source_;
  Origin origin_;
  codec::adsb::SbsTracker tracker_;
  OnObservation on_observation_;
  LineCounters counters_;
  std::uint64_t faults_here_ = 0;  // since the connection was made
  std::uint64_t good_here_ = 0;
};

}  // namespace airbridge::gateway::adsb
