#pragma once
// One simulated device: a disk that outlives its crashes, and while it runs the node's own ledger and protocol core,
// wired as app/ wires them, with the time a disk takes in between.
#include <memory>
#include <optional>

#include "bundle/intake.hpp"
#include "exchange/channel_links.hpp"
#include "ledger/ledger.hpp"
#include "simulate/oracle.hpp"
#include "simulate/planted_view.hpp"
#include "simulate/radios.hpp"
#include "simulate/simulate.hpp"
#include "simulate/time_around.hpp"
#include "simulate/timeline.hpp"
#include "simulate/trace.hpp"
#include "simulate/workload.hpp"
#include "store/sim_disk.hpp"
#include "sync/core.hpp"

namespace airbridge::simulate {

// What all nodes share.
struct Fleet {
  std::uint64_t seed = 0;
  Options options;
  Timeline timeline;
  Trace trace;
  Oracle oracle;
  Report report;
  model::Genesis genesis;
  model::IncidentId incident;
  std::optional<trust::SigningKey> authority;  // grants each node
  std::vector<trust::DataKey> data_keys;
  std::vector<model::KeyId> members;  // of all radio channels
  // Devices that were set back or copied: one of them is never both, for a branch that forks again is not told apart.
  std::set<std::size_t> set_back, copied;
  explicit Fleet(std::uint64_t of, const Options& with) : seed(of), options(with), trace(with.story_lines) {}
  template <class... Args>
  void say(fmt::format_string<Args...> form, Args&&... args) {
    trace.say(timeline.now(), form, std::forward<Args>(args)...);
  }
};

class SimNode {
 public:
  using OnOutput = std::function<void(std::size_t node, const sync::Output& output)>;
  // With the keys and the name of node `key_of`: a copied device.
  SimNode(Fleet& fleet, std::size_t index, OnOutput on_output, std::size_t key_of);
  SimNode(Fleet& fleet, std::size_t index, OnOutput on_output) : SimNode(fleet, index, std::move(on_output), index) {}

  std::size_t index() const { return index_; }
  std::string name() const { return fmt::format("N{}", index_ + 1); }
  bool running() const { return life_ != nullptr; }
  model::KeyId id() const { return key_.id(); }
  const model::Writer& writer() const { return life_->ledger->writer(); }  // of what is written here; while it runs
  Now now() const;
  store::SimDisk& disk() { return *disk_; }

  void start();                         // again later when the disk does not let it
  void stop();                          // as asked to: with a snapshot and the mark of a clean stop
  void crash(store::SimDisk::Cut cut);  // power cut, or kill
  // The power fails in the middle of the next write to disk; `then` is told.
  void crash_in_next_sync(std::function<void()> then) { cut_in_sync_ = std::move(then); }
  void set_disk_delay(std::int64_t ms) { disk_delay_ms_ = ms; }
  void jump_clock(std::int64_t ms) { clock_offset_ms_ += ms; }
  void correct_clock() { clock_offset_ms_ = 0; }
  // Bits of the disk have rotted.
  void rotted();
  // A run comes to the ledger's door that the protocol should have kept away: nothing of it may get in.
  // False: this node holds nothing that could be contradicted.
  bool offer_contradiction();
  // A copy of the disk as it is now, and going back to one, as a restored backup or a virtual machine does.
  std::map<std::string, Bytes> image() const;
  void restore(const std::map<std::string, Bytes>& image);

  void user_acts();                                  // makes an event, and says it again until it is answered
  void says(const model::Observation& observation);  // where it is
  bool has_unsynced() const { return life_ && life_->around->is_writing(); }
  // Nothing is under way, the disk is written, and damage of it was found.
  bool is_quiet();

  // What the links do; ignored while the node is down.
  sync::PeerId connect(sync::LinkProfile link);
  void disconnect(sync::PeerId peer, const std::string& why);
  void receive(sync::PeerId peer, ByteView bytes);
  void drained(sync::PeerId peer);
  void set_budget(sync::PeerId peer, std::optional<std::uint64_t> bytes_left);

  // Bundles, as any courier carries them. What was left out is what `other`'s writer held.
  struct Brought {
    bundle::Tally tally;
    std::optional<bundle::Head> head;
    std::string stopped;
    std::size_t damages = 0;
    bool whole = false;  // nothing is cut off
  };
  std::vector<Bytes> write_bundle(const std::optional<bundle::Head>& other);  // none while it is down
  // `done` is not called when the node goes down meanwhile.
  void read_bundle(Bytes file, std::function<void(const Brought&)> done);

