#pragma once
// The same messages to many connections of one loop: one list of what is to be said, not a queue for each.
//
// While messages follow each other closely they gather for `span`, and each member gets all of them in one gather
// write, straight from the shared list; when they are far apart waiting would gain nothing, and they leave at once. A
// member whose socket does not take everything keeps the rest in its own queue, bounded as ever, and is served from
// there until it has caught up. What is sent to a member by itself keeps its place among what goes to all: after what
// was said before it, and before what is said later; send_urgent() goes before both.
#include <functional>
#include <memory>

#include "net/connection.hpp"

namespace airbridge::net {

inline constexpr std::size_t fanout_messages_max = 64;       // gathered at most: one gather write
inline constexpr std::size_t fanout_bytes_max = 128 * 1024;  // gathered at most, beyond the message that passes it

// Whether to wait is judged by so many messages: their mean distance is at most so many times `span`, so that every
// second one at least can be expected to find company.
inline constexpr std::size_t fanout_judged = 16;
inline constexpr std::size_t fanout_worth_spans = 2;

// Loop thread only. send() calls `dropped`; where it must make room first, it does what end_turn() does.
class Fanout {
 public:
  virtual ~Fanout() = default;
  // A member leaves by itself when it is closed. A connection is a member of one fan-out at most.
  virtual void join(Connection& connection) = 0;
  virtual void leave(Connection& connection) = 0;
  // To all members but `except`, at end_turn() or when the time is up. Answers how many will get it; `dropped` names
  // those whose queue is full.
  virtual std::size_t send(SharedBytes bytes, const Connection* except,
                           const std::function<void(Connection&)>& dropped) = 0;
  virtual std::size_t members() const = 0;
  // The caller has no more to say for now: what need not wait leaves. To be called after one or more send(). A member
  // that proves to be gone is closed, and its on_close called, inside.
  virtual void end_turn() = 0;
};

// `span` 0: never waits. Must not outlive its loop.
std::shared_ptr<Fanout> make_fanout(EventLoop& loop, Milliseconds span);

}  // namespace airbridge::net
