#pragma once
// Cuts a byte stream into lines, for the text feeds (SBS-1, gpsd). Ends are LF or CR LF; blank lines are left out.
// At most `line_bytes_max` bytes are ever held: a longer line is skipped up to its end and counted, and the next line
// is unharmed. A line that lies whole inside one chunk is handed on without a copy.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace airbridge {

class LineFramer {
 public:
  explicit LineFramer(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  // Calls on_line(std::string_view line, std::uint64_t number) for every line that ends in `chunk`. Numbers count from
  // 1 and include blank and oversized lines, as an editor counts them. The view is valid during the call only.
  template <class OnLine>
  void feed(ByteView chunk, OnLine&& on_line) {
    std::string_view rest = as_text(chunk);
    while (!rest.empty()) {
      const void* const found = std::memchr(rest.data(), '\n', rest.size());
      if (found == nullptr) return keep(rest);
      const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - rest.data());
      end_line(rest.substr(0, length), on_line);
      rest.remove_prefix(length + 1);
    }
  }
  // The end of a file: a last line without a line break still counts. A cut-off connection calls reset() instead.
  template <class OnLine>
  void finish(OnLine&& on_line) {
    if (!held_.empty() || skipping_) end_line({}, on_line);
  }
  // Forgets a half line, so that a new connection does not begin in the middle of an old one.
  void reset() {
    held_.clear();
    skipping_ = false;
    lines_ = 0;
  }
  std::uint64_t lines() const { return lines_; }          // since the last reset
  std::uint64_t oversized() const { return oversized_; }  // since the start
  std::size_t held_bytes() const { return held_.size(); }

 private:
  void keep(std::string_view part) {
    if (skipping_) return;
    if (held_.size() + part.size() > line_bytes_max_ + 1) {  // one more: a CR may still be the end's
      skipping_ = true;
      held_.clear();
      return;
    }
    held_.append(part);
  }
  template <class OnLine>
  void end_line(std::string_view part, OnLine& on_line) {
    ++lines_;
    std::string_view line = part;
    if (!held_.empty() || skipping_) {
      keep(part);
      line = held_;
    }
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (skipping_ || line.size() > line_bytes_max_) {
      ++oversized_;
    } else if (!line.empty()) {
      on_line(line, lines_);
    }
    held_.clear();
    skipping_ = false;
  }

  std::size_t line_bytes_max_;
  std::string held_;
  bool skipping_ = false;
  std::uint64_t lines_ = 0;
  std::uint64_t oversized_ = 0;
};

}  // namespace airbridge
