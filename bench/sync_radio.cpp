#include "sync_radio.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "bearer/squeeze.hpp"
#include "exchange/test_station.hpp"
#include "field_workload.hpp"
#include "sync/compact.hpp"
#include "sync_sizes.hpp"

namespace airbridge::bench {
namespace {

using exchange::test::Station;
using exchange::test::World;
using model::Class;

constexpr Milliseconds hour{3'600'000};
constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t report_every_ms = 2 * minute_ms;
constexpr std::int64_t report_wait_ms = 5 * minute_ms;
// 5 min for 56 kB (sync_radio.hpp).
constexpr double important_goal_min = 5, important_goal_bytes = 56'000;

model::SealedRun run_of(const FieldWritten& written) { return {{written.entry}, written.seal}; }

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 1e9;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1)];
}

// An urgent report of a station's own, and when the other side had it on disk. One that never came counts with the time
// it was waited for, and all figures of a run with such a one are at least that long.
struct Reports {
  struct Waiting {
    int from = 0;
    std::uint64_t seq = 0;
    std::int64_t at = 0;
  };
  std::vector<Waiting> waiting;
  std::vector<double> took_s;
  std::size_t lost = 0;
  double lost_s = 0;  // the longest wait of those
  std::int64_t next = 7'000;

  void look(World& world) {
    for (auto it = waiting.begin(); it != waiting.end();) {
      auto& from = *world.stations[static_cast<std::size_t>(it->from)];
      auto& to = *world.stations[static_cast<std::size_t>(1 - it->from)];
      const model::StreamId stream{{from.key.id(), 1}, Class::Urgent, {}};
      if (sync::held_of(to.log.vector(), stream) < it->seq) {
        ++it;
        continue;
      }
      took_s.push_back(static_cast<double>(world.ms() - it->at) / 1000);
      it = waiting.erase(it);
    }
  }
  void maybe_write(World& world, std::int64_t every_ms) {
    if (world.ms() < next) return;
    next += every_ms;
    for (int i = 0; i < 2; ++i) {
      auto& station = *world.stations[static_cast<std::size_t>(i)];
      world.write(station, Class::Urgent, 50);
      const model::StreamId stream{{station.key.id(), 1}, Class::Urgent, {}};
      waiting.push_back({i, sync::held_of(station.log.vector(), stream), world.ms()});
    }
  }
  // No more is written: waits for what is on its way, which is far longer than any goal.
  void finish(World& world) {
    world.run_until(world.ms() + report_wait_ms, [&] {
      look(world);
      return waiting.empty();
    });
    for (const auto& report : waiting) {
      took_s.push_back(static_cast<double>(world.ms() - report.at) / 1000);
      lost_s = std::max(lost_s, took_s.back());
      ++lost;
    }
    waiting.clear();
  }
};

// The reports of all seeds.
class ReportTimes {
 public:
  void add(const Reports& reports) {
    took_s_.insert(took_s_.end(), reports.took_s.begin(), reports.took_s.end());
    lost_ += reports.lost;
    lost_s_ = std::max(lost_s_, reports.lost_s);
  }
  double percentile(double share) const { return std::max(bench::percentile(took_s_, share), lost_s_); }
  double lost() const { return static_cast<double>(lost_); }

 private:
  std::vector<double> took_s_;
  std::size_t lost_ = 0;
  double lost_s_ = 0;
};

bool holds(const Station& station, const std::map<model::StreamId, std::uint64_t>& wanted, int cls_max) {
  const auto held = station.log.vector();
  return std::ranges::all_of(wanted, [&](const auto& item) {
    return static_cast<int>(item.first.cls) > cls_max || sync::held_of(held, item.first) >= item.second;
  });
}

}  // namespace

namespace {
struct NothingNew {
  double usual = 0;  // bytes of the middle one of the intervals
  double mean = 0;   // of all of them
};
NothingNew nothing_new() {
  const auto profile = *bearer::preset("radio");
  World world({}, 1, exchange::test::incident);
  auto& a = world.add(1, profile);
  world.add(2, profile);
  world.start();
  for (int i = 0; i < 20; ++i) world.write(a, Class::Routine, 50);
  world.run_until(world.ms() + 30 * minute_ms, [&] { return world.is_level(); });
  world.run_for(10 * minute_ms);
  std::vector<double> intervals;
  double sum = 0;
  for (auto past = Milliseconds(0); past < hour; past += profile.interval) {
    const auto before = world.air.counts().sent_bytes;
    world.run_for(profile.interval.count());
    intervals.push_back(static_cast<double>(world.air.counts().sent_bytes - before));
    sum += intervals.back();
  }
  return {percentile(intervals, 0.5), sum / static_cast<double>(intervals.size())};
}
double two_intervals_s() { return static_cast<double>(bearer::preset("radio")->interval.count()) * 2 / 1000; }
}  // namespace

