#include "store/stream_table.hpp"

#include <algorithm>

namespace airbridge::store {

std::uint64_t StreamState::sealed_seq() const {
  if (seals_.empty()) return 0;
  if (seals_.back().seq <= contiguous_) return seals_.back().seq;  // nearly always
  const auto behind = std::upper_bound(seals_.begin(), seals_.end(), contiguous_,
                                       [](std::uint64_t seq, const SealAt& seal) { return seq < seal.seq; });
  return behind == seals_.begin() ? 0 : std::prev(behind)->seq;
}

Location StreamState::at(std::uint64_t seq) const {
  if (seq < first_ || seq > head_seq()) return {};
  return at_[static_cast<std::size_t>(seq - first_)];
}

void StreamState::extend(std::uint64_t seq, Location location, const model::Hash& head) {
  const auto gap = seq - first_ - at_.size();
  missing_ += static_cast<std::size_t>(gap);
  at_.resize(static_cast<std::size_t>(seq - first_));
  at_.push_back(location);
  head_ = head;
  if (contiguous_ + 1 == seq) contiguous_ = seq;
}

void StreamState::fill(std::uint64_t seq, Location location) {
  auto& place = at_[static_cast<std::size_t>(seq - first_)];
  if (!place) --missing_;
  place = location;
  while (contiguous_ < head_seq() && at_[static_cast<std::size_t>(contiguous_ + 1 - first_)]) ++contiguous_;
}

void StreamState::lose(std::uint64_t seq) {
  if (!at(seq)) return;
  at_[static_cast<std::size_t>(seq - first_)] = {};
  ++missing_;
  contiguous_ = std::min(contiguous_, seq - 1);
}

void StreamState::add_seal(std::uint64_t seq, Location location) {
  const auto place = std::lower_bound(seals_.begin(), seals_.end(), seq,
                                      [](const SealAt& seal, std::uint64_t n) { return seal.seq < n; });
  if (place != seals_.end() && place->seq == seq) return;
  seals_.insert(place, {seq, location});
}

void StreamState::lose_seal(std::uint64_t seq) {
  std::erase_if(seals_, [&](const SealAt& seal) { return seal.seq == seq; });
}

bool StreamState::has_seal(std::uint64_t seq) const {
  const auto place = std::lower_bound(seals_.begin(), seals_.end(), seq,
                                      [](const SealAt& seal, std::uint64_t n) { return seal.seq < n; });
  return place != seals_.end() && place->seq == seq;
}

void StreamState::cut(std::uint64_t head_seq, const model::Hash& head) {
  at_.resize(static_cast<std::size_t>(head_seq + 1 - first_));
  missing_ = static_cast<std::size_t>(std::count(at_.begin(), at_.end(), Location{}));
  contiguous_ = std::min(contiguous_, head_seq);
  head_ = head;
  std::erase_if(seals_, [&](const SealAt& seal) { return seal.seq > head_seq; });
}

std::vector<Hole> StreamState::holes(const model::StreamId& stream) const {
  std::vector<Hole> out;
  if (missing_ == 0) return out;
  for (std::size_t i = 0; i < at_.size(); ++i) {
    if (at_[i]) continue;
    const auto seq = first_ + i;
    if (!out.empty() && out.back().to + 1 == seq) {
      out.back().to = seq;
    } else {
      out.push_back({stream, seq, seq});
    }
  }
  return out;
}

void CommandTable::add(const model::CommandId& id, const model::Dot& dot) {
  if (id.is_zero()) return;
  auto& dots = dots_[id];
  if (dots.empty()) order_.push_back(id);
  if (std::find(dots.begin(), dots.end(), dot) == dots.end()) dots.push_back(dot);
  if (order_.size() > limit_) {
    dots_.erase(order_.front());
    order_.pop_front();
    full_ = true;
  }
}

void CommandTable::remove(const model::CommandId& id, const model::Dot& dot) {
  const auto found = dots_.find(id);
  if (found == dots_.end()) return;
  std::erase(found->second, dot);
  if (!found->second.empty()) return;
  dots_.erase(found);
  std::erase(order_, id);
}

std::vector<model::Dot> CommandTable::find(const model::CommandId& id) const {
  const auto found = dots_.find(id);
  return found == dots_.end() ? std::vector<model::Dot>() : found->second;
}

}  // namespace airbridge::store
