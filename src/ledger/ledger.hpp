#pragma once
// A node's book: every event enters here, is made durable, and only then is folded, told and sent (DESIGN 2, 5). Holds
// the log, the author of this node's own events, and the fold.
//
//   command(draft) -> author -> batch (fdatasync) -> fold -> the picture, the answer, the peers
//   accept(run)    ----------> batch (fdatasync) -> fold -> the picture, the acknowledgement
//
// No thread, socket, clock or chance of its own: those come as Surroundings. One thread calls everything, but for
// waiting(). The parts: open.cpp (the start), write.cpp (own events), heal.cpp (a disk that will not) and take.cpp
// (what others wrote).
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ledger/answers.hpp"
#include "ledger/durable_view.hpp"
#include "ledger/fold_event.hpp"
#include "ledger/news.hpp"
#include "ledger/provisional.hpp"
#include "ledger/report_queue.hpp"
#include "ledger/snapshots.hpp"
#include "trust/author.hpp"
#include "trust/roster.hpp"

namespace airbridge::ledger {

// A start from a snapshot reads at most 10,000 events behind it: this many, and what comes while one is being written.
inline constexpr std::uint64_t snapshot_every_events = 8'000;

// While the picture shown is another node's, the log grows fast: a snapshot after so many.
inline constexpr std::uint64_t newcomer_snapshot_events = 100'000;

// After the disk refused: how long until it is tried again, doubled each time up to the second.
inline constexpr Milliseconds disk_retry_first{1'000};
inline constexpr Milliseconds disk_retry_max{30'000};
// After the log could not be read: how long until the fold goes on.
inline constexpr Milliseconds fold_retry{60'000};

struct Options {
  std::function<model::ClockQuality()> clock_quality;  // asked for each event; none: Rtc
  std::uint64_t disk_free_min_bytes = std::uint64_t{64} << 20;
  std::uint64_t snapshot_every = snapshot_every_events;
  Milliseconds retry_first = disk_retry_first;
  Milliseconds retry_max = disk_retry_max;
  Milliseconds fold_again = fold_retry;
  picture::FoldLimits fold;
  store::LogOptions log;
};

// Whose book it is.
struct Identity {
  model::IncidentId incident;
  model::Genesis genesis;
  trust::SigningKey key;  // of the node
  std::vector<trust::DataKey> data_keys;
  std::vector<trust::Grant> first_grants;  // to be recorded as the node's first events
};

struct Handlers {
  std::function<void()> on_durable;                                    // the log view has grown
  std::function<void(const std::vector<model::EntityId>&)> on_folded;  // the picture will show these changed
};

class Ledger {
 public:
  // `disk` and `around` must outlive the ledger.
  Ledger(const Identity& identity, Options options, Handlers handlers, store::Disk& disk, Surroundings& around);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Once, first. Opens the log, makes the picture. Why it cannot, in words.
  Result<void, std::string> start();
  const OpenReport& open_report() const { return report_; }

  // Writes a draft. `done` is called once the event is durable and folded, or is refused.
  void command(model::Draft draft, std::function<void(CommandResult)> done);
  // For gateways: writes what is news in a message (news.hpp). Reports about one record wait for each other; `meet` is
  // asked right before the writing, so that it meets what the one before left. No event when nothing is new, or when a
  // newer report came before this one was written.
  void report(model::Draft draft, Meet meet, std::function<void(const Reported&)> done);
  // Writes a verified run of another node (or one's own, come back).
  void accept(model::SealedRun run, std::optional<model::PublicKey> author_key,
              std::function<void(Accepted, const std::string& why)> done);
  void forked(const model::StreamId& branch);
  // Own events are refused until the record of the new incarnation is durable.
  void begin_incarnation(const std::string& why);
  // Whether reading has come upon damage: the scrub, peers' questions, the journal. Cheap; to be called now and then,
  // and when the scrub has found some.
  void look_for_damage();

  // Does the run's author belong to the incident by the grants folded so far, or does the run bring a grant that says
  // so?
  bool welcomes(const model::SealedRun& run) const;

  picture::Observed observe(model::Observation observation) {
    provisional_.observe(observation, around_.now().utc);
    return fold_.observe(std::move(observation), around_.now().utc);
  }
  void drop_lost_tracks() {
    provisional_.drop_lost(around_.now().utc);
    fold_.drop_lost_tracks(around_.now().utc);
  }
  // What is to be shown: the fold of the log, or for a while the picture another node sent.
  picture::PicturePtr publish();

  // For nodes that come late. The picture as of now, packed and signed; aside, then `done` within a later publish().
  // Null when there is nothing worth sending. Many who ask at once get the same.
  void pack_picture(std::function<void(std::shared_ptr<const Bytes>)> done);
  // The other way round: shown until the log holds as much. Anything may stand in it.
  void take_picture(Bytes transfer) {
    if (open_) provisional_.take(std::move(transfer));
  }
  bool wants_picture() const { return open_ && !provisional_.is_busy(); }
  std::optional<ProvisionalInfo> provisional() const;
  model::Hash state_hash() { return fold_.state_hash(); }

  const sync::LogView& view() const { return view_; }
  const model::Writer& writer() const { return author_.writer(); }
  StoreState store_state();
  std::vector<std::string> problems() const;  // sentences for the status
  // Any thread: commands, reports and runs on their way to the disk.
  std::size_t waiting() const { return in_flight_.load() + reports_.size(); }

  // Leaves a snapshot. From then on nothing is taken, answered or told; what was submitted may still become durable,
  // and is folded at the next start.
  void close();

 private:
  struct Command {
    std::array<std::uint8_t, 32> digest;
    std::vector<std::function<void(CommandResult)>> done;
  };
  struct Authored {
    std::vector<trust::AuthoredEntry> entries;
    std::vector<std::uint64_t> arrivals;  // filled in where the batch is written
  };
  struct LogPart {
    std::vector<picture::FoldEvent> events;
    std::uint64_t to = 0;  // arrival number of its last record; 0: there is nothing more
    bool failed = false;   // or nothing could be read
  };
  picture::FoldEvent fold_event(const model::Entry& entry, std::uint64_t arrival = 0, UtcTime arrived = {}) const {
    return to_fold_event(entry, arrival, arrived, incident_, *data_keys_);
  }
  // Calls `then` unless the ledger is closed or gone by then.
  template <class Then>
  auto while_open(Then then) {
    return [open = std::weak_ptr<bool>(open_), then = std::move(then)](const auto&... arguments) {
      if (!open.expired()) then(arguments...);
    };
  }

  // open.cpp
  void begin_writing(store::Log& log);
  std::uint64_t load_picture(store::Log& log);
  void fold_known_forks(std::uint64_t& from);
  LogPart read_part(std::uint64_t arrival);
  std::uint64_t fold_log_from(std::uint64_t arrival);  // how many events
  void open_private_parts();
  void refold();
  void resume_author(store::Log& log);
  void observe_stamp(const picture::FoldEvent& event);
  void put_back_author_keys();
  void record_first_grants();

  // write.cpp
  std::optional<CommandResult> answer_known(const model::Draft& draft);
  std::optional<Refusal> check_states(const model::Draft& draft);
  std::vector<PastEvent> past_of(const model::EntityId& entity);
  void next_report(const model::EntityId& entity);
  void write(const model::Draft& draft, std::function<void(CommandResult)> done);
  void written(const Authored& authored, const store::DurableResult& outcome,
               const std::function<void(CommandResult)>& done);
  Refusal disk_refusal() const;
  static Refusal numbers_in_doubt(const std::string& why);

  // heal.cpp
  void disk_said(const store::DurableResult& outcome);
  void took_writes();
  void retry_later();
  void retry();
  void recover();
  void renew();

  // newcomers.cpp
  void poll_packing();
  void settle_provisional();

  // take.cpp
  void folded(std::vector<model::EntityId> changed, std::uint64_t arrival);

  model::IncidentId incident_;
  model::Genesis genesis_;
  std::shared_ptr<const std::vector<trust::DataKey>> data_keys_;
  Options options_;
  Handlers handlers_;
  store::Disk& disk_;
  Surroundings& around_;
  picture::Fold fold_;
  trust::Author author_;
  DurableView view_;
  Snapshots snapshots_;
  Provisional provisional_;
  struct Packing;
  std::shared_ptr<Packing> packing_;
  std::optional<SteadyTime> settle_at_;
  OpenReport report_;

  std::map<model::CommandId, Command> commands_;  // on their way to the disk
  ReportQueue reports_;                           // waiting their turn
  News news_{[this](const model::EntityId& entity) { return past_of(entity); }};
  std::set<model::EntityId> reporting_;
  std::atomic<std::size_t> in_flight_{0};
  bool failing_ = false;  // a write failed; nothing new is made until all that was made after it has failed too
  std::string refusing_;  // why the disk took no write the last time; until one goes through
  std::string low_space_;
  std::uint64_t damaged_known_ = 0;
  std::string renewing_;  // why own numbers are in doubt, until the record of a new incarnation is durable
  bool renewal_on_its_way_ = false;
  bool retry_planned_ = false;
  Milliseconds retry_wait_;
  std::vector<trust::Grant> first_grants_;  // not yet seen in the picture
  std::set<model::KeyId> granting_;         // on their way
  std::uint64_t folded_to_ = 0;             // the fold holds every event of the log up to this arrival number
  bool fold_broken_ = false;                // the log could not be read on from there; no snapshot says it holds more
  bool fold_retry_planned_ = false;
  bool has_log_ = false;
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);  // until close()
};

}  // namespace airbridge::ledger
