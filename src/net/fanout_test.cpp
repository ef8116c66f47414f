#include "net/fanout.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

#include "base/rng.hpp"
#include "net/test_peer.hpp"

namespace airbridge::net {

using testing::run_until;
using testing::TestPeer;

namespace {

SharedBytes shared(std::string_view text) { return std::make_shared<const Bytes>(to_bytes(as_bytes(text))); }

struct Crowd {
  EventLoop loop;
  std::vector<std::shared_ptr<Connection>> members;
  std::vector<TestPeer> peers;
  std::vector<std::string> closed;
  std::unique_ptr<Listener> listener;
  std::shared_ptr<Fanout> fanout;

  explicit Crowd(Milliseconds span, std::size_t count, const ListenerLimits& limits = {}) {
    fanout = make_fanout(loop, span);
    auto made = listen(loop, {"127.0.0.1", 0}, limits,
                       [this](std::shared_ptr<Connection> c) { members.push_back(std::move(c)); });
    REQUIRE(made);
    listener = *std::move(made);
    for (std::size_t i = 0; i < count; ++i) add();
  }
  ~Crowd() {
    for (const auto& member : members) member->close();
  }
  void add(int receive_buffer = 0) {
    const auto before = members.size();
    peers.emplace_back(loop, listener->port(), receive_buffer);
    REQUIRE(run_until(loop, [&] { return members.size() > before; }));
    members.back()->start(
        {.on_bytes = {}, .on_close = [this](const std::string& why) { closed.push_back(why); }, .on_drained = {}});
    fanout->join(*members.back());
  }
  std::size_t say(std::string_view text, std::size_t except = SIZE_MAX) {
    const auto reached = fanout->send(shared(text), except < members.size() ? members[except].get() : nullptr, {});
    fanout->end_turn();
    return reached;
  }
};

}  // namespace

TEST_CASE("everybody but the sender gets what is sent to all, whether it waits or not") {
  Milliseconds span{0};
  SUBCASE("at once") {}
  SUBCASE("gathered") { span = Milliseconds{20}; }
  Crowd crowd(span, 5);
  std::map<std::size_t, std::string> want;
  for (std::size_t i = 0; i < 400; ++i) {
    const auto text = fmt::format("{};", i);
    CHECK(crowd.say(text, i % 6) == (i % 6 == 5 ? 5 : 4));
    for (std::size_t peer = 0; peer < 5; ++peer) {
      if (peer != i % 6) want[peer] += text;
    }
  }
  for (std::size_t peer = 0; peer < 5; ++peer) CHECK(crowd.peers[peer].take(want[peer].size()) == want[peer]);
}

TEST_CASE("what goes to one keeps its place among what goes to all") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Crowd crowd(Milliseconds{static_cast<int>(rng.below(2)) * 2}, 3);
    std::vector<std::string> want(crowd.members.size());
    for (int i = 0; i < 300; ++i) {
      const auto text = fmt::format("{}{}", i, std::string(rng.below(300), '.'));
      const auto who = static_cast<std::size_t>(rng.below(crowd.members.size()));
      const auto what = rng.below(10);
      if (what == 0) {
        CHECK(crowd.members[who]->send(shared(text)) == Sent::Queued);
        want[who] += text;
      } else if (what == 1 && crowd.members.size() < 8) {
        crowd.add();
        want.emplace_back();
      } else if (what == 2) {
        crowd.loop.run_for(Milliseconds{static_cast<int>(rng.below(3))});
      } else {
        crowd.say(text, who);
        for (std::size_t peer = 0; peer < want.size(); ++peer) {
          if (peer != who) want[peer] += text;
        }
      }
    }
    for (std::size_t peer = 0; peer < want.size(); ++peer)
      CHECK(crowd.peers[peer].take(want[peer].size()) == want[peer]);
  }
}

TEST_CASE("an urgent message passes what was gathered before it") {
  Crowd crowd(Milliseconds{1'000'000}, 1);
  // After two judgements at most that messages come close together they wait, here for ever.
  for (int i = 0; i < 32; ++i) crowd.say("a");
  crowd.say("b");
  CHECK(crowd.members[0]->send_urgent(shared("U")) == Sent::Queued);
  const auto got = crowd.peers[0].take(34);
  CHECK(got.size() == 34);
  CHECK(got.back() == 'b');
  CHECK(got.find('U') < 32);
}

TEST_CASE("a member that reads slowly is told of as full, gets the rest in order, and holds up nobody") {
  ListenerLimits limits;
  limits.connection.queue_bytes_max = 200'000;
  Crowd crowd(Milliseconds{1}, 1, limits);
  crowd.add(4096);
  std::string want_quick, want_slow;
  std::size_t dropped = 0;
  for (int i = 0; i < 400; ++i) {
    const auto text = fmt::format("<{:05}{}>", i, std::string(30'000, static_cast<char>('a' + i % 26)));
    bool full = false;
    const auto reached = crowd.fanout->send(shared(text), nullptr, [&](Connection& who) {
      CHECK(&who == crowd.members[1].get());
      full = true;
    });
    crowd.fanout->end_turn();
    CHECK(reached == (full ? 1 : 2));
    dropped += full ? 1 : 0;
    want_quick += text;
    if (!full) want_slow += text;
    CHECK(crowd.members[1]->queued_bytes() <= limits.connection.queue_bytes_max + 2 * fanout_bytes_max);
    CHECK(crowd.peers[0].take(text.size()) == text);
  }
  CHECK(dropped > 100);
  CHECK(crowd.peers[1].take(want_slow.size()) == want_slow);
  // Caught up, it is served like the others again.
  REQUIRE(run_until(crowd.loop, [&] { return crowd.members[1]->queued_bytes() == 0; }));
  CHECK(crowd.say("end") == 2);
  CHECK(crowd.peers[0].take(3) == "end");
  CHECK(crowd.peers[1].take(3) == "end");
}

TEST_CASE("a member that is gone is closed once and leaves the others alone") {
  Crowd crowd(Milliseconds{1}, 3);
  const int zero_linger[] = {1, 0};
  ::setsockopt(crowd.peers[1].fd(), SOL_SOCKET, SO_LINGER, zero_linger, sizeof zero_linger);
  crowd.peers[1].close();  // a reset
  std::string want;
  for (int i = 0; i < 200; ++i) {
    want += fmt::format("{};", i);
    crowd.say(fmt::format("{};", i));
    if (i % 20 == 0) crowd.loop.run_for(Milliseconds{1});
  }
  CHECK(crowd.peers[0].take(want.size()) == want);
  CHECK(crowd.peers[2].take(want.size()) == want);
  CHECK(crowd.closed.size() == 1);
  CHECK(crowd.fanout->members() == 2);
  crowd.members[0]->close();
  CHECK(crowd.fanout->members() == 1);
  CHECK(crowd.say("x") == 1);
  CHECK(crowd.peers[2].take(1) == "x");
  crowd.fanout->leave(*crowd.members[2]);
  CHECK(crowd.say("y") == 0);
}

TEST_CASE("a fan-out that ends first leaves its members as they are") {
  Crowd crowd(Milliseconds{1}, 1);
  crowd.say("a");
  crowd.fanout.reset();
  CHECK(crowd.members[0]->send(shared("b")) == Sent::Queued);
  CHECK(crowd.peers[0].take(2) == "ab");
}

}  // namespace airbridge::net
