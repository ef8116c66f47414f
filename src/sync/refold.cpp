#include "sync/refold.hpp"

#include "trust/keys.hpp"

namespace airbridge::sync {

Refold::Refold(const LogView& log, const model::IncidentId& incident)
    : log_(log), incident_(incident), held_(log.vector()), at_(held_.begin()) {}

void Refold::next_stream() {
  ++streams_;
  ++at_;
  begun_ = false;
}

void Refold::fault(std::uint64_t from, std::string what) {
  faults_.push_back({at_->first, from, std::move(what)});
  next_stream();
}

bool Refold::take(const model::SealedRun& run) {
  const auto& stream = at_->first;
  for (const auto& entry : run.entries) {
    if (entry.stream != stream || entry.seq != seq_ + 1) {
      fault(seq_ + 1, "the entry stored here is another one");
      return false;
    }
    head_ = model::chain_next(head_, entry);
    ++seq_;
    ++events_;
    if (const auto shown = log_.chain_at(stream, seq_); !shown || *shown != head_) {
      fault(seq_, "the stored entry does not make the chain value that is remembered of it");
      return false;
    }
  }
  const auto key = log_.author_key(stream.writer.author);
  const bool holds =
      run.seal.seq == seq_ && run.seal.head == head_ && (!key || trust::verify_seal(*key, incident_, run.seal));
  if (!holds) fault(run.seal.seq, "the author's seal does not hold over the stored entries");
  return holds;
}

bool Refold::step(std::size_t bytes_max) {
  while (at_ != held_.end()) {
    const auto& [stream, last] = *at_;
    if (!begun_) {
      seq_ = stream.is_branch() ? stream.branch.from - 1 : 0;
      const auto start =
          seq_ == 0 ? std::optional(model::chain_start(incident_, stream.base())) : log_.chain_at(stream, seq_);
      if (!start) {
        fault(seq_ + 1, "what the branch begins on is not here");
        continue;
      }
      head_ = *start;
      begun_ = true;
    }
    if (seq_ >= last) {
      next_stream();
      continue;
    }
    const auto runs = log_.runs_after(stream, seq_, bytes_max);
    if (runs.empty()) {
      fault(seq_ + 1, "the stored entries cannot be read");
      continue;
    }
    const auto before = seq_;
    for (const auto& run : runs) {
      if (!take(run)) return true;
    }
    if (seq_ == before) fault(seq_ + 1, "the stored entries cannot be read");
    return true;
  }
  return false;
}

}  // namespace airbridge::sync
