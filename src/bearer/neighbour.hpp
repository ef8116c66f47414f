#pragma once
// What a channel knows of one neighbour, and the session with it. Begun anew when either side starts anew.
#include <optional>
#include <vector>

#include "bearer/inbox.hpp"
#include "bearer/limits.hpp"
#include "bearer/outbox.hpp"
#include "bearer/output.hpp"
#include "bearer/overheard.hpp"

namespace airbridge::bearer {

// A copy of an urgent fragment, to be sent later in the same burst.
struct Copy {
  std::uint64_t seq = 0;
  std::uint64_t not_before = 0;  // frames of this node since its start
};

struct Neighbour {
  Neighbour(const model::KeyId& node, std::size_t window) : id(node), urgent(window), bulk(window) {}

  model::KeyId id;
  SteadyTime last_heard{};
  std::optional<Digest8> digest;

  // Session out: ours to them.
  std::uint64_t start = 0;  // theirs
  std::uint8_t salt = 0;
  std::uint16_t tag_out = 0;
  bool knows_us = false;   // they have named our start: short headers do
  bool confirmed = false;  // they acknowledge this session: no need to open it any more
  Outbox urgent, bulk;
  bool want_urgent = true;  // the source may have something
  bool want_bulk = true;
  bool pulled_bulk = false;  // in the burst under way
  std::vector<Copy> copies;

  // Session in: theirs to us.
  bool synced = false;  // they opened it with our start
  std::uint16_t tag_in = 0;
  std::uint8_t salt_in = 0;
  std::uint64_t session_from = 0;  // the lowest counter of theirs that opened it; frames before are of another session
  std::uint64_t highest = 0;       // counter of theirs in this session
  Inbox urgent_in, bulk_in;
  Overheard overheard;
  bool left_ack_out = false;  // of the last frame, so that a fragment to be sent again fits
  bool owes_ack = false;
  bool owes_open = false;      // full duplex: they may speak in a session to us that is not known here any more
  std::size_t unacked_in = 0;  // fragments since the last acknowledgement
  std::optional<SteadyTime> ack_at;

  // Turns.
  bool more = false;   // they said that they have more
  bool hurry = false;  // something urgent was left there when its burst ended
  SteadyTime last_turn{};
  SteadyTime silent_until{};  // gave no answer: not sent to before
  Milliseconds silence{0};

  // Timers.
  std::uint64_t newest_heard = 0;          // counter of ours, by their acknowledgements
  std::optional<Milliseconds> round_trip;  // smoothed, RFC 6298
  Milliseconds round_trip_spread{0};
  int backoff = 0;        // how often the time until a repeat was doubled
  SteadyTime answered{};  // the last acknowledgement, or the last moment when none was awaited
  // On a channel of unlimited rate: fragments in flight, up to where it doubles, and those acknowledged since it grew.
  std::size_t flight_max = 32;
  std::size_t flight_calm = window_timers;
  std::size_t flight_acked = 0;
  SteadyTime slowed_at{};

  double squeeze_ratio = 1;  // bytes before compression to bytes after, of what went last
  NeighbourStats stats;
};

}  // namespace airbridge::bearer
