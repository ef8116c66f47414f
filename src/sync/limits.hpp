#pragma once
// Every bound of the protocol, with what happens there.
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "model/event.hpp"

namespace airbridge::sync {

inline constexpr std::uint32_t protocol_version = 1;

// A longer frame ends the link: where the next one begins cannot be known from a length nobody believes.
inline constexpr std::size_t frame_bytes_max = 1536 * 1024;
// The same before a HELLO came: whoever calls could else have a whole frame kept for each of its links.
inline constexpr std::size_t greeting_frame_bytes_max = 16 * 1024;
// What a peer may say in a second besides events, last values, keys, pictures and tracks, each message counted with so
// many bytes more. Who says more is not read on for that time: nothing is lost, and it waits.
inline constexpr std::size_t talk_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t talk_message_bytes = 64;
inline constexpr Milliseconds talk_window{1'000};
// A run of which the seal has not come yet, per peer. More is refused and forgotten.
inline constexpr std::size_t staging_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t staged_streams_max = 64;
// Verified runs handed out for writing and not yet on disk, per peer, as a multiple of the sender's window. More is
// refused as busy and asked for again.
inline constexpr std::size_t pending_windows_max = 2;
inline constexpr std::size_t pending_bytes_floor = 8 * 1024 * 1024;
// Entries of one run that are read from the log at a time for sending.
inline constexpr std::size_t batch_bytes_max = 256 * 1024;
// Class 0 may pass a full window or burst by so much.
inline constexpr std::size_t urgent_reserve_bytes = 256 * 1024;
// Answers and questions waiting on a message link until the bearer may transmit; more is not said, and asked for again.
inline constexpr std::size_t message_waiting_bytes_max = 256 * 1024;
// Messages of a message link that name writers by a table not known here, kept until it comes; and tables kept.
inline constexpr std::size_t undecoded_max = 16;
inline constexpr std::size_t writer_tables_max = 8;
// Things a channel knows in full, so that their positions go in short form; beyond it all are said in full once more.
inline constexpr std::size_t told_in_full_max = 4096;
inline constexpr std::size_t same_tag_max = 4;  // of them with one tag
// A full form is repeated after so long, for those who came since and cannot ask.
inline constexpr Milliseconds told_in_full_for{30 * 60'000};
// Streams of granted authors a node takes from others (three a writer), and what it takes of authors that nobody
// granted: further events are refused, counted and named, and asked for again when their author is granted. So
// strangers never use up the room of those who belong here, and a node's own streams always fit.
inline constexpr std::size_t streams_max = 20'000;
inline constexpr std::size_t stranger_streams_max = 2'000;
inline constexpr std::uint64_t stranger_events_max = 20'000;
inline constexpr std::size_t stranger_bytes_max = std::size_t{64} << 20;  // since the start
// Streams a peer may say it holds: more than any node keeps. A vector of more than one frame's items goes in several.
inline constexpr std::size_t vector_streams_max = 24'000;
inline constexpr std::size_t items_per_frame_max = 16'000;
inline constexpr std::size_t peers_max =
    256;  // links others opened; connect() gives none beyond. Own ones are configured
inline constexpr std::size_t remembered_nodes_max = 256;        // what nodes held when last heard; the oldest goes
inline constexpr std::size_t remembered_streams_max = 250'000;  // of all of them together; the oldest goes
inline constexpr std::size_t keys_per_frame_max = 1024;
inline constexpr std::size_t offered_keys_max = 4096;  // keys a peer told us and no accepted event proved useful yet
inline constexpr std::size_t entries_per_run_max = 4096;
// Observations waiting for one peer; the one waiting longest goes. They are collapsed: only the newest of each counts.
inline constexpr std::size_t observation_queue_max = 20'000;
inline constexpr std::size_t observation_queue_bytes_max = std::size_t{16} << 20;
inline constexpr std::size_t observations_known_max = 65'536;  // for which the newest is kept; the oldest goes
// Of these: at the bound the oldest lose their documents, then go. One that tells of an emergency stays.
inline constexpr std::size_t observations_known_bytes_max = std::size_t{48} << 20;
inline constexpr std::size_t observation_bytes_max = 64 * 1024;
inline constexpr std::size_t observations_per_frame_max = 4096;
inline constexpr std::size_t probes_max = 64;    // fork probes running with one peer; further ones wait their turn
inline constexpr std::size_t branches_max = 16;  // of one stream; further ones are refused
inline constexpr std::size_t branches_tried_max = 4'096;  // whose part was tried in the place of what a stream lost
inline constexpr std::size_t chain_query_max = 15;
inline constexpr std::size_t gaps_told_max = 4096;  // streams of which is remembered that a peer was told of its gap
inline constexpr std::size_t gaps_max = 10'000;     // answers to gaps since a peer's last good run; then it is closed
inline constexpr int chain_rounds_max = 64;
// Refused messages and runs after which a peer's link is closed: whoever sends so many will not stop.
inline constexpr std::uint64_t refusals_max = 1000;
inline constexpr std::size_t name_bytes_max = 64;
inline constexpr std::size_t words_bytes_max = 200;

// A picture sent before the events it was made of: its bytes as they travel, and one message of it.
inline constexpr std::size_t snapshot_bytes_max = std::size_t{256} << 20;
inline constexpr std::size_t snapshot_part_bytes = 32 * 1024;
// It is asked for when a peer holds so many events that are not here, and here are fewer than those: also by who was
// restarted while it caught up.
inline constexpr std::uint64_t snapshot_lack_min = 10'000;
inline constexpr Milliseconds snapshot_again_after{
    60'000};                                              // one a peer in this time; a question before is passed over
inline constexpr Milliseconds snapshot_wait_max{30'000};  // asked and nothing more came: another peer may be asked

// Tracks, told when nothing else is to be said. On a channel of which the use is measured so many fixes at once (about
// 150 B with their heads), and then nothing of them for at least so long: a twentieth of 2400 bit/s.
inline constexpr std::size_t tracks_held_max = 1'024;  // of one peer; more are not read
inline constexpr std::size_t track_part_bytes_max = 16 * 1024;
inline constexpr std::size_t track_fixes_narrow = 16;
inline constexpr Milliseconds track_pause_min{10'000};

inline constexpr Milliseconds hello_wait_max{10'000};  // a link that does not say who it is
inline constexpr int missed_intervals_max = 2;         // heartbeats without a byte received: the peer is lost
// Two devices that run with the keys of one node are heard in turn, for so long each, until nothing is seen of it for
// so long; of so many nodes.
inline constexpr Milliseconds twin_turn{60'000};
inline constexpr Milliseconds twins_kept{60 * 60'000};
inline constexpr std::size_t twins_max = 64;
inline constexpr Milliseconds retry_busy{2'000};  // doubled at each failure to write, up to the next
inline constexpr Milliseconds retry_busy_max{60'000};
inline constexpr Milliseconds retry_refused{60'000};
inline constexpr Milliseconds retry_forked{2'000};
inline constexpr Milliseconds probe_wait_max{30'000};
// One-way links: everything the other side is not known to hold is said again after so long, then twice as long.
inline constexpr Milliseconds repeat_first{60'000};
inline constexpr Milliseconds repeat_max{60 * 60'000};
// Beacons in a row that do not fit what is known of the sender, after which its vector is asked for.
inline constexpr int odd_beacons_max = 2;
// An observation stamped further ahead than this ranks below every plausible one (a gateway's clock may be wrong).
inline constexpr Milliseconds observation_lead_max{5 * 60 * 1000};

}  // namespace airbridge::sync
