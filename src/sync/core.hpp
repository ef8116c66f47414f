#pragma once
// Replication between nodes as a state machine (DESIGN 6, docs/protocol/sync.md). No socket, clock, thread or disk:
// bytes and `now` come in, bytes and wishes go out.
//
//   core.connect / receive / drained / disconnect   what the links do
//   core.durable(now)                               the log holds more on disk than before
//   core.accepted / refused(ticket)                 what became of an Accept
//   core.poll(now), core.next_deadline()            time
//   core.connect_known / pull / receive_message     the same for message links (peer.hpp), which a bearer keeps
//   for (auto& output : core.take_outputs()) ...    after every call
//
// The idea: a stream never has gaps, so one number a stream says all about what a node holds, and "what do you lack" is
// the difference of two vectors. Each side tells its vector, then sends what the other lacks, most urgent class first,
// decided anew for each frame. What arrives is checked against the chain and the author's seal before it is offered for
// writing; only what is on disk is told, sent on or acknowledged. A node passes on what it took from others.
//
// One thread; no call blocks or throws on what a peer sent.
#include <deque>
#include <functional>

#include "sync/log_view.hpp"
#include "sync/peer.hpp"
#include "trust/keys.hpp"

namespace airbridge::sync {

// Mistakes the simulation plants to prove that it would find them. Never set outside tests.
enum class Planted : std::uint8_t { None, PriorityHole };

struct Config {
  model::IncidentId incident;
  model::KeyId node;
  std::string name;  // shown to the other side
  Planted planted = Planted::None;
  // Does this run's author belong to the incident by the grants known here, or does the run itself bring the grant that
  // says so? May be asked about a run without entries. Without it everybody does. What others write is taken within
  // bounds (limits.hpp).
  std::function<bool(const model::SealedRun&)> is_granted = {};
  std::uint64_t run = 0;           // random, new at each start: tells this process from another with its keys
  std::string incident_name = {};  // shown to who comes with another incident
  // For the simulation: what is said on message links, before it is put in bytes.
  std::function<void(const Message&)> on_said = {};
  bool sends_snapshots = false;               // SnapshotAsked is answered
  std::function<bool()> wants_snapshot = {};  // would a picture help now? Without it none is asked for
};

class Core {
 public:
  static constexpr Milliseconds flood_window{10 * 60 * 1000};
  static constexpr std::uint64_t flood_events_max =
      12;  // urgent events of one author in that time; more wait as class 1

  // The view must outlive the core.
  Core(Config config, const LogView& log);

  // A new link; 0 when peers_max that others opened are there (close it). HELLO goes out at once.
  PeerId connect(LinkProfile link, Now now);
  void disconnect(PeerId peer, std::string why, Now now);  // the link is gone
  void receive(PeerId peer, ByteView bytes, Now now);      // in any slicing
  void drained(PeerId peer, Now now);                      // all that was handed over has left

  // Message links. A neighbour the bearer has authenticated is there; `digest` is what its beacon says. An older link
  // to it over the same bearer is forgotten.
  PeerId connect_known(LinkProfile link, const model::KeyId& node, std::string name, const Digest& digest, Now now);
  // One way, for whoever listens: says what one of `listeners` is not known to hold (of those of whom nothing was ever
  // heard nothing is known, and they do not count while there are others), then what becomes durable, and again in
  // rounds. peers() leaves it out; it ends by disconnect() alone. set_listeners counts from the next round on.
  PeerId connect_for_all(LinkProfile link, std::vector<model::KeyId> listeners, Now now);
  void set_listeners(PeerId peer, std::vector<model::KeyId> listeners);
  Digest digest() const { return ours_.digest(); }                               // what this node's beacon is to say
  void beacon(PeerId peer, const Digest& digest, Now now);                       // heard again
  void receive_message(PeerId peer, ByteView message, bool overheard, Now now);  // overheard: meant for another
  // What to transmit now, most urgent first, about `room` bytes (one message at least, when there is any).
  std::vector<Send> pull(PeerId peer, std::size_t room, bool urgent_only, Now now);
  // Last values for all who hear the channel (LinkProfile::channel).
  std::vector<Send> pull_last_values(std::uint32_t channel, std::size_t room, Now now);

