#pragma once
// Frames on a byte stream (docs/protocol/sync.md):
//
//   offset  size  what
//   0       4     length n of the payload, big-endian, at most frame_bytes_max
//   4       1     bits 0..4 message type, bits 5..7 flags (0 in version 1)
//   5       n     payload
//   5+n     4     CRC32C of all before, big-endian
//
// The checksum finds accidents; enemies are met by seals, and by the session once it is encrypted.
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sync/limits.hpp"

namespace airbridge::sync {

inline constexpr std::size_t frame_head_bytes = 5;
inline constexpr std::size_t frame_overhead_bytes = frame_head_bytes + 4;

Bytes make_frame(std::uint8_t type, ByteView payload);

enum class FrameFault { TooLong, BadChecksum };
struct FrameError {
  FrameFault fault = FrameFault::TooLong;
  std::uint64_t offset = 0;  // of the frame in the stream
};

// Cuts a stream into frames, in whatever pieces it comes. Holds at most one frame, and no more than has arrived.
class FrameReader {
 public:
  // `on_frame(type byte, payload, offset)` is called for each whole frame; it returns false to stop reading (the link
  // is being closed). After an error nothing more is read.
  using OnFrame = std::function<bool(std::uint8_t type, ByteView payload, std::uint64_t offset)>;
  std::optional<FrameError> feed(ByteView bytes, const OnFrame& on_frame);
  // Frames with more payload are an error; frame_bytes_max unless said. Also from within on_frame, for the next one.
  void set_frame_max(std::size_t bytes) { frame_max_ = bytes; }
  std::size_t frame_max() const { return frame_max_; }
  std::uint64_t offset() const { return offset_; }  // of the first byte not yet in a whole frame
  std::size_t held_bytes() const { return held_.size(); }

 private:
  struct Cut {
    std::size_t used = 0;
    bool stop = false;
    std::optional<FrameError> error;
  };
  Cut cut_frames(ByteView bytes, const OnFrame& on_frame);
  Bytes held_;
  std::uint64_t offset_ = 0;
  std::size_t frame_max_ = frame_bytes_max;
  bool dead_ = false;
};

}  // namespace airbridge::sync
