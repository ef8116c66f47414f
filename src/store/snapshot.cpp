#include "store/snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/hash.hpp"
#include "store/little_endian.hpp"

namespace airbridge::store {
namespace {

constexpr std::string_view snapshot_magic = "AIRBSNP1";
constexpr std::size_t check_bytes = 32;

void put(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void put_writer(Bytes& out, const model::Writer& writer) {
  put(out, writer.author.view());
  append_le(out, writer.incarnation);
}
model::Writer get_writer(LeReader& in) {
  const auto author = in.fixed<model::KeyId>();
  return {author, in.number<std::uint32_t>()};
}
void put_stream_id(Bytes& out, const model::StreamId& stream) {
  put_writer(out, stream.writer);
  out.push_back(static_cast<std::uint8_t>(stream.cls));
  append_le(out, stream.branch.from);
  put(out, stream.branch.head);
}
model::StreamId get_stream_id(LeReader& in) {
  model::StreamId stream;
  stream.writer = get_writer(in);
  stream.cls = static_cast<model::Class>(in.number<std::uint8_t>());
  stream.branch.from = in.number<std::uint64_t>();
  const auto head = in.bytes(stream.branch.head.size());
  std::copy(head.begin(), head.end(), stream.branch.head.begin());
  return stream;
}
// On little-endian machines, which all we run on are, this is a copy.
void put_locations(Bytes& out, const std::vector<Location>& locations) {
  const auto start = out.size();
  out.resize(start + locations.size() * 8);
  for (std::size_t i = 0; i < locations.size(); ++i) put_le(&out[start + i * 8], locations[i].packed);
}

}  // namespace

std::string snapshot_name(std::uint64_t arrival) { return fmt::format("snapshot-{:020}.snap", arrival); }

std::optional<std::uint64_t> snapshot_arrival(std::string_view name) {
  if (name.size() != 34 || !name.starts_with("snapshot-") || !name.ends_with(".snap")) return std::nullopt;
  std::uint64_t arrival = 0;
  const auto [stop, error] = std::from_chars(name.data() + 9, name.data() + 29, arrival);
  if (error != std::errc{} || stop != name.data() + 29) return std::nullopt;
  return arrival;
}

Bytes SnapshotCodec::encode(const Log& log) {
  Bytes out;
  std::size_t places = 0;
  for (const auto& [stream, state] : log.streams_) places += state.at_.size() + 2 * state.seals_.size();
  out.reserve(places * 8 + log.commands_.order_.size() * 64 + log.marks_.size() * 16 + 64 * 1024);
  put(out, as_bytes(snapshot_magic));
  put(out, log.incident_.view());
  append_le(out, log.durable_arrival_);
  append_le(out, log.entries_);
  append_le(out, log.batch_);
  append_le(out, std::uint64_t{log.segments_.size()});
  for (const auto& [number, segment] : log.segments_) {
    append_le(out, number);
    append_le(out, segment.end);
    append_le(out, segment.first_arrival);
  }
  append_le(out, std::uint64_t{log.streams_.size()});
  for (const auto& [stream, state] : log.streams_) {
    put_stream_id(out, stream);
    append_le(out, state.contiguous_);
    put(out, state.head_.view());
    append_le(out, std::uint64_t{state.at_.size()});
    put_locations(out, state.at_);
    append_le(out, std::uint64_t{state.seals_.size()});
    for (const auto& seal : state.seals_) {
      append_le(out, seal.seq);
      append_le(out, seal.location.packed);
    }
  }
  append_le(out, std::uint64_t{log.keys_.size()});
  for (const auto& [id, key] : log.keys_) put(out, key.view());
  append_le(out, std::uint64_t{log.commands_.order_.size()});
  for (const auto& id : log.commands_.order_) {
    const auto& dots = log.commands_.dots_.at(id);
    put(out, id.view());
    append_le(out, std::uint64_t{dots.size()});
    for (const auto& dot : dots) {
      put_writer(out, dot.writer);
      out.push_back(static_cast<std::uint8_t>(dot.cls));
      append_le(out, dot.seq);
    }
  }
  append_le(out, std::uint64_t{log.marks_.size()});
  for (const auto& mark : log.marks_) {
    append_le(out, mark.arrival);
    append_le(out, mark.location.packed);
  }
  append_le(out, std::uint64_t{log.skipped_.size()});
  for (const auto& location : log.skipped_) append_le(out, location.packed);
  append_le(out, log.damage_count() - log.report_.damaged_more);
  for (const auto& range : log.report_.damaged) {
    if (range.torn_tail) continue;
    append_le(out, range.segment);
    for (const auto number : {range.offset, range.length, range.arrival_from, range.arrival_to}) append_le(out, number);
  }
  append_le(out, log.genesis_.packed);
  out.push_back(log.incarnation_ ? 1 : 0);
  put_writer(out, log.incarnation_.value_or(model::Writer{}));
  append_le(out, log.incarnation_at_.packed);
  return out;
}

bool SnapshotCodec::decode(Bytes file, Log& log) {
  const ByteView bytes = file;
  if (bytes.size() < snapshot_magic.size() + check_bytes || as_text(bytes.first(8)) != snapshot_magic) return false;
  const auto body = bytes.first(bytes.size() - check_bytes);
  const auto check = blake2b<check_bytes>({body});
  if (!std::equal(check.begin(), check.end(), bytes.end() - check_bytes)) return false;
  Log made(*log.disk_, log.options_);
  LeReader in(body.subspan(8));
  if (in.fixed<model::IncidentId>() != log.incident_) return false;
  made.durable_arrival_ = in.number<std::uint64_t>();
  made.entries_ = in.number<std::uint64_t>();
  made.batch_ = in.number<std::uint16_t>();
  for (auto n = in.count(20); n > 0; --n) {
    const auto number = in.number<std::uint32_t>();
    const auto end = in.number<std::uint64_t>();
    made.segments_[number] = {end, in.number<std::uint64_t>()};
  }
  for (auto n = in.count(60); n > 0; --n) {
    const auto stream = get_stream_id(in);
    auto& state = made.state_of(stream);
    state.contiguous_ = in.number<std::uint64_t>();
    state.head_ = in.fixed<model::Hash>();
    const auto count = in.count(8);
    const auto locations = in.bytes(count * 8);
    state.at_.resize(locations.size() / 8);
    for (std::size_t i = 0; i < state.at_.size(); ++i) {
      state.at_[i].packed = get_le<std::uint64_t>(&locations[i * 8]);
      if (!state.at_[i]) ++state.missing_;
    }
    const auto seals = in.count(16);
    state.seals_.reserve(seals);
    for (std::size_t i = 0; i < seals; ++i) {
      const auto seq = in.number<std::uint64_t>();
      state.seals_.push_back({seq, {in.number<std::uint64_t>()}});
    }
  }
  for (auto n = in.count(model::PublicKey::size); n > 0; --n) {
    const auto key = in.fixed<model::PublicKey>();
    made.keys_[model::key_id_of(key)] = key;
  }
  for (auto n = in.count(24); n > 0; --n) {
    const auto id = in.fixed<model::CommandId>();
    for (auto dots = in.count(29); dots > 0; --dots) {
      model::Dot dot;
      dot.writer = get_writer(in);
      dot.cls = static_cast<model::Class>(in.number<std::uint8_t>());
      dot.seq = in.number<std::uint64_t>();
      made.commands_.add(id, dot);
    }
  }
  for (auto n = in.count(16); n > 0; --n) {
    const auto arrival = in.number<std::uint64_t>();
    made.marks_.push_back({arrival, {in.number<std::uint64_t>()}});
  }
  for (auto n = in.count(8); n > 0; --n) made.skipped_.insert({in.number<std::uint64_t>()});
  for (auto n = in.count(36); n > 0; --n) {
    DamagedRange range;
    range.segment = in.number<std::uint32_t>();
    for (auto* number : {&range.offset, &range.length, &range.arrival_from, &range.arrival_to}) {
      *number = in.number<std::uint64_t>();
    }
    made.report_.damaged.push_back(range);
  }
  made.genesis_ = {in.number<std::uint64_t>()};
  const bool has_incarnation = in.number<std::uint8_t>() != 0;
  const auto writer = get_writer(in);
  if (has_incarnation) made.incarnation_ = writer;
  made.incarnation_at_ = {in.number<std::uint64_t>()};
  const auto picture_arrival = in.number<std::uint64_t>();
  const auto picture = in.bytes(in.count(1));
  if (!in.at_end() || made.segments_.empty()) return false;
  const auto offset = static_cast<std::size_t>(picture.data() - bytes.data());
  made.picture_ = Log::Picture{picture_arrival, std::move(file), offset, picture.size()};

  made.incident_ = log.incident_;
  made.meta_ = log.meta_;
  made.doubt_ = log.doubt_;
  made.report_.notes = log.report_.notes;
  made.report_.heads_disagree = log.report_.heads_disagree;
  made.report_.snapshot_arrival = made.durable_arrival_;
  made.active_number_ = made.segments_.rbegin()->first;
  made.active_end_ = made.segments_.rbegin()->second.end;
  log = std::move(made);
  return true;
}

Log::Snapshot Log::make_snapshot() const { return {durable_arrival_, SnapshotCodec::encode(*this)}; }

StoreResult<void> Log::save_snapshot(Disk& disk, const Snapshot& snapshot, ByteView picture,
                                     std::uint64_t picture_arrival) {
  if (snapshot.arrival == 0) return {};
  Bytes between;
  append_le(between, picture_arrival);
  append_le(between, std::uint64_t{picture.size()});
  const auto check = blake2b<check_bytes>({snapshot.tables, between, picture});
  const ByteView parts[] = {snapshot.tables, between, picture, check};
  if (auto done = write_file_atomically(disk, snapshot_name(snapshot.arrival), parts); !done) {
    return failure(from_disk(done.error()));
  }
  const auto names = disk.list();
  if (!names) return failure(from_disk(names.error()));
  std::vector<std::string> snapshots;
  for (const auto& name : *names) {
    if (snapshot_arrival(name)) snapshots.push_back(name);
  }
  for (std::size_t i = 0; i + snapshots_kept < snapshots.size(); ++i) {
    (void)disk.remove(snapshots[i]);  // one too many only takes room
  }
  return {};
}

void Log::load_snapshot() {
  const auto names = disk_->list();
  if (!names) return;
  // Fixed width: the order of names is the order of arrivals.
  for (auto name = names->rbegin(); name != names->rend(); ++name) {
    if (!snapshot_arrival(*name)) continue;
    auto bytes = read_file(*disk_, *name, snapshot_bytes_max);
    if (!bytes || !SnapshotCodec::decode(std::move(*bytes), *this)) {
      report_.notes.push_back(*name + " is damaged and was not used");
      continue;
    }
    std::string why;
    for (const auto& [number, segment] : segments_) {
      const auto from = file(number);
      const auto size = from ? (*from)->size() : DiskResult<std::uint64_t>(failure(DiskError{}));
      if (!size || *size < segment.end) why = segment_name(number) + " is shorter than it says";
    }
    Log empty(*disk_, options_);
    if (why.empty()) return;
    // The log lost what was durable when the snapshot was written.
    empty.incident_ = incident_;
    empty.meta_ = meta_;
    empty.doubt_ = doubt_;
    empty.report_.notes = report_.notes;
    empty.report_.notes.push_back(*name + " was not used: " + why);
    empty.report_.heads_disagree = true;
    *this = std::move(empty);
  }
}

}  // namespace airbridge::store
