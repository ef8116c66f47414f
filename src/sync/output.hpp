#pragma once
// What the core asks of its caller, and what it reports.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "model/entry.hpp"
#include "model/observation.hpp"
#include "sync/compare.hpp"
#include "sync/message.hpp"

namespace airbridge::sync {

using PeerId = std::uint32_t;  // one connection; a reconnect is another. 0 is nobody.
using Ticket = std::uint64_t;

// Hand these bytes (one frame) to the link. Urgent frames go before frames that wait, in their own order.
struct Send {
  PeerId peer = 0;
  Bytes bytes;
  bool urgent = false;
  std::optional<model::Class> cls;  // as which its events were scheduled, when it carries some
  bool reliable = true;             // false: last values, which the next ones replace; on message links only
};
// A message link has something to say: pull() it when the bearer may transmit. Told once until then, and once more when
// it has become urgent.
struct Wanting {
  PeerId peer = 0;
  bool urgent = false;
};
// Close the link after what was handed to it is sent. The peer is already forgotten here.
struct Close {
  PeerId peer = 0;
  std::string why;
  bool is_refusal = false;  // the same would happen again at once: another program, incident, version, or this node
};
// Do not read on from this link for so long: it says more that brings nothing than there is time for.
struct Rest {
  PeerId peer = 0;
  Milliseconds span{};
};
// Verified: continues what the log holds, signed by its author. Write it (and the key, when given) durably, in the
// order of the tickets, and then call accepted(ticket), or refused(ticket) when that fails. Where the seal is of a
// later event than the last entry, the entries fill a hole before a fork: write them without it.
struct Accept {
  Ticket ticket = 0;
  PeerId peer = 0;  // 0: our own part of a forked stream, under its branch name
  model::SealedRun run;
  std::optional<model::PublicKey> author_key;  // of an author the log does not know yet
};
struct LastValue {
  PeerId peer = 0;
  model::Observation observation;
};
struct PeerUp {
  PeerId peer = 0;
  model::KeyId node;
  std::string name;
  std::string address;
};
struct PeerDown {
  PeerId peer = 0;
  std::optional<model::KeyId> node;  // none when it never said who it is
  std::string why;
  std::string name;
  std::string address;
  SteadyTime last_heard{};
  bool was_up = false;  // a PeerUp told of it
};
// A stream has two contents, both sealed by its author, from `branch.from` on; this is the name of one of them, and its
// events are in the log. Told of every branch; a lower `from` than before replaces what was told of the stream.
struct ForkFound {
  model::StreamId branch;
};
// A peer holds events of this node's current writer that this node does not: its disk was restored or copied, or lost
// something. Begin a new incarnation before writing anything more.
struct OwnStreamAhead {
  model::StreamId stream;
  std::uint64_t here = 0;
  std::uint64_t there = 0;
};
// Two devices run with the keys of one node, which may be this one. Told at each meeting; nothing proves it before
// sessions exist.
struct TwinFound {
  PeerId peer = 0;
  model::KeyId node;
  std::string name;
  std::string address;  // where one of them was met
};
// A peer that holds next to nothing asks for the picture: make it and offer_snapshot().
struct SnapshotAsked {
  PeerId peer = 0;
};
// The picture a peer sent when it was asked. Anything may stand in it.
struct SnapshotCame {
  PeerId peer = 0;
  model::KeyId node;
  std::string name;
  Bytes bytes;
};
// Something a peer sent was not taken. `offset` counts the bytes of its stream.
struct Refused {
  PeerId peer = 0;
  std::string address;
  std::uint64_t offset = 0;
  std::string what;
};
// What Core::compare_all() found. `why`: it came to no end.
struct Compared {
  PeerId peer = 0;
  model::KeyId node;
  std::string name;
  std::size_t streams = 0;  // compared to an end, alike or not
  std::vector<Difference> differences;
  std::size_t differences_more = 0;  // beyond differences_max
  std::string why;
};

using Output = std::variant<Send, Close, Accept, LastValue, PeerUp, PeerDown, ForkFound, OwnStreamAhead, TwinFound,
                            Refused, Wanting, Compared, SnapshotAsked, SnapshotCame, Rest>;

enum class PeerState : std::uint8_t { Greeting, Up };
enum class Level : std::uint8_t { Unknown, Equal, Behind /* we lack some */, Ahead /* only the peer lacks some */ };

struct PeerStatus {
  PeerId peer = 0;
  std::string address;
  PeerState state = PeerState::Greeting;
  std::optional<model::KeyId> node;
  std::string name;
  Level level = Level::Unknown;
  std::array<std::uint64_t, model::class_count> lacks_here{};   // events the peer holds and we do not, by class
  std::array<std::uint64_t, model::class_count> lacks_there{};  // events we hold and the peer does not
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t events_sent = 0;
  std::uint64_t events_received = 0;   // accepted, durable or about to be
  std::uint64_t events_duplicate = 0;  // held already
  std::uint64_t refused = 0;           // messages and runs not taken
  std::uint64_t unknown_messages = 0;  // of a newer version
  std::size_t in_flight_bytes = 0;     // sent and not acknowledged
  std::size_t observations_waiting = 0;
  SteadyTime last_heard{};
  std::optional<Milliseconds> round_trip;
  std::string bearer;  // the name its link profile has
  std::uint32_t cost = 0;
  bool carries = false;                 // what its node is sent goes this way; else it stands by
  std::optional<std::uint64_t> budget;  // bytes it may still send
};

}  // namespace airbridge::sync
