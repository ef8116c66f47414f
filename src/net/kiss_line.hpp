#pragma once
// Frames to and from a modem that speaks KISS, on a serial port or over TCP. The modem's parameters are set anew each
// time the line opens: a modem that was unplugged has forgotten them. Loop thread only; must not outlive its loop.
#include <variant>

#include "net/byte_line.hpp"
#include "net/kiss.hpp"

namespace airbridge::net {

struct KissLineOptions {
  std::variant<SerialOptions, LastingOptions> line;
  std::uint8_t port = 0;  // of the modem, 0..15; frames of its other ports are counted and left out
  KissParameters parameters = {};
  std::size_t frame_bytes_max = kiss_frame_bytes_max;
};

struct KissCounters {
  std::uint64_t sent = 0, sent_bytes = 0;          // frames handed to the line; bytes with their framing
  std::uint64_t received = 0, received_bytes = 0;  // frames of this port; every byte of the line
  std::uint64_t dropped = 0;                       // the queue was full, or the line is away
  std::uint64_t spoilt = 0;                        // too long, bad escape: see KissDecoder
  std::uint64_t other_ports = 0;
};

// A handler may stop the line, but not destroy it.
class KissLine {
 public:
  struct Handlers {
    std::function<void()> on_up;
    std::function<void(ByteView frame)> on_frame;  // the view is valid during the call only
    std::function<void(const std::string& why)> on_lost;
  };
  KissLine(EventLoop& loop, KissLineOptions options, Handlers handlers);

  void start() { line_->start(); }
  void stop() { line_->stop(); }
  // Closed: the line is not open now. Dropped: the queue is full, or the frame is longer than frame_bytes_max.
  Sent send(ByteView frame);
  std::size_t waiting_bytes() const { return line_->waiting_bytes(); }
  LinkState state() const { return line_->state(); }
  const std::string& why() const { return line_->why(); }
  const KissCounters& counters() const { return counters_; }

 private:
  void take(ByteView bytes);

  KissLineOptions options_;
  Handlers handlers_;
  KissDecoder decoder_;
  KissCounters counters_;
  std::unique_ptr<ByteLine> line_;
};

}  // namespace airbridge::net
