#include "simulate/courier.hpp"

namespace airbridge::simulate {
namespace {
constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t way_min_ms = 5 * minute_ms, way_max_ms = 40 * minute_ms;
constexpr std::int64_t healed_way_ms = 2 * minute_ms;
constexpr double everything = 0.1, torn = 0.25, twice = 0.3;
}  // namespace

std::int64_t Courier::some_time(std::int64_t least_ms, std::int64_t most_ms) {
  return healed_ ? healed_way_ms : rng_.between(least_ms, most_ms);
}

void Courier::set_out() {
  fleet_.timeline.in(some_time(minute_ms, way_min_ms), [this] { fetch(0); });
}

void Courier::fetch(int from) {
  auto& node = *ends_[from];
  const bool all = rng_.chance(everything) || !known_[from].head;
  auto files = node.write_bundle(all ? std::nullopt : known_[from].head);
  if (!files.empty()) ++fleet_.report.bundles;
  fleet_.timeline.in(some_time(way_min_ms, way_max_ms),
                     [this, from, files = std::move(files)]() mutable { bring(1 - from, std::move(files)); });
}

// Of each file once a part that was torn or damaged on the way, and then whole.
void Courier::bring(int to, std::vector<Bytes> files) {
  auto& node = *ends_[to];
  if (node.running() && !files.empty()) {
    fleet_.say("{} is brought {} bundles of {}", node.name(), files.size(), ends_[1 - to]->name());
    if (rng_.chance(torn)) {
      auto part = files[rng_.below(files.size())];
      const auto at = rng_.below(part.size());
      if (rng_.chance(0.5)) {
        part.resize(at);
      } else {
        part[at] ^= static_cast<std::uint8_t>(1U << rng_.below(8));
      }
      fleet_.say("one of them is torn at byte {}", at);
      ++fleet_.report.bundles_torn;
      files.insert(files.begin(), std::move(part));
    }
    read(to, std::move(files), 0, 1);
  }
  fleet_.timeline.in(some_time(minute_ms, way_max_ms), [this, to] { fetch(to); });
}

void Courier::read(int to, std::vector<Bytes> files, std::size_t at, int times) {
  if (at >= files.size()) return;
  auto file = files[at];
  ends_[to]->read_bundle(
      std::move(file), [this, to, files = std::move(files), at, times](const SimNode::Brought& brought) mutable {
        fleet_.report.bundles_brought += brought.tally.events_new;
        fleet_.say("{} read a bundle: {} events are new, {} were there{}{}", ends_[to]->name(),
                   brought.tally.events_new, brought.tally.events_known, brought.whole ? "" : ", it is cut off",
                   brought.damages > 0 ? ", part of it is damaged" : "");
        for (const auto& [stream, gap] : brought.tally.gaps)
          fleet_.say("not taken: {} from {} on, something before is missing", model::to_text(stream), gap.first);
        for (const auto& [why, events] : brought.tally.refused) fleet_.say("not taken: {} events, {}", events, why);
        for (const auto& stream : brought.tally.contradicts)
          fleet_.say("not taken: {}, other contents than here", model::to_text(stream));
        if (!brought.stopped.empty()) fleet_.say("it stopped: {}", brought.stopped);
        if (brought.head) known_[to].head = brought.head;
        const bool took_all = brought.whole && brought.stopped.empty() && brought.tally.gaps.empty() &&
                              brought.tally.refused.empty() && brought.tally.contradicts.empty();
        if (times > 1 && brought.tally.events_new > 0) {
          throw Failure{
              fmt::format("{} took {} events of a bundle a second time", ends_[to]->name(), brought.tally.events_new)};
        }
        if (times == 1 && took_all && rng_.chance(twice)) {
          read(to, std::move(files), at, 2);
        } else {
          read(to, std::move(files), at + 1, 1);
        }
      });
}

}  // namespace airbridge::simulate
