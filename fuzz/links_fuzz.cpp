// Hostile messages against the protocol core on message links: compact messages, writers asked for and told, messages
// that wait until their writers are known, and what beacons say.
// Input: byte 0: bit 0 the node is level with the peer's beacon, bit 1 a narrow link, bit 2 one way, bit 3 the peer has
// told its writers, bit 4 a second link to another node on the same channel. Then items {kind, length low, length high,
// bytes}: kind 0 the bytes as a message, 1 the same overheard, 2 the bytes (one canonical payload behind its type) are
// said in compact form by an honest encoder, 3 a beacon with the first eight of them, 4 time passes (byte times 100 ms)
// and what the node wants to say is pulled.
#include "sync/compact.hpp"
#include "sync/core.hpp"
#include "sync/memory_log.hpp"

using namespace airbridge;
using namespace airbridge::sync;

namespace {
trust::SigningKey key_of(std::uint8_t n) {
  trust::SigningKey::Seed seed;
  seed.value.fill(n);
  return trust::SigningKey::from_seed(seed);
}
const trust::SigningKey own_key = key_of(1), peer_key = key_of(2), third_key = key_of(3);
constexpr std::size_t items_max = 64;

struct Target {
  explicit Target(std::uint8_t mode) : log({}, {own_key.id(), 1}) {
    for (int i = 0; i < 6; ++i) log.write(own_key, static_cast<model::Class>(i % 3), 20);
    MemoryLog theirs({}, {peer_key.id(), 1});
    for (int i = 0; i < 3; ++i) theirs.write(peer_key, model::Class::Important, 10);
    log.add_key(peer_key.public_key());
    for (const auto& run : theirs.runs_after({{peer_key.id(), 1}, model::Class::Important, {}}, 0, 1 << 20))
      log.append(run);
    core.emplace(Config{{}, own_key.id(), "fuzzed", Planted::None}, log);
    core->durable(now);
    LinkProfile link;
    link.is_message = true;
    link.bearer = "radio";
    link.channel = 1;
    link.is_narrow = (mode & 2) != 0;
    link.is_one_way = (mode & 4) != 0;
    peer = core->connect_known(link, peer_key.id(), "p", (mode & 1) != 0 ? core->digest() : Digest{9}, now);
    if ((mode & 16) != 0) core->connect_known(link, third_key.id(), "q", Digest{7}, now);
    table = WriterTable({{own_key.id(), 1}, {peer_key.id(), 1}});
    context.table = &table;
    if ((mode & 8) != 0) say(Writers{table.writers()});
  }
  void say(const Message& message) { core->receive_message(peer, encode_compact(message, context), false, now); }
  void take() {
    for (int round = 0; round < 4; ++round) {
      const auto outputs = core->take_outputs();
      if (outputs.empty()) return;
      for (const auto& output : outputs) {
        const auto* accept = std::get_if<Accept>(&output);
        if (accept == nullptr) continue;
        if (accept->author_key) log.add_key(*accept->author_key);
        // What the core verified must fit the log.
        if (accept->run.seal.seq == accept->run.entries.back().seq && !log.append(accept->run)) std::abort();
        core->accepted(accept->ticket, now);
      }
      core->durable(now);
    }
  }
  void pass(std::int64_t ms) {
    now.steady += Milliseconds(ms);
    core->poll(now);
    take();
    (void)core->pull(peer, 1'000, false, now);
    (void)core->pull_last_values(1, 200, now);
    take();
  }
  MemoryLog log;
  std::optional<Core> core;
  PeerId peer = 0;
  WriterTable table{{}};
  CompactContext context;
  Now now{utc_from_ms(1'767'225'600'000), SteadyTime(Milliseconds(1000))};
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Target target(data[0]);
  target.take();
  ByteView rest(data + 1, size - 1);
  for (std::size_t i = 0; i < items_max && rest.size() >= 3; ++i) {
    const auto length = std::min<std::size_t>(rest[1] | rest[2] << 8, rest.size() - 3);
    const auto bytes = rest.subspan(3, length);
    switch (rest[0] % 5) {
      case 0:
      case 1:
        target.core->receive_message(target.peer, bytes, rest[0] % 5 == 1, target.now);
        break;
      case 2:
        if (bytes.empty()) break;
        if (const auto message = decode(bytes[0], bytes.subspan(1))) {
          if (const auto* plain = std::get_if<Message>(&*message)) target.say(*plain);
        }
        break;
      case 3: {
        Digest digest{};
        std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
        target.core->beacon(target.peer, digest, target.now);
        break;
      }
      default:
        target.pass(bytes.empty() ? 7'000 : bytes[0] * 100);
        break;
    }
    rest = rest.subspan(3 + length);
    target.take();
  }
  for (int i = 0; i < 3; ++i) target.pass(7'000);
  return 0;
}
