#include "bearer/outbox.hpp"

#include <algorithm>

namespace airbridge::bearer {
namespace {
// No fragment is cut smaller than this unless its block ends: the head would cost more than it carries.
constexpr std::size_t cut_min = 24;
}  // namespace

void Outbox::add_block(Bytes block, bool squeezed) {
  if (block.empty()) return;
  waiting_bytes_ += block.size();
  unsent_bytes_ += block.size();
  blocks_.push_back({std::move(block), squeezed, 0});
}

std::size_t Outbox::bytes_to_send() const {
  std::size_t bytes = unsent_bytes_;
  if (lost_ > 0) {
    for (const auto& fragment : fragments_) bytes += fragment.lost ? fragment.bytes.size() : 0;
  }
  return bytes;
}

std::size_t Outbox::next_lost_bytes() const {
  if (lost_ == 0) return 0;
  const auto first = std::ranges::find_if(fragments_, [](const auto& fragment) { return fragment.lost; });
  return first == fragments_.end() ? 0 : first->bytes.size();
}

const Outbox::Fragment* Outbox::mark_sent(Fragment& fragment, std::uint64_t counter, SteadyTime now) {
  if (fragment.lost) --lost_;
  if (fragment.lost || fragment.sends == 0) ++in_flight_;
  fragment.lost = false;
  if (fragment.sends == 0) fragment.first_sent_at = now;
  ++fragment.sends;
  fragment.counter = counter;
  fragment.sent_at = now;
  return &fragment;
}

const Outbox::Fragment* Outbox::take(std::size_t room, std::uint64_t counter, SteadyTime now) {
  if (lost_ > 0) {
    for (auto& fragment : fragments_) {
      if (fragment.lost && fragment.bytes.size() <= room) return mark_sent(fragment, counter, now);
    }
  }
  if (blocks_.empty() || fragments_.size() >= window_) return nullptr;
  Block& block = blocks_.front();
  const std::size_t left = block.bytes.size() - block.cut;
  if (left > room && room < cut_min) return nullptr;
  const std::size_t size = std::min(left, room);
  if (size == 0) return nullptr;
  Fragment& fragment = fragments_.emplace_back();
  fragment.seq = next_seq_++;
  const auto from = block.bytes.begin() + static_cast<std::ptrdiff_t>(block.cut);
  fragment.bytes.assign(from, from + static_cast<std::ptrdiff_t>(size));
  fragment.first = block.cut == 0;
  fragment.last = size == left;
  fragment.squeezed = block.squeezed;
  block.cut += size;
  unsent_bytes_ -= size;
  if (fragment.last) blocks_.pop_front();
  return mark_sent(fragment, counter, now);
}

const Outbox::Fragment* Outbox::copy(std::uint64_t seq, std::size_t room, std::uint64_t counter, SteadyTime now) {
  if (fragments_.empty() || seq < fragments_.front().seq || seq > fragments_.back().seq) return nullptr;
  auto& fragment = fragments_[static_cast<std::size_t>(seq - fragments_.front().seq)];
  if (fragment.acked || fragment.bytes.size() > room) return nullptr;
  return mark_sent(fragment, counter, now);
}

Outbox::Progress Outbox::acknowledged(const Received& received, std::uint64_t lost_before) {
  Progress out;
  if (fragments_.empty()) return out;
  const std::uint64_t base = fragments_.front().seq;
  // How far `next` lies beyond the first fragment kept; of an old acknowledgement it lies before it.
  const auto step =
      static_cast<std::int16_t>(static_cast<std::uint16_t>(received.next - static_cast<std::uint16_t>(base)));
  if (step < 0) return out;
  const auto before_next = static_cast<std::size_t>(step);
  if (before_next > fragments_.size()) {
    out.sensible = false;
    return out;
  }
  const auto has = [&](std::size_t index) {
    if (index < before_next) return true;
    if (index == before_next) return false;
    const std::size_t bit = index - before_next - 1;
    return bit / 8 < received.bitmap.size() && (received.bitmap[bit / 8] >> (bit % 8) & 1U) != 0;
  };
  for (std::size_t i = 0; i < fragments_.size(); ++i) {
    auto& fragment = fragments_[i];
    if (fragment.acked) continue;
    if (has(i)) {
      fragment.lost ? --lost_ : --in_flight_;
      fragment.lost = false;
      fragment.acked = true;
      waiting_bytes_ -= fragment.bytes.size();
      ++out.newly_acked;
    } else if (!fragment.lost && fragment.counter < lost_before) {
      lose(fragment);
      ++out.newly_lost;
    }
  }
  drop_acked();
  return out;
}

void Outbox::drop_acked() {
  while (!fragments_.empty() && fragments_.front().acked) fragments_.pop_front();
}

std::size_t Outbox::expire(SteadyTime sent_before) {
  std::size_t count = 0;
  for (auto& fragment : fragments_) {
    if (fragment.acked || fragment.lost || fragment.sent_at >= sent_before) continue;
    lose(fragment);
    ++count;
  }
  return count;
}

bool Outbox::lose_oldest() {
  if (fragments_.empty()) return false;
  auto& fragment = fragments_.front();
  if (!fragment.lost) lose(fragment);
  return true;
}

void Outbox::lose(Fragment& fragment) {
  fragment.lost = true;
  ++lost_;
  --in_flight_;
}

const Outbox::Fragment* Outbox::oldest_in_flight() const {
  const Fragment* out = nullptr;
  if (in_flight_ == 0) return out;
  for (const auto& fragment : fragments_) {
    if (fragment.acked || fragment.lost) continue;
    if (out == nullptr || fragment.sent_at < out->sent_at) out = &fragment;
  }
  return out;
}

}  // namespace airbridge::bearer
