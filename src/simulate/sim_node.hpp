#pragma once
// One simulated device: a disk that outlives its crashes, and while it runs a log, an author and the protocol core,
// wired as app/ wires them, with the time a disk takes in between.
#include <memory>
#include <optional>

#include "simulate/ledger.hpp"
#include "simulate/simulate.hpp"
#include "simulate/store_view.hpp"
#include "simulate/timeline.hpp"
#include "simulate/trace.hpp"
#include "simulate/workload.hpp"
#include "store/sim_disk.hpp"
#include "sync/core.hpp"
#include "trust/author.hpp"

namespace airbridge::simulate {

// What all nodes share.
struct Fleet {
  std::uint64_t seed = 0;
  Options options;
  Timeline timeline;
  Trace trace;
  Ledger ledger;
  Report report;
  model::Genesis genesis;
  model::IncidentId incident;
  std::vector<trust::DataKey> data_keys;
  explicit Fleet(std::uint64_t of, const Options& with) : seed(of), options(with), trace(with.story_lines) {}
  template <class... Args>
  void say(fmt::format_string<Args...> form, Args&&... args) {
    trace.say(timeline.now(), form, std::forward<Args>(args)...);
  }
};

class SimNode {
 public:
  using OnOutput = std::function<void(std::size_t node, const sync::Output& output)>;
  SimNode(Fleet& fleet, std::size_t index, OnOutput on_output);

  std::size_t index() const { return index_; }
  const trust::SigningKey& key() const { return key_; }
  std::string name() const { return fmt::format("N{}", index_ + 1); }
  bool running() const { return life_ != nullptr; }
  Now now() const;
  store::SimDisk& disk() { return *disk_; }

  void start();                         // again later when the disk does not let it
  void crash(store::SimDisk::Cut cut);  // power cut, or kill
  // The power fails in the middle of the next write to disk; `then` is told.
  void crash_in_next_sync(std::function<void()> then) { cut_in_sync_ = std::move(then); }
  void set_disk_delay(std::int64_t ms) { disk_delay_ms_ = ms; }
  void jump_clock(std::int64_t ms) { clock_offset_ms_ += ms; }
  void correct_clock() { clock_offset_ms_ = 0; }
  // A copy of the disk as it is now, and going back to one, as a restored backup or a virtual machine does.
  std::map<std::string, Bytes> image() const;
  void restore(const std::map<std::string, Bytes>& image);

  void user_acts();  // makes an event, or is told that the node cannot
  bool has_unsynced() const { return life_ && life_->writing; }

  // What the links do; ignored while the node is down.
  sync::PeerId connect(sync::LinkProfile link);
  void disconnect(sync::PeerId peer, const std::string& why);
  void receive(sync::PeerId peer, ByteView bytes);
  void drained(sync::PeerId peer);

  // For the end.
  model::VersionVector counted();  // what it holds, cut at forks
  model::Hash state_hash();
  bool holds(const Ledger::Promise& promise);
  std::vector<sync::PeerStatus> peers() const { return life_->core->peers(); }

 private:
  struct Job {
    std::optional<model::Draft> draft;
    std::optional<sync::Accept> accept;
  };
  struct Done {  // of the batch being written
    std::vector<trust::AuthoredEntry> own;
    std::vector<sync::Ticket> accepted, refused;
    std::vector<model::Entry> entries;
  };
  struct Life {
    std::optional<store::Log> log;
    std::optional<StoreView> view;
    std::optional<trust::Author> author;
    std::optional<sync::Core> core;
    std::deque<Job> jobs;
    Done batch;
    bool writing = false;
    bool must_renew = false;  // no own event before a new incarnation
    std::int64_t wake_at = -1;
    std::uint64_t number = 0;
  };

  bool begin_life(Life& life);
  bool renew(Life& life, const std::string& why);
  void write_some();
  void write_own(Life& life, const model::Draft& draft);
  void written(std::uint64_t life_number);
  void after_call();  // outputs, and when to wake
  void check_claims(const std::vector<sync::Output>& outputs);
  void check_claim(const model::StreamId& stream, std::uint64_t seq, std::string_view what);
  void check_priority(const std::vector<sync::Output>& outputs);
  void check_disk(const model::StreamId& stream, std::uint64_t seq, std::string_view what);
  void promise(const trust::AuthoredEntry& own);
  store::LogOptions log_options() const;

  Fleet& fleet_;
  std::size_t index_;
  OnOutput on_output_;
  trust::SigningKey key_;
  Rng rng_;
  Rng check_rng_;
  std::unique_ptr<store::SimDisk> disk_;
  std::vector<std::unique_ptr<store::SimDisk>> old_disks_;
  std::unique_ptr<Life> life_;
  std::uint64_t lives_ = 0;
  std::uint64_t incarnations_ = 0;
  std::int64_t clock_offset_ms_ = 0;
  std::int64_t disk_delay_ms_ = 5;
  std::function<void()> cut_in_sync_;
  bool draining_ = false;
  Seen seen_;
};

}  // namespace airbridge::simulate