  // Of the air this message link uses, measured by its bearer (0..1): how often positions are said follows it. Until it
  // is told they are said whenever there is a turn.
  void set_occupancy(PeerId peer, double occupancy);

  // Bytes the link may still send before only what is urgent goes; none: as many as it likes.
  void set_budget(PeerId peer, std::optional<std::uint64_t> bytes_left, Now now);

  // What was heard of other nodes, to be kept over a restart (heard.hpp), and what an earlier run kept of it: before
  // the first link. How many nodes that was, or why it is of no use; nothing of it is taken then.
  Bytes heard() const;
  Result<std::size_t, std::string> recall(ByteView heard);

  void durable(Now now);                  // own or accepted entries reached the disk
  void accepted(Ticket ticket, Now now);  // on disk and in the view
  void refused(Ticket ticket, Now now);   // could not be written; asked for again later
  // The store will not have it, now or later: counted, and this stream alone waits, not everything the peer sends.
  void rejected(Ticket ticket, const std::string& why, Now now);
  // The answer to SnapshotAsked: goes before events that are not urgent. Null: there is none.
  void offer_snapshot(PeerId peer, std::shared_ptr<const Bytes> bytes, Now now);
  void last_value(const model::Observation& observation, Now now);  // heard here; for all peers
  void poll(Now now);
  std::optional<SteadyTime> next_deadline() const;
  // Asks the peer for the chain values of every stream that both hold (compare.hpp); Compared tells what came of it. A
  // comparison with it that runs is begun anew. False: no such peer, or its greeting is not over.
  bool compare_all(PeerId peer, Now now);
  void stop(Now now);  // says goodbye to all; take the outputs once more

  std::vector<Output> take_outputs() { return std::exchange(outputs_, {}); }

  std::vector<PeerStatus> peers() const;
  // What peers say they hold and do not send (claims.hpp), by link.
  std::vector<std::pair<PeerId, DoubtfulClaim>> doubtful() const;
  const TrackTable& tracks() const { return tracks_; }
  // Nodes known to hold this event on disk, connected now or earlier; this one not among them. Of a forked stream's
  // disputed part nobody is counted.
  std::vector<model::KeyId> holders(const model::Dot& dot) const;
  // For the whole of a stream: how far each node holds it.
  std::vector<std::pair<model::KeyId, std::uint64_t>> held_by(const model::StreamId& stream) const;
  std::uint64_t refused_total() const { return refused_total_; }
  std::size_t airs() const { return air_.size(); }  // channels and links of which is kept what was said in full
  std::uint64_t strangers_refused() const { return strangers_refused_; }  // runs there was no room for

 private:
  struct Incoming {  // a stream with accepted runs that are not yet on disk
    std::uint64_t end = 0;
    model::Hash head;
    std::uint64_t generation = 0;
    std::size_t outstanding = 0;
    std::set<PeerId> senders;  // took what they sent of it for delivered
    bool granted = false;      // a run of it was no stranger's
  };
  struct Pending {
    model::StreamId stream;
    PeerId peer = 0;
    std::size_t bytes = 0;
    std::uint64_t generation = 0;
  };
  struct Remembered {  // of a node, over all its connections
    SharedVector theirs;
    std::deque<SharedVector> told;  // states of ours it may have kept, newest last
    std::optional<Digest> digest;   // digest_of() all it holds, if it said that of `theirs`
    WriterTablePtr table;           // that it holds too
    std::uint64_t used = 0;
  };
  struct Flood {
    std::deque<std::pair<SteadyTime, std::uint64_t>> arrivals;
    std::uint64_t sum = 0;
  };

