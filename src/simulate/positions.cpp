#include "simulate/positions.hpp"

#include <algorithm>

#include "sync/limits.hpp"

namespace airbridge::simulate {
namespace {
constexpr std::int64_t minute_ms = 60'000;
constexpr std::uint64_t speakers_max = 3;
constexpr std::int64_t often_ms = 2 * minute_ms, seldom_ms = 10 * minute_ms, healed_ms = minute_ms;
constexpr double rush = 0.1;  // how often several are said within seconds
constexpr int rush_count = 8;
constexpr std::int64_t rush_ms = 2'000;
constexpr double rounded_m = 5;  // what the short form may be off, over some relays
}  // namespace

void Positions::plan(std::int64_t end_ms) {
  const auto count = std::min<std::uint64_t>(nodes_.size(), 1 + rng_.below(speakers_max));
  for (std::uint64_t i = 0; i < count; ++i) {
    Speaker speaker;
    speaker.node = rng_.below(nodes_.size());
    if (std::ranges::any_of(speakers_, [&](const Speaker& other) { return other.node == speaker.node; })) continue;
    speaker.every_ms = rng_.between(often_ms, seldom_ms);
    speaker.subject = model::external_name("own", nodes_[speaker.node]->id().hex());
    speaker.said.push_back(
        *Position::from_e7(rng_.between(460'000'000, 470'000'000), rng_.between(80'000'000, 90'000'000)));
    speakers_.push_back(std::move(speaker));
    fleet_.timeline.at(rng_.between(0, std::min(end_ms, seldom_ms)),
                       [this, speaker_at = speakers_.size() - 1] { speak_on(speaker_at); });
  }
  fleet_.report.speakers = speakers_.size();
}

void Positions::speak_on(std::size_t at) {
  auto& speaker = speakers_[at];
  const int count = !healed_ && rng_.chance(rush) ? rush_count : 1;
  for (int i = 0; i < count; ++i) {
    fleet_.timeline.in(i * rush_ms, [this, at] { say(speakers_[at]); });
  }
  fleet_.timeline.in(healed_ ? healed_ms : speaker.every_ms, [this, at] { speak_on(at); });
}

void Positions::say(Speaker& speaker) {
  auto& node = *nodes_[speaker.node];
  if (!node.running()) return;
  const auto& last = speaker.said.back();
  model::Observation observation;
  observation.subject = speaker.subject;
  observation.kind = model::SubjectKind::OwnNode;
  observation.source = "gpsd";
  observation.gateway = node.id();
  observation.measured = node.now().utc;
  observation.position = *Position::from_e7(last.latitude.e7() + rng_.between(3'000, 9'000),
                                            last.longitude.e7() + rng_.between(-9'000, 9'000));
  if (rng_.chance(0.5)) observation.speed = MetresPerSecond(static_cast<double>(rng_.below(60)));
  observation.callsign = node.name();
  speaker.said.push_back(observation.position);
  ++fleet_.report.positions;
  node.says(observation);
}

void Positions::told(std::size_t node, const model::Observation& observation) {
  const auto speaker = std::ranges::find(speakers_, observation.subject, &Speaker::subject);
  const auto was_there = [&](const Position& place) {
    return distance_between(place, observation.position).value <= rounded_m;
  };
  const auto& name = nodes_[node]->name();
  if (speaker == speakers_.end() || std::ranges::none_of(speaker->said, was_there))
    throw Failure{fmt::format("{} was told of a position at which nobody was", name)};
  const auto life = nodes_[node]->life_number();
  auto& shown = shown_[{node, static_cast<std::size_t>(speaker - speakers_.begin())}];
  // What the clock of its author had put far ahead gives way to any other.
  if (shown.life == life && observation.measured < shown.measured &&
      shown.measured <= nodes_[node]->now().utc + sync::observation_lead_max) {
    throw Failure{fmt::format("{} went back to an older position of {}", name, nodes_[speaker->node]->name())};
  }
  shown = {life, observation.measured};
  ++fleet_.report.positions_told;
}

void Positions::healed() { healed_ = nodes_[0]->now().utc; }

std::optional<std::pair<std::size_t, std::size_t>> Positions::unaware() const {
  for (std::size_t at = 0; at < speakers_.size(); ++at) {
    for (const auto& node : nodes_) {
      // Of a node and its copy nobody knows which is which.
      if (node->id() == nodes_[speakers_[at].node]->id()) continue;
      const auto shown = shown_.find({node->index(), at});
      if (shown == shown_.end() || shown->second.life != node->life_number() || shown->second.measured < *healed_) {
        if (are_linked_(speakers_[at].node, node->index())) return std::pair{node->index(), speakers_[at].node};
      }
    }
  }
  return std::nullopt;
}

bool Positions::all_know() const { return !unaware(); }

void Positions::check_end() const {
  if (const auto found = unaware()) {
    throw Failure{fmt::format("N{} shows no position of N{} that is newer than the healing", found->first + 1,
                              found->second + 1)};
  }
}

}  // namespace airbridge::simulate
