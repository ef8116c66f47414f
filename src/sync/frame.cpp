#include "sync/frame.hpp"

#include "base/hash.hpp"

namespace airbridge::sync {
namespace {
constexpr std::size_t held_kept_max = 64 * 1024;

std::uint32_t read_u32(ByteView bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}
void put_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}
}  // namespace

Bytes make_frame(std::uint8_t type, ByteView payload) {
  Bytes out;
  out.reserve(payload.size() + frame_overhead_bytes);
  put_u32(out, static_cast<std::uint32_t>(payload.size()));
  out.push_back(type);
  out.insert(out.end(), payload.begin(), payload.end());
  put_u32(out, crc32c(out));
  return out;
}

FrameReader::Cut FrameReader::cut_frames(ByteView bytes, const OnFrame& on_frame) {
  Cut cut;
  while (bytes.size() - cut.used >= frame_head_bytes) {
    const auto rest = bytes.subspan(cut.used);
    const auto length = read_u32(rest);
    if (length > frame_max_) {
      cut.error = FrameError{FrameFault::TooLong, offset_};
      return cut;
    }
    const auto whole = length + frame_overhead_bytes;
    if (rest.size() < whole) return cut;
    if (crc32c(rest.first(whole - 4)) != read_u32(rest.subspan(whole - 4))) {
      cut.error = FrameError{FrameFault::BadChecksum, offset_};
      return cut;
    }
    const auto at = offset_;
    offset_ += whole;
    cut.used += whole;
    if (!on_frame(rest[4], rest.subspan(frame_head_bytes, length), at)) {
      cut.stop = true;
      return cut;
    }
  }
  return cut;
}

std::optional<FrameError> FrameReader::feed(ByteView bytes, const OnFrame& on_frame) {
  if (dead_) return std::nullopt;
  ByteView all = bytes;
  if (!held_.empty()) {
    held_.insert(held_.end(), bytes.begin(), bytes.end());
    all = held_;
  }
  const auto cut = cut_frames(all, on_frame);
  if (cut.stop || cut.error) {
    dead_ = true;
    held_ = {};
    return cut.error;
  }
  if (held_.empty()) {
    held_.assign(all.begin() + static_cast<std::ptrdiff_t>(cut.used), all.end());
  } else {
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(cut.used));
    // One long frame is no reason to hold room for the next for ever.
    if (held_.empty() && held_.capacity() > held_kept_max) held_ = {};
  }
  return std::nullopt;
}

}  // namespace airbridge::sync
