#include "net/kiss.hpp"

namespace airbridge::net {
namespace {

enum class Command : std::uint8_t { Data = 0, TxDelay = 1, Persistence = 2, SlotTime = 3, TxTail = 4, FullDuplex = 5 };

void put_escaped(Bytes& out, std::uint8_t byte) {
  if (byte == kiss_end) {
    out.insert(out.end(), {kiss_escape, kiss_escaped_end});
  } else if (byte == kiss_escape) {
    out.insert(out.end(), {kiss_escape, kiss_escaped_escape});
  } else {
    out.push_back(byte);
  }
}

void put_frame(Bytes& out, std::uint8_t port, Command command, ByteView payload) {
  out.push_back(kiss_end);
  // The type is escaped like the rest: port 12 with command 0 is a FEND by chance.
  put_escaped(out,
              static_cast<std::uint8_t>(static_cast<unsigned>(port & 0x0FU) << 4 | static_cast<unsigned>(command)));
  for (const auto byte : payload) put_escaped(out, byte);
  out.push_back(kiss_end);
}

}  // namespace

Bytes kiss_frame(std::uint8_t port, ByteView payload) {
  Bytes out;
  out.reserve(payload.size() + payload.size() / 16 + 4);
  put_frame(out, port, Command::Data, payload);
  return out;
}

Bytes kiss_settings(std::uint8_t port, const KissParameters& parameters) {
  Bytes out;
  const auto put = [&](Command command, std::optional<std::uint8_t> value) {
    if (value) put_frame(out, port, command, ByteView(&*value, 1));
  };
  put(Command::TxDelay, parameters.tx_delay);
  put(Command::Persistence, parameters.persistence);
  put(Command::SlotTime, parameters.slot_time);
  put(Command::TxTail, parameters.tx_tail);
  if (parameters.full_duplex) put(Command::FullDuplex, std::uint8_t{*parameters.full_duplex});
  return out;
}

void KissDecoder::reset() {
  state_ = State::Searching;
  held_.clear();
}

bool KissDecoder::take(std::uint8_t byte) {
  if (byte == kiss_end) {
    // One FEND both ends a frame and begins the next.
    const auto before = state_;
    state_ = State::Inside;
    if (before == State::Escaped) ++broken_;
    if (before == State::Inside && held_.size() > 1) {
      if ((held_[0] & 0x0FU) == 0) {
        ++frames_;
        return true;
      }
      ++others_;
    }
    held_.clear();
    return false;
  }
  if (state_ == State::Searching) return false;
  if (state_ == State::Inside && byte == kiss_escape) {
    state_ = State::Escaped;
    return false;
  }
  if (state_ == State::Escaped) {
    if (byte != kiss_escaped_end && byte != kiss_escaped_escape) {
      ++broken_;
      reset();
      return false;
    }
    byte = byte == kiss_escaped_end ? kiss_end : kiss_escape;
    state_ = State::Inside;
  }
  if (held_.size() > frame_bytes_max_) {  // one more than the payload: the type
    ++oversized_;
    reset();
    return false;
  }
  held_.push_back(byte);
  return false;
}

}  // namespace airbridge::net
