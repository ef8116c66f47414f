// Making the buffer durable, and what happens when the disk will not.
#include <fmt/format.h>

#include <algorithm>

#include "store/log.hpp"

namespace airbridge::store {
namespace {
constexpr std::uint64_t mark_distance = 64 * 1024;
constexpr std::size_t zeroed_batch_max = 512 * 1024;
constexpr std::size_t zero_chunk = 256 * 1024;
}  // namespace

StoreResult<std::uint64_t> Log::sync(UtcTime now) { return commit(flush(now), now); }

StoreResult<void> Log::flush(UtcTime now) {
  if (pending_.empty()) return {};
  if (needs_segment_ || active_end_ >= options_.segment_bytes) {
    if (active_ && !needs_segment_)
      (void)active_->truncate(active_end_);  // give back what was reserved; no harm if not
    if (auto begun = start_segment(active_number_ + 1, active_end_, now); !begun) {
      needs_segment_ = true;
      return begun;
    }
  }
  return flush_into_segment();
}

// A sync over blocks that were written before need not touch the file system's journal: a fifth quicker for small
// batches, where it is worth writing the room twice. Big ones are only reserved. When there is no room the write tells.
void Log::reserve_ahead(std::uint64_t end) {
  const auto ahead = (end / options_.allocate_bytes + 1) * options_.allocate_bytes;
  if (buffer_.size() > zeroed_batch_max) {
    if (active_->allocate(ahead)) allocated_ = ahead;
    return;
  }
  static const Bytes zeros(zero_chunk);
  allocated_ = std::max(allocated_, active_end_);
  while (allocated_ < ahead) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(zero_chunk, ahead - allocated_));
    if (!active_->write_at(allocated_, ByteView(zeros).first(count))) return;
    allocated_ += count;
  }
}

StoreResult<void> Log::flush_into_segment() {
  mark_batch_end(buffer_, pending_.back().offset, meta_.salt);
  const auto end = active_end_ + buffer_.size();
  if (end > allocated_) reserve_ahead(end);
  if (auto written = active_->write_at(active_end_, buffer_); !written) {
    allocated_ = active_end_;
    if (!active_->truncate(active_end_)) needs_segment_ = true;
    return failure(from_disk(written.error()));
  }
  if (auto synced = active_->fdatasync(); !synced) {
    // Nobody knows what of the batch is on disk, and asking again would be believed wrongly. The next segment's header
    // says that this one ends before the batch.
    needs_segment_ = true;
    (void)active_->truncate(active_end_);
    return failure(from_disk(synced.error()));
  }
  return {};
}

StoreResult<void> Log::start_segment(std::uint32_t number, std::uint64_t previous_end, UtcTime now) {
  SegmentHeader header;
  header.number = number;
  header.incident = incident_;
  header.first_arrival = pending_.empty() ? next_arrival_ : pending_.front().arrival;
  header.previous_end = previous_end;
  header.salt = meta_.salt;
  header.made = now;
  const auto bytes = encode(header);
  auto file = disk_->open(segment_name(number), OpenMode::Create);
  if (!file) return failure(from_disk(file.error()));
  DiskResult<void> done = (*file)->truncate(0);
  if (done) done = (*file)->write_at(0, bytes);
  if (done) done = (*file)->fdatasync();
  if (done) done = disk_->sync_directory();
  if (!done) return failure(from_disk(done.error()));
  active_ = std::move(*file);
  active_number_ = number;
  active_end_ = segment_header_bytes;
  allocated_ = active_end_;
  needs_segment_ = false;
  new_segments_.push_back({number, {segment_header_bytes, header.first_arrival}});
  return {};
}

StoreResult<std::uint64_t> Log::commit(const StoreResult<void>& flushed, UtcTime) {
  for (const auto& [number, segment] : new_segments_) segments_[number] = segment;
  new_segments_.clear();
  if (!flushed) {
    refusing_ = fmt::format("not recording: {}", flushed.error().what);
    refusing_full_ = flushed.error().fault == StoreFault::DiskFull;
    rollback({});
    return failure(flushed.error());
  }
  const bool mends = std::any_of(pending_.begin(), pending_.end(), [this](const Pending& pending) {
    const auto* const state = pending.kind == Kind::Seal ? find(pending.stream) : nullptr;
    return pending.fills || (state != nullptr && pending.seq <= state->head_seq());  // a seal of what was here
  });
  for (const auto& pending : pending_) {
    const auto location = Location::of(active_number_, active_end_ + pending.offset);
    if (marks_.empty() || marks_.back().location.segment() != active_number_ ||
        location.offset() >= marks_.back().location.offset() + mark_distance) {
      marks_.push_back({pending.arrival, location});
    }
    apply(pending, location);
    durable_arrival_ = pending.arrival;
  }
  active_end_ += buffer_.size();
  if (auto found = segments_.find(active_number_); found != segments_.end()) found->second.end = active_end_;
  if (!pending_.empty()) {
    refusing_.clear();
    ++batch_;
    if (mends) settle_damage();
  }
  pending_.clear();
  buffer_.clear();
  staged_.clear();
  return durable_arrival_;
}

void Log::apply(const Pending& pending, Location location) {
  switch (pending.kind) {
    case Kind::Entry: {
      auto& state = state_of(pending.stream);
      if (!pending.fills) {
        state.extend(pending.seq, location, pending.head);
        ++entries_;
      } else {
        if (!state.at(pending.seq)) ++entries_;
        state.fill(pending.seq, location);
      }
      commands_.add(pending.command, {pending.stream.writer, pending.stream.cls, pending.seq});
      break;
    }
    case Kind::Seal:
      state_of(pending.stream).add_seal(pending.seq, location);
      break;
    case Kind::AuthorKey:
      keys_[model::key_id_of(pending.key)] = pending.key;
      break;
    case Kind::Genesis:
      genesis_ = location;
      break;
    case Kind::Incarnation:
      incarnation_ = pending.stream.writer;
      incarnation_at_ = location;
      if (!doubt_.empty()) remove_quietly(doubt_name);
      doubt_.clear();
      doubt_noted_ = true;
      break;
    case Kind::Withdrawn:
      to_withdraw_.erase(pending.stream);
      break;
    case Kind::ShreddedPrivate:
    case Kind::Probe:
      break;
  }
}

StoreResult<void> Log::close(UtcTime) {
  if (!pending_.empty()) return store_failure(StoreFault::Stopped, "a log with a buffer cannot be closed");
  const auto text = clean_text();
  if (active_ && !needs_segment_) (void)active_->truncate(active_end_);
  if (auto done = write_file_atomically(*disk_, clean_name, as_bytes(text)); !done) {
    return failure(from_disk(done.error()));
  }
  return {};
}

}  // namespace airbridge::store
