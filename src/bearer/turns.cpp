#include "bearer/turns.hpp"

#include <algorithm>

#include "bearer/limits.hpp"

namespace airbridge::bearer {
namespace {
constexpr Milliseconds slack{50};  // timers wake late
constexpr int spread_max = 4;
Milliseconds in_ms(Microseconds time) { return std::chrono::ceil<Milliseconds>(time); }
}  // namespace

// Their first two frames may be lost, so three must have had the time to arrive before it is said that nobody answers.
Milliseconds Turns::answer_wait() const { return turn_round_ + 2 * delay_ + in_ms(3 * frame_time_) + 4 * slack; }

// A random start within one turn-round, keying up, and a beacon with a long header.
Milliseconds Turns::open_moment() const { return 2 * turn_round_ + delay_ + in_ms(frame_time_ / 5) + slack; }

Milliseconds Turns::pause() {
  const auto most = std::max(Milliseconds(20), 3 * turn_round_ + delay_);
  return Milliseconds(rng_.between(0, most.count()));
}

void Turns::free(SteadyTime from) {
  state_ = State::Free;
  until_ = from + pause();
  granted_ = granted_other_ = false;
  polls_ = 0;
  contended_ = false;
  waiting_for_.reset();
}

void Turns::heard(std::uint8_t remaining, bool grants_us, bool grants_other, bool open, SteadyTime now) {
  if (state_ == State::Ours) return;
  opened_from_.reset();
  contended_ = false;
  const bool same_burst = state_ == State::Theirs && now < until_ + slack;
  granted_ = grants_us || (same_burst && granted_);
  granted_other_ = grants_other || (same_burst && granted_other_);
  open_ = open;
  if (open) last_open_ = now;
  state_ = State::Theirs;
  polls_ = 0;
  waiting_for_.reset();
  until_ = now + in_ms(remaining * frame_time_) + (remaining > 0 ? slack + in_ms(frame_time_ / 16) : Milliseconds(0));
}

void Turns::heard_other(SteadyTime now) {
  if (state_ == State::Free) until_ = std::max(until_, now + pause());
}

bool Turns::may_begin(SteadyTime now) const { return state_ == State::Free && now >= until_; }

Turns::Due Turns::tick(SteadyTime now) {
  if (now < until_) return Due::Nothing;
  if (state_ == State::Theirs) {
    if (open_) {
      open_ = false;
      const auto from = until_;
      until_ = from + (granted_ ? open_moment() : Milliseconds(rng_.between(0, turn_round_.count())));
      if (!granted_) opened_from_ = from;
      return Due::Nothing;
    }
    if (opened_from_) {
      until_ = *opened_from_ + open_moment() + slack;
      opened_from_.reset();
      return Due::Open;
    }
    if (granted_) {
      granted_ = granted_other_ = false;
      state_ = State::Free;
      return Due::Reply;
    }
    // Whose turn it is begins within its turn-round; if it does not, who handed over polls first.
    free(until_ + (granted_other_ ? answer_wait() + in_ms(2 * frame_time_) + turn_round_ : Milliseconds(0)));
    return Due::Nothing;
  }
  if (state_ == State::Waiting) {
    if (polls_ >= polls_max) {
      free(now);
      return Due::GaveUp;
    }
    ++polls_;
    state_ = State::Free;
    return Due::Poll;
  }
  return Due::Nothing;
}

void Turns::ended(const std::optional<model::KeyId>& to, bool open, SteadyTime end) {
  if (open) last_open_ = end;
  if (!to) {
    free(end);
    return;
  }
  state_ = State::Waiting;
  waiting_for_ = to;
  // Two that began at once, and did not hear each other, wait differently long.
  const int spread = polls_ == 0 && !contended_ ? 0 : std::min(2 << polls_, spread_max);
  const auto jitter = spread == 0 ? 0 : rng_.between(0, spread * (turn_round_ + in_ms(frame_time_)).count());
  // When an answer is lost both sides wait, and who handed over first polls first: an answer so short that the other
  // would poll at the same time leaves it the time to be heard.
  const auto poll = turn_round_ + 2 * delay_ + in_ms(frame_time_) + slack;
  const auto behind = std::max(Milliseconds(0), poll - std::chrono::duration_cast<Milliseconds>(end - began_));
  until_ = end + answer_wait() + behind + Milliseconds(jitter) + (open ? open_moment() : Milliseconds(0));
}

}  // namespace airbridge::bearer
