#include "simulate/faults.hpp"

namespace airbridge::simulate {
namespace {
constexpr std::int64_t minute_ms = 60'000;
constexpr int draws_max = 100;  // for one strike
constexpr std::int64_t disk_used_within_ms = 10 * minute_ms;
constexpr std::int64_t year_ms = std::int64_t{365} * 24 * 60 * minute_ms;
}  // namespace

Faults::Faults(Fleet& fleet, std::vector<std::unique_ptr<SimNode>>& nodes, Network& network, Radios& radios,
               std::uint64_t seed)
    : fleet_(fleet), nodes_(nodes), network_(network), radios_(radios), rng_(seed) {}

void Faults::strike() {
  if (healed_) return;
  for (int i = 0; i < draws_max; ++i) {
    if (try_one()) return;
  }
  fleet_.say("no fault can be done now");
}

bool Faults::try_one() {
  if (radios_.size() > 0 && rng_.chance(0.2)) return try_radio();
  const auto kind = rng_.below(100);
  if (kind < 24) return break_link();
  if (kind < 34) return partition();
  if (kind < 42) return worsen_link();
  if (kind < 64) return crash();
  if (kind < 70) return damage();
  if (kind < 76) return fill_disk();
  if (kind < 82) return fail_disk();
  if (kind < 88) return slow_disk();
  if (kind < 90) return jump_clock();
  if (kind < 92) return contradict();
  if (kind < 97) keep_image();
  return kind >= 97 && restore_image();
}

bool Faults::try_radio() {
  const auto which = rng_.below(3);
  return which == 0 ? jam_radio() : which == 1 ? worsen_radio() : replay_radio();
}

SimNode* Faults::any_running() {
  std::vector<SimNode*> running;
  for (const auto& node : nodes_) {
    if (node->running()) running.push_back(node.get());
  }
  return running.empty() ? nullptr : running[rng_.below(running.size())];
}

bool Faults::break_link() {
  if (network_.size() == 0) return false;
  const auto link = rng_.below(network_.size());
  if (!network_.is_up(link)) return false;
  const bool silent = rng_.chance(0.4);
  const auto time = some_time(1'000, 40 * minute_ms);
  did(Fault::LinkBroken, "fault: link {} breaks{} for {} s", network_.name_of(link), silent ? " silently" : "",
      time / 1000);
  network_.set_up(link, false, silent);
  fleet_.timeline.in(time, [this, link] { network_.set_up(link, true, false); });
  return true;
}

bool Faults::partition() {
  const auto side = rng_();
  const auto time = some_time(5 * minute_ms, 90 * minute_ms);
  std::string cut;
  for (std::size_t i = 0; i < network_.size(); ++i) {
    const auto [a, b] = network_.ends(i);
    if (((side >> a) & 1) == ((side >> b) & 1) || !network_.is_up(i)) continue;
    cut += " " + network_.name_of(i);
    network_.set_up(i, false, rng_.chance(0.3));
    fleet_.timeline.in(time, [this, i] { network_.set_up(i, true, false); });
  }
  cut += part_radios(side, time);
  if (cut.empty()) return false;
  did(Fault::Partition, "fault: partition for {} s cuts{}", time / 1000, cut);
  return true;
}

// Nobody hears the other half on any channel that both are on.
std::string Faults::part_radios(std::uint64_t side, std::int64_t time_ms) {
  std::string cut;
  for (std::size_t channel = 0; channel < radios_.size(); ++channel) {
    const auto& members = radios_.members(channel);
    bool any = false;
    for (std::size_t from = 0; from < members.size(); ++from) {
      for (std::size_t to = 0; to < members.size(); ++to) {
        const bool apart = ((side >> members[from]) & 1) != ((side >> members[to]) & 1);
        if (!apart || radios_.is_deaf(channel, from, to)) continue;
        any = true;
        radios_.set_deaf(channel, from, to, true);
        fleet_.timeline.in(time_ms, [this, channel, from, to] { radios_.set_deaf(channel, from, to, false); });
      }
    }
    if (any) cut += " " + radios_.name_of(channel);
  }
  return cut;
}

bool Faults::worsen_link() {
  if (network_.size() == 0) return false;
  const auto link = rng_.below(network_.size());
  const auto before = network_.nature(link);
  auto worse = before;
  // One direction may be much worse than the other.
  for (auto& rate : worse.bytes_per_s) rate = std::max(600.0, rate * std::exp2(-6 * rng_.unit()));
  worse.delay_ms = some_time(10, 5'000);
  const auto time = some_time(minute_ms, 30 * minute_ms);
  did(Fault::LinkWorse, "fault: link {} has {:.0f}/{:.0f} B/s and {} ms delay for {} s", network_.name_of(link),
      worse.bytes_per_s[0], worse.bytes_per_s[1], worse.delay_ms, time / 1000);
  network_.change(link, worse);
  fleet_.timeline.in(time, [this, link, before] { network_.change(link, before); });
  return true;
}

bool Faults::jam_radio() {
  const auto channel = rng_.below(radios_.size());
  if (radios_.is_out(channel)) return false;
  const auto time = some_time(10'000, 40 * minute_ms);
  did(Fault::RadioJammed, "fault: nothing gets through on {} for {} s", radios_.name_of(channel), time / 1000);
  radios_.set_outage(channel, true);
  fleet_.timeline.in(time, [this, channel] { radios_.set_outage(channel, false); });
  return true;
}

bool Faults::worsen_radio() {
  const auto channel = rng_.below(radios_.size());
  const auto time = some_time(minute_ms, 40 * minute_ms);
  const auto count = radios_.members(channel).size();
  if (rng_.chance(0.4)) {
    const auto from = rng_.below(count), to = (from + 1 + rng_.below(count - 1)) % count;
    if (radios_.is_deaf(channel, from, to)) return false;
    did(Fault::RadioDeaf, "fault: on {} N{} does not hear N{} for {} s", radios_.name_of(channel),
        radios_.members(channel)[to] + 1, radios_.members(channel)[from] + 1, time / 1000);
    radios_.set_deaf(channel, from, to, true);
    fleet_.timeline.in(time, [this, channel, from, to] { radios_.set_deaf(channel, from, to, false); });
    return true;
  }
  bearer::Loss loss;
  loss.random = rng_.unit() * 0.4;
  loss.burst_begins = rng_.unit() * 0.05;
  did(Fault::RadioWorse, "fault: {} loses {:.0f} % of its frames, and bursts, for {} s", radios_.name_of(channel),
      loss.random * 100, time / 1000);
  radios_.set_loss(channel, loss);
  fleet_.timeline.in(time, [this, channel] { radios_.set_usual_loss(channel); });
  return true;
}

bool Faults::replay_radio() {
  const auto channel = rng_.below(radios_.size());
  if (radios_.replay(channel, 60, rng_) == 0) return false;
  did(Fault::RadioReplayed, "fault: somebody played old frames on {} again", radios_.name_of(channel));
  return true;
}

void Faults::down(SimNode& node, store::SimDisk::Cut cut, std::int64_t for_ms) {
  node.crash(cut);
  network_.lost(node.index());
  radios_.lost(node.index());
  fleet_.timeline.in(for_ms, [&node] { node.start(); });
}

bool Faults::crash() {
  auto* node = any_running();
  if (node == nullptr) return false;
  // Biased: a node caught while its disk has not got everything is where mistakes show.
  for (int i = 0; i < 8 && !node->has_unsynced(); ++i) node = any_running();
  const auto how = rng_.below(4);
  const auto time = some_time(1'000, 20 * minute_ms);
  if (how == 0) {
    fleet_.say("the power of {} will fail while its disk writes", node->name());
    // It is a fault when it comes to that.
    node->crash_in_next_sync([this, node, time] {
      did(Fault::PowerLostWriting, "fault: the power of {} failed while its disk wrote, for {} s", node->name(),
          time / 1000);
      down(*node, store::SimDisk::Cut::Mixed, time);
    });
    return true;
  }
  if (rng_.chance(0.2)) {
    did(Fault::Stopped, "fault: {} is stopped for {} s", node->name(), time / 1000);
    node->stop();
    network_.lost(node->index());
    radios_.lost(node->index());
    fleet_.timeline.in(time, [node] { node->start(); });
    return true;
  }
  const auto cut = how == 1   ? store::SimDisk::Cut::Keep
                   : how == 2 ? store::SimDisk::Cut::Lose
                              : store::SimDisk::Cut::Mixed;
  did(how == 1 ? Fault::Killed : Fault::PowerLost, "fault: {} {} for {} s", node->name(),
      how == 1 ? "is killed" : "loses power", time / 1000);
  down(*node, cut, time);
  return true;
}

bool Faults::damage() {
  auto& node = any_node();
  const auto count = 1 + rng_.below(3);
  std::string where;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto flipped = node.disk().flip_random([](std::string_view) { return true; });
    if (flipped) where += fmt::format(" {}+{}", flipped->name, flipped->byte);
  }
  if (where.empty()) return false;
  did(Fault::Rot, "fault: bits rot on the disk of {}:{}", node.name(), where);
  node.rotted();
  damaged_.insert(node.index());
  if (node.running() && rng_.chance(0.5)) {
    fleet_.say("{} restarts after it", node.name());
    down(node, store::SimDisk::Cut::Keep, some_time(1'000, minute_ms));
  }
  return true;
}

// A fault when the disk was written meanwhile, and failed.
void Faults::count_when_failed(Fault fault, SimNode& node, std::string_view what, std::int64_t within_ms) {
  fleet_.timeline.in(within_ms, [this, fault, &node, what, before = node.disk().failures()] {
    if (node.disk().failures() > before) did(fault, "fault: the disk of {} {}", node.name(), what);
  });
}

bool Faults::fill_disk() {
  auto* const node = any_running();
  if (node == nullptr) return false;
  const auto time = some_time(minute_ms, 30 * minute_ms);
  std::uint64_t used = 0;
  for (const auto& [name, bytes] : node->image()) used += bytes.size();
  fleet_.say("the disk of {} has no more room for {} s", node->name(), time / 1000);
  node->disk().set_quota(used + rng_.below(2'000));
  count_when_failed(Fault::DiskFull, *node, "was full", time);
  fleet_.timeline.in(time, [node] { node->disk().set_quota(UINT64_MAX); });
  return true;
}

bool Faults::fail_disk() {
  auto* const node = any_running();
  if (node == nullptr) return false;
  const auto times = 1 + static_cast<int>(rng_.below(3));
  const bool at_sync = rng_.chance(0.5);
  fleet_.say("the disk of {} is to fail {} {} times", node->name(), at_sync ? "to sync" : "to write", times);
  if (at_sync) {
    node->disk().fail_fdatasync(times);
  } else {
    node->disk().fail_writes(times);
  }
  count_when_failed(Fault::DiskFailed, *node, "failed", disk_used_within_ms);
  return true;
}

bool Faults::slow_disk() {
  auto* const node = any_running();
  if (node == nullptr) return false;
  const auto delay = some_time(500, 40'000);
  did(Fault::DiskSlow, "fault: the disk of {} takes {} ms", node->name(), delay);
  node->set_disk_delay(delay);
  fleet_.timeline.in(some_time(minute_ms, 20 * minute_ms), [node] { node->set_disk_delay(5); });
  return true;
}

bool Faults::jump_clock() {
  auto& node = any_node();
  const auto by =
      rng_.chance(0.5) ? some_time(-10 * year_ms, 10 * year_ms) : some_time(-10 * minute_ms, 10 * minute_ms);
  did(Fault::ClockJump, "fault: the clock of {} jumps by {} s", node.name(), by / 1000);
  node.jump_clock(by);
  return true;
}

bool Faults::contradict() {
  auto* const node = any_running();
  if (node == nullptr || !node->offer_contradiction()) return false;
  did(Fault::Contradiction, "fault: {} was offered another content of an event it holds", node->name());
  return true;
}

// No fault, but what a later one needs.
void Faults::keep_image() {
  auto& node = any_node();
  if (!node.running()) return;
  // Not of one that was set back and has not found out: what is written after that one comes back is a branch that
  // forks again, which is not told apart (docs/open-points.md).
  if (const auto back = back_to_.find(node.index()); back != back_to_.end() && back->second == node.writer()) return;
  fleet_.say("an image of the disk of {} is kept", node.name());
  images_[node.index()] = {node.image(), node.writer()};
}

bool Faults::restore_image() {
  if (images_.empty()) return false;
  auto it = images_.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(rng_.below(images_.size())));
  auto& node = *nodes_[it->first];
  if (node.image() == it->second.files || fleet_.copied.contains(node.index())) return false;
  fleet_.set_back.insert(node.index());
  did(Fault::SetBack, "fault: {} goes back to an image of its disk", node.name());
  node.restore(it->second.files);
  back_to_[node.index()] = it->second.writer;
  network_.lost(node.index());
  radios_.lost(node.index());
  fleet_.timeline.in(some_time(1'000, 10 * minute_ms), [&node] { node.start(); });
  return true;
}

void Faults::heal() {
  healed_ = true;
  fleet_.say("everything is healed");
  for (auto& node : nodes_) {
    node->disk().set_quota(UINT64_MAX);
    node->disk().fail_fdatasync(0);
    node->disk().fail_writes(0);
    node->set_disk_delay(5);
    node->correct_clock();
    if (damaged_.contains(node->index()) && node->running()) down(*node, store::SimDisk::Cut::Keep, 1'000);
    node->start();
  }
  network_.lift_budgets();
  for (std::size_t i = 0; i < network_.size(); ++i) {
    auto nature = network_.nature(i);
    for (auto& rate : nature.bytes_per_s) rate = std::max(rate, 20'000.0);
    nature.delay_ms = std::min<std::int64_t>(nature.delay_ms, 500);
    network_.change(i, nature);
    network_.set_up(i, true, false);
  }
  radios_.heal();
}

}  // namespace airbridge::simulate
