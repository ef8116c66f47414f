#pragma once
// Plays a recorded feed: at once for `import`, or in its own time and in a loop for a demonstration. Positions stay as
// recorded; every observation is marked `replayed`, dated as if it were heard now. Loop thread only.
#include <memory>

#include "gateway/adsb/line_reader.hpp"
#include "gateway/adsb/recording.hpp"
#include "net/event_loop.hpp"

namespace airbridge::gateway::adsb {

struct ImportSummary {
  std::uint64_t items = 0;    // lines or entries
  std::uint64_t refused = 0;  // damaged lines, oversized ones, entries without an address
  std::uint64_t observations = 0;
  std::size_t aircraft = 0;  // distinct ones among the observations
};
// Plays all of it at once. The last item is dated `now`, the others before it by the recording's own intervals.
ImportSummary import_recording(const Recording& recording, UtcTime now, const OnObservation& on_observation);

enum class Repeat { Once, Forever };

class AdsbPlayer {
 public:
  AdsbPlayer(net::EventLoop& loop, const Clock& clock, Recording recording, Repeat repeat,
             OnObservation on_observation);
  void start();
  void stop() { timer_.reset(); }
  bool is_playing() const { return timer_ != nullptr; }
  const std::string& name() const { return recording_.name; }
  std::uint64_t rounds() const { return rounds_; }  // played to the end
  const LineCounters& counters() const { return counters_; }

 private:
  void begin_round();
  void play_due();

  net::EventLoop& loop_;
  const Clock& clock_;
  Recording recording_;
  Repeat repeat_;
  OnObservation on_observation_;
  LineCounters counters_;
  std::unique_ptr<LineReader> reader_;  // a new one each round, so that going back to the start is no jump
  std::size_t next_ = 0;
  SteadyTime round_start_{};
  std::uint64_t rounds_ = 0;
  std::shared_ptr<net::EventLoop::Timer> timer_;
};

}  // namespace airbridge::gateway::adsb
