#pragma once
// Who may transmit on a half-duplex channel.
//
// A station sends a burst; each frame says how many are still to come, and the frames for the station whose turn is
// next say so too. So a listener that hears any one frame of a burst knows when it ends and whether the turn is its
// own: a lost last frame costs nothing. Whoever handed over and hears nothing within answer_wait polls; after polls_max
// polls the channel is free. On a free channel anybody may begin after a random pause.
#include "base/rng.hpp"
#include "bearer/air_use.hpp"
#include "bearer/profile.hpp"
#include "model/ids.hpp"

namespace airbridge::bearer {

class Turns {
 public:
  enum class State : std::uint8_t {
    Free,     // nobody transmits, as far as is heard
    Ours,     // a burst of ours is under way
    Theirs,   // a burst of another is under way, until `until`
    Waiting,  // ours has ended and somebody else's must begin, until `until`
  };
  Turns(const Profile& profile, Microseconds frame_time, Rng rng)
      : turn_round_(profile.turn_round), delay_(profile.delay), frame_time_(frame_time), rng_(rng) {}

  State state() const { return state_; }
  bool granted() const { return granted_; }  // in Theirs: the next turn is ours
  bool is_polling() const { return polls_ > 0; }
  int polls() const { return polls_; }
  const std::optional<model::KeyId>& waiting_for() const { return waiting_for_; }

  // A frame of a burst was heard at its end. Unless we are transmitting it is theirs.
  void heard(std::uint8_t remaining, bool grants_us, bool grants_other, bool open, SteadyTime now);
  // Something else was heard, which belongs to no burst.
  void heard_other(SteadyTime now);
  // May a burst begin now? In Theirs and Waiting when their time is over.
  bool may_begin(SteadyTime now) const;
  // When tick() may have something; on a free channel, from when on a burst may begin.
  SteadyTime until() const { return until_; }
  // What became due: true once when the turn was handed to us, when a poll is due, or the channel came free.
  enum class Due : std::uint8_t { Nothing, Reply, Poll, GaveUp, Open /* a beacon may go now */ };
  Due tick(SteadyTime now);

  // `unasked`: on a free channel, where another may have begun at the same moment.
  void began(bool unasked, SteadyTime now) {
    state_ = State::Ours;
    began_ = now;
    contended_ = contended_ || unasked;
  }
  // Our last frame has left at `end`. With `to`: it is their turn; `open`: after the open moment.
  void ended(const std::optional<model::KeyId>& to, bool open, SteadyTime end);
  // When a moment was last left open, by anybody.
  SteadyTime last_open() const { return last_open_; }

 private:
  Milliseconds answer_wait() const;
  Milliseconds open_moment() const;
  Milliseconds pause();  // a random one before beginning on a free channel
  void free(SteadyTime from);

  Milliseconds turn_round_, delay_;
  Microseconds frame_time_;
  Rng rng_;
  State state_ = State::Free;
  SteadyTime until_{};
  bool granted_ = false;
  bool granted_other_ = false;
  bool open_ = false;  // the burst under way says so
  SteadyTime last_open_{};
  std::optional<SteadyTime> opened_from_;
  int polls_ = 0;
  SteadyTime began_{};      // our burst
  bool contended_ = false;  // nobody was heard since a burst was begun on a free channel
  std::optional<model::KeyId> waiting_for_;
};

}  // namespace airbridge::bearer
