#include "model/cbor.hpp"

#include <algorithm>
#include <array>

namespace airbridge::model::cbor {

void Writer::head(std::uint8_t major, std::uint64_t value) {
  const auto top = static_cast<std::uint8_t>(major << 5);
  if (value < 24) {
    out_.push_back(static_cast<std::uint8_t>(top | value));
    return;
  }
  const auto put = [&](int size, int count) {
    std::array<std::uint8_t, 9> text;
    text[0] = static_cast<std::uint8_t>(top | size);
    for (int i = 0; i < count; ++i) text[1 + i] = static_cast<std::uint8_t>(value >> 8 * (count - 1 - i));
    out_.insert(out_.end(), text.begin(), text.begin() + 1 + count);
  };
  if (value <= 0xFF) {
    put(24, 1);
  } else if (value <= 0xFFFF) {
    put(25, 2);
  } else if (value <= 0xFFFFFFFF) {
    put(26, 4);
  } else {
    put(27, 8);
  }
}

std::optional<Kind> Reader::peek() {
  if (fault_ || at_ >= in_.size()) return std::nullopt;
  return static_cast<Kind>(in_[at_] >> 5);
}

std::optional<std::uint64_t> Reader::read_head(Kind& kind) {
  if (fault_) return std::nullopt;
  const auto start = at_;
  if (at_ >= in_.size()) {
    fail(DecodeFault::Truncated);
    return std::nullopt;
  }
  const auto first = in_[at_++];
  kind = static_cast<Kind>(first >> 5);
  const auto low = first & 31;
  if (kind == Kind::Simple) {
    if (low != 20 && low != 21 && low != 22) {  // only false, true, null exist here
      fail_at(DecodeFault::WrongType, start);
      return std::nullopt;
    }
    return low;
  }
  if (low < 24) return low;
  if (low > 27) {  // 28..30 reserved, 31 indefinite length
    fail_at(DecodeFault::NotCanonical, start);
    return std::nullopt;
  }
  const std::size_t count = std::size_t{1} << (low - 24);
  if (in_.size() - at_ < count) {
    fail_at(DecodeFault::Truncated, start);
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | in_[at_++];
  const std::uint64_t least = count == 1 ? 24 : std::uint64_t{1} << (count * 4);
  if (value < least) {
    fail_at(DecodeFault::NotCanonical, start);
    return std::nullopt;
  }
  return value;
}

std::uint64_t Reader::head(Kind wanted) {
  const auto start = at_;
  Kind kind{};
  const auto value = read_head(kind);
  if (!value) return 0;
  if (kind != wanted) {
    fail_at(DecodeFault::WrongType, start);
    return 0;
  }
  return *value;
}

ByteView Reader::take(std::uint64_t count) {
  if (fault_) return {};
  if (count > in_.size() - at_) {
    fail(DecodeFault::Truncated);
    return {};
  }
  const auto out = in_.subspan(at_, count);
  at_ += count;
  return out;
}

std::uint64_t Reader::uint(std::uint64_t max) {
  const auto start = at_;
  const auto value = head(Kind::Uint);
  if (value > max) {
    fail_at(DecodeFault::OutOfRange, start);
    return 0;
  }
  return value;
}

std::int64_t Reader::integer() {
  const auto start = at_;
  Kind kind{};
  const auto value = read_head(kind);
  if (!value) return 0;
  if (kind != Kind::Uint && kind != Kind::Negative) {
    fail_at(DecodeFault::WrongType, start);
    return 0;
  }
  if (*value > static_cast<std::uint64_t>(INT64_MAX)) {
    fail_at(DecodeFault::OutOfRange, start);
    return 0;
  }
  const auto number = static_cast<std::int64_t>(*value);
  return kind == Kind::Uint ? number : -1 - number;
}

ByteView Reader::bytes(std::size_t max) {
  const auto start = at_;
  const auto length = head(Kind::Bytes);
  if (length > max) {
    fail_at(DecodeFault::TooLong, start);
    return {};
  }
  return take(length);
}

std::string_view Reader::text(std::size_t max) {
  const auto start = at_;
  const auto length = head(Kind::Text);
  if (length > max) {
    fail_at(DecodeFault::TooLong, start);
    return {};
  }
  const auto text = as_text(take(length));
  if (ok() && !is_utf8(text)) {
    fail_at(DecodeFault::WrongType, start);
    return {};
  }
  return text;
}

std::size_t Reader::array(std::size_t max) {
  const auto start = at_;
  const auto count = head(Kind::Array);
  if (count > max) {
    fail_at(DecodeFault::TooLong, start);
    return 0;
  }
  return count;
}

std::size_t Reader::map(std::size_t max) {
  const auto start = at_;
  const auto count = head(Kind::Map);
  if (count > max) {
    fail_at(DecodeFault::TooLong, start);
    return 0;
  }
  return count;
}

std::uint64_t Reader::tag() { return head(Kind::Tag); }

bool Reader::boolean() {
  const auto start = at_;
  const auto value = head(Kind::Simple);
  if (ok() && value != 20 && value != 21) fail_at(DecodeFault::WrongType, start);
  return ok() && value == 21;
}

void Reader::null() {
  const auto start = at_;
  const auto value = head(Kind::Simple);
  if (ok() && value != 22) fail_at(DecodeFault::WrongType, start);
}

void Reader::skip(std::size_t depth) {
  const auto start = at_;
  Kind kind{};
  const auto value = read_head(kind);
  if (!value) return;
  if (depth == 0) {
    fail_at(DecodeFault::TooDeep, start);
    return;
  }
  ByteView last_key;
  switch (kind) {
    case Kind::Bytes:
      take(*value);
      break;
    case Kind::Text:
      if (const auto text = as_text(take(*value)); ok() && !is_utf8(text)) fail_at(DecodeFault::WrongType, start);
      break;
    case Kind::Array:
      for (std::uint64_t i = 0; i < *value && ok(); ++i) skip(depth - 1);
      break;
    case Kind::Map:
      for (std::uint64_t i = 0; i < *value && ok(); ++i) {
        const auto key_at = at_;
        skip(depth - 1);
        const auto key = in_.subspan(key_at, at_ - key_at);
        // Ascending by their bytes (RFC 8949 section 4.2.1), so none twice either.
        if (ok() && i > 0 && !std::lexicographical_compare(last_key.begin(), last_key.end(), key.begin(), key.end())) {
          fail_at(DecodeFault::NotCanonical, key_at);
        }
        last_key = key;
        skip(depth - 1);
      }
      break;
    case Kind::Tag:
      skip(depth - 1);
      break;
    default:
      break;
  }
}

// The well-formed byte sequences of the Unicode standard, table 3-7.
bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto at = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  while (i < text.size()) {
    const auto c = at(i);
    if (c < 0x80) {
      ++i;
      continue;
    }
    std::size_t more = 0;
    unsigned char low = 0x80, high = 0xBF;
    if (c >= 0xC2 && c <= 0xDF) {
      more = 1;
    } else if (c >= 0xE0 && c <= 0xEF) {
      more = 2;
      if (c == 0xE0) low = 0xA0;
      if (c == 0xED) high = 0x9F;
    } else if (c >= 0xF0 && c <= 0xF4) {
      more = 3;
      if (c == 0xF0) low = 0x90;
      if (c == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    if (text.size() - i <= more) return false;
    if (at(i + 1) < low || at(i + 1) > high) return false;
    for (std::size_t k = 2; k <= more; ++k) {
      if (at(i + k) < 0x80 || at(i + k) > 0xBF) return false;
    }
    i += more + 1;
  }
  return true;
}

std::string clean_text(std::string_view text, std::size_t max) {
  std::string out;
  while (!text.empty()) {
    // The shortest well-formed piece: a character, else one bad byte.
    std::size_t size = 1;
    while (size <= 4 && size <= text.size() && !is_utf8(text.substr(0, size))) ++size;
    const bool good = size <= 4 && size <= text.size();
    const auto piece = good ? text.substr(0, size) : std::string_view("?");
    if (out.size() + piece.size() > max) break;
    out += piece;
    text.remove_prefix(good ? size : 1);
  }
  return out;
}

}  // namespace airbridge::model::cbor
