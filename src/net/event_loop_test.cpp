#include "net/event_loop.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "net/test_peer.hpp"

namespace airbridge::net {

using testing::run_until;

TEST_CASE("posted work runs in order on the loop's thread") {
  EventLoop loop;
  std::vector<int> seen;
  std::jthread other([&] {
    for (int i = 0; i < 100; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&loop] { loop.stop(); });
  });
  loop.run();
  REQUIRE(seen.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a stop before run counts") {
  EventLoop loop;
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  CHECK(ran);
}

TEST_CASE("a timer fires once and a dropped one never") {
  EventLoop loop;
  int fired = 0;
  int never = 0;
  const auto keep = loop.after(Milliseconds{1}, [&] { ++fired; });
  loop.after(Milliseconds{1}, [&] { ++never; }).reset();
  bool later = false;
  const auto last = loop.after(Milliseconds{20}, [&] { later = true; });
  REQUIRE(run_until(loop, [&] { return later; }));
  CHECK(fired == 1);
  CHECK(never == 0);
}

TEST_CASE("a beat may drop its own handle") {
  EventLoop loop;
  int beats = 0;
  std::shared_ptr<EventLoop::Timer> timer;
  timer = loop.every(Milliseconds{1}, [&] {
    if (++beats == 3) timer.reset();
  });
  REQUIRE(run_until(loop, [&] { return beats == 3; }));
  loop.run_for(Milliseconds{10});
  CHECK(beats == 3);
}

}  // namespace airbridge::net