std::vector<RadioRow> sync_radio(int seeds) {
  double contact_s = 0, urgent_s = 0, all_s = 0, bytes = 0;
  RadioRow important{"radio_important_backlog", 0, "min", 1};
  double important_bytes = 0;
  ReportTimes times;
  for (int seed = 1; seed <= seeds; ++seed) {
    FieldOptions options;
    options.seed = static_cast<std::uint64_t>(seed);
    options.sides = 1;
    FieldAuthors authors(options);
    const auto shared = authors.write_until(options.start + 24 * hour);
    authors.workload().part(2);
    const auto apart = authors.write_until(options.start + 48 * hour);

    const auto profile = *bearer::preset("radio");
    bearer::AirProfile air;
    air.loss.random = 0.05;
    World world(air, static_cast<std::uint64_t>(seed), authors.incident());
    const bearer::DictionarySqueezer squeezer{sync::dense_bytes_of};
    world.squeezer_used = &squeezer;
    auto& a = world.add(1, profile);
    auto& b = world.add(2, profile);
    for (int node = 0; node < options.nodes; ++node) {
      const auto key = FieldWorkload::key_of(options.seed, node).public_key();
      a.log.add_key(key);
      b.log.add_key(key);
    }
    for (const auto& written : shared) {
      a.log.append(run_of(written));
      b.log.append(run_of(written));
    }
    // They were level once, so both know the writers and each other's numbers.
    world.start();
    world.run_for(5 * minute_ms);
    world.air.set_outage(true);
    world.run_for(10 * minute_ms);
    std::map<model::StreamId, std::uint64_t> wanted_a, wanted_b;
    for (const auto& written : apart) {
      const bool on_a = authors.workload().side_of(written.node) == 0;
      (on_a ? a : b).log.append(run_of(written));
      auto& reached = (on_a ? wanted_b : wanted_a)[written.entry.stream];
      reached = std::max(reached, written.entry.seq);
    }
    for (auto* station : {&a, &b}) {
      station->core.durable(world.now());
      world.settle(*station);
    }
    world.air.set_outage(false);
    // What a beacon takes to come is told apart: from then on the channel is in use.
    const auto returned = world.ms();
    world.run_until(returned + 10 * minute_ms, [&] { return !a.core.peers().empty() && !b.core.peers().empty(); });
    contact_s = std::max(contact_s, static_cast<double>(world.ms() - returned) / 1000);
    const auto begin = world.ms();
    const auto bytes_before = world.air.counts().sent_bytes;
    Reports reports;
    reports.next = begin + 5'000;
    double at_s[3] = {0, 0, 0};
    const auto done = [&] {
      reports.maybe_write(world, report_every_ms);
      reports.look(world);
      for (int cls = 0; cls < 3; ++cls) {
        if (at_s[cls] == 0 && holds(a, wanted_a, cls) && holds(b, wanted_b, cls))
          at_s[cls] = static_cast<double>(world.ms() - begin) / 1000;
      }
      return at_s[2] > 0;
    };
    world.run_until(begin + 90 * minute_ms, done);
    for (auto& at : at_s) at = at == 0 ? 1e6 : at;
    urgent_s = std::max(urgent_s, at_s[0]);
    const auto by_class = backlog_bytes(authors, apart);
    const double goal = important_goal_min * std::max(1.0, (by_class[0] + by_class[1]) / important_goal_bytes);
    if (at_s[1] / 60 / goal >= important.value / important.goal) {
      important.value = at_s[1] / 60;
      important.goal = goal;
      important_bytes = by_class[0] + by_class[1];
    }
    all_s = std::max(all_s, at_s[2]);
    bytes += static_cast<double>(world.air.counts().sent_bytes - bytes_before) / static_cast<double>(apart.size());
    reports.finish(world);
    times.add(reports);
  }
  const auto nothing = nothing_new();
  return {{"nothing_new", nothing.mean, "B", 40},
          {"nothing_new_usual", nothing.usual, "B", 40},
          {"radio_contact", contact_s, "s", two_intervals_s()},
          {"radio_urgent_backlog", urgent_s, "s", 60},
          important,
          {"radio_first_two_classes", important_bytes / 1000, "kB", 0},
          {"radio_all_events", all_s / 60, "min", 13},
          {"radio_live_urgent_p95", times.percentile(0.95), "s", 15},
          {"radio_live_urgent_p50", times.percentile(0.5), "s", 0},
          {"radio_live_urgent_worst", times.percentile(1), "s", 0},
          {"radio_live_urgent_lost", times.lost(), "", 0},
          {"radio_bytes_per_event", bytes / seeds, "B", 0}};
}

