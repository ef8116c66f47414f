#pragma once
// Takes the events of a bundle in, by the very code that takes them from a peer: a sync::Core of its own, whose one
// link is the file. So chains, seals, gaps, forks, strangers' bounds and duplicates are judged alike, and what it
// accepts goes the same way to the disk. Nothing is remembered of who holds what: a file is no session.
//
// One thread, that of the log's writer. The caller carries out the outputs of work() and reports what became of each
// Accept; work() waits with more until what was accepted is on disk.
#include <map>
#include <set>

#include "bundle/format.hpp"
#include "sync/core.hpp"

namespace airbridge::bundle {

inline constexpr std::size_t on_the_way_bytes_max = 2 * 1024 * 1024;  // accepted and not yet on disk; then work() waits
inline constexpr std::size_t held_back_bytes_max = 4 * 1024 * 1024;   // of events tried again; more are counted refused
inline constexpr std::size_t entities_counted_max = 100'000;          // of each kind; beyond, none is counted

// What a reading brought.
struct Tally {
  std::uint64_t events_new = 0;     // on disk now, and were not here before
  std::uint64_t events_known = 0;   // were here already
  std::uint64_t private_parts = 0;  // on disk now, of events that were here without
  std::array<std::uint64_t, model::class_count> new_by_class{};
  std::set<model::KeyId> authors;                            // of new events
  std::map<std::uint32_t, std::set<model::EntityId>> about;  // of new events: by the number of the record
  struct Gap {
    std::uint64_t here = 0;   // the last event held
    std::uint64_t first = 0;  // of what the bundle has beyond it
  };
  std::map<model::StreamId, Gap> gaps;                        // not taken: something before is missing
  std::map<std::string, std::uint64_t, std::less<>> refused;  // events, by why
  std::set<model::StreamId> contradicts;  // other contents than here, from before where the bundle begins
  std::set<model::StreamId> forked;       // an author signed two contents
  std::uint64_t unsealed = 0;             // events at the end of the file, whose seal stood in a part that is missing
  std::uint64_t unknown_messages = 0;     // of a newer version
  std::uint64_t broken_frames = 0;
};

class Intake {
 public:
  // `config` as for the node's own Core; `log` must outlive it. `lacking`: events that may be here without their
  // private part, which is taken when the file has it.
  Intake(const sync::Config& config, const sync::LogView& log, Now now, std::set<model::Dot> lacking = {});

  void add(Bytes frames);  // the content of a chunk; only when wants_more()
  bool wants_more() const {
    return stopped_.empty() && frames_.empty() && held_back_.empty() && on_the_way_bytes_ < on_the_way_bytes_max;
  }
  // Nothing is left to do, but for what a next chunk brings.
  bool is_settled() const {
    return on_the_way_.empty() && (!stopped_.empty() || (frames_.empty() && held_back_.empty()));
  }
  // Only what becomes of Accepts lets it go on.
  bool waits() const {
    return !on_the_way_.empty() && !wants_more() &&
           (!stopped_.empty() || frames_.empty() || on_the_way_bytes_ >= on_the_way_bytes_max);
  }
  // Goes on, for about so many bytes of frames. Accept, ForkFound, OwnStreamAhead and Refused are for the caller.
  std::vector<sync::Output> work(std::size_t bytes_max, Now now);
  void accepted(sync::Ticket ticket, Now now);
  void refused(sync::Ticket ticket, const std::string& why, Now now);   // the disk will not: ends the reading
  void rejected(sync::Ticket ticket, const std::string& why, Now now);  // this one never: the reading goes on

  // Why nothing more is taken; empty while it is.
  const std::string& stopped() const { return stopped_; }
  // Gaps that were filled meanwhile are left out.
  Tally tally() const;

 private:
  static constexpr sync::Ticket first_private = sync::Ticket{1} << 63;
  struct OnTheWay {
    std::vector<model::Entry> entries;
    std::size_t bytes = 0;
    bool only_private = false;
  };
  void take_frame(std::uint8_t type, ByteView payload, Now now);
  void take_run(sync::Run run, Now now);
  enum class Turn { First, Second };
  void offer(const model::SealedRun& run, Turn turn, Now now);
  void take_private_parts(const model::SealedRun& run);
  std::optional<sync::RunRefused> collect();
  void refuse(const model::SealedRun& run, std::string_view why);
  std::optional<model::SealedRun> as_branch(const model::SealedRun& run) const;

  const sync::LogView& log_;
  model::IncidentId incident_;
  sync::Core core_;
  sync::PeerId file_ = 0;
  Bytes frames_;  // of the chunk being worked on
  std::size_t at_ = 0;
  std::map<model::StreamId, std::vector<model::Entry>> parts_;  // of runs whose seal has not come
  std::size_t parts_bytes_ = 0;
  std::vector<model::SealedRun> held_back_;
  std::size_t held_back_bytes_ = 0;
  std::set<model::Dot> lacking_;
  sync::Ticket last_private_ = first_private;  // far from those of the core
  std::map<sync::Ticket, OnTheWay> on_the_way_;
  std::size_t on_the_way_bytes_ = 0;
  std::map<model::StreamId, model::StreamId> branches_;  // base streams of which the bundle has another content
  std::vector<sync::Output> outputs_;
  std::uint64_t accepted_now_ = 0;  // events of Accepts since last asked
  Tally tally_;
  std::string stopped_;
};

}  // namespace airbridge::bundle