  // core.cpp: links and time
  Peer* find(PeerId peer);
  void count_talk(Peer& peer, std::uint8_t type, std::size_t payload_bytes, Now now);
  void on_frame(PeerId peer, std::uint8_t type, ByteView payload, std::uint64_t offset, Now now);
  void on_message(Peer& peer, Message message, Now now);
  void drop(Peer& peer, const std::string& why);
  void sweep(Now now);
  void part(Peer& peer, Parting reason, std::string words);  // BYE, Close, drop
  void refuse(Peer& peer, std::string what);
  void put_control(Peer& peer, const Message& message);
  void hand_over(Peer& peer, Bytes frame, bool urgent, std::optional<model::Class> cls, bool reliable = true);
  void ping(Peer& peer, Now now);
  void watch(Peer& peer, Now now);
  void look_at_claims(Now now);  // core_status.cpp
  void refresh(Now now);
  void refresh_if_dirty(Now now) {
    if (dirty_) refresh(now);
  }
  Remembered& remember(const model::KeyId& node);

  // core_greeting.cpp: who is at the other end
  void on_hello(Peer& peer, const Hello& hello, Now now);
  bool are_twins(const Peer& peer, const Peer& other, Now now);
  bool settle_duplicate(Peer& peer, Now now);
  void part_from_other_incident(Peer& peer, const Hello& hello);
  bool is_twin_of(const Hello& hello) const;

  // core_links.cpp: several links to one node
  template <class F>
  void for_siblings(const Peer& peer, F f) {
    if (peer.siblings == 0) return;
    for (auto& [id, other] : peers_) {
      if (id != peer.id && !other.dead && other.state == PeerState::Up && other.node == peer.node) f(other);
    }
  }
  void count_siblings(const model::KeyId& node);
  bool is_stuck(const Peer& peer, bool urgent, Now now) const;
  bool carries(const Peer& peer, bool urgent, Now now) const;
  static bool is_over_budget(const Peer& peer);
  static bool is_spent(const Peer& peer) { return peer.only_urgent || is_over_budget(peer); }  // on either side
  void tell_spent(Peer& peer);
  void take_over(const model::KeyId& node, Now now);
  void announce(Peer& peer, const model::StreamId& stream, const Held& held);

  // core_messages.cpp: message links
  struct Air {  // what was said on one channel
    struct Told {
      Bytes bytes;
      std::uint16_t tag = 0;
      SteadyTime at{};
    };
    std::map<ObservationKey, Told> told;                // in full by us
    std::map<std::uint16_t, std::vector<Bytes>> heard;  // in full by others, by tag
    std::size_t heard_count = 0;
    ValuePace pace;  // when what was said by us
  };
  static std::uint64_t air_number(const Peer& peer);
  Bytes encode_for(Peer& peer, const Message& message);
  static ByteView told_on(const Air& air, const ObservationKey& key, Now now);
  static bool goes_short(const Air& air, const ObservationKey& key, const model::Observation& fresh, Now now);
  std::size_t value_bytes(Peer& peer, Now now);
  static Bytes fitting(const Peer& peer, const Said& said);
  Bytes encode_values(Peer& peer, const LastValues& values, const std::vector<ObservationKey>& keys, Now now);
  void want(Peer& peer, bool urgent);
  void want_what_waits(Peer& peer, Now now);
  void on_compact(Peer& peer, ByteView bytes, bool overheard, Now now);
  void note_heard(Air& air, const LastValues& values);
  void offer_value(Peer& peer, const ObservationKey& key, SharedSaid said, const model::Observation& fresh, Now now);
  static void release_values(Peer& peer, Now now, bool is_turn = false);
  CompactContext context_for(Peer& peer, Now now);
  void fill_heads(Peer& peer);
  void check_digest(Peer& peer, Now now);
  void keep_table();
  void on_ask_writers(Peer& peer, const AskWriters& ask);
  void on_writers(Peer& peer, Writers writers, Now now);
  void on_who_is(Peer& peer, const WhoIs& who, Now now);
  bool knows_all_heads(const Peer& peer) const;

