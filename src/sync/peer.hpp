#pragma once
// What the core keeps of one connection.
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "model/entry.hpp"
#include "sync/claims.hpp"
#include "sync/compact.hpp"
#include "sync/frame.hpp"
#include "sync/last_values.hpp"
#include "sync/output.hpp"
#include "sync/shared_vector.hpp"
#include "sync/value_pace.hpp"

namespace airbridge::sync {

// What a link can do; set by whoever opens it.
//
// A *stream* link (TCP, a file) carries frames in order and greets with HELLO. A *message* link (radio, datagrams) is
// kept by a bearer that has authenticated the other side, delivers single messages, says when the other side is there
// (connect_known, disconnect) and what its beacon says; there the core hands over nothing by itself: it is asked when
// the bearer may transmit (pull).
struct LinkProfile {
  std::string address;                         // for people: "10.1.2.3:4600"
  bool dialed = false;                         // this side opened it
  Milliseconds heartbeat{5'000};               // lost after two of them without a byte
  std::size_t burst_bytes = 64 * 1024;         // handed over before drained() must be called
  std::size_t window_bytes = 2 * 1024 * 1024;  // sent and not yet acknowledged as durable
  std::size_t frame_bytes = 32 * 1024;         // a frame of events ends at about this
  bool private_parts = true;                   // false: they stay home, only their hashes go

  // Several links to one node: the cheapest that is not stuck carries what is to be said, the others stand by.
  std::string bearer = {};                // its name; two links to one node over bearers of other names are both kept
  std::uint32_t cost = 0;                 // rank of what a byte costs: 0 nothing
  std::optional<std::uint64_t> budget{};  // bytes it may still send; beyond that urgent events and answers only
  // Stuck: something is not acknowledged and nothing was heard for so long. Urgent events look for another way first.
  Milliseconds urgent_patience{3'000};
  Milliseconds patience{10'000};
  Milliseconds resend_after{30'000};  // handed over long ago, never acknowledged: once more

  bool is_message = false;
  bool is_narrow = false;   // so slow that what can wait goes in small parts with pauses
  bool is_one_way = false;  // message link on which nobody ever answers
  bool only_hears = false;  // one way, the way here: nothing is sent on it
  bool repeats = false;     // positions heard on the channel are said again on it, for those out of reach
  std::size_t value_bytes_max = SIZE_MAX;  // message links: a message of last values that is longer is lost
  std::uint32_t channel =
      0;  // message links of one number share the air: all hear what one is sent; 0: nobody else does
};

// A stream being sent: entries read from the log, in order, with the places where a seal stands.
struct Outgoing {
  model::StreamId stream;
  std::vector<model::Entry> entries;
  std::map<std::uint64_t, model::Seal> seals;
  std::size_t next = 0;
  bool done() const { return next >= entries.size(); }
};

// A search for the first differing event of a stream. At `lo` both chains agree; at `hi` they differ, or are suspected
// to when `hi_sure` is false.
struct Probe {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;
  bool hi_sure = false;
  bool asked = false;
  int rounds = 0;
  SteadyTime since{};
};

using WriterTablePtr = std::shared_ptr<const WriterTable>;

// A picture under way over one connection, in both directions (core_snapshot.cpp).
struct SnapshotLink {
  std::optional<SteadyTime> asked;  // this side did, and it has not all come
  Bytes coming;
  std::uint32_t next = 0, count = 0;   // of its stretches
  std::optional<SteadyTime> answered;  // when the peer last asked
  std::shared_ptr<const Bytes> going;
  std::size_t gone = 0;  // bytes of it
};

struct Peer {
  PeerId id = 0;
  LinkProfile link;
  PeerState state = PeerState::Greeting;
  bool dead = false;     // forgotten at the end of the call
  bool greeted = false;  // its HELLO came
  model::KeyId node;
  std::string name;
  std::uint32_t incarnation = 0;
  std::uint64_t features = 0;
  SnapshotLink snapshot;
  std::uint64_t run = 0;        // as its HELLO said
  std::uint64_t displaced = 0;  // the run whose link to the same node this one took the place of
  std::size_t siblings = 0;     // other links to the same node that are up
  bool carrying = false;        // it was the one that carries when last looked at
  bool only_urgent = false;     // its side of the link has spent its budget, as it says
  bool told_spent = false;      // it was told that this side has
  FrameReader reader;
  std::uint64_t frame_offset = 0;  // of the message being handled
  std::size_t talk_bytes = 0;      // said since then that is neither event nor value
  SteadyTime talk_since{};

  SharedVector theirs;        // what it holds, as it told
  ClaimWatch claims;          // of that, what does not come
  SteadyTime events_heard{};  // when it last sent events, or was met
  SharedVector announced;     // what we told it
  model::VersionVector sent;  // how far its streams were handed over
  std::map<model::StreamId, std::deque<std::pair<std::uint64_t, std::size_t>>> in_flight;  // (last seq, bytes)
  std::size_t in_flight_bytes = 0;
  SteadyTime progress{};       // when something was last sent or acknowledged
  SteadyTime flight_since{};   // since when there is something in flight
  SteadyTime stuck_checked{};  // when it was last looked at whether it is stuck

  std::array<std::set<model::StreamId>, model::class_count> ready;  // may have something to send
  std::set<model::StreamId> fresh;  // urgent ones that grew while it was up: before what it lacked already
  std::array<std::optional<Outgoing>, model::class_count> outgoing;
  std::array<model::StreamId, model::class_count> last_served;
  std::map<model::StreamId, SteadyTime> held_back;  // refused: not before then
  SteadyTime busy_until{};                          // its disk does not write: no events before then
  std::set<model::StreamId> unannounced;            // grown since told
  std::set<model::KeyId> keys_sent;
  std::set<model::KeyId> keys_wanted;   // it said that it lacks them, though it holds events of theirs
  std::size_t handed = 0;               // since the link was last drained
  std::size_t observations_handed = 0;  // of these, last values
  std::size_t routine_credit = 0;       // bytes owed to class 2

  std::map<model::KeyId, model::PublicKey> offered_keys;
  std::map<model::StreamId, std::vector<model::Entry>> staged;
  std::size_t staged_bytes = 0;
  std::size_t pending_bytes = 0;                      // accepted, not yet durable
  std::map<model::StreamId, std::uint64_t> gap_told;  // where we stood when we told of a gap
  std::size_t gaps = 0;                               // answered since its last good run
  bool no_room_told = false;
  std::optional<AskVector> vector_asked;  // not answered yet
  std::map<model::StreamId, Probe> probes;
  std::set<model::StreamId> settled_apart;     // differences inside a branch: shown, not exchanged here
  std::set<model::StreamId> offered_branches;  // our side of forks found with this peer, read from the base stream
  bool tracks_said = false;                    // it was told which tracks are here
  bool tracks_asked = false;                   // it has tracks that are not here
  std::optional<std::map<TrackTag, std::int64_t>> tracks_held;  // the last fix of each it holds, once it said so
  SteadyTime tracks_not_before{};
  std::uint64_t tracks_level = 0;  // the state of the table in which it lacked nothing of it
  ObservationQueue observations;
  RestingValues resting;            // not due on its channel yet
  std::optional<double> occupancy;  // of its channel, where that is measured: positions follow it
  std::uint64_t budget_base = 0;    // bytes_sent when the budget was set

  // Message links.
  std::deque<Send> waiting;                      // answers and questions, until they are pulled
  std::size_t waiting_bytes = 0;                 // of these
  std::vector<Send>* pulled = nullptr;           // where messages go while they are pulled
  bool wanted = false, wanted_urgent = false;    // Wanting was told since the last pull
  WriterTablePtr table;                          // by which writers are named: one the other side is known to hold
  std::vector<WriterTablePtr> their_tables;      // it told, the latest last
  std::deque<std::pair<Bytes, bool>> undecoded;  // waiting for a table; and whether overheard
  std::optional<Digest> their_digest;            // of all it holds, as it said last
  bool overhearing = false;                      // the message being handled was meant for another
  int odd_beacons = 0;                           // in a row that did not fit what is known of it
  SteadyTime repeat_at{};                        // one way: when everything is said again
  Milliseconds repeat_pause{0};
  bool for_all = false;                 // one way: no node, but whoever listens
  std::vector<model::KeyId> listeners;  // of these what was last heard says where it begins

  SteadyTime connected{};
  SteadyTime heard{};
  SteadyTime next_ping{};
  std::uint64_t ping_nonce = 0;
  SteadyTime ping_at{};
  bool ping_open = false;
  bool vector_heard_since_ping = true;  // so that only a quiet link's digest is held against it
  std::optional<Milliseconds> round_trip;
  SharedVector pinged;  // `announced` when the open ping left

  std::uint64_t bytes_sent = 0, bytes_received = 0, events_sent = 0, events_received = 0, events_duplicate = 0;
  std::uint64_t refused = 0, unknown_messages = 0;
};

}  // namespace airbridge::sync
