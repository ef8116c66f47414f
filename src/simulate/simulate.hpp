#pragma once
// A fleet in one process, from one seed (DESIGN 12). Nodes are the real ledger (log, snapshots, author, fold, healing,
// quotas) and the real protocol core, with real signatures; the network, the disks, the clocks and the users are made
// up. The same seed and options give the same run, byte for byte.
//
// What is checked: whenever a node tells somebody "I hold this" (a user who was told "saved", or a peer who was told a
// vector, an acknowledgement or an event), its disk must hold it as it would be after a power cut at that moment. A
// node that starts, from a snapshot or not, believes to hold no more than its disk does, unless that has rotted; and
// then the scrub finds it. At the end, when all faults are healed, all nodes must hold the same streams and fold to the
// same state, their pictures must be that state, and every event a user was told is saved must be there, unless the
// only disk that held it was itself destroyed. In some seeds a device is copied and both run on, apart (twins.hpp); in
// some, nodes say where they are (positions.hpp), one node is reached by
// bundles only (courier.hpp), and links have budgets beyond which only what is urgent may pass.
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace airbridge::simulate {

// Mistakes that can be planted, to show that they would be found. Each is one a programmer could make.
enum class Bug : std::uint8_t {
  None,
  SendBeforeSync,    // own events are sent when they are buffered, before the disk has them
  AckBeforeSync,     // accepted events are acknowledged, and users told, before the disk has them
  VectorPastGap,     // after damage the vector still names the newest event, past the hole
  PriorityHole,      // urgent events wait behind the backlog
  ReplayWindowLost,  // after a restart frames of before are taken once more
};
std::string_view name_of(Bug bug);

struct Options {
  Bug bug = Bug::None;
  double hours = 6;               // simulated, before healing
  std::size_t events_min = 500;   // made by users
  std::size_t nodes = 0;          // 0: drawn from the seed: a quarter of the seeds have 2 or 3, the others up to 20
  double disk_checks = 0.002;     // share of claims for which a copy of the disk is opened and read
  std::size_t story_lines = 400;  // kept of the trace
  bool tell_frames = false;       // every frame in the story
  // Each of these happens in every seed; else it is drawn from the seed whether it does.
  bool twins = false;                    // a device is copied
  bool courier = false;                  // one node is reached by bundles only
  bool positions = false;                // nodes say where they are
  bool metered = false;                  // links have budgets: half of them
  bool keep_story = false;               // also of a run that passed
  std::uint64_t bytes_max = 40'000'000;  // carried by the network; more means that somebody repeats himself
};

// What goes wrong, by kind.
enum class Fault : std::uint8_t {
  LinkBroken,
  Partition,  // cuts links and radio channels between two halves of the fleet
  LinkWorse,
  RadioJammed,
  RadioWorse,
  RadioDeaf,  // one way between two stations
  RadioReplayed,
  Killed,
  Stopped,
  PowerLost,
  PowerLostWriting,
  Rot,
  DiskFull,
  DiskFailed,
  DiskSlow,
  ClockJump,
  Contradiction,
  SetBack,
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(Fault::SetBack) + 1;
std::string_view name_of(Fault fault);
using FaultCounts = std::array<std::uint64_t, fault_kinds>;
// "12 links broken, 3 partitions": what came about.
std::string words_of(const FaultCounts& counts);

struct Report {
  std::uint64_t seed = 0;
  bool passed = false;
  std::string failure;             // a sentence
  std::vector<std::string> story;  // the last lines of the trace, when it failed or was to be kept
  Bytes trace_digest;              // of all lines: equal for equal runs
  std::size_t nodes = 0;
  std::size_t links = 0;
  std::size_t radios = 0;
  double hours = 0;
  std::uint64_t events = 0;   // made by users
  std::uint64_t saved = 0;    // of which a user was told "saved"
  std::uint64_t excused = 0;  // of these, gone with the only disk that held them
  std::uint64_t faults = 0;   // that came about
  FaultCounts by_fault{};
  std::uint64_t crashes = 0;
  std::uint64_t forks = 0;         // branches named, counted once
  std::uint64_t twins = 0;         // devices copied while they ran on
  std::uint64_t twins_forked = 0;  // of these, told users of two events with one number
  std::uint64_t incarnations = 0;  // begun after the first
  std::uint64_t snapshot_starts = 0;
  std::uint64_t recalled = 0;         // starts that remembered what others held
  std::uint64_t stops = 0;            // clean ones
  std::uint64_t refused = 0;          // answers to users: not now
  std::uint64_t repeated = 0;         // answers to users: it was saved before
  std::uint64_t rejected = 0;         // peers' runs that the log does not take
  std::uint64_t scrubbed = 0;         // damaged ranges found by the scrub
  std::uint64_t bundles = 0;          // carried
  std::uint64_t bundles_torn = 0;     // of these, torn or damaged on the way
  std::uint64_t bundles_brought = 0;  // events that were new where they were read
  std::uint64_t speakers = 0;         // nodes that said where they are
  std::uint64_t positions = 0;        // said
  std::uint64_t positions_told = 0;   // to others
  std::uint64_t frames = 0;           // on the air, and of what each station should have heard:
  std::uint64_t frames_lost = 0;
  std::uint64_t frames_duplicated = 0;
  std::uint64_t frames_overtaken = 0;
  std::uint64_t metered = 0;        // links with a budget
  std::uint64_t metered_level = 0;  // ends of them that had all urgent events in time, the budget long spent
  std::uint64_t past_budget = 0;    // urgent messages on them after it was spent
  std::uint64_t claims = 0;         // checked
  std::uint64_t disk_checks = 0;    // of these, by opening a copy of the disk
  std::uint64_t bytes = 0;          // carried by the network
  std::uint64_t steps = 0;
};

Report run(std::uint64_t seed, const Options& options = {});

// What a seed is worth at least: simulated time, events of which a user was told that they are saved, and faults.
inline constexpr double worth_hours = 6;
inline constexpr std::uint64_t worth_events = 500, worth_faults = 20;
// A sentence naming what the run was short of; empty: nothing. Hours and events that were not asked for are not missed,
// nor is anything when the run failed, which ends it early.
std::string short_of(const Report& report, const Options& options = {});

// How to have the same run again: "./dev simulate --seeds 1 --first-seed 17 --nodes 2".
std::string again(std::uint64_t seed, const Options& options = {});

// One line for people: "seed 17  6 nodes  6.2 h  812 events  31 faults  ok".
std::string line_of(const Report& report);

}  // namespace airbridge::simulate
