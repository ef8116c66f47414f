// Why a channel takes no frame, each reason by its name, and the frames that docs/protocol/bearer.md shows.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "bearer/test_world.hpp"
#include "bearer/wire.hpp"

using namespace airbridge;
using namespace airbridge::bearer;
using namespace airbridge::bearer::test;

namespace {
// A channel of node 1 whose saving the test ends, and node 2, every byte of which the test writes.
struct Hearing {
  Hearing()
      : peer({group_key(), node_of(2), 22, true, Planted::None}, {}),
        channel({*preset("lte"), node_of(1), group_key(), 11, {}, Planted::None}, source, squeezer, Rng(1), at_ms(0)) {
    peer.set_members({node_of(1)});
    save_peer();
    channel.set_members({node_of(2)}, at_ms(0));
    take(true);
  }
  void save_peer() {
    (void)peer.take_state(at_ms(0));
    peer.saved();
  }
  // Everything the channel says is dropped; what it wants saved is saved, or not.
  void take(bool save) {
    bool saving = false;
    for (const auto& output : channel.take_outputs()) saving |= std::holds_alternative<Save>(output);
    if (!saving || !save) return;
    channel.saved(at_ms(0));
    take(save);
  }
  void give(FrameType type, std::uint8_t flags, ByteView payload, bool save = true) {
    if (!peer.can_seal()) save_peer();
    channel.receive(peer.seal(type, flags, payload), at_ms(0));
    take(save);
  }
  std::uint64_t refused(Refusal why) { return channel.stats(at_ms(0)).refused.at(static_cast<std::size_t>(why)); }

  Guard peer;
  Queues source;
  PlainSqueezer squeezer;
  Channel channel;
};
}  // namespace

TEST_CASE("a frame of another version, or of a slot where no member is, is refused by that name") {
  Hearing hearing;
  auto frame = hearing.peer.seal(FrameType::Beacon, flag_long, as_bytes("a digest"));
  auto other = frame;
  other[0] ^= 0xC0;
  hearing.channel.receive(other, at_ms(0));
  CHECK(hearing.refused(Refusal::Version) == 1);
  auto stranger = frame;
  stranger[1] ^= 0x55;
  hearing.channel.receive(stranger, at_ms(0));
  CHECK(hearing.refused(Refusal::Stranger) == 1);
  hearing.channel.receive(frame, at_ms(0));
  hearing.take(true);
  CHECK(hearing.channel.stats(at_ms(0)).frames_received == 1);
}

TEST_CASE("an authentic frame that this version does not understand is refused by its type") {
  Hearing hearing;
  hearing.give(FrameType::Beacon, flag_long, as_bytes("a digest"));
  const auto before = hearing.refused(Refusal::Type);
  CHECK(before == 0);
  hearing.give(FrameType::Beacon, 0, as_bytes("no digest at all"));
  CHECK(hearing.refused(Refusal::Type) == 1);
  hearing.give(FrameType::Data, 0, as_bytes("a"));
  CHECK(hearing.refused(Refusal::Type) == 2);
  hearing.give(FrameType::LastValue, flag_many, Bytes{200, 1});
  CHECK(hearing.refused(Refusal::Type) == 3);
  hearing.give(FrameType::Behind, 0, as_bytes("short"));
  CHECK(hearing.refused(Refusal::Type) == 4);
  hearing.give(static_cast<FrameType>(7), 0, as_bytes("of a later version"));
  CHECK(hearing.refused(Refusal::Type) == 5);
}

TEST_CASE("frames that come while the window is not saved are held, and refused as too many beyond that") {
  Hearing hearing;
  hearing.give(FrameType::Beacon, flag_long, as_bytes("a digest"), false);
  for (std::size_t i = 1; i < held_frames_max; ++i) hearing.give(FrameType::Beacon, 0, as_bytes("a digest"), false);
  CHECK(hearing.refused(Refusal::Full) == 0);
  for (int i = 0; i < 3; ++i) hearing.give(FrameType::Beacon, 0, as_bytes("a digest"), false);
  CHECK(hearing.refused(Refusal::Full) == 3);
  CHECK(hearing.channel.stats(at_ms(0)).frames_received == 0);
  hearing.channel.saved(at_ms(0));
  hearing.take(true);
  CHECK(hearing.channel.stats(at_ms(0)).frames_received == held_frames_max);
}

TEST_CASE("the frames of docs/protocol/bearer.md are what this version makes and opens") {
  std::ifstream file(AIRBRIDGE_TEST_DATA "/../../docs/protocol/bearer.md");
  std::stringstream document;
  document << file.rdbuf();
  // The hexadecimal lines of the document, without the blanks between fields and the words after them.
  std::vector<std::string> shown;
  for (std::string line; std::getline(document, line);) {
    if (!line.starts_with("    4")) continue;
    const auto words = line.find("     ", 4);
    line = line.substr(4, words == std::string::npos ? words : words - 4);
    std::erase(line, ' ');
    if (line.ends_with("data")) line.resize(line.size() - 4);
    shown.push_back(line);
  }
  REQUIRE(shown.size() == 3);
  Guard sender({group_key(), node_of(1), 0x1122334455667788, false, Planted::None}, {});
  (void)sender.take_state(at_ms(0));
  sender.saved();
  const Bytes digest{1, 2, 3, 4, 5, 6, 7, 8};
  Bytes data;
  put_data_head(data, 0x7CAB, 2, true, true, false);
  AckPart ack;
  ack.highest = 0x15;
  ack.bulk = Received{18, {5}};
  put_part(data, ack);
  Bytes block;
  put_message(block, as_bytes("hello"));
  put_part(data, FragmentPart{false, true, true, false, 3, block}, true);
  const Bytes made[] = {sender.seal(FrameType::Beacon, flag_long, digest), sender.seal(FrameType::Beacon, 0, digest),
                        sender.seal(FrameType::Data, 0, data)};
  Guard hearer({group_key(), node_of(2), 5, false, Planted::None}, {});
  hearer.set_members({node_of(1)});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(to_hex(made[i]) == shown[i]);
    CHECK(hearer.open(made[i]));
  }
}
