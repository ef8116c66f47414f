// Reading what is durable. Every record's checksum is verified on the way; what fails it becomes a hole.
#include <fmt/format.h>

#include <algorithm>

#include "store/log.hpp"
#include "store/snapshot.hpp"

namespace airbridge::store {
namespace {
constexpr std::size_t open_files_max = 64;
constexpr std::size_t ends_min = 4096;
constexpr std::size_t run_bytes = 32 * 1024;  // seals within are left out: the run's last one vouches for them
}  // namespace

std::string describe(const DamagedRange& range) {
  auto text = range.length == 0 ? fmt::format("{} from byte {} is missing", segment_name(range.segment), range.offset)
                                : fmt::format("{} bytes {} to {} are {}", segment_name(range.segment), range.offset,
                                              range.offset + range.length, range.torn_tail ? "a torn end" : "damaged");
  if (range.arrival_from != 0) text += fmt::format(" (arrival numbers {} to {})", range.arrival_from, range.arrival_to);
  return text;
}

std::optional<StoredEntry> as_entry(const StoredRecord& record) {
  if (record.header.kind != Kind::Entry) return std::nullopt;
  const auto parts = split_entry(record.payload);
  if (!parts) return std::nullopt;
  auto entry = model::decode_entry(parts->entry);
  if (!entry) return std::nullopt;
  return StoredEntry{record.header.arrival, record.header.time, parts->head, parts->command, std::move(*entry)};
}

std::optional<model::Seal> as_seal(const StoredRecord& record) {
  if (record.header.kind != Kind::Seal) return std::nullopt;
  auto seal = model::decode_seal(record.payload);
  if (!seal) return std::nullopt;
  return std::move(*seal);
}

namespace {
Head head_of(const StreamState& state) {
  return {state.head_seq(), state.head(), state.contiguous(), state.sealed_seq()};
}
}  // namespace

std::map<model::StreamId, Head> Log::heads() const {
  std::map<model::StreamId, Head> out;
  for (const auto& [stream, state] : streams_) out.emplace_hint(out.end(), stream, head_of(state));
  return out;
}

std::optional<Head> Log::head(const model::StreamId& stream) const {
  const auto* const state = find(stream);
  if (state == nullptr) return std::nullopt;
  return head_of(*state);
}

model::VersionVector Log::vector() const {
  model::VersionVector out;
  for (const auto& [stream, state] : streams_) {
    if (const auto seq = state.sealed_seq(); seq != 0) out.emplace_hint(out.end(), stream, seq);
  }
  return out;
}

StoreResult<std::shared_ptr<File>> Log::file(std::uint32_t segment) {
  if (const auto found = files_.find(segment); found != files_.end()) return found->second;
  auto opened = disk_->open(segment_name(segment), OpenMode::Read);
  if (!opened) return failure(from_disk(opened.error()));
  if (files_.size() >= open_files_max) files_.erase(files_.begin());
  std::shared_ptr<File> file = std::move(*opened);
  files_[segment] = file;
  return file;
}

StoreResult<RecordView> Log::read_at(Location location, Bytes& scratch) {
  const auto from = file(location.segment());
  if (!from) return failure(from.error());
  if (const auto record = read_record(**from, location.offset(), meta_.salt, scratch)) return *record;
  note_damage(location);
  return store_failure(StoreFault::Damaged,
                       fmt::format("{} at byte {} is damaged", segment_name(location.segment()), location.offset()));
}

StoreResult<StoredEntry> Log::read_entry(const model::StreamId& stream, std::uint64_t seq) {
  const auto* const state = find(stream);
  const auto location = state != nullptr ? state->at(seq) : Location{};
  if (!location) {
    return store_failure(StoreFault::NotFound,
                         fmt::format("event {} of stream {} is not here", seq, model::to_text(stream)));
  }
  Bytes scratch;
  const auto record = read_at(location, scratch);
  if (!record) return failure(record.error());
  const auto parts = split_entry(record->payload);
  auto entry = parts ? model::decode_entry(parts->entry) : failure(model::DecodeError{});
  if (!entry || entry->stream != stream || entry->seq != seq) {
    return store_failure(StoreFault::Damaged,
                         fmt::format("event {} of stream {} is not where it should be", seq, model::to_text(stream)));
  }
  return StoredEntry{record->header.arrival, record->header.time, parts->head, parts->command, std::move(*entry)};
}

StoreResult<model::Seal> Log::read_seal(const model::StreamId& stream, std::uint64_t seq) {
  const auto* const state = find(stream);
  if (state != nullptr) {
    const auto& seals = state->seals();
    const auto place = std::lower_bound(seals.begin(), seals.end(), seq,
                                        [](const auto& seal, std::uint64_t n) { return seal.seq < n; });
    if (place != seals.end() && place->seq == seq) {
      Bytes scratch;
      const auto record = read_at(place->location, scratch);
      if (!record) return failure(record.error());
      auto seal = model::decode_seal(record->payload);
      if (seal) return std::move(*seal);
    }
  }
  return store_failure(StoreFault::NotFound,
                       fmt::format("no seal of event {} of stream {}", seq, model::to_text(stream)));
}

StoreResult<std::vector<model::SealedRun>> Log::runs_after(const model::StreamId& stream, std::uint64_t seq,
                                                           std::size_t bytes_max) {
  std::vector<model::SealedRun> runs;
  const auto* const state = find(stream);
  if (state == nullptr) return runs;
  std::size_t total = 0;
  model::SealedRun run;
  std::vector<std::uint64_t> ends;
  auto next = std::max(seq + 1, state->first());
  const auto& seals = state->seals();
  for (auto seal = std::lower_bound(seals.begin(), seals.end(), seq + 1,
                                    [](const auto& one, std::uint64_t n) { return one.seq < n; });
       seal != seals.end() && seal->seq <= state->contiguous(); ++seal) {
    ends.push_back(seal->seq);
    // Entries are longer than four bytes: more cannot be wanted, and the rest of a long stream need not be looked at.
    if (seal->seq - next >= std::max(bytes_max / 4, ends_min)) break;
  }
  std::size_t in_run = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    for (; next <= ends[i]; ++next) {
      auto entry = read_entry(stream, next);
      if (!entry) return runs.empty() ? StoreResult<std::vector<model::SealedRun>>(failure(entry.error())) : runs;
      in_run += entry->entry.size();
      run.entries.push_back(std::move(entry->entry));
    }
    const bool last = i + 1 == ends.size();
    if (!last && in_run < run_bytes && total + in_run < bytes_max) continue;
    auto seal = read_seal(stream, ends[i]);
    if (!seal) {
      if (last) break;  // the seal is damaged: what it vouched for waits for the next one
      continue;
    }
    run.seal = std::move(*seal);
    runs.push_back(std::exchange(run, {}));
    total += std::exchange(in_run, 0);
    if (total >= bytes_max) break;
  }
  return runs;
}

