#pragma once
// What a channel asks of its caller, what it reports, and where its messages come from.
#include <array>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "model/ids.hpp"

namespace airbridge::bearer {

using Digest8 = FixedBytes<8, struct Digest8Tag>;     // of the caller's durable vector
using GroupKey = FixedBytes<32, struct GroupKeyTag>;  // shared by the nodes of one channel

// Put this frame on the channel, in the order given. `airtime` is what it takes at the profile's rate.
struct Transmit {
  Bytes frame;
  Milliseconds airtime{0};
};
// A message of `node` arrived whole. Overheard: it was meant for somebody else on the channel, or for all, so there may
// be gaps. What was delivered from one node to this one, and was not overheard, came without gaps and in its order, of
// urgent and of other messages each by themselves; `reliable` false: a last value, which may come in any order.
struct Deliver {
  model::KeyId node;
  Bytes message;
  bool overheard = false;
  bool reliable = true;
};
// A neighbour was heard. Again for one that is up already: it started anew, and what was on the way to it or from it is
// gone; begin with it from what it durably holds.
struct Up {
  model::KeyId node;
  std::optional<Digest8> digest;  // none: no beacon yet
};
struct Down {
  model::KeyId node;
  std::string why;
};
// The neighbour's durable vector is said to have this digest; told at every beacon.
struct DigestHeard {
  model::KeyId node;
  Digest8 digest;
};
// Write this durably in place of the last one, and then call saved(). One at a time. Nothing that was heard beyond what
// is saved is delivered before, and nothing is sent beyond the reserved counters.
struct Save {
  Bytes state;
};
// The saved state was older than what this node had used (a restored backup, a lost file): a neighbour had heard higher
// counters. Sending goes on above them; it is worth telling a person.
struct StateWasOld {
  model::KeyId told_by;
  std::uint64_t counters_lost = 0;
};

using Output = std::variant<Transmit, Deliver, Up, Down, DigestHeard, Save, StateWasOld>;

struct Item {
  Bytes bytes;
  bool urgent = false;
  bool reliable = true;  // false: a last value; sent once, to all who hear it
};

enum class Wanted : std::uint8_t {
  Urgent,      // only what is urgent
  Everything,  // the most urgent first; last values may be among it
  LastValues,  // only unreliable items, for all who hear
};

// Where a channel takes its messages from, at the moment it may transmit, so that what goes next is decided as late as
// possible. An empty answer means that nothing waits until wake() says so.
class Source {
 public:
  virtual ~Source() = default;
  virtual Digest8 digest() = 0;
  // `node` is who shall get them; all zero: everybody (LastValues, and everything on a one-way channel). The bytes of
  // the answer should add up to no more than room_bytes (before compression); one message may be longer than that.
  virtual std::vector<Item> pull(const model::KeyId& node, std::size_t room_bytes, Wanted wanted, Now now) = 0;
};

// Mistakes the simulation plants to prove that it would find them. Never set outside tests.
enum class Planted : std::uint8_t { None, ReplayWindowLost };

// Why a frame was not taken.
enum class Refusal : std::uint8_t {
  Short,       // less than header and tag
  Version,     // of another version of this protocol
  Type,        // authentic, of a type or with a payload this version does not know
  Stranger,    // of a slot where no member is
  Unreadable,  // no member's key fits: forged, damaged, another key or mode, or its start was not heard yet
  Replayed,    // heard already
  Old,         // behind the window, or behind what was saved before this start
  Full,        // no room while the window is being saved
};
inline constexpr std::size_t refusal_count = 8;
std::string_view to_text(Refusal refusal);

struct NeighbourStats {
  SteadyTime last_heard{};
  std::uint64_t frames_sent = 0;
  std::uint64_t fragments_sent = 0;
  std::uint64_t fragments_again = 0;  // of these: sent before
  std::uint64_t frames_received = 0;
  std::uint64_t fragments_duplicate = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  double loss = 0;  // of what we sent, a moving estimate
  std::optional<Milliseconds> round_trip;
  std::size_t waiting_bytes = 0;  // pulled and not acknowledged
};

struct Stats {
  std::map<model::KeyId, NeighbourStats> neighbours;
  std::array<std::uint64_t, refusal_count> refused{};  // by Refusal
  std::uint64_t frames_sent = 0;
  std::uint64_t frames_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t saves = 0;
  std::uint64_t blocks_refused = 0;     // authentic, yet no block of messages
  std::uint64_t messages_too_long = 0;  // of our own Source
  double occupancy = 0;  // share of the last minute in which this node or another was transmitting, as heard here
  double own_share = 0;  // of the duty window, own transmissions
  bool duty_exhausted = false;
};

}  // namespace airbridge::bearer
