#pragma once
// Every bound of the datagram bearers, with what happens there.
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace airbridge::bearer {

// A whole frame on the channel, header and tag included. A profile outside is pulled to the nearer end.
inline constexpr std::size_t mtu_min = 64;
inline constexpr std::size_t mtu_max = 1500;

// Nodes that share one channel's group key; further ones are not heard.
inline constexpr std::size_t members_max = 256;
// Members whose key ids fall on one slot byte: so many are tried for a frame, the others are not heard. With 256
// members the chance that a fifth shares a slot is below one in a hundred; with 50 below one in ten thousand.
inline constexpr std::size_t same_slot_max = 4;

// Counters behind the highest one heard of a sender that are still told apart. Older frames are refused.
inline constexpr std::uint64_t replay_window = 1024;
// How far beyond the heard (or used) counters a save reaches: at least so far, doubled while saves come in less than
// save_pause, at most so far. The upper bound stays below half the range of the 16 bits in a frame.
inline constexpr std::uint64_t save_ahead_min = 64;
inline constexpr std::uint64_t save_ahead_max = 16'384;
inline constexpr Milliseconds save_pause{2'000};
inline constexpr Milliseconds save_quiet{60'000};  // after so long without one the reach is halved
// Where nobody can be told that it is behind, a restarted receiver is deaf to all that its save reaches beyond what was
// heard: there it reaches at least so far, and farther only for so long as frames come close together.
inline constexpr std::uint64_t save_ahead_min_one_way = 4;
inline constexpr Milliseconds save_pause_one_way{500};
inline constexpr Milliseconds save_quiet_one_way{2'000};  // after so long without a save it is taken back
// A neighbour may say that our counters are behind what it heard; beyond this nobody is believed.
inline constexpr std::uint64_t counter_max = std::uint64_t{1} << 56;
inline constexpr int long_beacons_after_meeting = 3;  // with the whole counter, for who is new here
inline constexpr Milliseconds behind_pause{2'000};    // between two such notices to one member

// Frames heard and not delivered because the replay window is not saved yet; further ones count as lost on the way.
inline constexpr std::size_t held_frames_max = 256;
inline constexpr std::size_t outputs_held_max = 4096;

// Neighbours up at a time; a further one is not answered until another is down.
inline constexpr std::size_t neighbours_max = 64;

// A message is refused (dropped and counted) beyond this; a block is closed before it grows beyond the second.
inline constexpr std::size_t message_bytes_max = 128 * 1024;
inline constexpr std::size_t block_bytes_max = 256 * 1024;
// Urgent messages, before compression; no more are asked for while a frame of them waits.
inline constexpr std::size_t urgent_block_frames = 4;
inline constexpr std::size_t messages_per_block_max = 4096;

// Fragments sent and not acknowledged, per neighbour and sub-channel: on half duplex, where a turn is short, and else.
inline constexpr std::size_t window_turns = 128;
inline constexpr std::size_t window_timers = 1024;
// Frames of which the moment they were sent is kept, so that a trip can be measured; of older ones it is not.
inline constexpr std::size_t sent_times_max = 4096;
inline constexpr std::size_t flight_min = 16;  // on a channel of unlimited rate, however much is lost
// What a receiver keeps beyond the next fragment it waits for. Fragments beyond are ignored; they come again.
inline constexpr std::uint64_t receive_window = 2048;
// Bytes of cut and uncut blocks waiting for one neighbour's sub-channel; nothing more is pulled above it.
inline constexpr std::size_t outbox_bytes_max = 512 * 1024;

// Last values waiting to ride along; the oldest goes.
inline constexpr std::size_t volatile_queue_max = 512;
inline constexpr std::size_t volatile_queue_bytes_max = 64 * 1024;
inline constexpr std::size_t volatile_percent_max = 25;  // of a burst

inline constexpr std::size_t outstanding_max = 2;  // frames handed out, when the caller says what has left

inline constexpr std::size_t burst_frames_max = 32;     // five bits in a frame say how many are still to come
inline constexpr std::size_t burst_frames_urgent = 8;   // while something urgent waits here
inline constexpr std::size_t burst_frames_hurried = 2;  // while it does on the other side, and nothing here
inline constexpr Milliseconds hurry_lasts{30'000};      // after a station that said so was heard last
inline constexpr int polls_max = 4;                     // unanswered hand-overs before the channel is given free
inline constexpr int missed_intervals_max = 2;          // then a neighbour is down

// Blocks overheard or sent to all that are being put together, per sender.
inline constexpr std::size_t overheard_streams_max = 4;
inline constexpr std::size_t overheard_fragments_max = 256;  // of a stream; the oldest goes
inline constexpr std::size_t overheard_blocks_max = 64;      // remembered as given, or with repair frames heard

// On a one-way channel: the pace where no rate is given; blocks kept for repeating, how often and after what pauses
// (doubled each time).
inline constexpr std::uint32_t one_way_rate_bps = 1'000'000;
inline constexpr std::size_t repeated_blocks_max = 16;
inline constexpr int repeats_max = 5;
inline constexpr Milliseconds repeat_first{20'000};

}  // namespace airbridge::bearer
