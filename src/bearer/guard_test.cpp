#include "bearer/guard.hpp"

#include <doctest/doctest.h>

#include "base/hash.hpp"
#include "bearer/test_world.hpp"

using namespace airbridge;
using namespace airbridge::bearer;
using namespace airbridge::bearer::test;

namespace {
struct Side {
  Side(std::uint8_t n, std::uint64_t start, const Bytes& state = {}, bool encrypt = true,
       Planted planted = Planted::None, std::uint8_t key = 7, bool one_way = false)
      : guard({group_key(key), node_of(n), start, encrypt, planted, one_way}, state) {
    guard.set_members({node_of(1), node_of(2), node_of(3)});
    save();
  }
  void save(std::int64_t ms = 0) {
    if (!guard.wants_save(at_ms(ms))) return;
    disk = guard.take_state(at_ms(ms));
    guard.saved();
  }
  Bytes frame(std::uint8_t flags = 0, std::string_view text = "a digest") {
    save();
    return guard.seal(FrameType::Beacon, flags, as_bytes(text));
  }
  Result<Opened, Refusal> open(ByteView frame) { return guard.open(frame); }
  Guard guard;
  Bytes disk;
};
Refusal why(const Result<Opened, Refusal>& result) {
  REQUIRE_FALSE(result);
  return result.error();
}
}  // namespace

TEST_CASE("a frame costs twelve bytes and opens to what was sealed, in either mode") {
  for (const bool encrypt : {true, false}) {
    Side a(1, 11, {}, encrypt), b(2, 22, {}, encrypt);
    const auto first = a.frame(flag_long);
    CHECK(first.size() == 8 + 12 + 14);
    const auto opened = b.open(first);
    REQUIRE(opened);
    CHECK(opened->new_start);
    const auto second = a.frame(0, "8 bytes!");
    CHECK(second.size() == 20);
    const auto again = b.open(second);
    REQUIRE(again);
    CHECK(again->sender == node_of(1));
    CHECK(as_text(again->payload) == "8 bytes!");
    CHECK_FALSE(again->new_start);
    const bool in_clear = as_text(second).find("8 bytes!") != std::string_view::npos;
    CHECK(in_clear == !encrypt);
    CHECK(why(b.open(second)) == Refusal::Replayed);
    // An empty payload is sealed as well.
    auto empty = a.guard.seal(FrameType::Data, 0, {});
    auto forged = empty;
    forged.back() ^= 1;
    CHECK(why(b.open(forged)) == Refusal::Unreadable);
    CHECK(b.open(empty));
  }
}

TEST_CASE("every flipped bit and every truncation is refused, and so is another key or mode") {
  for (const bool encrypt : {true, false}) {
    Side a(1, 11, {}, encrypt), b(2, 22, {}, encrypt);
    REQUIRE(b.open(a.frame(flag_long)));
    const auto frame = a.frame();
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      auto bad = frame;
      bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << (bit % 8));
      CHECK_FALSE(b.open(bad));
    }
    for (std::size_t size = 0; size < frame.size(); ++size) CHECK_FALSE(b.open(ByteView(frame).first(size)));
    Side other_key(2, 22, {}, encrypt, Planted::None, 8), other_mode(2, 22, {}, !encrypt);
    CHECK(why(other_key.open(a.frame(flag_long))) == Refusal::Unreadable);
    CHECK(why(other_mode.open(a.frame(flag_long))) == Refusal::Unreadable);
    CHECK(b.open(frame));
  }
}

