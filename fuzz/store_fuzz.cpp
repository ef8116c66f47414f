// Opens a store whose segment, snapshot or VERSION is hostile. Even first byte: the rest is the file itself. Odd: the
// rest is a list of (offset, byte) pairs laid over a good segment, so that the search gets past the checksums'
// neighbours.
#include <cstdlib>

#include "store/log.hpp"
#include "store/sim_disk.hpp"
#include "store/snapshot.hpp"
#include "trust/keys.hpp"

namespace {

using namespace airbridge;         // NOLINT
using namespace airbridge::store;  // NOLINT

const UtcTime noon = utc_from_ms(1773480600000);
const model::IncidentId incident{};

LogOptions options() {
  LogOptions out;
  out.segment_bytes = 4096;
  out.allocate_bytes = 4096;
  out.salt = 0;
  return out;
}

void require(bool holds) {
  if (!holds) std::abort();
}

Bytes good_segment() {
  SimDisk disk(1);
  auto log = Log::open(disk, incident, options(), noon);
  const auto key = trust::SigningKey::from_seed({});
  model::Entry entry;
  entry.stream = {{key.id(), 1}, model::Class::Important, {}};
  for (entry.seq = 1; entry.seq <= 8; ++entry.seq) {
    entry.public_part.assign(entry.seq * 5, 'x');
    require(log->append_entry(entry, {}, noon).has_value());
    require(log->append_seal(
                   trust::make_seal(key, incident, entry.stream, entry.seq, log->staged_head(entry.stream).head), noon)
                .has_value());
    require(log->sync(noon).has_value());
  }
  auto bytes = disk.content(segment_name(1));
  bytes.resize(static_cast<std::size_t>(log->extents()[0].end));
  return bytes;
}

void exercise(SimDisk& disk) {
  auto log = Log::open(disk, incident, options(), noon);
  if (!log) return require(!log.error().what.empty());
  for (const auto& [stream, head] : log->heads()) {
    require(head.contiguous <= head.seq || head.seq == 0);
    require(head.sealed_seq <= head.contiguous);
    for (auto seq = head.seq; seq > 0 && seq + 20 > head.seq; --seq) (void)log->read_entry(stream, seq);
    (void)log->runs_after(stream, 0, 1 << 16);
  }
  (void)log->read_from(1, 1000, 1 << 20);
  (void)log->scrub(1 << 16);
  (void)log->genesis();
  const auto vector = log->vector();
  // It takes new things, and the next start finds all as this one left it.
  require(log->begin_incarnation({{}, 5}, IncarnationReason::Doubt, noon).has_value());
  require(log->sync(noon).has_value());
  auto whole = options();
  whole.use_snapshot = false;
  auto again = Log::open(disk, incident, whole, noon);
  require(again.has_value());
  require(again->incarnation().has_value() && again->incarnation()->incarnation == 5);
  if (log->report().snapshot_arrival == 0) require(again->vector() == vector);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Bytes good = good_segment();
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  SimDisk disk(1);
  Meta meta;
  meta.created_by = "fuzz";
  const auto version = encode(meta);
  disk.set_content(version_name, to_bytes(as_bytes(version)));
  if (data[0] % 2 == 1) {
    auto bytes = good;
    for (std::size_t at = 0; at + 3 <= rest.size(); at += 3) {
      bytes[(rest[at] | static_cast<std::size_t>(rest[at + 1]) << 8) % bytes.size()] = rest[at + 2];
    }
    disk.set_content(segment_name(1), bytes);
  } else if (data[0] % 4 == 0) {
    disk.set_content(segment_name(1), to_bytes(rest));
  } else if (data[0] % 8 == 2) {
    disk.set_content(segment_name(1), good);
    disk.set_content(snapshot_name(3), to_bytes(rest));
  } else {
    disk.set_content(version_name, to_bytes(rest));
    disk.set_content(segment_name(1), good);
  }
  exercise(disk);
  return 0;
}