  // core_one_way.cpp: nobody answers
  std::vector<const HeldVector*> held_by_listeners(const Peer& peer) const;
  void hear_listeners(Peer& peer, const model::StreamId& stream) const;
  void begin_at_listeners(Peer& peer);
  void offer_all_values(Peer& peer, Now now);
  bool is_saying(const Peer& peer, Now now) const;
  void repeat(Peer& peer, Now now);

  // core_vectors.cpp: who holds what
  HeldVector with_heads(const model::VersionVector& vector) const;
  void reread_heads(Now now);
  void greet(Peer& peer, const Digest& digest, Now now);
  void answer_vector(Peer& peer);
  void bound_memory(const model::KeyId& keep);
  void on_vector(Peer& peer, const VectorMessage& message, Now now);
  void on_items(Peer& peer, const std::vector<VectorItem>& items, Now now);
  void heard_of(Peer& peer, const model::StreamId& stream, const Held& held, Now now);
  void note_held(Peer& peer, const model::StreamId& stream, const Held& held, Now now);
  void compare(Peer& peer, const model::StreamId& stream, Now now);
  void vector_known(Peer& peer, Now now);
  void flush_acks(Peer& peer, bool all);
  void put_items(Peer& peer, std::vector<VectorItem> items);
  void remember_told(Peer& peer, const SharedVector& told);

  // core_send.cpp: what goes next
  void pump(Peer& peer, Now now);
  void pump_all(Now now);
  bool send_events(Peer& peer, model::Class cls, std::size_t bytes_max, Now now);
  void send_part(Peer& peer, Outgoing& from, model::Class cls, std::size_t bytes_max, Now now);
  std::optional<model::StreamId> pick(Peer& peer, model::Class cls, Now now);
  bool lacks(const Peer& peer, const model::StreamId& stream) const;
  bool may_send(const Peer& peer, const model::StreamId& stream, Now now) const;
  std::uint64_t ours_for(const Peer& peer, const model::StreamId& stream) const;
  Bytes encode_part(Peer& peer, const model::StreamId& stream, std::span<const model::Entry> entries,
                    const model::Seal* seal);
  void share(const Peer& sender, const model::StreamId& stream, std::uint64_t first, std::uint64_t last, Now now);
  void send_observations(Peer& peer, std::size_t bytes_max, Now now);
  void send_key(Peer& peer, const model::KeyId& author, bool urgent);
  void reset_stream(Peer& peer, const model::StreamId& stream);
  void mark_ready(Peer& peer, const model::StreamId& stream);
  bool is_flooding(const model::KeyId& author, Now now) const;
  void on_run_refused(Peer& peer, const RunRefused& refused, Now now);

  // core_snapshot.cpp: the picture before the events
  void ask_for_snapshot(Peer& peer, Now now);
  void on_snapshot_ask(Peer& peer, const SnapshotAsk& ask, Now now);
  void on_snapshot_part(Peer& peer, SnapshotPart part, Now now);
  bool send_snapshot_part(Peer& peer);

  // core_tracks.cpp: where things have been
  static bool carries_tracks(const Peer& peer);
  bool has_tracks_for(const Peer& peer, Now now) const;
  std::optional<TrackId> next_track(const Peer& peer) const;
  bool send_tracks(Peer& peer, Now now);
  void on_tracks_held(Peer& peer, const TracksHeld& held);
  void on_track_part(Peer& peer, const TrackPart& part, Now now);
  void hear_track(const model::Observation& observation, Now now);

