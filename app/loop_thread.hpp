#pragma once
// A thread with an event loop.
#include <future>
#include <thread>

#include "net/event_loop.hpp"

namespace airbridge::app {

class LoopThread {
 public:
  LoopThread() : thread_([this] { loop_.run(); }) {}
  ~LoopThread() { stop(); }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  net::EventLoop& loop() { return loop_; }
  // Runs work on the loop's thread and waits for it. Never from that thread itself, nor after stop().
  template <class F>
  void call(F&& work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }

 private:
  net::EventLoop loop_;
  std::thread thread_;
};

}  // namespace airbridge::app
