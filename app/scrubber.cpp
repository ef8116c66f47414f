#include "scrubber.hpp"

namespace airbridge::app {

Scrubber::Scrubber(store::Writer& writer, Milliseconds pause, std::function<void(std::size_t)> found)
    : writer_(writer),
      pause_(pause),
      found_(std::move(found)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Scrubber::~Scrubber() {
  thread_.request_stop();
  wake_.notify_all();
}

void Scrubber::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, pause_ * scrub_pieces, [] { return false; });
    }
    std::size_t found = 0;
    for (int piece = 0; piece < scrub_pieces && !stop.stop_requested() && !paused_; ++piece) {
      found += writer_.read([](store::Log& log) { return log.scrub(scrub_bytes); });
      bytes_ += scrub_bytes;
    }
    if (found == 0) continue;
    found_count_ += found;
    found_(found);
  }
}

}  // namespace airbridge::app
