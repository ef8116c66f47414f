#include "codec/cot/framer.hpp"

#include <algorithm>
#include <utility>

namespace airbridge::codec::cot {
namespace {

constexpr std::string_view opening = "<event";
constexpr std::string_view closing = "</event>";
constexpr std::size_t lookahead = 8;              // longest thing looked for
constexpr std::size_t append_bytes = 16 * 1024;   // taken at a time into held_
constexpr std::size_t keep_capacity = 16 * 1024;  // what an idle connection may go on holding

bool is_opening(std::string_view at) {
  if (at.size() <= opening.size() || !at.starts_with(opening)) return false;
  const char after = at[opening.size()];
  return after == ' ' || after == '\t' || after == '\r' || after == '\n' || after == '>' || after == '/';
}

}  // namespace

Fault Framer::fault(FaultKind kind, std::uint64_t offset) const { return {kind, offset, 1, 1, {}}; }

std::optional<Cut> Framer::next(ByteView& rest) {
  while (true) {
    const bool in_place = head_ == held_.size();  // nothing held: read the caller's bytes without a copy
    if (in_place) {
      held_.clear();
      head_ = 0;
      if (held_.capacity() > keep_capacity) held_.shrink_to_fit();
      if (rest.empty()) return std::nullopt;
    }
    const ByteView window = in_place ? rest : ByteView(held_).subspan(head_);
    auto step = examine(as_text(window));
    offset_ += step.consumed;
    if (in_place) {
      rest = rest.subspan(step.consumed);
    } else {
      head_ += step.consumed;
    }
    if (step.cut) return std::move(step.cut);
    if (step.consumed != 0) continue;

    if (in_place) {
      held_.assign(rest.begin(), rest.end());
      rest = {};
      return std::nullopt;
    }
    if (rest.empty()) return std::nullopt;
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
    const auto take = std::min(rest.size(), append_bytes);
    held_.insert(held_.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(take));
    rest = rest.subspan(take);
  }
}

Framer::Step Framer::examine(std::string_view window) {
  return state_ == State::Outside ? examine_outside(window) : examine_inside(window);
}

Framer::Step Framer::examine_outside(std::string_view window) {
  std::size_t at = 0;
  while (true) {
    at = window.find('<', at);
    if (at == window.npos) at = window.size();
    const auto here = window.substr(at);
    if (is_opening(here)) {
      state_ = State::Inside;
      scanned_ = opening.size();
      skipped_ = 0;
      if (at != 0) return {at, std::nullopt};
      return examine_inside(window);
    }
    if (here.size() > 2 && here[1] == '!' && (here[2] == 'D' || here[2] == 'E')) dtd_ = true;
    if (here.size() >= lookahead) {
      ++at;
      continue;
    }
    // The end: the last few bytes may be the beginning of something and wait.
    skipped_ += at;
    if (skipped_ > event_bytes_max) {
      skipped_ = 0;
      return {at, fault(FaultKind::NotCot, offset_ + at)};
    }
    return {at, std::nullopt};
  }
}

Framer::Step Framer::examine_inside(std::string_view window) {
  const bool skipping = state_ == State::Skipping;
  while (true) {
    auto at = window.find('<', scanned_);
    if (at == window.npos) at = window.size();
    const auto here = window.substr(at);
    if (here.starts_with(closing)) {
      const auto end = at + closing.size();
      state_ = State::Outside;
      scanned_ = 0;
      const bool dtd = std::exchange(dtd_, false);
      if (skipping) return {end, std::nullopt};
      if (end > event_bytes_max) return {end, fault(FaultKind::Oversized, offset_)};
      if (dtd) return {end, fault(FaultKind::DtdOrEntity, offset_)};
      return {end, Frame{as_bytes(window.substr(0, end)), offset_}};
    }
    if (is_opening(here)) {
      state_ = State::Inside;
      scanned_ = opening.size();
      dtd_ = false;
      if (skipping) {
        if (at != 0) return {at, std::nullopt};
        return examine_inside(window);
      }
      return {at, fault(at > event_bytes_max ? FaultKind::Oversized : FaultKind::Truncated, offset_)};
    }
    if (here.size() >= lookahead) {
      scanned_ = at + 1;
      continue;
    }
    // The end of what is here, with at most a few bytes that may begin something.
    if (skipping) {
      scanned_ = 0;
      return {at, std::nullopt};
    }
    scanned_ = at;
    if (window.size() > event_bytes_max) {
      state_ = State::Skipping;
      scanned_ = 0;
      dtd_ = false;
      return {at, fault(FaultKind::Oversized, offset_)};
    }
    return {0, std::nullopt};
  }
}

}  // namespace airbridge::codec::cot