std::optional<model::PublicKey> Log::author_key(const model::KeyId& id) const {
  const auto found = keys_.find(id);
  return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<model::Dot> Log::command(const model::CommandId& id) const { return commands_.find(id); }

std::optional<model::Genesis> Log::genesis() {
  if (!genesis_) return std::nullopt;
  Bytes scratch;
  const auto record = read_at(genesis_, scratch);
  if (!record) return std::nullopt;
  auto genesis = model::decode_genesis(record->payload);
  return genesis ? std::optional(std::move(*genesis)) : std::nullopt;
}

StoreResult<std::vector<StoredRecord>> Log::read_from(std::uint64_t arrival, std::size_t records_max,
                                                      std::size_t bytes_max) {
  std::vector<StoredRecord> out;
  if (arrival > durable_arrival_ || marks_.empty()) return out;
  auto mark = std::upper_bound(marks_.begin(), marks_.end(), arrival,
                               [](std::uint64_t n, const ArrivalMark& m) { return n < m.arrival; });
  if (mark != marks_.begin()) --mark;
  auto offset = mark->location.offset();
  std::size_t bytes = 0;
  std::vector<Location> found_damaged;
  for (auto segment = segments_.find(mark->location.segment()); segment != segments_.end(); ++segment) {
    const auto from = file(segment->first);
    if (!from) return failure(from.error());
    SegmentReader reader(**from, offset, segment->second.end, meta_.salt);
    offset = segment_header_bytes;
    for (auto item = reader.next(); !std::holds_alternative<SegmentReader::End>(item); item = reader.next()) {
      if (const auto* damage = std::get_if<SegmentReader::Damage>(&item)) {
        found_damaged.push_back(Location::of(segment->first, damage->offset));
        continue;
      }
      const auto& record = std::get<RecordView>(item);
      const auto location = Location::of(segment->first, record.offset);
      if (record.header.arrival < arrival || skipped_.contains(location)) continue;
      out.push_back({record.header, to_bytes(record.payload), location});
      bytes += record.payload.size();
      if (out.size() >= records_max || bytes >= bytes_max) {
        for (const auto& place : found_damaged) note_damage(place);
        return out;
      }
    }
  }
  for (const auto& place : found_damaged) note_damage(place);
  return out;
}

void Log::add_damage(DamagedRange range) {
  if (!range.torn_tail) ++damage_found_;
  if (report_.damaged.size() >= damaged_max) {
    ++report_.damaged_more;
    return;
  }
  report_.damaged.push_back(range);
}

std::uint64_t Log::damage_count() const {
  const auto whole = std::count_if(report_.damaged.begin(), report_.damaged.end(),
                                   [](const DamagedRange& range) { return !range.torn_tail; });
  return static_cast<std::uint64_t>(whole) + report_.damaged_more;
}

// After something was filled in: whole again when no stream has a hole.
void Log::settle_damage() {
  if (damage_count() == 0) return;
  for (const auto& [stream, state] : streams_) {
    if (state.contiguous() != state.head_seq()) return;
  }
  std::erase_if(report_.damaged, [](const DamagedRange& range) { return !range.torn_tail; });
  report_.damaged_more = 0;
}

void Log::note_damage(Location location) {
  const auto segment = segments_.find(location.segment());
  const auto from = file(location.segment());
  if (!from || segment == segments_.end()) return;
  SegmentReader reader(**from, location.offset(), segment->second.end, meta_.salt);
  const auto item = reader.next();
  const auto* const damage = std::get_if<SegmentReader::Damage>(&item);
  const auto length = damage != nullptr ? damage->length : segment->second.end - location.offset();
  if (damage == nullptr && std::holds_alternative<RecordView>(item)) return;  // it can be read after all
  for (const auto& known : report_.damaged) {
    if (known.segment == location.segment() && known.offset <= location.offset() &&
        location.offset() + length <= known.offset + known.length) {
      return;
    }
  }
  bool lost = false;
  const auto inside = [&](Location place) {
    return place.segment() == location.segment() && place.offset() >= location.offset() &&
           place.offset() < location.offset() + length;
  };
  for (auto& [stream, state] : streams_) {
    for (auto seq = state.first(); seq <= state.head_seq(); ++seq) {
      if (!inside(state.at(seq))) continue;
      lost = true;
      state.lose(seq);
      --entries_;
    }
    const auto seals = state.seals();
    for (const auto& seal : seals) {
      if (!inside(seal.location)) continue;
      lost = true;
      state.lose_seal(seal.seq);
    }
  }
  // Where nothing lies that is still read from there, it was repaired before, or is a torn end.
  if (!lost) return;
  add_damage({location.segment(), location.offset(), length, 0, 0, false});
  forget_snapshots();
}

// A snapshot made before the damage was known would believe, at the next start, that what is lost is here.
void Log::forget_snapshots() {
  const auto names = disk_->list();
  if (!names) return;
  bool any = false;
  for (const auto& name : *names) {
    if (snapshot_arrival(name) && disk_->remove(name)) any = true;
  }
  if (any) (void)disk_->sync_directory();
}

std::size_t Log::scrub(std::size_t bytes_max) {
  const auto before = damage_count();
  auto segment = segments_.lower_bound(scrubbed_.segment());
  if (segment == segments_.end()) segment = segments_.begin();
  if (segment == segments_.end()) return 0;
  const auto from = file(segment->first);
  const auto start = segment->first == scrubbed_.segment() ? scrubbed_.offset() : segment_header_bytes;
  if (!from) {
    scrubbed_ = Location::of(segment->first + 1, 0);
    return 0;
  }
  SegmentReader reader(**from, std::max<std::uint64_t>(start, segment_header_bytes), segment->second.end, meta_.salt);
  std::vector<Location> found;
  while (true) {
    const auto item = reader.next();
    if (std::holds_alternative<SegmentReader::End>(item)) {
      scrubbed_ = Location::of(segment->first + 1, 0);
      break;
    }
    if (const auto* damage = std::get_if<SegmentReader::Damage>(&item)) {
      found.push_back(Location::of(segment->first, damage->offset));
      continue;
    }
    const auto& record = std::get<RecordView>(item);
    if (record.end() - start < bytes_max) continue;
    scrubbed_ = Location::of(segment->first, record.end());
    break;
  }
  for (const auto& place : found) note_damage(place);
  return static_cast<std::size_t>(damage_count() - before);
}

std::vector<Hole> Log::holes() const {
  std::vector<Hole> out;
  for (const auto& [stream, state] : streams_) {
    auto found = state.holes(stream);
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

std::vector<Log::SegmentExtent> Log::extents() const {
  std::vector<SegmentExtent> out;
  for (const auto& [number, segment] : segments_) out.push_back({number, segment.end});
  return out;
}

std::string Log::why_new_incarnation(const model::KeyId& own) const {
  if (!incarnation_ || incarnation_->author != own) return "this node has no incarnation in this store yet";
  if (!doubt_.empty()) return doubt_;
  for (int cls = 0; cls < model::class_count; ++cls) {
    const auto* const state = find({*incarnation_, static_cast<model::Class>(cls), {}});
    if (state != nullptr && state->contiguous() != state->head_seq()) {
      return fmt::format("own events of class {} behind {} are damaged", cls, state->contiguous());
    }
  }
  return {};
}

IncarnationReason Log::next_reason() const {
  if (doubt_ == doubt_restored) return IncarnationReason::Restored;
  return incarnation_ ? IncarnationReason::Doubt : IncarnationReason::Fresh;
}

bool Log::must_begin_new_incarnation(const model::KeyId& own) const { return !why_new_incarnation(own).empty(); }

}  // namespace airbridge::store
