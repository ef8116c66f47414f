#include "simulate/simulate.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "simulate/courier.hpp"
#include "simulate/faults.hpp"
#include "simulate/positions.hpp"
#include "simulate/twins.hpp"
#include "sync/vector.hpp"

namespace airbridge::simulate {
namespace {

constexpr std::size_t differences_told_max = 20;
constexpr std::int64_t second_ms = 1'000;
constexpr std::int64_t minute_ms = 60 * second_ms;
constexpr std::int64_t quiet_max_ms = 6 * 60 * minute_ms;  // after healing, until all must be equal
constexpr std::int64_t metered_patience_ms = 25 * minute_ms;
constexpr std::int64_t come_again_ms = 30 * second_ms;
constexpr std::size_t faults_min = 26;  // of which some are armed and may never come true
constexpr std::size_t radios_max = 6;
constexpr double twins_share = 0.15, positions_share = 0.3, courier_share = 0.1;  // of the seeds
constexpr double radio_share = 0.3, radio_share_of_few = 0.5;                     // of what must be linked
constexpr double metered_share = 0.1, metered_share_asked = 0.5;                  // of the links

class World {
 public:
  World(std::uint64_t seed, const Options& options)
      : fleet_(seed, options), rng_(seed), network_(fleet_, nodes_), radios_(fleet_, nodes_) {
    fleet_.report.seed = seed;
  }
  Report run();

 private:
  void make_fleet();
  void make_links();
  RadioNature some_radio();
  void make_radio(std::vector<std::size_t> members);
  void plan_users(std::int64_t end_ms);
  void let_act(std::size_t node, std::int64_t end_ms);
  void plan_faults(std::int64_t end_ms);
  void plan_twins(std::int64_t end_ms);
  void on_output(std::size_t node, const sync::Output& output);
  bool are_linked(std::size_t a, std::size_t b) const;
  bool is_level();
  void check_end();
  void tell_differences(const std::vector<model::VersionVector>& counted);

