#include "simulate/twins.hpp"

#include <algorithm>
#include <cmath>

#include "sync/vector.hpp"

namespace airbridge::simulate {
namespace {
constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t apart_min_ms = 60 * minute_ms, apart_max_ms = 180 * minute_ms;
constexpr std::int64_t together_ms = 30 * minute_ms;  // in which both still write, before all is healed
constexpr std::uint64_t written_min = 6, written_max = 20;
}  // namespace

// A node that has no way to this one but over others: it does not know one of the two by the other's name.
std::optional<std::size_t> Twins::far_from(std::size_t node) {
  std::vector<bool> near(nodes_.size());
  near[node] = true;
  for (std::size_t i = 0; i < network_.size(); ++i) {
    const auto [a, b] = network_.ends(i);
    if (a == node) near[b] = true;
    if (b == node) near[a] = true;
  }
  for (std::size_t i = 0; i < radios_.size(); ++i) {
    const auto& members = radios_.members(i);
    if (std::ranges::find(members, node) == members.end()) continue;
    for (const auto member : members) near[member] = true;
  }
  std::vector<std::size_t> far;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!near[i]) far.push_back(i);
  }
  if (far.empty()) return std::nullopt;
  return far[rng_.below(far.size())];
}

void Twins::let_write(std::size_t node, std::int64_t from_ms, std::int64_t until_ms) {
  const auto count = rng_.between(written_min, written_max);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(count); ++i) {
    fleet_.timeline.at(rng_.between(from_ms, until_ms), [this, node] {
      if (nodes_[node]->running()) nodes_[node]->user_acts();
    });
  }
}

void Twins::copy(std::int64_t end_ms) {
  if (nodes_.size() >= nodes_max) return;
  const auto begin = rng_.below(nodes_.size());
  std::optional<std::size_t> original, host;
  for (std::size_t i = 0; i < nodes_.size() && !host; ++i) {
    const auto node = (begin + i) % nodes_.size();
    if (!nodes_[node]->running() || fleet_.oracle.is_hit(node) || fleet_.set_back.contains(node)) continue;
    original = node;
    host = far_from(node);
  }
  if (!host) return;
  auto& first = *nodes_[*original];
  const auto now = fleet_.timeline.now();
  const auto parted = std::min(end_ms - together_ms, now + rng_.between(apart_min_ms, apart_max_ms));
  if (parted < now + apart_min_ms / 2) return;

  Pair pair{*original, nodes_.size(), fleet_.oracle.promises().size(), first.writer()};
  // As a person copies it: the device is stopped, and both are started.
  first.stop();
  network_.lost(*original);
  radios_.lost(*original);
  const auto second = pair.second;
  nodes_.push_back(std::make_unique<SimNode>(fleet_, second, on_output_, *original));
  auto& copy = *nodes_.back();
  copy.restore(first.image());
  ++fleet_.report.twins;
  fleet_.copied.insert({*original, second});
  LinkNature nature;
  nature.bytes_per_s[0] = nature.bytes_per_s[1] = 1'200 * std::exp2(8 * rng_.unit());
  const auto link = network_.add_link(*host, second, nature);
  const bool with_host = rng_.chance(0.5);
  if (with_host) {
    for (std::size_t i = 0; i < network_.size(); ++i) {
      const auto [a, b] = network_.ends(i);
      if (i != link && (a == *host || b == *host)) network_.keep_down(i, parted);
    }
  } else {
    network_.keep_down(link, parted);
  }
  fleet_.say("{} is a copy of {}, on a link to {}{}, apart for {} s", copy.name(), first.name(), nodes_[*host]->name(),
             with_host ? " and cut off with it" : "", (parted - now) / 1000);
  first.start();
  copy.start();
  let_write(*original, now + minute_ms, parted);
  let_write(second, now + minute_ms, parted);
  let_write(*original, parted, end_ms);
  let_write(second, parted, end_ms);
  pairs_.push_back(pair);
}

void Twins::check_end() const {
  const auto& promises = fleet_.oracle.promises();
  for (const auto& pair : pairs_) {
    bool wrote = false;
    std::map<model::Dot, const Bytes*> contents;  // of what either wrote as the same writer
    std::set<model::Dot> twice;
    for (auto i = pair.promised; i < promises.size(); ++i) {
      const auto& promise = promises[i];
      if ((promise.node != pair.first && promise.node != pair.second) || promise.holders.none()) continue;
      if (promise.dot.stream().writer != pair.writer) continue;
      wrote = true;
      const auto [known, first] = contents.try_emplace(promise.dot, &promise.public_part);
      if (!first && *known->second != promise.public_part) twice.insert(promise.dot);
    }
    if (wrote && nodes_[pair.first]->writer() == nodes_[pair.second]->writer()) {
      throw Failure{
          fmt::format("N{} and its copy N{} have met and still write as one", pair.first + 1, pair.second + 1)};
    }
    if (!twice.empty()) ++fleet_.report.twins_forked;
    for (const auto& node : nodes_) {
      const auto forks = node->forks();
      for (const auto& dot : twice) {
        const auto found = forks.find(dot.stream());
        if (found != forks.end() && found->second <= dot.seq) continue;
        throw Failure{fmt::format("N{} and its copy N{} wrote {} apart, and {} names no fork", pair.first + 1,
                                  pair.second + 1, model::to_text(dot), node->name())};
      }
    }
  }
}

}  // namespace airbridge::simulate
