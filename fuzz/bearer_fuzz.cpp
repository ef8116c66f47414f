// Hostile bytes against a datagram channel.
// Input: byte 0 chooses (bit 0 half duplex, bit 1 sign-only, bit 2 raw frames, bit 3 one way) and in bits 6-7 what the
// rest is: 0 frames for the channel, 1 a block, 2 a saved state, 3 last values. Frames come as {type and flags, length
// low, length high, payload} and are sealed here with the key of a member, so that the fuzzer gets past the tag; raw
// ones as they are. The first frames of that member are honest ones and open a session; a payload that begins with ff
// ff gets its tag.
#include "base/hash.hpp"
#include "bearer/channel.hpp"
#include "bearer/wire.hpp"

using namespace airbridge;
using namespace airbridge::bearer;

namespace {
constexpr std::size_t frames_max = 64;
model::KeyId node(std::uint8_t n) {
  model::KeyId id;
  id.value.fill(n);
  return id;
}
// Of node 2's session to node 1 (docs/protocol/bearer.md).
constexpr std::uint64_t own_start = 11, peer_start = 22;
constexpr std::uint8_t salt = 1;
std::array<std::uint8_t, 2> session_tag() {
  Bytes text;
  put_uint(text, peer_start, 8);
  put_uint(text, own_start, 8);
  text.push_back(salt);
  const auto hash = blake2b<16>({as_bytes("airbridge session 1"), node(2).view(), node(1).view(), text});
  return {hash[0], hash[1]};
}
Now at(std::int64_t ms) { return {utc_from_ms(1'767'225'600'000 + ms), SteadyTime(Milliseconds(1'000'000 + ms))}; }

struct Talker final : Source {
  std::size_t left = 40;
  Digest8 digest() override { return {}; }
  std::vector<Item> pull(const model::KeyId&, std::size_t, Wanted wanted, Now) override {
    if (left == 0 || wanted == Wanted::Urgent) return {};
    --left;
    return {Item{Bytes(30, 7), left % 5 == 0, left % 3 != 0}};
  }
};

struct Target {
  Target(bool half_duplex, bool encrypt, bool one_way)
      : peer({{}, node(2), peer_start, encrypt, Planted::None}, {}),
        channel(setup(half_duplex, encrypt, one_way), source, squeezer, Rng(1), at(0)) {
    peer.set_members({node(1)});
    peer.take_state(at(0));
    peer.saved();
    channel.set_members({node(2), node(3)}, at(0));
    take();
  }
  static Setup setup(bool half_duplex, bool encrypt, bool one_way) {
    auto profile = *preset(half_duplex ? "radio" : "lte");
    profile.encrypt = encrypt;
    if (one_way) {
      profile.one_way = true;
      profile.half_duplex = false;
      profile.repair_percent = 30;
    }
    return {profile, node(1), {}, own_start, {}, Planted::None};
  }
  void take() {
    for (const auto& output : channel.take_outputs()) {
      if (std::holds_alternative<Save>(output)) saving = true;
      const auto* const sent = std::get_if<Transmit>(&output);
      if (sent != nullptr && sent->frame.size() > channel.profile().mtu) std::abort();
    }
    if (std::exchange(saving, false)) {
      channel.saved(at(ms));
      take();
    }
  }
  void receive(ByteView frame) {
    ms += 700;
    channel.receive(frame, at(ms));
    take();
    channel.poll(at(ms));
    take();
  }
  void sealed(std::uint8_t type_and_flags, ByteView bytes) {
    Bytes payload = to_bytes(bytes);
    if (payload.size() >= 2 && payload[0] == 0xFF && payload[1] == 0xFF) {
      const auto tag = session_tag();
      std::copy(tag.begin(), tag.end(), payload.begin());
    }
    if (!peer.can_seal()) {
      peer.take_state(at(ms));
      peer.saved();
    }
    receive(peer.seal(static_cast<FrameType>(type_and_flags >> 3 & 7), type_and_flags & 7U, payload));
  }
  Guard peer;
  Talker source;
  PlainSqueezer squeezer;
  Channel channel;
  std::int64_t ms = 0;
  bool saving = false;
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t mode = data[0];
  ByteView rest(data + 1, size - 1);
  switch (mode >> 6) {
    case 1:
      if (const auto messages = parse_block(rest)) {
        Bytes again;
        for (const auto message : *messages) put_message(again, message);
        if (again.size() > rest.size()) std::abort();
      }
      return 0;
    case 2: {
      Guard guard({{}, node(1), 5, true, Planted::None}, rest);
      guard.set_members({node(2)});
      (void)guard.take_state(at(0));
      return 0;
    }
    case 3:
      (void)parse_last_values(rest, (mode & 1) != 0);
      return 0;
    default:
      break;
  }
  Target target((mode & 1) != 0, (mode & 2) == 0, (mode & 8) != 0);
  target.sealed(flag_long, Bytes(8, 1));
  Bytes open;
  put_data_head(open, 0xFFFF, 1, false, false, false);
  put_part(open, OpenPart{own_start, salt});
  target.sealed(static_cast<unsigned>(FrameType::Data) << 3, open);
  for (std::size_t frames = 0; frames < frames_max && !rest.empty(); ++frames) {
    if (rest.size() < 3) break;
    const std::uint8_t type_and_flags = rest[0];
    const std::size_t length = std::min<std::size_t>(rest[1] | (rest[2] & 7U) << 8, rest.size() - 3);
    const ByteView body = rest.subspan(3, length);
    if ((mode & 4) != 0) {
      target.receive(body);
    } else {
      target.sealed(type_and_flags, body);
    }
    rest = rest.subspan(3 + length);
  }
  return 0;
}