  Fleet fleet_;
  Rng rng_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  Network network_;
  Radios radios_;
  std::optional<Faults> faults_;
  std::optional<Twins> twins_;
  std::optional<Positions> positions_;
  std::optional<Courier> courier_;
  std::set<model::StreamId> branches_;
};

void World::make_fleet() {
  auto count = fleet_.options.nodes;
  if (count == 0) count = fleet_.seed % 4 == 0 ? 2 + rng_.below(2) : 4 + rng_.below(17);
  count = std::min(count, nodes_max);
  fleet_.report.nodes = count;
  for (std::size_t i = 0; i < count; ++i) {
    nodes_.push_back(std::make_unique<SimNode>(
        fleet_, i, [this](std::size_t node, const sync::Output& output) { on_output(node, output); }));
  }
  fleet_.genesis.name = "simulated";
  fleet_.genesis.created = utc_from_ms(1'767'225'600'000);
  rng_.fill(fleet_.genesis.salt.value);
  trust::SigningKey::Seed seed;
  rng_.fill(seed.value);
  fleet_.authority = trust::SigningKey::from_seed(seed);
  fleet_.genesis.authorities.push_back(fleet_.authority->public_key());
  fleet_.genesis.signature = fleet_.authority->sign(model::genesis_text(fleet_.genesis));
  fleet_.incident = model::incident_of(fleet_.genesis);
  trust::DataKey key;
  rng_.fill(key.group.value);
  rng_.fill(key.key.value);
  fleet_.data_keys.push_back(key);
}

// A tree, so that everybody is reachable, and some links more.
void World::make_links() {
  const auto nature = [&] {
    LinkNature out;
    const auto rate = 1'200 * std::exp2(10 * rng_.unit());  // 9.6 kbit/s to 10 Mbit/s
    out.bytes_per_s[0] = out.bytes_per_s[1] = rate;
    if (rng_.chance(0.2)) out.bytes_per_s[1] = std::max(600.0, rate / 20);
    out.delay_ms = rng_.between(1, rng_.chance(0.2) ? 2'000 : 100);
    out.heartbeat_ms = rng_.between(20, 60) * second_ms;
    if (rng_.chance(fleet_.options.metered ? metered_share_asked : metered_share))
      out.budget = static_cast<std::uint64_t>(rng_.between(20'000, 200'000));
    return out;
  };
  const bool line = rng_.chance(0.3);
  const bool with_courier = rng_.chance(courier_share) || fleet_.options.courier;
  const auto alone = with_courier ? nodes_.size() - 1 : nodes_.size();
  std::set<std::pair<std::size_t, std::size_t>> made;
  for (const auto& node : nodes_) fleet_.members.push_back(node->id());
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    const auto to = line ? i - 1 : rng_.below(i);
    if (i == alone) {
      courier_.emplace(fleet_, *nodes_[to], *nodes_[i], rng_());
      fleet_.say("a courier goes between N{} and N{}, which nothing else reaches", to + 1, i + 1);
      continue;
    }
    made.emplace(to, i);
    if (!rng_.chance(nodes_.size() <= 3 ? radio_share_of_few : radio_share) || radios_.size() >= radios_max) {
      network_.add_link(to, i, nature());
      continue;
    }
    // These two hear each other by radio only, unless a link comes on top; perhaps others are on the channel.
    std::vector<std::size_t> members{to, i};
    while (members.size() < 4 && rng_.chance(0.3)) {
      const auto other = rng_.below(nodes_.size());
      if (other != alone && std::ranges::find(members, other) == members.end()) members.push_back(other);
    }
    make_radio(std::move(members));
  }
  const auto more = rng_.below(nodes_.size());
  for (std::size_t i = 0; i < more; ++i) {
    const auto a = rng_.below(nodes_.size()), b = rng_.below(nodes_.size());
    if (a < b && b != alone && made.emplace(a, b).second) network_.add_link(a, b, nature());
  }
}

RadioNature World::some_radio() {
  RadioNature out;
  if (rng_.chance(0.4)) {
    out.profile = *bearer::preset("radio");
    out.profile.rate_bps = static_cast<std::uint32_t>(2'400 * std::exp2(static_cast<double>(rng_.below(3))));
    out.air.rate_bps = out.profile.rate_bps;
  } else {  // datagrams, which overtake each other
    out.profile = *bearer::preset(rng_.chance(0.6) ? "satellite" : "lte");
    out.profile.broadcast = rng_.chance(0.3);
    out.air.rate_bps = out.profile.rate_bps;
    out.air.half_duplex = false;
    out.air.turn_round = Milliseconds(0);
    out.air.mtu = out.profile.mtu;
    out.air.delay = Milliseconds(rng_.between(5, 2'000));
    out.air.jitter = Milliseconds(rng_.between(0, 500));
    out.air.duplicated = rng_.chance(0.5) ? 0.05 * rng_.unit() : 0;
  }
  if (rng_.chance(0.5)) out.air.loss = {0.15 * rng_.unit(), 0.02 * rng_.unit(), 4};
  out.air.damaged = rng_.chance(0.3) ? 0.01 : 0;
  return out;
}

void World::make_radio(std::vector<std::size_t> members) {
  const auto channel = radios_.add(some_radio(), members, rng_());
  for (const auto node : members) nodes_[node]->join(radios_, channel);
  ++fleet_.report.radios;
  fleet_.say("{}: {} bit/s, {}", radios_.name_of(channel), radios_.profile(channel).rate_bps,
             radios_.profile(channel).half_duplex ? "half duplex" : "full duplex");
}

void World::plan_users(std::int64_t end_ms) {
  const auto count = fleet_.options.events_min + rng_.below(fleet_.options.events_min / 2 + 1);
  for (std::size_t i = 0; i < count; ++i) {
    auto at = rng_.between(0, end_ms);
    const auto node = rng_.below(nodes_.size());
    // People act in bursts.
    const auto burst = rng_.chance(0.1) ? 1 + rng_.below(8) : 1;
    for (std::uint64_t n = 0; n < burst; ++n, at += rng_.between(1, 3'000)) {
      fleet_.timeline.at(at, [this, node, end_ms] { let_act(node, end_ms); });
    }
  }
}

// Who finds a node down goes to another one, or comes again.
void World::let_act(std::size_t node, std::int64_t end_ms) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto& one = *nodes_[(node + i) % nodes_.size()];
    if (one.running()) return one.user_acts();
  }
  const auto again = fleet_.timeline.now() + come_again_ms;
  if (again < end_ms) fleet_.timeline.at(again, [this, node, end_ms] { let_act(node, end_ms); });
}

void World::plan_faults(std::int64_t end_ms) {
  const auto count = faults_min + rng_.below(faults_min);
  for (std::size_t i = 0; i < count; ++i) {
    fleet_.timeline.at(rng_.between(minute_ms, end_ms), [this] { faults_->strike(); });
  }
}

void World::plan_twins(std::int64_t end_ms) {
  Rng rng = rng_.fork();
  twins_.emplace(
      fleet_, nodes_, network_, radios_,
      [this](std::size_t node, const sync::Output& output) { on_output(node, output); }, rng());
  if (!rng.chance(twins_share) && !fleet_.options.twins) return;
  fleet_.timeline.at(rng.between(end_ms / 20, end_ms / 3), [this, end_ms] { twins_->copy(end_ms); });
}

void World::on_output(std::size_t node, const sync::Output& output) {
  const auto& name = nodes_[node]->name();
  if (const auto* send = std::get_if<sync::Send>(&output)) {
    network_.send(node, *send);
  } else if (const auto* close = std::get_if<sync::Close>(&output)) {
    network_.close(node, close->peer);
  } else if (const auto* up = std::get_if<sync::PeerUp>(&output)) {
    fleet_.say("{} hears {}", name, up->name);
  } else if (const auto* down = std::get_if<sync::PeerDown>(&output)) {
    fleet_.say("{} lost a peer on {}: {}", name, down->peer, down->why);
  } else if (const auto* fork = std::get_if<sync::ForkFound>(&output)) {
    if (branches_.insert(fork->branch).second) ++fleet_.report.forks;
    fleet_.say("{} found that a stream forked: {}", name, model::to_text(fork->branch));
  } else if (const auto* ahead = std::get_if<sync::OwnStreamAhead>(&output)) {
    fleet_.say("{} learns that others hold {} of its {}, it {}", name, ahead->there, model::to_text(ahead->stream),
               ahead->here);
  } else if (const auto* value = std::get_if<sync::LastValue>(&output)) {
    positions_->told(node, value->observation);
  } else if (const auto* refused = std::get_if<sync::Refused>(&output)) {
    fleet_.say("{} refused on {} at byte {}: {}", name, refused->address, refused->offset, refused->what);
  }
}

// By links, over others too.
bool World::are_linked(std::size_t a, std::size_t b) const {
  std::vector<bool> reached(nodes_.size());
  std::vector<std::size_t> from{a};
  reached[a] = true;
  const auto reach = [&](std::size_t node) {
    if (!reached[node]) from.push_back(node);
    reached[node] = true;
  };
  while (!from.empty()) {
    const auto node = from.back();
    from.pop_back();
    for (std::size_t i = 0; i < network_.size(); ++i) {
      const auto [one, other] = network_.ends(i);
      if (one == node || other == node) reach(one == node ? other : one);
    }
    for (std::size_t i = 0; i < radios_.size(); ++i) {
      const auto& members = radios_.members(i);
      if (std::ranges::find(members, node) != members.end()) std::ranges::for_each(members, reach);
    }
  }
  return reached[b];
}

bool World::is_level() {
  for (const auto& node : nodes_) {
    if (!node->is_quiet()) return false;
  }
  const auto first = nodes_[0]->counted_heads();
  for (const auto& node : std::span(nodes_).subspan(1)) {
    if (node->counted_heads() != first) return false;
  }
  return positions_->all_know();
}

// Every stream of which not all hold the same, for the story.
void World::tell_differences(const std::vector<model::VersionVector>& counted) {
  std::set<model::StreamId> streams;
  for (const auto& held : counted) {
    for (const auto& [stream, seq] : held) streams.insert(stream);
  }
  std::size_t told = 0;
  for (const auto& stream : streams) {
    const auto first = sync::held_of(counted[0], stream);
    if (std::ranges::all_of(counted, [&](const auto& held) { return sync::held_of(held, stream) == first; })) continue;
    if (++told > differences_told_max) return fleet_.say("and more");
    std::string held;
    for (const auto& node : nodes_) {
      const auto head = node->head(stream);
      held += fmt::format(" {} {} ({} of {})", node->name(), sync::held_of(counted[node->index()], stream),
                          head.contiguous, head.seq);
    }
    fleet_.say("of {} hold{}", model::to_text(stream), held);
  }
}

void World::check_end() {
  std::vector<model::VersionVector> counted;
  for (const auto& node : nodes_) counted.push_back(node->counted());
  tell_differences(counted);
  const auto& first = counted[0];
  for (const auto& node : nodes_) {
    const auto& held = counted[node->index()];
    if (held == first) continue;
    for (const auto* one : {&first, &held}) {
      for (const auto& [stream, seq] : *one) {
        const auto a = sync::held_of(first, stream), b = sync::held_of(held, stream);
        if (a != b) {
          throw Failure{fmt::format("after healing N1 holds {} and {} holds {} of stream {}", a, node->name(), b,
                                    model::to_text(stream))};
        }
      }
    }
  }
  for (const auto& promise : fleet_.oracle.promises()) {
    if (promise.holders.none()) {
      ++fleet_.report.excused;
      continue;
    }
    for (const auto& node : nodes_) {
      if (node->holds(promise, counted[node->index()])) continue;
      throw Failure{fmt::format("a user at N{} was told that {} is saved; {} does not have it in the end",
                                promise.node + 1, model::to_text(promise.dot), node->name())};
    }
  }
  twins_->check_end();
  positions_->check_end();
  const auto hash = nodes_[0]->folded_hash();
  for (const auto& node : nodes_) {
    if (node->folded_hash() != hash)
      throw Failure{fmt::format("N1 and {} hold the same and fold it apart", node->name())};
    if (node->shown_hash() != hash && !node->has_holes())
      throw Failure{fmt::format("{} shows another picture than its log folds to", node->name())};
  }
  fleet_.say("all hold {} streams and state {}", first.size(), hash.hex().substr(0, 16));
}

Report World::run() {
  auto& report = fleet_.report;
  try {
    make_fleet();
    make_links();
    report.links = network_.size();
    faults_.emplace(fleet_, nodes_, network_, radios_, rng_());
    const auto end_ms = static_cast<std::int64_t>(fleet_.options.hours * 60 * static_cast<double>(minute_ms));
    plan_users(end_ms);
    plan_faults(end_ms);
    plan_twins(end_ms);
    positions_.emplace(fleet_, nodes_, [this](std::size_t a, std::size_t b) { return are_linked(a, b); }, rng_());
    if (rng_.chance(positions_share) || fleet_.options.positions) positions_->plan(end_ms);
    fleet_.timeline.at(end_ms - metered_patience_ms, [this] { network_.note_metered(); });
    for (auto& node : nodes_) node->start();
    network_.keep_connected();
    if (courier_) courier_->set_out();
    report.steps += fleet_.timeline.run_until(end_ms);
    network_.check_metered();
    faults_->heal();
    positions_->healed();
    if (courier_) courier_->healed();
    const auto until = end_ms + quiet_max_ms;
    do {
      report.steps += fleet_.timeline.run_until(fleet_.timeline.now() + minute_ms);
    } while (fleet_.timeline.now() < until && !is_level());
    check_end();
    report.passed = true;
  } catch (const Failure& failure) {
    report.failure = failure.what;
    fleet_.say("FAILED: {}", failure.what);
  }
  if (!report.passed || fleet_.options.keep_story) report.story = fleet_.trace.story();
  const auto air = radios_.counts();
  report.frames = air.sent;
  report.frames_lost = air.lost;
  report.frames_duplicated = air.duplicated;
  report.frames_overtaken = air.overtaken;
  report.hours = static_cast<double>(fleet_.timeline.now()) / (60.0 * static_cast<double>(minute_ms));
  report.trace_digest = fleet_.trace.digest();
  return report;
}

}  // namespace

std::string_view name_of(Bug bug) {
  static constexpr std::string_view names[] = {
      "none", "send-before-sync", "ack-before-sync", "vector-past-gap", "priority-hole", "replay-window-lost"};
  return names[static_cast<std::size_t>(bug)];
}

std::string_view name_of(Fault fault) {
  static constexpr std::string_view names[] = {"links broken",
                                               "partitions",
                                               "links made worse",
                                               "radios jammed",
                                               "radios made worse",
                                               "radios deaf one way",
                                               "radios replayed",
                                               "nodes killed",
                                               "nodes stopped",
                                               "power losses",
                                               "power losses while writing",
                                               "disks rotted",
                                               "disks full",
                                               "disks failed",
                                               "disks slow",
                                               "clocks jumped",
                                               "contradictions offered",
                                               "nodes set back"};
  static_assert(std::size(names) == fault_kinds);
  return names[static_cast<std::size_t>(fault)];
}

std::string words_of(const FaultCounts& counts) {
  std::string out;
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    if (counts[i] > 0)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", counts[i], name_of(static_cast<Fault>(i)));
  }
  return out;
}

Report run(std::uint64_t seed, const Options& options) { return World(seed, options).run(); }

std::string short_of(const Report& report, const Options& options) {
  if (!report.passed) return {};
  const auto told = [&](std::string_view what) {
    return fmt::format("the seed is worth too little: {}; {:.1f} h, {} events saved, {} faults", what, report.hours,
                       report.saved, report.faults);
  };
  if (report.hours < std::min(worth_hours, options.hours)) return told("too short a time");
  if (options.hours < worth_hours) return {};
  if (options.events_min >= worth_events && report.saved < worth_events) return told("too few events");
  if (report.faults < worth_faults) return told("too few faults");
  return {};
}

std::string again(std::uint64_t seed, const Options& options) {
  const Options usual;
  auto out = fmt::format("./dev simulate --seeds 1 --first-seed {}", seed);
  if (options.nodes != usual.nodes) out += fmt::format(" --nodes {}", options.nodes);
  if (options.hours != usual.hours) out += fmt::format(" --hours {}", options.hours);
  if (options.bug != usual.bug) out += fmt::format(" --bug {}", name_of(options.bug));
  if (options.twins) out += " --twins";
  if (options.courier) out += " --courier";
  if (options.positions) out += " --positions";
  if (options.metered) out += " --metered";
  if (options.tell_frames) out += " --frames";
  return out;
}

std::string line_of(const Report& report) {
  std::string out;
  const auto add = [&]<class... Args>(fmt::format_string<Args...> form, Args&&... args) {
    out += fmt::format(form, std::forward<Args>(args)...);
  };
  add("seed {}  {} nodes  {} radios  {:.1f} h", report.seed, report.nodes, report.radios, report.hours);
  add("  {} events  {} saved  {} refused  {} repeated", report.events, report.saved, report.refused, report.repeated);
  add("  {} faults  {} crashes  {} stops", report.faults, report.crashes, report.stops);
  add("  {} starts from snapshots  {} twins ({} forked)", report.snapshot_starts, report.twins, report.twins_forked);
  add("  {} forks  {} incarnations", report.forks, report.incarnations);
  add("  {} damaged ranges scrubbed  {} rejected", report.scrubbed, report.rejected);
  add("  {} bundles ({} torn, {} events)", report.bundles, report.bundles_torn, report.bundles_brought);
  add("  {} positions of {} heard {} times", report.positions, report.speakers, report.positions_told);
  add("  {} frames ({} lost, {} twice, {} overtaken)", report.frames, report.frames_lost, report.frames_duplicated,
      report.frames_overtaken);
  add("  {} metered links ({} past, {} level)", report.metered, report.past_budget, report.metered_level);
  add("  {} claims  {} disk checks  {} excused", report.claims, report.disk_checks, report.excused);
  add("  {} KB  {} steps  trace {}  {}", report.bytes / 1000, report.steps,
      to_hex(ByteView(report.trace_digest).first(4)), report.passed ? "ok" : "FAILED: " + report.failure);
  return out;
}

}  // namespace airbridge::simulate
