#pragma once
// Cuts a TCP stream into events. TAK's "protocol version 0" has no delimiter: an event ends right after the bytes
// `</event>`, and what comes before `<event` (an XML declaration, whatever encoding it claims, or `<auth>..</auth>`) is
// skipped. So `</event>` inside a comment or CDATA ends the event here as it does in every TAK client; embedded events
// (telestration) travel escaped and are safe.
//
//   ByteView rest = received;
//   while (auto cut = framer.next(rest)) { ... }      // until nothing is left to say
//
// Holds at most event_bytes_max + 16 KiB. Damage costs one fault and never the next event:
//   an event larger than event_bytes_max is skipped to its end, or to the next `<event`;
//   a new `<event` before `</event>` means the sender broke off: the old one is a fault, the new one goes on;
//   a document type or entity declaration before an event refuses that event.
#include <optional>
#include <variant>

#include "codec/cot/fault.hpp"

namespace airbridge::codec::cot {

struct Frame {
  ByteView xml;              // from `<event` to `</event>`; valid until the next call of next()
  std::uint64_t offset = 0;  // of its first byte in the stream
};
using Cut = std::variant<Frame, Fault>;

class Framer {
 public:
  // Takes bytes off the front of `rest`; nothing when all are taken and no event is complete.
  std::optional<Cut> next(ByteView& rest);
  std::size_t held_bytes() const { return held_.size() - head_; }
  bool inside_event() const { return state_ == State::Inside; }

 private:
  enum class State { Outside, Inside, Skipping };
  struct Step {
    std::size_t consumed = 0;
    std::optional<Cut> cut;
  };
  Step examine(std::string_view window);
  Step examine_outside(std::string_view window);
  Step examine_inside(std::string_view window);
  Fault fault(FaultKind kind, std::uint64_t offset) const;

  Bytes held_;               // an unfinished event, or the few bytes that may begin one
  std::size_t head_ = 0;     // what of held_ is already done with
  std::size_t scanned_ = 0;  // how far into the current window nothing was found
  State state_ = State::Outside;
  bool dtd_ = false;           // seen since the last event
  std::uint64_t offset_ = 0;   // stream offset of the window
  std::uint64_t skipped_ = 0;  // bytes since the last event or fault, outside events
};

}  // namespace airbridge::codec::cot
