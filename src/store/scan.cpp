#include "store/scan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "store/little_endian.hpp"

namespace airbridge::store {
namespace {
constexpr std::uint64_t mark_distance = 64 * 1024;
}

StoreResult<void> Scan::run(Location from, std::uint64_t next_arrival) {
  expected_ = next_arrival;
  batch_ = static_cast<std::uint16_t>(log_.batch_ - 1);
  std::uint32_t wanted = from ? from.segment() : 1;
  for (auto item = headers_.lower_bound(wanted); item != headers_.end(); ++item, ++wanted) {
    for (; wanted < item->first; ++wanted) damage({wanted, 0, 0, 0, 0, false});
    const auto start = from && item->first == from.segment() ? from.offset() : segment_header_bytes;
    if (auto done = segment(item->first, start, std::next(item) == headers_.end()); !done) return done;
  }
  log_.durable_arrival_ = expected_ - 1;
  if (filled_) log_.settle_damage();
  return {};
}

StoreResult<void> Scan::segment(std::uint32_t number, std::uint64_t from, bool is_last) {
  const auto file = log_.file(number);
  if (!file) return failure(file.error());
  const auto size = (*file)->size();
  if (!size) return failure(from_disk(size.error()));
  auto end = *size;
  if (const auto next = headers_.upper_bound(number); next != headers_.end() && next->second) {
    end = std::min(end, next->second->previous_end);
  }
  const auto& header = headers_.at(number);
  if (from == segment_header_bytes) {
    if (!header) {
      damage({number, 0, segment_header_bytes, 0, 0, false});
    } else if (header->first_arrival > expected_) {
      // Numbers left out on purpose behind a torn end, unless the segment before lost some.
      if (open_) missing_before(header->first_arrival, number, 0);
      expected_ = header->first_arrival;
    }
  }
  log_.segments_[number] = {end, header ? header->first_arrival : expected_};
  SegmentReader reader(**file, from, std::max(end, from), log_.meta_.salt);
  auto last = from;
  for (auto item = reader.next(); !std::holds_alternative<SegmentReader::End>(item); item = reader.next()) {
    if (const auto* const view = std::get_if<RecordView>(&item)) {
      record(number, *view);
      last = view->end();
      continue;
    }
    const auto& found = std::get<SegmentReader::Damage>(item);
    const bool torn = is_last && found.to_end;
    damage({number, found.offset, found.length, 0, 0, false});
    if (open_) torn_ranges_.push_back(*open_);
    batch_torn_ = true;
    torn_batch_ = static_cast<std::uint16_t>(batch_ended_ ? batch_ + 1 : batch_);
    if (torn) {
      log_.report_.torn_bytes += found.length;
      log_.needs_segment_ = true;  // whose header says that this one ends before the torn bytes
    }
  }
  const auto next = headers_.upper_bound(number);
  if (next != headers_.end() && next->second && next->second->previous_end > std::max(last, from)) {
    const bool known = open_ && log_.report_.damaged[*open_].segment == number;
    if (!known) damage({number, last, next->second->previous_end - last, 0, 0, false});
  }
  log_.segments_[number].end = is_last ? last : end;
  if (is_last) {
    log_.active_number_ = number;
    log_.active_end_ = last;
    if (!header) log_.needs_segment_ = true;
  }
  return {};
}

void Scan::damage(DamagedRange range) {
  open_.reset();
  if (Location::of(range.segment, range.offset + range.length) > log_.incarnation_at_) ++young_damage_;
  if (log_.report_.damaged.size() < damaged_max) open_ = log_.report_.damaged.size();
  log_.add_damage(range);
}

void Scan::settle_torn() {
  for (const auto range : torn_ranges_) log_.report_.damaged[range].torn_tail = true;
}

void Scan::missing_before(std::uint64_t arrival, std::uint32_t segment, std::uint64_t offset) {
  if (!open_) damage({segment, offset, 0, 0, 0, false});
  if (open_) {
    auto& range = log_.report_.damaged[*open_];
    if (range.arrival_from == 0) range.arrival_from = expected_;
    range.arrival_to = arrival - 1;
  }
}

void Scan::set_aside(const model::Dot& dot, Location at, std::string why) {
  log_.skipped_.insert(at);
  if (log_.report_.set_aside.size() < set_aside_max) log_.report_.set_aside.push_back({dot, at, std::move(why)});
}

void Scan::record(std::uint32_t segment, const RecordView& view) {
  const auto at = Location::of(segment, view.offset);
  ++log_.report_.records;
  if (view.header.arrival < expected_) {
    set_aside({}, at, fmt::format("arrival number {} again", view.header.arrival));
    return;
  }
  if (view.header.arrival > expected_) missing_before(view.header.arrival, segment, view.offset);
  open_.reset();
  expected_ = view.header.arrival + 1;
  // A batch is begun only when the one before is durable: damage in an earlier one is no power cut.
  if (view.header.batch != torn_batch_) {
    // A start that found a torn batch says so before anything else is written.
    if (view.header.kind == Kind::Withdrawn || view.header.kind == Kind::Incarnation) settle_torn();
    batch_torn_ = false;
    torn_ranges_.clear();
  }
  if (batch_ended_ || view.header.batch != batch_) grown_.clear();
  batch_ = view.header.batch;
  batch_ended_ = (view.header.flags & flag_ends_batch) != 0;
  auto& marks = log_.marks_;
  if (marks.empty() || marks.back().location.segment() != segment ||
      view.offset >= marks.back().location.offset() + mark_distance) {
    marks.push_back({view.header.arrival, at});
  }
  switch (view.header.kind) {
    case Kind::Entry:
      return entry(view, at);
    case Kind::Seal:
      return seal(view, at);
    case Kind::AuthorKey:
      if (const auto key = model::PublicKey::from(view.payload)) {
        log_.keys_[model::key_id_of(*key)] = *key;
      } else {
        ++log_.report_.unreadable;
      }
      return;
    case Kind::Incarnation:
      if (view.payload.size() < 8 + model::KeyId::size) {
        ++log_.report_.unreadable;
        return;
      }
      log_.incarnation_ = model::Writer{*model::KeyId::from(view.payload.subspan(8, model::KeyId::size)),
                                        get_le<std::uint32_t>(view.payload.data())};
      log_.incarnation_at_ = at;
      young_damage_ = 0;
      return;
    case Kind::Genesis:
      if (!log_.genesis_) log_.genesis_ = at;
      return;
    case Kind::Withdrawn:
      return withdrawn(view);
    case Kind::ShreddedPrivate:
    case Kind::Probe:
      return;
  }
  ++log_.report_.unknown;
}

void Scan::entry(const RecordView& view, Location at) {
  const auto parts = split_entry(view.payload);
  auto decoded = parts ? model::decode_entry(parts->entry) : failure(model::DecodeError{});
  if (!decoded) {
    ++log_.report_.unreadable;
    return;
  }
  const auto& entry = *decoded;
  ++log_.report_.entries;
  if (last_stream_ == nullptr || *last_stream_ != entry.stream) {
    last_state_ = &log_.state_of(entry.stream);
    last_stream_ = &log_.streams_.find(entry.stream)->first;
  }
  auto& state = *last_state_;
  if (entry.seq < state.first()) return set_aside(entry.dot(), at, "it is before the first of its branch");
  if (entry.seq <= state.head_seq()) return entry_known(entry, *parts, state, at);
  if (entry.seq > state.head_seq() + 1 + hole_max) {
    return set_aside(entry.dot(), at, fmt::format("{} events before it are missing", entry.seq - state.head_seq() - 1));
  }
  if (entry.seq == state.head_seq() + 1) {
    const auto before =
        entry.seq == state.first() ? log_.start_of(entry.stream) : StoreResult<model::Hash>(state.head());
    // A branch whose trunk is damaged here cannot be checked yet; it was when it came.
    if (before && model::chain_next(*before, entry) != parts->head) {
      return set_aside(entry.dot(), at, "it does not continue its chain");
    }
  }
  if (!entry.stream.is_branch()) grown_.try_emplace(entry.stream, state.head_seq() + 1);
  state.extend(entry.seq, at, parts->head);
  ++log_.entries_;
  log_.commands_.add(parts->command, entry.dot());
}

void Scan::entry_known(const model::Entry& entry, const EntryPayload& parts, StreamState& state, Location at) {
  if (state.at(entry.seq)) {
    const auto have = log_.chain_at(entry.stream, entry.seq);
    if (have && *have != parts.head) return set_aside(entry.dot(), at, "the same event is here with other content");
    if (have) {
      ++log_.report_.duplicates;
      if (entry.private_part.state == model::PrivatePart::State::Here) state.fill(entry.seq, at);
      return;
    }
  }
  const auto before = log_.chain_at(entry.stream, entry.seq - 1);
  if (before && model::chain_next(*before, entry) != parts.head) {
    return set_aside(entry.dot(), at, "it does not continue its chain");
  }
  if (!log_.fits_before(entry, parts.head)) return set_aside(entry.dot(), at, "it does not fit what follows it");
  state.fill(entry.seq, at);
  filled_ = true;
  ++log_.entries_;
  log_.commands_.add(parts.command, entry.dot());
}

void Scan::seal(const RecordView& view, Location at) {
  const auto seal = model::decode_seal(view.payload);
  if (!seal) {
    ++log_.report_.unreadable;
    return;
  }
  ++log_.report_.seals;
  auto& state = log_.state_of(seal->stream);
  if (seal->seq < state.first() || (seal->seq == state.head_seq() && seal->head != state.head())) {
    return set_aside({seal->stream.writer, seal->stream.cls, seal->seq}, at, "a seal of another chain");
  }
  state.add_seal(seal->seq, at);
}

void Scan::withdrawn(const RecordView& view) {
  LeReader in(view.payload);
  model::StreamId stream;
  stream.writer.author = in.fixed<model::KeyId>();
  stream.writer.incarnation = in.number<std::uint32_t>();
  stream.cls = static_cast<model::Class>(in.number<std::uint8_t>());
  in.bytes(3);
  const auto from = in.number<std::uint64_t>();
  if (!in.ok() || from == 0) {
    ++log_.report_.unreadable;
    return;
  }
  log_.withdraw(stream, from, "as it was noted then");
}

}  // namespace airbridge::store