TEST_CASE("of a frame no more members are tried than may share a slot, however many do") {
  // docs/protocol/bearer.md: the second byte of a frame is the first of this hash.
  std::vector<model::KeyId> same;
  model::KeyId id;
  for (std::uint32_t n = 0; same.size() < same_slot_max + 2; ++n) {
    for (std::size_t i = 0; i < 4; ++i) id.value[i] = static_cast<std::uint8_t>(n >> 8 * i);
    if (blake2b<16>({as_bytes("airbridge slot 1"), id.view()})[0] == 0x42) same.push_back(id);
  }
  Side receiver(1, 11);
  receiver.guard.set_members(same);
  for (std::size_t i = 0; i < same.size(); ++i) {
    Guard sender({group_key(7), same[i], 22 + i, true, Planted::None, false}, {});
    (void)sender.take_state(at_ms(0));
    sender.saved();
    const auto frame = sender.seal(FrameType::Beacon, flag_long, as_bytes("a digest"));
    REQUIRE(frame[1] == 0x42);
    // Whoever is behind the limit is not tried, so its good frame is as good as forged.
    const auto opened = receiver.open(frame);
    CHECK(opened.has_value() == (i < same_slot_max));
    if (!opened) CHECK(opened.error() == Refusal::Unreadable);
  }
}

TEST_CASE("a counter is taken once, in any order within the window, and not behind it") {
  Side a(1, 11), b(2, 22);
  std::vector<Bytes> frames{a.frame(flag_long)};
  for (int i = 0; i < 3000; ++i) frames.push_back(a.frame());
  REQUIRE(b.open(frames[0]));
  REQUIRE(b.open(frames[2000]));
  CHECK(why(b.open(frames[2000])) == Refusal::Replayed);
  CHECK(b.open(frames[1999]));
  CHECK(b.open(frames[977]));
  CHECK(why(b.open(frames[976])) == Refusal::Old);
  CHECK(why(b.open(frames[0])) == Refusal::Old);
  CHECK(b.open(frames[3000]));
  CHECK(why(b.open(frames[1976])) == Refusal::Old);
  CHECK(b.open(frames[2500]));
  CHECK(why(b.open(frames[2500])) == Refusal::Replayed);
}

TEST_CASE("the sixteen bits of a counter are read around the highest heard, past many of their turns") {
  Side a(1, 11), b(2, 22);
  REQUIRE(b.open(a.frame(flag_long)));
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 30'000; ++i) (void)a.frame();
    CHECK(b.open(a.frame()));
  }
  for (int i = 0; i < 40'000; ++i) (void)a.frame();
  CHECK(why(b.open(a.frame())) == Refusal::Unreadable);
  CHECK(b.open(a.frame(flag_long)));  // says the whole counter
  CHECK(b.open(a.frame()));
}

TEST_CASE("what was heard before a restart is refused after it, all of it, when the window was saved") {
  for (const auto planted : {Planted::None, Planted::ReplayWindowLost}) {
    Side a(1, 11);
    std::vector<Bytes> heard;
    Bytes disk;
    {
      Side b(2, 22);
      for (int i = 0; i < 500; ++i) {
        heard.push_back(a.frame(i % 50 == 0 ? flag_long : 0));
        const auto opened = b.open(heard.back());
        REQUIRE(opened);
        if (!opened->durable) b.save(i * 700);
        CHECK(b.guard.is_durable(node_of(1), opened->counter));
      }
      disk = b.disk;
    }
    Side b(2, 23, disk, true, planted);
    std::size_t taken = 0;
    for (const auto& frame : heard) taken += b.open(frame) ? 1 : 0;
    if (planted == Planted::None) {
      CHECK(taken == 0);
    } else {
      CHECK(taken > 0);  // the mistake shows
    }
  }
}

TEST_CASE("a receiver tells who is behind its saved floor, and the sender goes on above it") {
  Side a(1, 11), b(2, 22);
  for (int i = 0; i < 300; ++i) {
    REQUIRE(b.open(a.frame(flag_long)));
    b.save(i);
  }
  // A comes back from a backup of long ago: a new start, old counters.
  Side restored(1, 12);
  CHECK(why(b.open(restored.frame(flag_long))) == Refusal::Old);
  const auto behind = b.guard.take_behind();
  REQUIRE(behind);
  CHECK(behind->sender == node_of(1));
  CHECK(behind->start == 12);
  CHECK(behind->floor >= 300);
  CHECK(restored.guard.go_above(behind->floor));
  CHECK_FALSE(restored.guard.can_seal());  // not before that is saved
  restored.save();
  CHECK(b.open(restored.frame(flag_long)));
  CHECK_FALSE(restored.guard.go_above(behind->floor));
  CHECK_FALSE(restored.guard.go_above(~std::uint64_t{0}));
}

