#pragma once
// From events to the picture. One thread feeds it (the node's picture thread); readers hold what publish() gave out.
//
// The state after any set of events does not depend on the order they came in, nor on how often, nor on which node it
// was (state.hpp). Everything about "now", arrivals and live tracks is outside the state and its hash.
//
// When it cannot take something back: a fork of a stream already folded, a grant that turns out not to stand, or a
// grant for more withheld events than were kept. Then needs_refold() becomes true and stays so; the picture is wrong
// until the caller calls begin_again() and feeds the whole log once more. Grants and forks learned so far are kept, so
// that the second pass decides as if they had been known from the start: it ends.
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "base/result.hpp"
#include "model/cbor.hpp"
#include "model/entry.hpp"
#include "picture/picture.hpp"
#include "picture/resolve.hpp"
#include "picture/state.hpp"
#include "picture/tracks.hpp"

namespace airbridge::picture {

struct FoldLimits {
  std::size_t tracks_max = 200'000;            // the one heard longest ago goes
  std::size_t withheld_listed_max = 1'000;     // in Picture::withheld(); the count is of all
  std::size_t withheld_bytes_max = 64U << 20;  // of withheld events kept for a late grant; the rest needs a refold
  std::size_t publishes_kept = 1'000;          // for changes_since(); older askers take everything anew
  std::size_t delta_ids_max = 500'000;         // ids in those
  // Records whose state is kept in memory (4 kB each) besides the row that all have: an event about another one costs
  // some microseconds more.
  std::size_t open_states_max = 100'000;
};

// For a node in a rucksack: what can be made again when it is asked for is not kept.
inline FoldLimits portable_fold() {
  return {.tracks_max = 20'000, .withheld_bytes_max = 8U << 20, .delta_ids_max = 10'000, .open_states_max = 500};
}

enum class PrivateState : std::uint8_t {
  None,     // the event has no private part
  Here,     // its writes are in `private_writes`
  Lacking,  // it has one that this node cannot read or was not sent
};

// One event of the log. `event` null: its public part cannot be parsed; then it is counted and listed, not folded.
struct FoldEvent {
  model::Dot dot;
  model::ForkBranch branch;  // when it stands on a branch: not folded, and listed once fork() says that one is proven
  std::shared_ptr<const model::Event> event;
  PrivateState private_state = PrivateState::None;
  std::vector<model::Write> private_writes;
  std::size_t bytes = 0;  // of the entry, for the bound on withheld events
  std::uint64_t arrival = 0;
  UtcTime arrived{};
};

enum class Verdict {
  Folded,
  Repeated,    // seen before; a private part that came later is merged now
  Withheld,    // its author or actor may not write; folded when a grant arrives
  Unreadable,  // no version of ours parses it
  OnBranch,    // behind a fork of its stream, or under the name of a branch
};

struct LoadFault {
  model::DecodeError where;
  std::string what;  // "not a picture snapshot", "entities out of order" ...
};

class Fold {
 public:
  Fold(const model::IncidentId& incident, const model::Genesis& genesis, FoldLimits limits = {});
  ~Fold();
  Fold(Fold&&) noexcept;
  Fold& operator=(Fold&&) noexcept;

  Verdict apply(const FoldEvent& event);

  // The stream has two contents from `from` on (at least 1), both sealed by its author: sync::proven_forks() finds that
  // in the log. Events from there on are not folded, whichever came first. Events under a branch's name prove nothing
  // by themselves: anybody could relabel a good stream.
  void fork(const model::StreamId& base, std::uint64_t from);
  // What fork() was told, a loaded snapshot's included.
  std::map<model::StreamId, std::uint64_t> forks() const;
  bool needs_refold() const { return needs_refold_; }
  std::size_t open_states() const { return open_.size(); }
  const std::shared_ptr<KeyTable>& keys() const { return keys_; }
  void begin_again();

  // Live tracks; `now` is this node's clock.
  Observed observe(model::Observation observation, UtcTime now) { return tracks_.observe(std::move(observation), now); }
  std::size_t drop_lost_tracks(UtcTime now) { return tracks_.drop_lost(now); }

  // What readers see. The same pointer again when nothing changed. Costs what changed.
  PicturePtr publish();
  const PicturePtr& published() const { return published_; }
  // The next picture comes after number `seq` of another fold whose readers go on with this one: it has a higher
  // number, and no changes since any before.
  void continue_after(std::uint64_t seq);

  // BLAKE2b-256 of the state as docs/protocol/picture.md says. Equal on all nodes that hold the same events.
  model::Hash state_hash();

  const trust::Roster& roster() const { return roster_; }
  // Would any of these events of one author be folded, by the grants known now or brought by the events themselves?
  bool lets_in(const model::KeyId& author, const std::vector<FoldEvent>& events) const;
  bool is_folded(const model::Dot& dot) const { return folded_.contains(dot); }
  // Has the fold seen it at all: folded, withheld or unreadable.
  bool has_seen(const model::Dot& dot) const;
  // The events whose private part is not merged: after load(), or when a key comes, feed these again with it.
  std::vector<model::Dot> private_lacking();

