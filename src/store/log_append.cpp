// Appending: what is checked before a record may enter the buffer.
#include <fmt/format.h>

#include <algorithm>

#include "base/hash.hpp"
#include "store/little_endian.hpp"
#include "store/log.hpp"

namespace airbridge::store {
namespace {

std::uint64_t first_seq(const model::StreamId& stream) { return stream.is_branch() ? stream.branch.from : 1; }

std::string name_entry(const model::StreamId& stream, std::uint64_t seq) {
  return fmt::format("event {} of stream {}", seq, model::to_text(stream));
}

bool same_content(const model::Entry& a, const model::Entry& b) {
  return a.public_part == b.public_part && a.private_part.hash == b.private_part.hash;
}

}  // namespace

StoreResult<void> Log::may_append(UtcTime now) {
  if (refusing_full_) {
    const auto free = disk_->free_bytes();
    if (!free || *free < options_.resume_free_bytes) return store_failure(StoreFault::DiskFull, refusing_);
    refusing_full_ = false;  // the next sync tells whether the room is real
  }
  // Once something is written behind it, the place where the log was torn looks like any other: what was concluded from
  // it stands first.
  if (!doubt_noted_) {
    if (auto noted = note_doubt(doubt_); !noted) return noted;
  }
  if (pending_.empty()) {
    for (const auto& [stream, from] : to_withdraw_) {
      Bytes payload = to_bytes(stream.writer.author.view());
      append_le(payload, stream.writer.incarnation);
      payload.push_back(static_cast<std::uint8_t>(stream.cls));
      payload.resize(payload.size() + 3);
      append_le(payload, from);
      Pending pending;
      pending.kind = Kind::Withdrawn;
      pending.stream = stream;
      buffer_record(pending, {payload}, now);
    }
  }
  return {};
}

const StreamState* Log::find(const model::StreamId& stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : &found->second;
}

StreamState& Log::state_of(const model::StreamId& stream) {
  return streams_.try_emplace(stream, first_seq(stream)).first->second;
}

StoreResult<model::Hash> Log::start_of(const model::StreamId& stream) {
  if (first_seq(stream) == 1) return model::chain_start(incident_, stream.base());
  return chain_at(stream.base(), stream.branch.from - 1);
}

Head Log::staged_head(const model::StreamId& stream) {
  Head out;
  out.seq = first_seq(stream) - 1;
  if (const auto* state = find(stream)) {
    out = {state->head_seq(), state->head(), state->contiguous(), state->sealed_seq()};
  }
  if (const auto staged = staged_.find(stream); staged != staged_.end() && !staged->second.appended.empty()) {
    out.seq += staged->second.appended.size();
    out.head = staged->second.appended.back();
  } else if (out.seq < first_seq(stream)) {
    out.head = start_of(stream).value_or(model::Hash{});
  }
  return out;
}

StoreResult<model::Hash> Log::chain_at(const model::StreamId& stream, std::uint64_t seq) {
  if (seq + 1 == first_seq(stream)) return start_of(stream);
  if (seq < first_seq(stream)) return chain_at(stream.base(), seq);
  const auto* const state = find(stream);
  const auto durable_head = state != nullptr ? state->head_seq() : first_seq(stream) - 1;
  if (const auto staged = staged_.find(stream); staged != staged_.end()) {
    if (const auto filled = staged->second.filled.find(seq); filled != staged->second.filled.end()) {
      return filled->second;
    }
    if (seq > durable_head && seq - durable_head <= staged->second.appended.size()) {
      return staged->second.appended[static_cast<std::size_t>(seq - durable_head - 1)];
    }
  }
  if (state != nullptr && seq == durable_head) return state->head();
  const auto location = state != nullptr ? state->at(seq) : Location{};
  if (!location) return store_failure(StoreFault::NotFound, name_entry(stream, seq) + " is not here");
  Bytes scratch;
  const auto record = read_at(location, scratch);
  if (!record) return failure(record.error());
  const auto parts = split_entry(record->payload);
  if (!parts) return store_failure(StoreFault::Damaged, name_entry(stream, seq) + " is too short");
  return parts->head;
}

std::uint64_t Log::buffer_record(Pending pending, std::initializer_list<ByteView> payload, UtcTime now) {
  pending.offset = begin_record(buffer_);
  for (const auto part : payload) buffer_.insert(buffer_.end(), part.begin(), part.end());
  return end_buffering(pending, now);
}

std::uint64_t Log::buffer_entry(Pending pending, const model::Entry& entry, UtcTime now) {
  pending.offset = begin_record(buffer_);
  const auto add = [this](ByteView part) { buffer_.insert(buffer_.end(), part.begin(), part.end()); };
  add(pending.head.view());
  add(pending.command.view());
  model::encode_to(buffer_, entry);
  return end_buffering(pending, now);
}

std::uint64_t Log::end_buffering(Pending& pending, UtcTime now) {
  pending.arrival = next_arrival_++;
  end_record(buffer_, pending.offset, {pending.kind, 0, batch_, pending.arrival, now}, meta_.salt);
  stage(pending);
  pending_.push_back(pending);
  return pending.arrival;
}

void Log::stage(const Pending& pending) {
  if (pending.kind == Kind::Entry) {
    auto& staged = staged_[pending.stream];
    if (pending.fills) {
      staged.filled[pending.seq] = pending.head;
    } else {
      staged.appended.push_back(pending.head);
    }
  } else if (pending.kind == Kind::Seal) {
    staged_[pending.stream].seals.insert(pending.seq);
  }
}

void Log::rollback(const Mark& mark) {
  if (mark.records >= pending_.size()) return;
  next_arrival_ = pending_[mark.records].arrival;
  pending_.resize(mark.records);
  buffer_.resize(mark.bytes);
  staged_.clear();
  for (const auto& pending : pending_) stage(pending);
}

StoreResult<Appended> Log::append_entry(const model::Entry& entry, const model::CommandId& command, UtcTime now) {
  if (auto may = may_append(now); !may) return failure(may.error());
  const auto& stream = entry.stream;
  if (entry.size() > model::event_bytes_max) {
    return store_failure(StoreFault::TooBig, fmt::format("{} has {} bytes, more than {}", name_entry(stream, entry.seq),
                                                         entry.size(), model::event_bytes_max));
  }
  if (entry.seq < first_seq(stream)) {
    return store_failure(StoreFault::Malformed, name_entry(stream, entry.seq) + " is before the stream's first");
  }
  const auto head = staged_head(stream);
  if (entry.seq > head.seq + 1) {
    return store_failure(StoreFault::Gap,
                         fmt::format("{} does not follow {}", name_entry(stream, entry.seq), head.seq));
  }
  if (entry.seq <= head.seq) return append_known(entry, command, now);
  const auto before = entry.seq == first_seq(stream) ? start_of(stream) : StoreResult<model::Hash>(head.head);
  if (!before)
    return store_failure(StoreFault::Gap, "before " + name_entry(stream, entry.seq) + ": " + before.error().what);
  Pending pending;
  pending.stream = stream;
  pending.seq = entry.seq;
  pending.head = model::chain_next(*before, entry);
  pending.command = command;
  if (stream.is_branch() && entry.seq == stream.branch.from &&
      !std::equal(stream.branch.head.begin(), stream.branch.head.end(), pending.head.value.begin())) {
    return store_failure(StoreFault::WrongChain,
                         name_entry(stream, entry.seq) + " is not the one the branch is named after");
  }
  return Appended{buffer_entry(pending, entry, now), false};
}

// An entry at or before the head: a duplicate, a fuller copy, the missing piece of a hole, or a contradiction.
StoreResult<Appended> Log::append_known(const model::Entry& entry, const model::CommandId& command, UtcTime now) {
  const auto contradiction = [&] {
    return store_failure(StoreFault::Contradiction,
                         name_entry(entry.stream, entry.seq) + " is here already with other content");
  };
  const auto* const state = find(entry.stream);
  const auto staged = staged_.find(entry.stream);
  const bool is_staged = staged != staged_.end() && (staged->second.filled.contains(entry.seq) || state == nullptr ||
                                                     entry.seq > state->head_seq());
  bool fuller = false;
  if (is_staged) {
    const auto before = chain_at(entry.stream, entry.seq - 1);
    const auto have = chain_at(entry.stream, entry.seq);
    if (!before || !have || model::chain_next(*before, entry) != *have) return contradiction();
    return Appended{0, true};
  }
  if (state->at(entry.seq)) {
    const auto have = read_entry(entry.stream, entry.seq);
    if (have) {
      if (!same_content(have->entry, entry)) return contradiction();
      fuller = have->entry.private_part.state == model::PrivatePart::State::Withheld &&
               entry.private_part.state == model::PrivatePart::State::Here;
      if (!fuller) return Appended{0, true};
    }  // else it was found damaged just now, and this fills the hole
  }
  const auto before = chain_at(entry.stream, entry.seq - 1);
  if (!before) {
    return store_failure(StoreFault::Gap,
                         fmt::format("{} is missing and so is the one before it", name_entry(entry.stream, entry.seq)));
  }
  Pending pending;
  pending.stream = entry.stream;
  pending.seq = entry.seq;
  pending.head = model::chain_next(*before, entry);
  pending.command = command;
  pending.fills = true;
  if (auto fits = fits_before(entry, pending.head); !fits) return failure(fits.error());
  return Appended{buffer_entry(pending, entry, now), false};
}

// Whether what follows `entry` here continues its chain.
StoreResult<void> Log::fits_before(const model::Entry& entry, const model::Hash& head) {
  const auto* const state = find(entry.stream);
  const auto wrong = [&] {
    return store_failure(StoreFault::Contradiction,
                         name_entry(entry.stream, entry.seq) + " does not fit the entries behind it");
  };
  if (entry.seq == state->head_seq()) return head == state->head() ? StoreResult<void>() : wrong();
  if (!state->at(entry.seq + 1)) return {};
  const auto after = read_entry(entry.stream, entry.seq + 1);
  if (!after) return {};  // damaged as well: it will be filled next
  return model::chain_next(head, after->entry) == after->head ? StoreResult<void>() : wrong();
}

StoreResult<Appended> Log::append_seal(const model::Seal& seal, UtcTime now) {
  if (auto may = may_append(now); !may) return failure(may.error());
  const auto* const state = find(seal.stream);
  const auto staged = staged_.find(seal.stream);
  if ((state != nullptr && state->has_seal(seal.seq)) ||
      (staged != staged_.end() && staged->second.seals.contains(seal.seq))) {
    return Appended{0, true};
  }
  if (seal.seq < first_seq(seal.stream))
    return store_failure(StoreFault::Malformed, "a seal before the stream's first");
  const auto head = chain_at(seal.stream, seal.seq);
  if (!head) return store_failure(StoreFault::Gap, "a seal of what is not here: " + head.error().what);
  if (*head != seal.head) {
    return store_failure(StoreFault::WrongChain,
                         "the seal of " + name_entry(seal.stream, seal.seq) + " names another chain");
  }
  Pending pending;
  pending.kind = Kind::Seal;
  pending.stream = seal.stream;
  pending.seq = seal.seq;
  const auto bytes = model::encode(seal);
  return Appended{buffer_record(pending, {bytes}, now), false};
}

StoreResult<std::size_t> Log::append_run(const model::SealedRun& run, UtcTime now) {
  if (run.entries.empty() || run.entries.back().seq != run.seal.seq) {
    return store_failure(StoreFault::Malformed, "a run that does not end with its seal");
  }
  const auto arrivals = append_accepted(run, now);
  if (!arrivals) return failure(arrivals.error());
  return arrivals->size() - static_cast<std::size_t>(std::count(arrivals->begin(), arrivals->end(), 0U));
}

StoreResult<std::vector<std::uint64_t>> Log::append_accepted(const model::SealedRun& run, UtcTime now) {
  if (run.entries.empty() || run.entries.back().seq > run.seal.seq) {
    return store_failure(StoreFault::Malformed, "a run that goes beyond its seal");
  }
  const auto start = mark();
  std::vector<std::uint64_t> arrivals;
  for (std::size_t i = 0; i < run.entries.size(); ++i) {
    const auto& entry = run.entries[i];
    if (entry.stream != run.seal.stream || entry.seq != run.entries[0].seq + i) {
      rollback(start);
      return store_failure(StoreFault::Malformed, "a run whose entries are not consecutive");
    }
    const auto appended = append_entry(entry, {}, now);
    if (!appended) {
      rollback(start);
      return failure(appended.error());
    }
    arrivals.push_back(appended->arrival);
  }
  if (run.entries.back().seq < run.seal.seq) return arrivals;
  if (const auto sealed = append_seal(run.seal, now); !sealed) {
    rollback(start);
    return failure(sealed.error());
  }
  return arrivals;
}

std::vector<std::uint64_t> Log::append_before_contradiction(const model::SealedRun& run, UtcTime now) {
  const auto start = mark();
  const auto* const state = find(run.seal.stream);
  std::vector<std::uint64_t> arrivals;
  for (const auto& entry : run.entries) {
    const auto appended = append_entry(entry, {}, now);
    if (appended) {
      arrivals.push_back(appended->arrival);
      continue;
    }
    // What was filled last was checked against the entry behind it, which is this one when it is here.
    const bool is_here = state != nullptr && entry.seq <= state->head_seq() && state->at(entry.seq) &&
                         read_entry(entry.stream, entry.seq);
    if (appended.error().fault != StoreFault::Contradiction || !is_here) break;
    if (std::ranges::all_of(arrivals, [](auto arrival) { return arrival == 0; })) break;
    return arrivals;
  }
  rollback(start);
  return {};
}

bool Log::give_way(const model::SealedRun& run) {
  const auto& stream = run.seal.stream;
  const auto* const state = find(stream);
  if (incarnation_ == stream.writer || stream.is_branch() || state == nullptr || !pending_.empty()) return false;
  // What a later seal proves is written without one. So without a hole the seal is lost only where something rotted.
  // Of a forked stream the branches' seals prove it.
  if (state->contiguous() == state->head_seq() && damage_count() == 0 && damage_found_ == 0) return false;
  const auto next = streams_.upper_bound(stream);
  if (next != streams_.end() && next->first.base() == stream) return false;
  const auto proven = state->sealed_seq();
  const auto first = run.entries.front().seq;
  if (first > proven + 1 || run.seal.seq <= proven) return false;
  const auto before = first == first_seq(stream) ? start_of(stream) : chain_at(stream, first - 1);
  if (!before) return false;
  auto head = *before;
  for (const auto& entry : run.entries) {
    head = model::chain_next(head, entry);
    if (entry.seq > state->head_seq()) return false;
    const auto here = state->at(entry.seq) ? read_entry(stream, entry.seq) : failure(StoreError{});
    // Of the newest one the chain is known though it is lost.
    const bool is_lost_head = !here && entry.seq == state->head_seq() && head != state->head();
    if (!is_lost_head && (!here || here->head == head)) continue;
    if (entry.seq <= proven) return false;
    const auto from = std::min(entry.seq, state->contiguous() + 1);
    withdraw(stream, from, "what proved it is lost, and its author signed other content");
    to_withdraw_[stream] = from;
    return true;
  }
  return false;
}

StoreResult<Appended> Log::append_author_key(const model::PublicKey& key, UtcTime now) {
  if (auto may = may_append(now); !may) return failure(may.error());
  if (keys_.contains(model::key_id_of(key))) return Appended{0, true};
  Pending pending;
  pending.kind = Kind::AuthorKey;
  pending.key = key;
  return Appended{buffer_record(pending, {key.view()}, now), false};
}

StoreResult<Appended> Log::append_genesis(const model::Genesis& genesis, UtcTime now) {
  if (auto may = may_append(now); !may) return failure(may.error());
  if (model::incident_of(genesis) != incident_) {
    return store_failure(StoreFault::WrongIncident, "this genesis founds another incident");
  }
  if (genesis_) return Appended{0, true};
  Pending pending;
  pending.kind = Kind::Genesis;
  const auto bytes = model::encode(genesis);
  return Appended{buffer_record(pending, {bytes}, now), false};
}

StoreResult<Appended> Log::begin_incarnation(const model::Writer& own, IncarnationReason reason, UtcTime now) {
  if (auto may = may_append(now); !may) return failure(may.error());
  Pending pending;
  pending.kind = Kind::Incarnation;
  pending.stream.writer = own;
  Bytes payload;
  append_le(payload, own.incarnation);
  append_le(payload, static_cast<std::uint32_t>(reason));
  payload.insert(payload.end(), own.author.value.begin(), own.author.value.end());
  return Appended{buffer_record(pending, {payload}, now), false};
}

StoreResult<Appended> Log::append_probe(UtcTime now) {
  if (auto may = may_append(now); !may) return failure(may.error());
  Pending pending;
  pending.kind = Kind::Probe;
  return Appended{buffer_record(pending, {}, now), false};
}

}  // namespace airbridge::store
