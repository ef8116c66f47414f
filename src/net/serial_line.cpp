#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

#include "net/byte_line.hpp"
#include "net/connection_service.hpp"
#include "net/net_error.hpp"

namespace airbridge::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

struct Speed {
  unsigned baud;
  speed_t code;
};
constexpr std::array<Speed, 12> speeds{{{300, B300},
                                        {600, B600},
                                        {1'200, B1200},
                                        {2'400, B2400},
                                        {4'800, B4800},
                                        {9'600, B9600},
                                        {19'200, B19200},
                                        {38'400, B38400},
                                        {57'600, B57600},
                                        {115'200, B115200},
                                        {230'400, B230400},
                                        {921'600, B921600}}};

NetError open_error(const std::string& device, int code) {
  auto text = fmt::format("cannot open the serial line {}: {}", device, errno_text(code));
  if (code == ENOENT || code == ENXIO || code == ENODEV) {
    text += " (is it plugged in? `ls /dev/serial/by-id` lists those that are)";
  } else if (code == EACCES || code == EPERM) {
    text += " (add the user to the group that owns it: `usermod -aG dialout USER`, then log in again)";
  } else if (code == EBUSY || code == EWOULDBLOCK) {
    text = fmt::format("cannot open the serial line {}: another program uses it (`fuser {}` names it)", device, device);
  }
  return {std::move(text), code};
}

// An open descriptor in raw mode, for this program alone.
Result<int, NetError> open_serial(const SerialOptions& options) {
  const auto speed =
      std::find_if(speeds.begin(), speeds.end(), [&](const Speed& one) { return one.baud == options.baud; });
  if (speed == speeds.end()) {
    return failure(
        NetError{fmt::format("{} baud is no speed of a serial line; choose one of {}", options.baud, serial_speeds())});
  }
  const int fd = ::open(options.device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return failure(open_error(options.device, errno));
  const auto fail = [&](NetError error) {
    ::close(fd);
    return failure(std::move(error));
  };
  termios mode{};
  if (::tcgetattr(fd, &mode) != 0) {
    return fail({fmt::format("{} is no serial line ({})", options.device, errno_text(errno)), errno});
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 || ::ioctl(fd, TIOCEXCL) != 0) return fail(open_error(options.device, errno));
  ::cfmakeraw(&mode);  // 8N1, a read waits for one byte, nothing is translated
  mode.c_cflag |= CLOCAL | CREAD;
  mode.c_cflag &= ~static_cast<tcflag_t>(CRTSCTS | CSTOPB);
  ::cfsetispeed(&mode, speed->code);
  ::cfsetospeed(&mode, speed->code);
  if (::tcsetattr(fd, TCSANOW, &mode) != 0) return fail(open_error(options.device, errno));
  ::tcflush(fd, TCIOFLUSH);  // what was said before we listened is no frame's beginning
  return fd;
}

struct SerialCore : std::enable_shared_from_this<SerialCore> {
  SerialCore(EventLoop& the_loop, SerialOptions the_options, ByteLine::Handlers callbacks)
      : loop(the_loop),
        options(std::move(the_options)),
        handlers(std::move(callbacks)),
        port(loop.asio()),
        wait(options.wait_min) {}

  void open() {
    if (state != LinkState::Lost) state = LinkState::Connecting;
    const auto fd = open_serial(options);
    if (!fd) return lose(fd.error().what);
    error_code error;
    port.assign(*fd, error);
    if (error) {
      ::close(*fd);
      return lose(error.message());
    }
    state = LinkState::Connected;
    why.clear();
    const auto self = shared_from_this();
    if (handlers.on_up) handlers.on_up();
    if (state == LinkState::Connected) wait_readable();
  }

  void lose(const std::string& reason) {
    error_code ignored;
    port.close(ignored);
    queue.clear();
    state = LinkState::Lost;
    why = reason;
    timer = loop.after(wait, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->open();
    });
    wait = std::min(wait * 2, options.wait_max);
    if (handlers.on_lost) handlers.on_lost(reason);
  }

  void stop() {
    state = LinkState::Off;
    timer.reset();
    queue.clear();
    error_code ignored;
    port.close(ignored);
  }

  void wait_readable() {
    port.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](const error_code& error) {
      if (!error && self->state == LinkState::Connected) self->read_some();
    });
  }

  void read_some() {
    auto& buffer = ConnectionService::of(loop.asio()).read_buffer();
    const auto got = ::read(port.native_handle(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return wait_readable();
    if (got <= 0) {
      return lose(fmt::format("the serial line {} was unplugged or hung up{}", options.device,
                              got < 0 ? ": " + errno_text(errno) : std::string()));
    }
    wait = options.wait_min;
    if (handlers.on_bytes) handlers.on_bytes(ByteView(buffer.data(), static_cast<std::size_t>(got)));
    if (state == LinkState::Connected) wait_readable();
  }

  void write_some() {
    while (!queue.empty()) {
      const auto put = ::write(port.native_handle(), queue.data(), queue.size());
      if (put > 0) {
        queue.erase(queue.begin(), queue.begin() + put);
      } else if (put < 0 && errno == EINTR) {
        continue;
      } else if (put < 0 && errno != EAGAIN) {
        // From the loop, so that no handler runs inside send().
        return loop.post([weak = weak_from_this(), code = errno] {
          const auto self = weak.lock();
          if (self && self->state == LinkState::Connected)
            self->lose(fmt::format("cannot write to the serial line {}: {}", self->options.device, errno_text(code)));
        });
      } else {
        return wait_writable();
      }
    }
  }

  void wait_writable() {
    if (write_waiting) return;
    write_waiting = true;
    port.async_wait(asio::posix::stream_descriptor::wait_write, [self = shared_from_this()](const error_code& error) {
      self->write_waiting = false;
      if (!error && self->state == LinkState::Connected) self->write_some();
    });
  }

  EventLoop& loop;
  SerialOptions options;
  ByteLine::Handlers handlers;
  asio::posix::stream_descriptor port;
  Milliseconds wait;
  LinkState state = LinkState::Off;
  std::string why;
  Bytes queue;
  bool write_waiting = false;
  std::shared_ptr<EventLoop::Timer> timer;
};

class SerialLine final : public ByteLine {
 public:
  explicit SerialLine(std::shared_ptr<SerialCore> core) : core_(std::move(core)) {}
  ~SerialLine() override { stop(); }

  void start() override {
    if (core_->state == LinkState::Off) core_->open();
  }
  void stop() override { core_->stop(); }
  Sent send(ByteView bytes) override {
    if (core_->state != LinkState::Connected) return Sent::Closed;
    if (core_->queue.size() + bytes.size() > core_->options.queue_bytes_max) return Sent::Dropped;
    core_->queue.insert(core_->queue.end(), bytes.begin(), bytes.end());
    if (core_->queue.size() == bytes.size()) core_->write_some();
    return Sent::Queued;
  }
  std::size_t waiting_bytes() const override {
    int in_system = 0;
    if (core_->state == LinkState::Connected) ::ioctl(core_->port.native_handle(), TIOCOUTQ, &in_system);
    return core_->queue.size() + static_cast<std::size_t>(std::max(in_system, 0));
  }
  LinkState state() const override { return core_->state; }
  const std::string& why() const override { return core_->why; }

 private:
  std::shared_ptr<SerialCore> core_;
};

}  // namespace

std::string serial_speeds() {
  std::string out;
  for (const auto& speed : speeds) out += fmt::format("{}{}", out.empty() ? "" : ", ", speed.baud);
  return out;
}

bool is_serial_speed(unsigned baud) {
  return std::any_of(speeds.begin(), speeds.end(), [&](const Speed& one) { return one.baud == baud; });
}

std::unique_ptr<ByteLine> serial_line(EventLoop& loop, SerialOptions options, ByteLine::Handlers handlers) {
  return std::make_unique<SerialLine>(std::make_shared<SerialCore>(loop, std::move(options), std::move(handlers)));
}

}  // namespace airbridge::net
