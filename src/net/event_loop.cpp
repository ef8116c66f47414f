#include "net/event_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace airbridge::net {

namespace asio = boost::asio;

// The hint 1 tells asio that one thread runs the loop; posting from other threads stays allowed.
struct EventLoop::Parts {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{asio::make_work_guard(io)};
};

class EventLoop::Timer : public std::enable_shared_from_this<EventLoop::Timer> {
 public:
  Timer(asio::io_context& io, Milliseconds period, std::function<void()> work)
      : timer_(io), period_(period), work_(std::move(work)) {}

  void start(Milliseconds delay) {
    timer_.expires_after(delay);
    wait();
  }

 private:
  void wait() {
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();  // held so that the work may drop its own handle
      if (!error && self) self->fire();
    });
  }

  void fire() {
    if (period_ == Milliseconds{0}) {
      // Moved out so that what the work holds is freed once it has run.
      if (const auto work = std::exchange(work_, nullptr)) work();
      return;
    }
    // Beats that were missed while the loop was busy are skipped, not made up for.
    auto next = timer_.expiry() + period_;
    const auto now = std::chrono::steady_clock::now();
    if (next < now) next = now + period_;
    timer_.expires_at(next);
    wait();
    work_();
  }

  asio::steady_timer timer_;
  Milliseconds period_;  // zero: once
  std::function<void()> work_;
};

EventLoop::EventLoop() : parts_(std::make_unique<Parts>()) {}
EventLoop::~EventLoop() = default;

// Restarted after, not before, so that a stop() that comes earlier than run() still counts.
void EventLoop::run() {
  parts_->io.run();
  parts_->io.restart();
}

void EventLoop::run_for(Milliseconds span) {
  parts_->io.run_for(span);
  parts_->io.restart();
}

void EventLoop::stop() { parts_->io.stop(); }

void EventLoop::post(std::function<void()> work) { asio::post(parts_->io, std::move(work)); }

std::shared_ptr<EventLoop::Timer> EventLoop::after(Milliseconds delay, std::function<void()> work) {
  auto timer = std::make_shared<Timer>(parts_->io, Milliseconds{0}, std::move(work));
  timer->start(delay);
  return timer;
}

std::shared_ptr<EventLoop::Timer> EventLoop::every(Milliseconds period, std::function<void()> work) {
  period = std::max(period, Milliseconds{1});
  auto timer = std::make_shared<Timer>(parts_->io, period, std::move(work));
  timer->start(period);
  return timer;
}

asio::io_context& EventLoop::asio() { return parts_->io; }

}  // namespace airbridge::net
