#pragma once
// KISS framing, as radio modems and TNCs speak it on a serial line or over TCP (M. Chepponis, P. Karn: The KISS TNC,
// ARRL 6th Computer Networking Conference, 1987). Pure: bytes in, frames out.
//
//   FEND | type | payload with FEND and FESC escaped | FEND
//
//   FEND C0   FESC DB   inside a frame C0 is written DB DC and DB is written DB DD
//   type: high nibble = port of the modem (0 of most), low nibble = command; 0 is data, the others set parameters
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace airbridge::net {

inline constexpr std::uint8_t kiss_end = 0xC0;
inline constexpr std::uint8_t kiss_escape = 0xDB;
inline constexpr std::uint8_t kiss_escaped_end = 0xDC;
inline constexpr std::uint8_t kiss_escaped_escape = 0xDD;
inline constexpr std::size_t kiss_frame_bytes_max =
    4'096;  // payload; modems hold a few hundred bytes to some kilobytes

// What this side may tell a modem about its channel. The modem is not told what is left out.
struct KissParameters {
  std::optional<std::uint8_t> tx_delay;     // 10 ms each: from keying the transmitter to the first data
  std::optional<std::uint8_t> persistence;  // p-persistence * 256 - 1
  std::optional<std::uint8_t> slot_time;    // 10 ms each
  std::optional<std::uint8_t> tx_tail;      // 10 ms each; obsolete, yet some modems want it
  std::optional<bool> full_duplex;
};

// One frame with both FENDs, to be written in one go; `port` is 0..15.
Bytes kiss_frame(std::uint8_t port, ByteView payload);
// The frames that set `parameters`, in the order of their commands; empty when there are none.
Bytes kiss_settings(std::uint8_t port, const KissParameters& parameters);

// Cuts a byte stream into frames. Holds at most `frame_bytes_max` bytes: a longer frame is skipped to its end and
// counted, as is one with an escape that means nothing; the next frame is unharmed. What comes before the first FEND
// is the rest of a frame that was not heard from its beginning, and is skipped.
class KissDecoder {
 public:
  explicit KissDecoder(std::size_t frame_bytes_max = kiss_frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

  // Calls on_frame(std::uint8_t port, ByteView payload) for every data frame that ends in `chunk`. The view is valid
  // during the call only. Empty frames and other commands are left out.
  template <class OnFrame>
  void feed(ByteView chunk, OnFrame&& on_frame) {
    for (const auto byte : chunk) {
      if (!take(byte)) continue;
      on_frame(static_cast<std::uint8_t>(held_[0] >> 4), ByteView(held_).subspan(1));
      held_.clear();
    }
  }
  // Forgets a half frame: the line was opened anew.
  void reset();

  std::uint64_t frames() const { return frames_; }        // handed on
  std::uint64_t oversized() const { return oversized_; }  // skipped: too long
  std::uint64_t broken() const { return broken_; }        // skipped: a bad escape
  std::uint64_t others() const { return others_; }        // skipped: another command than data
  std::size_t held_bytes() const { return held_.size(); }

 private:
  bool take(std::uint8_t byte);  // whether a data frame has ended, in held_

  enum class State { Searching, Inside, Escaped };
  std::size_t frame_bytes_max_;
  State state_ = State::Searching;
  Bytes held_;  // type and payload of the frame being read
  std::uint64_t frames_ = 0, oversized_ = 0, broken_ = 0, others_ = 0;
};

}  // namespace airbridge::net
