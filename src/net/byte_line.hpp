#pragma once
// A line of bytes to a modem: a serial port, or a TCP connection to a program that stands for one. It is opened again
// whenever it is lost, waiting 1 s after the first loss, twice as long after each further one, at most 30 s. Loop
// thread only; must not outlive its loop.
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "net/lasting_connection.hpp"

namespace airbridge::net {

class ByteLine {
 public:
  struct Handlers {
    std::function<void()> on_up;                          // before the first byte; may send
    std::function<void(ByteView)> on_bytes;               // the view is valid during the call only
    std::function<void(const std::string& why)> on_lost;  // it ended, or could not be opened
  };
  virtual ~ByteLine() = default;
  virtual void start() = 0;
  virtual void stop() = 0;  // at once; no handler is called after it
  // All or nothing of `bytes`. Dropped: the queue is full. Closed: the line is not open now.
  virtual Sent send(ByteView bytes) = 0;
  // Bytes that have not left yet: in this queue and in the system's output buffer (TIOCOUTQ, SIOCOUTQ). A modem may
  // hold more. Who paces himself by it sends the next frame when this is nearly nothing, so that the choice what to
  // send is made late.
  virtual std::size_t waiting_bytes() const = 0;
  virtual LinkState state() const = 0;
  virtual const std::string& why() const = 0;  // the last loss in words; empty while open
};

struct SerialOptions {
  std::string device;     // "/dev/ttyUSB0"
  unsigned baud = 9'600;  // one of serial_speeds(); 8 data bits, no parity, one stop bit, no flow control
  std::size_t queue_bytes_max = 64 * 1024;
  Milliseconds wait_min{1'000};
  Milliseconds wait_max{30'000};
};

std::string serial_speeds();          // "1200, 2400, ..., 921600": for messages
bool is_serial_speed(unsigned baud);  // whether it is one of them

// Opens the port for itself alone (TIOCEXCL and a lock on the file).
std::unique_ptr<ByteLine> serial_line(EventLoop& loop, SerialOptions options, ByteLine::Handlers handlers);
std::unique_ptr<ByteLine> tcp_line(EventLoop& loop, LastingOptions options, ByteLine::Handlers handlers);

}  // namespace airbridge::net