  // The snapshot of docs/protocol/picture.md. Without Private::Include, private values stay out of it and are lacking
  // after load(); what is in a snapshot outlives the shredding of its key.
  enum class Private { LeaveOut, Include };
  Bytes save(Private what = Private::LeaveOut);
  // The same without private values in two steps: freeze() costs what changed since the last time and a pointer an
  // entity; then any thread may make the bytes while the fold goes on.
  class Frozen {
   public:
    Bytes bytes() const;

   private:
    friend class Fold;
    Bytes head_;
    std::vector<RowPtr> rows_;
    std::shared_ptr<const KeyTable> keys_;
  };
  Frozen freeze();
  // Safe on any bytes: refuses what is not exactly a snapshot of this incident with the hash it names.
  // `refuse` is asked before the records are read, which is where the work is: who made it may do so? Its words, if
  // any, are why not.
  using Refuse = std::function<std::string(const trust::Roster&)>;
  static Result<Fold, LoadFault> load(ByteView bytes, const model::IncidentId& incident, const model::Genesis& genesis,
                                      FoldLimits limits = {}, const Refuse& refuse = {});

 private:
  struct ForkState {
    std::uint64_t from = 0;                      // 0: not proven
    std::map<model::StreamId, RunSet> branches;  // those that begin elsewhere than at `from` are not listed
  };
  Verdict take(const FoldEvent& in);
  Verdict note_branch(const FoldEvent& in);
  bool is_cut(const model::Dot& dot) const;
  bool take_grants(const FoldEvent& in);
  void offer_grants();
  void after_roster_change();
  std::optional<Withheld> why_withheld(const FoldEvent& in) const;
  bool brings_own_grant(const FoldEvent& in) const;
  void withhold(const FoldEvent& in);
  void fold_event(const FoldEvent& in);
  void merge_private(EntityState& entity, const FoldEvent& in, const StampPtr& stamp);
  void add_private_later(const FoldEvent& in);
  void wait_for(const model::Dot& dot, const EntityState& entity);
  EntityState& entity_at(const model::EntityId& id);
  EntityState* find_state(const model::EntityId& id);  // null: there is none
  void touch(EntityState& entity);

  // snapshot.cpp
  enum class Forks { Proven, All };
  void put_forks(model::cbor::Writer& out, Forks which) const;
  Bytes head_bytes(Private what);
  void get_forks(model::cbor::Reader& in);
  void get_roster(model::cbor::Reader& in);
  void get_withheld(model::cbor::Reader& in);
  void get_entities(model::cbor::Reader& in);
  void refresh_order();

  // publish.cpp
  void make_rows();
  void make_rows_if_due();
  void put_states_away();
  void relink(const model::EntityId& id, Links links, std::vector<model::EntityId>& also);
  void set_row(RowPtr row, const EntityView& view);
  RowContext context_of(const EntityState& state, const EntityView& view) const;
  std::vector<model::EntityId> group_of(const model::EntityId& id) const;
  void publish_tracks(Picture::Delta& delta);
  void publish_lists();

  model::IncidentId incident_;
  model::Genesis genesis_;
  FoldLimits limits_;
  trust::Roster roster_;
  std::map<model::Dot, std::vector<trust::Grant>> grants_;  // by the event that brought them
  std::set<model::KeyId> let_in_;                           // authors and actors whose events were folded
  std::set<model::Dot> strangers_;                          // events folded for the grants they bring
  // Every record has a row but those made since the last make_rows(). `open_`: the states in memory, those that changed
  // since then among them.
  TableEditor<EntityRow> rows_;
  std::unordered_map<model::EntityId, std::unique_ptr<EntityState>> open_;
  std::shared_ptr<KeyTable> keys_;
  std::vector<RowPtr> order_;             // by id, as of the last refresh_order()
  std::vector<model::EntityId> reorder_;  // whose rows were made since; some more than once
  DotSet folded_, unreadable_, private_folded_;
  std::map<model::Dot, FoldEvent> withheld_;
  std::size_t withheld_bytes_ = 0;
  std::map<model::StreamId, ForkState> forks_;
  std::unordered_map<model::Dot, std::vector<model::EntityId>> waiters_;  // of events not folded yet
  bool needs_refold_ = false;

  Tracks tracks_;
  std::vector<EntityState*> changed_;  // since the last make_rows(), which
  Picture::Delta delta_;               // notes them here until the next publish
  bool delta_is_cut_ = false;          // there were more of them
  std::vector<model::EntityId> gone_;  // were in the picture when the fold began again
  bool lists_changed_ = true, roster_changed_ = true;
  PicturePtr published_;
  TableEditor<EntityRow> conflicts_, linked_, placeholders_, deleted_;
  TableEditor<TrackView> track_views_;
  SpatialEditor entity_index_, track_index_;
  std::unordered_map<model::EntityId, Links> links_;
  std::unordered_map<model::EntityId, std::set<model::EntityId>> claimants_;    // unit: records that claim it
  std::unordered_map<model::EntityId, std::set<model::EntityId>> linked_from_;  // same_as: who names it
  std::unordered_map<model::EntityId, std::set<model::EntityId>> units_of_;     // track: units that are it
  std::size_t with_newer_ = 0, private_lacking_ = 0;
  ConflictCounts own_conflicts_;
  std::size_t delta_ids_ = 0;
};

}  // namespace airbridge::picture
