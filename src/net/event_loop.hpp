#pragma once
// One thread's loop: sockets, timers and work posted from other threads. Wraps boost::asio::io_context so that the rest
// of Airbridge sees callbacks and plain values. Everything made on a loop lives and is called back on that loop's
// thread.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace boost::asio {
class io_context;
}

namespace airbridge::net {

// What went wrong at the operating system's border, in words that say what to do when we know it.
struct NetError {
  std::string what;  // "cannot listen on 127.0.0.1:8087: address already in use"
  int code = 0;      // errno, 0 when not from the system
};

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void run();                       // until stop(); on the thread that owns the loop
  void run_for(Milliseconds span);  // for tests
  void stop();                      // any thread
  // Any thread; runs on the loop's thread, in order of posting. Nothing here bounds what waits: who posts for every
  // message of others counts what is posted and not yet run, and has a limit for it.
  void post(std::function<void()> work);
  // Runs `work` once after `delay`; dropping the handle cancels. Loop thread only.
  class Timer;
  std::shared_ptr<Timer> after(Milliseconds delay, std::function<void()> work);
  std::shared_ptr<Timer> every(Milliseconds period, std::function<void()> work);
  boost::asio::io_context& asio();  // for net/ itself

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace airbridge::net
