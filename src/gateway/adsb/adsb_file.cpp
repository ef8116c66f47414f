#include "gateway/adsb/adsb_file.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"

namespace airbridge::gateway::adsb {
namespace {

constexpr Milliseconds round_pause{1'000};  // between the end of a recording and its next beginning

// Plays one item through the reader; an aircraft.json entry keeps its age.
std::optional<model::Observation> entry_observation(const Recording& recording, const Recording::Item& item,
                                                    UtcTime now) {
  const auto* const entry = std::get_if<codec::adsb::Aircraft>(&item.content);
  if (entry == nullptr || !entry->position) return std::nullopt;
  auto aircraft = *entry;
  aircraft.position_at = now - (recording.json_read_at - entry->position_at);
  return to_observation(aircraft, recording.name, Origin::Recording);
}

}  // namespace

ImportSummary import_recording(const Recording& recording, UtcTime now, const OnObservation& on_observation) {
  ImportSummary summary;
  std::set<model::EntityId> seen;
  const OnObservation count = [&](model::Observation&& observation) {
    ++summary.observations;
    seen.insert(observation.subject);
    on_observation(std::move(observation));
  };
  LineReader reader(recording.name, Origin::Recording, {}, count);
  for (const auto& item : recording.items) {
    const UtcTime at = now - (recording.length - item.at);
    // The steady clock of a recording is its own; only differences count.
    const Now then{at, SteadyTime(Milliseconds(1'000'000'000) + item.at)};
    if (const auto* line = std::get_if<std::string>(&item.content)) {
      reader.read(*line, item.line_number, then);
    } else if (auto observation = entry_observation(recording, item, now)) {
      count(*std::move(observation));
    }
  }
  summary.items = recording.items.size() + recording.skipped + recording.oversized;
  summary.refused = reader.counters().refused + recording.oversized + recording.skipped;
  summary.aircraft = seen.size();
  return summary;
}

AdsbPlayer::AdsbPlayer(net::EventLoop& loop, const Clock& clock, Recording recording, Repeat repeat,
                       OnObservation on_observation)
    : loop_(loop),
      clock_(clock),
      recording_(std::move(recording)),
      repeat_(repeat),
      on_observation_(std::move(on_observation)) {}

void AdsbPlayer::start() {
  if (timer_ || recording_.items.empty()) return;
  log::info(
      "adsb", "replaying a recording",
      {{"source", recording_.name}, {"items", recording_.items.size()}, {"length_ms", recording_.length.count()}});
  timer_ = loop_.after(Milliseconds(0), [this] { begin_round(); });
}

void AdsbPlayer::begin_round() {
  reader_ = std::make_unique<LineReader>(recording_.name, Origin::Recording, codec::adsb::TrackerLimits{},
                                         [this](model::Observation&& observation) {
                                           ++counters_.observations;
                                           if (on_observation_) on_observation_(std::move(observation));
                                         });
  next_ = 0;
  round_start_ = clock_.now().steady;
  play_due();
}

void AdsbPlayer::play_due() {
  const Now now = clock_.now();
  const auto elapsed = now.steady - round_start_;
  const auto running = timer_;  // a handler below may call stop(), which drops timer_
  for (; timer_ && next_ < recording_.items.size() && recording_.items[next_].at <= elapsed; ++next_) {
    const auto& item = recording_.items[next_];
    ++counters_.lines;
    if (const auto* line = std::get_if<std::string>(&item.content)) {
      reader_->read(*line, item.line_number, now);
    } else if (auto observation = entry_observation(recording_, item, now.utc)) {
      ++counters_.observations;
      if (on_observation_) on_observation_(*std::move(observation));
    }
  }
  if (!timer_) return;
  if (next_ < recording_.items.size()) {
    const auto wait = std::max(recording_.items[next_].at - elapsed, Milliseconds(1));
    timer_ = loop_.after(wait, [this] { play_due(); });
    return;
  }
  ++rounds_;
  counters_.refused += reader_->counters().refused;
  counters_.ignored += reader_->counters().ignored;
  if (repeat_ == Repeat::Once) return timer_.reset();
  const auto rest = std::max(recording_.length - elapsed, Milliseconds(0));
  timer_ = loop_.after(rest + round_pause, [this] { begin_round(); });
}

}  // namespace airbridge::gateway::adsb