  // Radio channels. Said once, before the first start: this node is on it.
  void join(Radios& radios, std::size_t channel);
  bool radio_receive(std::size_t channel, ByteView frame);  // true: the frame was new and authentic, and is taken
  std::uint64_t life_number() const { return lives_; }

  // For the end.
  model::VersionVector counted();  // what it holds, cut at forks
  // The same with the chain there: two contents may be of one length, and that takes a beacon or two to be found.
  std::map<model::StreamId, std::pair<std::uint64_t, model::Hash>> counted_heads();
  store::Head head(const model::StreamId& stream);   // of its log
  model::Hash folded_hash();                         // of that, folded anew
  model::Hash shown_hash();                          // of the picture it shows
  std::map<model::StreamId, std::uint64_t> forks();  // of which it has the proof: from which number on
  bool has_holes();                                  // its log lacks something that nobody could send
  // Whether it has what was promised, of what it counted().
  bool holds(const Oracle::Promise& promise, const model::VersionVector& counted);

 private:
  struct BundleReading;
  struct Seat {  // on a radio channel
    std::unique_ptr<exchange::ChannelLinks> links;
    std::int64_t wake_at = -1;
  };
  struct Life {
    std::unique_ptr<TimeAround> around;
    std::unique_ptr<ledger::Ledger> ledger;
    std::unique_ptr<PlantedView> view;
    std::unique_ptr<sync::Core> core;
    std::map<std::size_t, Seat> seats;  // by channel; end before the core
    std::shared_ptr<BundleReading> reading;
    std::int64_t wake_at = -1;
    std::uint64_t number = 0;
    std::uint32_t incarnation = 0;
  };
  struct Wish {
    model::Draft draft;
    int asked = 0;
  };

  bool begin_life(Life& life);
  std::unique_ptr<TimeAround> make_around();
  void ask(Wish wish);
  void ask_later(Wish wish);
  void answered(const Wish& wish, const ledger::CommandResult& result);
  void synced(std::uint64_t from);
  bool use_disk(const std::function<void()>& work);
  void sit_down(std::size_t channel);
  void watch_seat(std::size_t channel);
  void accept(sync::Accept accept);
  void plan_reading(const std::weak_ptr<BundleReading>& reading);
  bool next_of_bundle(BundleReading& reading);
  void read_on(const std::shared_ptr<BundleReading>& reading);
  void carry_out(const std::weak_ptr<BundleReading>& reading, sync::Output output);
  void save_heard();
  void keep_heard();
  void scrub();
  void look_at_disk(bool found_all);
  void after_call();  // outputs, and when to wake
  void check_claims(const std::vector<sync::Output>& outputs);
  void check_message(const sync::Message& message);
  void check_claim(const model::StreamId& stream, std::uint64_t seq, std::string_view what);
  void check_priority(const std::vector<sync::Output>& outputs);
  void check_disk(const model::StreamId& stream, std::uint64_t seq, std::string_view what);
  void promise(const model::Dot& dot);
  std::unique_ptr<store::SimDisk> copy_of_disk() const;
  store::StoreResult<store::Log> open_whole(store::SimDisk& disk) const;
  store::LogOptions log_options() const;

  Fleet& fleet_;
  std::size_t index_;
  std::string given_name_;  // told to others
  OnOutput on_output_;
  trust::SigningKey key_;
  Rng rng_;
  Rng check_rng_;
  std::unique_ptr<store::SimDisk> disk_;
  std::vector<std::unique_ptr<store::SimDisk>> old_disks_;
  std::unique_ptr<Life> life_;
  std::uint64_t lives_ = 0;
  std::int64_t clock_offset_ms_ = 0;
  std::int64_t disk_delay_ms_ = 5;
  std::function<void()> cut_in_sync_;
  Radios* radios_ = nullptr;
  std::map<std::size_t, Bytes> channel_states_;  // channels this node is on, and what is saved of each
  std::size_t scrubs_ = 0;                       // since the disk was hit
  bool draining_ = false;
  Seen seen_;
};

}  // namespace airbridge::simulate