  // core_receive.cpp: what arrives
  template <class Tell>
  bool end_run(Ticket ticket, Tell tell);
  void on_run(Peer& peer, Run run, Now now);
  void on_whole_run(Peer& peer, model::SealedRun run, bool head_known, Now now);
  bool complete_head(model::SealedRun& run, std::uint64_t end, const std::optional<model::Hash>& before) const;
  void accept(PeerId peer, model::SealedRun run, const model::Hash& head, std::optional<model::PublicKey> key);
  void refuse_run(Peer& peer, const model::StreamId& stream, std::uint64_t seq, Reason reason, Milliseconds retry);
  std::optional<model::PublicKey> key_for(const Peer& peer, const model::KeyId& author) const;
  std::pair<std::uint64_t, std::optional<model::Hash>> position(const model::StreamId& stream) const;
  void on_last_values(Peer& peer, const LastValues& values, Now now);
  struct StrangerUse {
    std::size_t streams = 0;
    std::uint64_t events = 0;
  };
  StrangerUse& stranger_use();
  bool has_room_for_stranger(const model::SealedRun& run, bool is_new);
  bool is_own(const model::StreamId& stream) const { return stream.writer == log_.own_writer(); }
  void own_ahead(const model::StreamId& stream, std::uint64_t here, std::uint64_t there);

  // core_forks.cpp: two contents for one number
  void suspect(Peer& peer, const model::StreamId& stream, std::uint64_t seq, bool sure, Now now);
  void run_probes(Peer& peer, Now now);
  void on_chain_query(Peer& peer, const ChainQuery& query);
  void on_chain_reply(Peer& peer, const ChainReply& reply, Now now);
  void offer_branch(Peer& peer, const model::StreamId& stream, std::uint64_t from);
  void settle_branches();
  std::optional<model::SealedRun> proven_fork(const model::SealedRun& run, std::uint64_t end,
                                              const model::PublicKey* key) const;
  void take_fork(Peer& peer, std::optional<model::SealedRun> fork, Now now);
  void rejoin_branches(const model::StreamId& base);
  void prove_up_to_fork(const model::StreamId& base, std::uint64_t cut);
  void copy_past_fork(const model::StreamId& base, std::uint64_t cut);
  enum class BranchClaim {
    Branch,     // another content for its first number is held
    Base,       // none is: these are the stream's own entries
    Elsewhere,  // behind the first fork, where nothing counts
  };
  BranchClaim judge_branch(const model::StreamId& claimed) const;

  // core_compare.cpp: comparing on demand
  void compare_vector_came(Peer& peer);
  bool compare_reply(Peer& peer, const ChainReply& reply, Now now);
  void compare_next(Peer& peer, Comparison& comparison);
  void compare_end_if_done(Peer& peer);
  void compare_end(const Peer& peer, std::string why);

  Config config_;
  const LogView& log_;
  std::map<PeerId, Peer> peers_;
  std::map<PeerId, Comparison> comparisons_;
  PeerId last_peer_ = 0;
  Ticket last_ticket_ = 0;
  std::uint64_t last_generation_ = 0;
  std::map<Ticket, Pending> pending_;
  std::map<model::StreamId, Incoming> incoming_;
  model::VersionVector raw_;                // as the log has it
  SharedVector ours_;                       // cut at forks: what is told and sent
  std::set<model::StreamId> proofs_tried_;  // branches whose part was given to their stream
  std::map<model::KeyId, Remembered> remembered_;
  std::map<model::KeyId, SteadyTime> twins_;  // of whom two devices were met, and when last
  std::uint64_t remembered_clock_ = 0;
  std::map<model::KeyId, Flood> floods_;
  std::set<model::Writer> ahead_told_;
  LastValueTable last_values_;
  TrackTable tracks_;
  std::map<std::uint64_t, Air> air_;   // by air_number()
  std::set<model::KeyId> left_;        // nodes a link to which has just ended
  std::deque<WriterTablePtr> tables_;  // of this node's writers, the latest last
  std::vector<Output> outputs_;
  std::uint64_t refused_total_ = 0;
  std::optional<StrangerUse> stranger_use_;  // none: to be counted
  std::size_t stranger_bytes_ = 0;
  std::uint64_t strangers_refused_ = 0;
  Milliseconds busy_retry_ = retry_busy;  // what a peer is told while the disk does not write
  SteadyTime busy_until_{};               // the runs refused before were told to come again by then
  SteadyTime claims_looked_{};
  bool claims_new_ = false;  // a vector came since, or what nobody believes
  bool dirty_ = false;
};

}  // namespace airbridge::sync