namespace {

// Positions that are told at either side for the other: positions_a_minute of `units` units, each of them in turn.
//
// Of five nodes of the workload the last three go 8 m/s and more, so every one of these positions is more than
// sync::value_moved_min from the one before, and at the use this makes of the channel the pace lets each be said: none
// is collapsed, and each is said once. With a share `lost` of the frames lost, positions_a_minute (1 - lost) arrive,
// and what the other side knows of a unit is older than (k + f) intervals, f < 1, for lost^k (1 - (1 - lost) f) of the
// time.
constexpr int positions_a_minute = 200;
constexpr int units = 50;  // each is told every 15 s
constexpr double lossy_lost = 0.3;
// 140 a minute, less 3 for chance: of 12,000 told at one side in an hour 8,400 +- 50 arrive, which is 140 +- 0.84, and
// the worst of up to 48 hours counts.
constexpr double positions_goal = positions_a_minute * (1 - lossy_lost) - 3;
// 5 % of the time is 2.63 intervals, 39.5 s: 0.09 (1 - 0.7 * 0.63). The delay is 2 s, and up to 1 s is waited for a
// frame.
constexpr double position_age_goal_s = 2.63 * 60 * units / positions_a_minute + 2 + 1;

class Positions {
 public:
  Positions(World& world, std::uint64_t seed) : world_(world), begin_(world.now().utc), next_(world.ms()) {
    for (auto i = 0; i < 2; ++i) {
      FieldOptions options;
      options.seed = seed + 10'000 * static_cast<std::uint64_t>(i);  // other units on either side
      workloads_.emplace_back(options);
      station(i).observed.clear();
      for (int unit = 0; unit < units; ++unit)
        known_[i][workloads_.back().position(node_of(unit), begin_).gateway] = begin_;
    }
  }
  void tell_and_look() {
    for (; next_ <= world_.ms(); next_ += minute_ms / positions_a_minute, ++told_) {
      for (auto i = 0; i < 2; ++i) {
        const auto observation =
            workloads_[static_cast<std::size_t>(i)].position(node_of(told_ % units), world_.now().utc);
        station(i).core.last_value(observation, world_.now());
        world_.settle(station(i));
      }
    }
    for (auto i = 0; i < 2; ++i) {
      auto& observed = station(1 - i).observed;
      for (const auto& [at, observation] : observed) {
        const auto known = known_[i].find(observation.gateway);
        if (known == known_[i].end() || observation.measured <= known->second) continue;
        known->second = observation.measured;
        ++taken_[i];
      }
      observed.clear();
    }
    if (world_.ms() < next_sample_) return;
    next_sample_ = world_.ms() + sample_ms;
    for (const auto& side : known_) {
      for (const auto& [unit, measured] : side) {
        ages_s.push_back(static_cast<double>((world_.now().utc - measured).count()) / 1000);
      }
    }
  }
  // That came, were newer than what was known of their unit, and at the side that took fewer.
  double a_minute() const {
    return static_cast<double>(std::min(taken_[0], taken_[1])) * positions_a_minute / static_cast<double>(told_);
  }
  std::vector<double> ages_s;

 private:
  static constexpr std::int64_t sample_ms = 7'100;  // no part of the interval of a unit
  static int node_of(int unit) { return 5 * (unit / 3) + 2 + unit % 3; }
  Station& station(int i) { return *world_.stations[static_cast<std::size_t>(i)]; }

  World& world_;
  UtcTime begin_;
  std::int64_t next_, next_sample_ = 0;
  int told_ = 0;
  std::vector<FieldWorkload> workloads_;
  std::map<model::KeyId, UtcTime> known_[2];  // told at the side of this number: the newest the other has, by unit
  std::size_t taken_[2] = {0, 0};
};

}  // namespace

std::vector<RadioRow> sync_lossy(int seeds) {
  ReportTimes times;
  double positions_a_minute_worst = positions_a_minute;
  std::vector<double> ages_s;
  for (int seed = 1; seed <= seeds; ++seed) {
    auto profile = *bearer::preset("satellite");
    bearer::AirProfile air;
    air.rate_bps = 64'000;
    air.half_duplex = false;
    air.turn_round = Milliseconds(0);
    air.mtu = profile.mtu;
    air.delay = Milliseconds(2'000);
    air.loss.random = lossy_lost;
    World world(air, static_cast<std::uint64_t>(seed) + 100, exchange::test::incident);
    const bearer::DictionarySqueezer squeezer{sync::dense_bytes_of};
    world.squeezer_used = &squeezer;
    world.add(1, profile);
    world.add(2, profile);
    world.start();
    world.run_for(5 * minute_ms);
    Positions positions(world, static_cast<std::uint64_t>(seed));
    Reports reports;
    reports.next = world.ms() + 10'000;
    world.run_until(world.ms() + 60 * minute_ms, [&] {
      positions.tell_and_look();
      reports.maybe_write(world, minute_ms);
      reports.look(world);
      return false;
    });
    positions_a_minute_worst = std::min(positions_a_minute_worst, positions.a_minute());
    ages_s.insert(ages_s.end(), positions.ages_s.begin(), positions.ages_s.end());
    reports.finish(world);
    times.add(reports);
  }
  return {{"lossy_urgent_p99", times.percentile(0.99), "s", 10},
          {"lossy_urgent_worst", times.percentile(1), "s", 10},
          {"lossy_urgent_lost", times.lost(), "", 0},
          {"lossy_positions_a_minute", positions_a_minute_worst, "", positions_goal, true},
          {"lossy_position_age_p95", percentile(ages_s, 0.95), "s", position_age_goal_s},
          {"lossy_position_age_p50", percentile(ages_s, 0.5), "s", 0}};
}

}  // namespace airbridge::bench
