#include "bearer/inbox.hpp"

#include <algorithm>

#include "bearer/limits.hpp"

namespace airbridge::bearer {

bool Inbox::take(const FragmentPart& part) {
  const auto ahead =
      static_cast<std::int16_t>(static_cast<std::uint16_t>(part.seq - static_cast<std::uint16_t>(next_)));
  if (ahead < 0 || static_cast<std::uint64_t>(ahead) > receive_window) return false;
  const std::uint64_t seq = next_ + static_cast<std::uint64_t>(ahead);
  Kept kept{to_bytes(part.bytes), part.first, part.last, part.squeezed};
  if (ahead > 0) return waiting_.emplace(seq, std::move(kept)).second;
  append(std::move(kept));
  ++next_;
  while (!waiting_.empty() && waiting_.begin()->first == next_) {
    append(std::move(waiting_.begin()->second));
    waiting_.erase(waiting_.begin());
    ++next_;
  }
  return true;
}

void Inbox::append(Kept fragment) {
  if (fragment.first) {
    open_ = {};
    open_.squeezed = fragment.squeezed;
    open_sound_ = true;
  }
  if (open_.bytes.size() + fragment.bytes.size() > block_bytes_max) open_sound_ = false;
  if (open_sound_) {
    open_.bytes.insert(open_.bytes.end(), fragment.bytes.begin(), fragment.bytes.end());
    if (fragment.last) blocks_.push_back(std::move(open_));
  }
  if (fragment.last || !open_sound_) {
    open_ = {};
    open_sound_ = false;
  }
}

Received Inbox::received(std::size_t bitmap_bytes) const {
  Received out;
  out.next = static_cast<std::uint16_t>(next_);
  for (const auto& [seq, kept] : waiting_) {
    const std::size_t bit = static_cast<std::size_t>(seq - next_ - 1);
    if (bit / 8 >= std::min<std::size_t>(bitmap_bytes, 255)) break;
    if (bit / 8 >= out.bitmap.size()) out.bitmap.resize(bit / 8 + 1);
    out.bitmap[bit / 8] = static_cast<std::uint8_t>(out.bitmap[bit / 8] | 1U << (bit % 8));
  }
  return out;
}

}  // namespace airbridge::bearer