TEST_CASE("own counters are saved before they are used, and go on above the saved ones after a restart") {
  Guard guard({group_key(), node_of(1), 11, true, Planted::None}, {});
  CHECK_FALSE(guard.can_seal());
  REQUIRE(guard.wants_save(at_ms(0)));
  const auto state = guard.take_state(at_ms(0));
  CHECK_FALSE(guard.can_seal());
  guard.saved();
  REQUIRE(guard.can_seal());
  std::uint64_t used = 0;
  while (guard.can_seal()) {
    (void)guard.seal(FrameType::Beacon, 0, {});
    used = guard.last_counter();
  }
  CHECK(used >= save_ahead_min);
  Guard after({group_key(), node_of(1), 12, true, Planted::None}, state);
  after.take_state(at_ms(1));
  after.saved();
  (void)after.seal(FrameType::Beacon, 0, {});
  CHECK(after.last_counter() > used);
}

TEST_CASE("two starts with the same counters share no key: no two frames have one key and one nonce") {
  Side one(1, 11), two(1, 12);
  const auto a = one.frame(0, "the same text"), b = two.frame(0, "the same text");
  CHECK(Bytes(a.begin() + 4, a.end()) != Bytes(b.begin() + 4, b.end()));
}

TEST_CASE("a damaged state is named and begins anew") {
  Side a(1, 11);
  (void)a.frame();
  for (std::size_t i = 0; i < a.disk.size(); ++i) {
    auto bad = a.disk;
    bad[i] ^= 0x40;
    Guard guard({group_key(), node_of(1), 12, true, Planted::None}, bad);
    CHECK(guard.state_was_damaged());
  }
  for (std::size_t size = 1; size < a.disk.size(); ++size) {
    Guard guard({group_key(), node_of(1), 12, true, Planted::None}, ByteView(a.disk).first(size));
    CHECK(guard.state_was_damaged());
  }
}

TEST_CASE("a fast channel is saved ahead so far that saves come seconds apart, a narrow one about once in two bursts") {
  const auto saves = [](double frames_per_second, int seconds) {
    Side a(1, 11);
    Side b(2, 22);
    int count = 0;
    const int frames = static_cast<int>(frames_per_second * seconds);
    for (int i = 0; i < frames; ++i) {
      const auto ms = static_cast<std::int64_t>(i * 1000.0 / frames_per_second);
      a.save(ms);
      const auto opened = b.open(a.guard.seal(FrameType::Beacon, i == 0 ? flag_long : 0, as_bytes("12345678")));
      REQUIRE(opened);
      if (b.guard.wants_save(at_ms(ms))) {
        ++count;
        b.save(ms);
      }
    }
    return count;
  };
  CHECK(saves(1.5, 600) <= 600 * 1.5 / 30);
  CHECK(saves(5'000, 20) <= 20);
}

TEST_CASE("a receiver that can tell nobody is deaf to a few frames after its restart, also when many came before") {
  Side a(1, 11);
  Bytes disk;
  std::uint64_t taken = 0;
  {
    Side b(2, 22, {}, true, Planted::None, 7, true);
    for (int i = 0; i < 5'000; ++i) {
      const auto opened = b.open(a.frame(flag_long));
      REQUIRE(opened);
      taken = opened->counter;
      b.save(i);  // a thousand frames a second
      CHECK(b.guard.is_durable(node_of(1), taken));
    }
    CHECK(b.guard.next_save());
    b.save(5'000 + save_quiet_one_way.count());
    CHECK_FALSE(b.guard.next_save());
    CHECK(b.guard.is_durable(node_of(1), taken));
    CHECK_FALSE(b.guard.is_durable(node_of(1), taken + save_ahead_min_one_way + 1));
    disk = b.disk;
  }
  Side again(2, 23, disk, true, Planted::None, 7, true);
  for (std::uint64_t i = 0; i < save_ahead_min_one_way; ++i) CHECK(why(again.open(a.frame(flag_long))) == Refusal::Old);
  CHECK(again.open(a.frame(flag_long)));
}
