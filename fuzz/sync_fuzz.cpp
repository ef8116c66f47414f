// Hostile bytes against the protocol core at every stage of a connection.
// Input: byte 0 chooses the stage (bit 0 greeted, bit 1 vector told, bit 2 keys told, bit 3 a probe is running), bit 4
// whether the rest is a raw stream or a list of payloads {type, length low, length high, bytes} framed here, so that
// the fuzzer gets past the checksum.
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
const trust::SigningKey own_key = key_of(1), peer_key = key_of(2);
constexpr std::size_t frames_max = 64;

struct Target {
  Target() : log({}, {own_key.id(), 1}) {
    for (int i = 0; i < 6; ++i) log.write(own_key, static_cast<model::Class>(i % 3), 20);
    MemoryLog theirs({}, {peer_key.id(), 1});
    for (int i = 0; i < 3; ++i) theirs.write(peer_key, model::Class::Important, 10);
    log.add_key(peer_key.public_key());
    for (const auto& run : theirs.runs_after({{peer_key.id(), 1}, model::Class::Important, {}}, 0, 1 << 20)) {
      log.append(run);
    }
    core.emplace(Config{{}, own_key.id(), "fuzzed", Planted::None}, log);
  }
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
  MemoryLog log;
  std::optional<Core> core;
  Now now{utc_from_ms(1'767'225'600'000), SteadyTime(Milliseconds(1000))};
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Target target;
  auto& core = *target.core;
  const auto stage = data[0];
  const auto peer = core.connect({}, target.now);
  const model::StreamId disputed{{peer_key.id(), 1}, model::Class::Important, {}};
  if ((stage & 1) != 0)
    core.receive(peer, encode(Hello{protocol_version, {}, peer_key.id(), "p", 1, {9}, 0}), target.now);
  if ((stage & 2) != 0) core.receive(peer, encode(VectorMessage{}), target.now);
  if ((stage & 4) != 0) core.receive(peer, encode(Keys{{peer_key.public_key()}}), target.now);
  if ((stage & 8) != 0) core.receive(peer, encode(Ack{{{disputed, 3, sync::Head4{0, 0, 0, 1}}}}), target.now);
  target.take();
  ByteView rest(data + 1, size - 1);
  if ((stage & 16) != 0) {
    core.receive(peer, rest, target.now);
  } else {
    for (std::size_t i = 0; i < frames_max && rest.size() >= 3; ++i) {
      const auto length = std::min<std::size_t>(rest[1] | rest[2] << 8, rest.size() - 3);
      core.receive(peer, make_frame(rest[0], rest.subspan(3, length)), target.now);
      rest = rest.subspan(3 + length);
      target.take();
    }
  }
  target.take();
  for (int i = 0; i < 3; ++i) {
    target.now.steady += Milliseconds(7'000);
    core.poll(target.now);
    target.take();
  }
  core.drained(peer, target.now);
  target.take();
  return 0;
}
