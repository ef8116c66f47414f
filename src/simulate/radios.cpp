#include "simulate/radios.hpp"

#include <algorithm>

#include "simulate/sim_node.hpp"

namespace airbridge::simulate {
namespace {
constexpr std::size_t recorded_max = 400;
constexpr std::int64_t replay_age_ms = 20'000;  // what was heard is saved by then, or its hearer was not there
constexpr std::int64_t surely_saved_ms = 10'000;

SteadyTime steady(std::int64_t ms) { return SteadyTime(Milliseconds(1'000'000 + ms)); }
}  // namespace

std::size_t Radios::add(const RadioNature& nature, std::vector<std::size_t> members, std::uint64_t seed) {
  Channel channel;
  channel.nature = nature;
  channel.members = std::move(members);
  channel.air = std::make_unique<bearer::Air>(nature.air, seed);
  for (std::size_t i = 0; i < channel.members.size(); ++i) channel.air->add_station();
  channel.taken.resize(channel.members.size());
  channels_.push_back(std::move(channel));
  return channels_.size() - 1;
}

std::string Radios::name_of(std::size_t index) const {
  std::string out = fmt::format("radio {} (", index + 1);
  for (const auto node : channels_[index].members) out += fmt::format("N{} ", node + 1);
  out.back() = ')';
  return out;
}

std::size_t Radios::station_of(const Channel& channel, std::size_t node) const {
  return static_cast<std::size_t>(std::ranges::find(channel.members, node) - channel.members.begin());
}

void Radios::send(std::size_t index, std::size_t node, Bytes frame) {
  auto& channel = channels_[index];
  fleet_.report.bytes += frame.size();
  if (fleet_.report.bytes > fleet_.options.bytes_max) throw Failure{told_bytes()};
  if (fleet_.options.tell_frames)
    fleet_.say("    N{} on {}: frame of {} bytes", node + 1, name_of(index), frame.size());
  channel.recorded.emplace_back(fleet_.timeline.now(), frame);
  if (channel.recorded.size() > recorded_max) channel.recorded.pop_front();
  channel.air->send(static_cast<int>(station_of(channel, node)), std::move(frame), steady(fleet_.timeline.now()));
  wake(index);
}

std::string Radios::told_bytes() const {
  auto out = fmt::format("more than {} bytes were sent, {} on", fleet_.options.bytes_max, fleet_.report.bytes);
  for (std::size_t i = 0; i < channels_.size(); ++i)
    out += fmt::format(" {} {} kB", name_of(i), channels_[i].air->counts().sent_bytes / 1000);
  return out + ": somebody repeats himself";
}

void Radios::lost(std::size_t node) {
  for (auto& channel : channels_) {
    const auto station = station_of(channel, node);
    if (station < channel.members.size()) channel.air->silence(static_cast<int>(station));
  }
}

void Radios::forget(std::size_t node) {
  for (auto& channel : channels_) {
    const auto station = station_of(channel, node);
    if (station < channel.members.size()) channel.taken[station].clear();
  }
}

void Radios::wake(std::size_t index) {
  auto& channel = channels_[index];
  const auto next = channel.air->next();
  if (!next) return;
  const auto at = std::max(next->time_since_epoch().count() - 1'000'000, fleet_.timeline.now() + 1);
  if (channel.wake_at > fleet_.timeline.now() && channel.wake_at <= at) return;
  channel.wake_at = at;
  fleet_.timeline.at(at, [this, index, at] {
    auto& due = channels_[index];
    if (due.wake_at != at) return;
    due.wake_at = -1;
    for (auto& arrival : due.air->advance(steady(fleet_.timeline.now())))
      arrive(index, static_cast<std::size_t>(arrival.to), arrival.frame);
    wake(index);
  });
}

// A frame that a node has taken and could not forget any more must never be taken again, whatever befell it since.
void Radios::arrive(std::size_t index, std::size_t station, const Bytes& frame) {
  auto& channel = channels_[index];
  auto& node = *nodes_[channel.members[station]];
  const auto life = node.life_number();
  if (!node.radio_receive(index, frame)) return;
  const Mark mark = blake2b<16>({frame});
  if (channel.taken[station].contains(mark))
    throw Failure{fmt::format("{} took a frame on {} that it had taken before", node.name(), name_of(index))};
  fleet_.timeline.in(surely_saved_ms, [this, index, station, mark, life] {
    const auto& member = *nodes_[channels_[index].members[station]];
    if (member.running() && member.life_number() == life) channels_[index].taken[station].insert(mark);
  });
}

void Radios::set_outage(std::size_t channel, bool out) {
  channels_[channel].out = out;
  channels_[channel].air->set_outage(out);
}

void Radios::set_loss(std::size_t index, const bearer::Loss& loss) {
  auto& channel = channels_[index];
  const auto count = static_cast<int>(channel.members.size());
  for (int from = 0; from < count; ++from) {
    for (int to = 0; to < count; ++to) {
      if (from != to) channel.air->set_loss(from, to, loss);
    }
  }
}

bearer::Air::Counts Radios::counts() const {
  bearer::Air::Counts out;
  for (const auto& channel : channels_) {
    const auto& one = channel.air->counts();
    out.sent += one.sent;
    out.arrived += one.arrived;
    out.lost += one.lost;
    out.duplicated += one.duplicated;
    out.overtaken += one.overtaken;
  }
  return out;
}

void Radios::set_deaf(std::size_t index, std::size_t from, std::size_t to, bool deaf) {
  auto& channel = channels_[index];
  if (deaf) {
    channel.deaf.emplace(from, to);
  } else {
    channel.deaf.erase({from, to});
  }
  channel.air->set_reaches(static_cast<int>(from), static_cast<int>(to), !deaf);
}

std::size_t Radios::replay(std::size_t index, std::size_t count, Rng& rng) {
  auto& channel = channels_[index];
  std::vector<Bytes> old;
  for (const auto& [at, frame] : channel.recorded) {
    if (at + replay_age_ms <= fleet_.timeline.now()) old.push_back(frame);
  }
  for (std::size_t i = 0; i < count && !old.empty(); ++i) {
    auto frame = old[rng.below(old.size())];
    if (rng.chance(0.2)) frame[rng.below(frame.size())] ^= static_cast<std::uint8_t>(1U << rng.below(8));
    if (rng.chance(0.1)) frame.resize(rng.below(frame.size()));
    for (std::size_t station = 0; station < channel.members.size(); ++station) arrive(index, station, frame);
  }
  return old.empty() ? 0 : count;
}

void Radios::heal() {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    set_outage(i, false);
    set_usual_loss(i);
    for (std::size_t from = 0; from < channels_[i].members.size(); ++from) {
      for (std::size_t to = 0; to < channels_[i].members.size(); ++to) {
        if (from != to) set_deaf(i, from, to, false);
      }
    }
  }
}

}  // namespace airbridge::simulate
