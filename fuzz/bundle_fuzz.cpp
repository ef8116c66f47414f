// Hostile files against the reader of bundles and what takes their events in.
// Input: byte 0, bit 0: the rest is a file as it is; else a list of chunks {kind, flags, length low, length high,
// bytes} that are given their magic and checksums here, so that the fuzzer gets past these. Bit 1: chunks of frames
// hold a list of {type, length low, length high, bytes}, framed here likewise.
#include "base/hash.hpp"
#include "bundle/intake.hpp"
#include "sync/frame.hpp"
#include "sync/memory_log.hpp"

using namespace airbridge;
using namespace airbridge::bundle;

namespace {

constexpr std::size_t list_max = 64;

trust::SigningKey key_of(std::uint8_t n) {
  trust::SigningKey::Seed seed;
  seed.value.fill(n);
  return trust::SigningKey::from_seed(seed);
}
const trust::SigningKey own_key = key_of(3);
// That of the golden bundle, so that the seeds are taken in.
const model::IncidentId incident = [] {
  model::IncidentId id;
  id.value.fill(0x11);
  return id;
}();

void put_u32(Bytes& out, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

Bytes framed(ByteView rest) {
  Bytes out;
  for (std::size_t i = 0; i < list_max && rest.size() >= 3; ++i) {
    const auto length = std::min<std::size_t>(rest[1] | rest[2] << 8, rest.size() - 3);
    const auto frame = sync::make_frame(rest[0], rest.subspan(3, length));
    out.insert(out.end(), frame.begin(), frame.end());
    rest = rest.subspan(3 + length);
  }
  return out;
}

Bytes file_of(std::uint8_t how, ByteView rest) {
  if ((how & 1) != 0) return to_bytes(rest);
  Bytes out = to_bytes(as_bytes("AIRBNDL\x01"));
  for (std::uint32_t number = 0; number < list_max && rest.size() >= 4; ++number) {
    const auto length = std::min<std::size_t>(rest[2] | rest[3] << 8, rest.size() - 4);
    const auto given = rest.subspan(4, length);
    const auto content = (how & 2) != 0 && rest[0] == 2 ? framed(given) : to_bytes(given);
    Bytes head = to_bytes(as_bytes("ABCK"));
    head.push_back(rest[0]);
    head.push_back(rest[1]);
    head.insert(head.end(), 2, 0);
    put_u32(head, number);
    put_u32(head, content.size());
    put_u32(head, (rest[1] & 1) != 0 ? 4096 : content.size());
    put_u32(head, crc32c(content));
    put_u32(head, crc32c(head));
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), content.begin(), content.end());
    rest = rest.subspan(4 + length);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  sync::MemoryLog log(incident, {own_key.id(), 1});
  log.add_key(own_key.public_key());
  for (int i = 0; i < 6; ++i) log.write(own_key, static_cast<model::Class>(i % 3), 20);
  const Now now{utc_from_ms(1'767'225'600'000), SteadyTime(Milliseconds(1000))};
  Intake intake(sync::Config{incident, own_key.id(), "fuzzed", sync::Planted::None}, log, now);
  const auto file = file_of(data[0], ByteView(data + 1, size - 1));
  Reader reader;
  const auto take = [&] {
    while (auto item = reader.next()) {
      auto* frames = std::get_if<Frames>(&*item);
      if (frames == nullptr || !intake.stopped().empty()) continue;
      intake.add(std::move(frames->frames));
      for (int round = 0; round < 10'000 && !intake.is_settled(); ++round) {
        for (auto& output : intake.work(4096, now)) {
          auto* accept = std::get_if<sync::Accept>(&output);
          if (accept == nullptr) continue;
          if (accept->author_key) log.add_key(*accept->author_key);
          // What was verified must fit the log.
          if (accept->run.seal.seq == accept->run.entries.back().seq && !log.append(accept->run)) std::abort();
          intake.accepted(accept->ticket, now);
        }
      }
      if (!intake.is_settled()) std::abort();
    }
  };
  const ByteView all = file;
  reader.feed(all.first(all.size() / 2));
  take();
  reader.feed(all.subspan(all.size() / 2));
  take();
  reader.finish();
  take();
  (void)intake.tally();
  return 0;
}
