// Opening a store: what is there, is it ours, is it whole, and may the old incarnation go on.
#include <fmt/format.h>

#include "base/hash.hpp"
#include "store/little_endian.hpp"
#include "store/scan.hpp"
#include "store/snapshot.hpp"
#include "trust/keys.hpp"

namespace airbridge::store {
namespace {

constexpr std::size_t small_file_max = 64 * 1024;

using Headers = std::map<std::uint32_t, std::optional<SegmentHeader>>;

StoreResult<Headers> read_headers(Disk& disk) {
  Headers out;
  const auto names = disk.list();
  if (!names) return failure(from_disk(names.error()));
  for (const auto& name : *names) {
    const auto number = segment_number(name);
    if (!number) continue;
    auto& header = out[*number];
    const auto file = disk.open(name, OpenMode::Read);
    if (!file) return failure(from_disk(file.error()));
    Bytes bytes(segment_header_bytes);
    const auto got = (*file)->read_at(0, bytes);
    if (got && *got == bytes.size()) header = decode_segment_header(bytes);
    if (header && header->format != store_format) return failure(other_format(header->format));
    if (header && header->number != *number) header.reset();
  }
  return out;
}

// The last segment has no header and no record: it was being made when the power went.
bool is_unborn(Disk& disk, std::uint32_t number, std::uint32_t salt) {
  const auto file = disk.open(segment_name(number), OpenMode::Read);
  if (!file) return false;
  const auto size = (*file)->size();
  if (!size) return false;
  SegmentReader reader(**file, 0, *size, salt);
  for (auto item = reader.next(); !std::holds_alternative<SegmentReader::End>(item); item = reader.next()) {
    if (std::holds_alternative<RecordView>(item)) return false;
  }
  return true;
}

}  // namespace

Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;
Log::~Log() = default;

StoreResult<Log> Log::open(Disk& disk, const model::IncidentId& incident, LogOptions options, UtcTime now) {
  const auto begin = std::chrono::steady_clock::now();
  Log log(disk, std::move(options));
  log.incident_ = incident;
  if (auto done = log.open_store(now); !done) return failure(done.error());
  log.report_.duration = std::chrono::steady_clock::now() - begin;
  return log;
}

StoreResult<void> Log::open_meta(const Headers& headers) {
  const SegmentHeader* known = nullptr;
  for (const auto& [number, header] : headers) {
    if (header && known == nullptr) known = &*header;
  }
  auto meta = read_meta(*disk_);
  if (!meta && meta.error().fault == StoreFault::OtherFormat) return failure(meta.error());
  if (!meta) {
    if (!headers.empty() && known == nullptr) {
      return store_failure(StoreFault::Damaged,
                           fmt::format("neither the file VERSION of {} nor any segment's header can "
                                       "be read: restore a backup",
                                       disk_->where()));
    }
    Meta made;
    made.created_by = options_.created_by;
    made.incident = known != nullptr ? known->incident : incident_;
    made.salt = known != nullptr ? known->salt : options_.salt ? *options_.salt : trust::random_u32();
    if (known != nullptr || meta.error().fault != StoreFault::NotFound) {
      report_.notes.push_back("the file VERSION was written anew: " + meta.error().what);
    }
    if (made.incident == incident_) {
      if (auto done = write_meta(*disk_, made); !done) return done;
    }
    meta = made;
  }
  meta_ = *meta;
  if (meta_.incident != incident_ || (known != nullptr && known->incident != incident_)) {
    return store_failure(StoreFault::WrongIncident,
                         fmt::format("{} holds incident {}, not {}", disk_->where(), meta_.incident.hex().substr(0, 16),
                                     incident_.hex().substr(0, 16)));
  }
  return {};
}

StoreResult<void> Log::open_store(UtcTime now) {
  auto headers = read_headers(*disk_);
  if (!headers) return failure(headers.error());
  if (auto done = open_meta(*headers); !done) return done;
  if (!headers->empty() && !headers->rbegin()->second && is_unborn(*disk_, headers->rbegin()->first, meta_.salt)) {
    report_.notes.push_back(segment_name(headers->rbegin()->first) + " was being made at the last stop; removed");
    remove_quietly(segment_name(headers->rbegin()->first));
    headers->erase(std::prev(headers->end()));
  }
  const auto clean = read_file(*disk_, clean_name, small_file_max);
  if (const auto text = read_file(*disk_, doubt_name, small_file_max)) doubt_ = std::string(as_text(*text));
  if (options_.use_snapshot) load_snapshot();

  const bool from_snapshot = report_.snapshot_arrival != 0;
  const auto from = from_snapshot ? Location::of(active_number_, active_end_) : Location{};
  Scan scan(*this, *headers);
  if (auto done = scan.run(from, durable_arrival_ + 1); !done) return done;
  batch_ = scan.next_batch();
  next_arrival_ = scan.next_arrival() + (report_.torn_bytes + record_header_bytes - 1) / record_header_bytes;

  report_.clean_stop = clean.has_value();
  if (clean && as_text(*clean) != clean_text()) report_.heads_disagree = true;
  judge(scan);
  if (clean && doubt_noted_) remove_quietly(clean_name);

  if (headers->empty()) {
    if (auto done = start_segment(1, 0, now); !done) return done;
  } else {
    auto file = disk_->open(segment_name(active_number_), OpenMode::Write);
    if (!file) return failure(from_disk(file.error()));
    active_ = std::move(*file);
    const auto size = active_->size();
    allocated_ = size ? *size : active_end_;
    // What a killed process wrote may be in the page cache only; it counts from here on, so it must be durable.
    DiskResult<void> done = active_->fdatasync();
    if (done) done = disk_->sync_directory();
    if (!done) return failure(from_disk(done.error()));
  }
  // A log shorter than its snapshot lost what was durable: that is no torn batch.
  if (!report_.clean_stop && !report_.heads_disagree) {
    scan.settle_torn();
    withdraw_unacknowledged(scan.torn_entries(), now);
  }
  (void)commit({}, now);  // shows the first segment
  return {};
}

// Whether something of ours may be lost that others have seen. Written down before anything else is written.
void Log::judge(const Scan& scan) {
  std::string reason;
  if (report_.heads_disagree) {
    reason = "the log does not end as it did at the last clean stop or snapshot";
  } else if (report_.torn_bytes > 0) {
    reason = fmt::format("the log ended in {} bytes that are no record", report_.torn_bytes);
  } else if (scan.young_damage() > 0) {
    reason = scan.batch_torn() ? "the last batch of the log is damaged" : "the log is damaged";
  } else if (scan.batch_torn() && incarnation_) {
    reason = "the last batch of the log is not whole";
  }
  if (reason.empty() || !doubt_.empty()) return;
  report_.notes.push_back("a new incarnation is needed: " + reason);
  // A disk that takes no writes must not keep the node from starting: nothing is appended before this is noted.
  if (const auto noted = note_doubt(reason); !noted) report_.notes.push_back(noted.error().what);
}

StoreResult<void> Log::note_doubt(const std::string& reason) {
  doubt_ = reason;
  doubt_noted_ = false;
  if (auto done = write_file_atomically(*disk_, doubt_name, as_bytes(reason)); !done)
    return failure(from_disk(done.error()));
  doubt_noted_ = true;
  remove_quietly(clean_name);
  return {};
}

void Log::remove_quietly(std::string_view name) {
  if (disk_->remove(name)) (void)disk_->sync_directory();
}

std::string Log::clean_text() const {
  Bytes heads;
  for (const auto& [stream, state] : streams_) {
    model::put_stream(heads, stream);
    append_le(heads, state.head_seq());
    heads.insert(heads.end(), state.head().value.begin(), state.head().value.end());
  }
  return fmt::format("arrival {}\nheads {}\n", durable_arrival_, to_hex(blake2b<32>({heads})));
}

void Log::withdraw(const model::StreamId& stream, std::uint64_t from, std::string_view why) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || from < found->second.first()) return;
  auto& state = found->second;
  for (auto seq = from; seq <= state.head_seq(); ++seq) {
    const auto location = state.at(seq);
    // Of what is lost nobody knows when it came: the snapshot may have been made of a picture that shows it.
    if (!location && report_.snapshot_arrival != 0) report_.withdrew_shown = true;
    if (!location) continue;
    Bytes scratch;
    if (const auto record = read_at(location, scratch)) {
      if (record->header.arrival <= report_.snapshot_arrival) report_.withdrew_shown = true;
      if (const auto parts = split_entry(record->payload)) {
        commands_.remove(parts->command, {stream.writer, stream.cls, seq});
      }
    }
    skipped_.insert(location);
    --entries_;
    if (report_.set_aside.size() < set_aside_max) {
      report_.set_aside.push_back({{stream.writer, stream.cls, seq}, location, fmt::format("withdrawn: {}", why)});
    }
  }
  if (from <= state.head_seq()) state.cut(from - 1, chain_at(stream, from - 1).value_or(model::Hash{}));
}

void Log::withdraw_unacknowledged(const std::map<model::StreamId, std::uint64_t>& begins, UtcTime now) {
  for (const auto& [stream, begin] : begins) {
    const auto* const state = find(stream);
    if (state == nullptr) continue;
    const bool own = incarnation_ && incarnation_->author == stream.writer.author;
    const auto from = own ? begin : std::max(begin, state->sealed_seq() + 1);
    if (from > state->head_seq()) continue;
    withdraw(stream, from, "its batch was torn and never acknowledged");
    to_withdraw_[stream] = from;
  }
  if (to_withdraw_.empty()) return;
  auto noted = may_append(now);
  if (noted) {
    if (const auto synced = sync(now); !synced) noted = failure(synced.error());
  }
  if (!noted) report_.notes.push_back("could not note yet what was withdrawn: " + noted.error().what);
}

}  // namespace airbridge::store
