#pragma once
// Checks UTF-8 (RFC 3629) as it comes, byte by byte: no overlong forms, no surrogates, nothing above U+10FFFF.
#include <cstdint>
#include <string_view>

namespace airbridge::net {

class Utf8Check {
 public:
  // False from the first byte on that cannot be right.
  bool feed(std::string_view bytes) {
    for (const char c : bytes) {
      if (!feed(static_cast<std::uint8_t>(c))) return false;
    }
    return true;
  }
  bool feed(std::uint8_t byte) {
    if (missing_ == 0) {
      low_ = 0x80;
      high_ = 0xBF;
      if (byte < 0x80) return true;
      if (byte >= 0xC2 && byte <= 0xDF) return begin(1);
      if (byte == 0xE0) low_ = 0xA0;   // below is overlong
      if (byte == 0xED) high_ = 0x9F;  // above are surrogates
      if (byte >= 0xE0 && byte <= 0xEF) return begin(2);
      if (byte == 0xF0) low_ = 0x90;   // below is overlong
      if (byte == 0xF4) high_ = 0x8F;  // above is past U+10FFFF
      return byte >= 0xF0 && byte <= 0xF4 && begin(3);
    }
    if (byte < low_ || byte > high_) return false;
    low_ = 0x80;
    high_ = 0xBF;
    --missing_;
    return true;
  }
  bool complete() const { return missing_ == 0; }  // not inside a character

 private:
  bool begin(int more) {
    missing_ = more;
    return true;
  }
  int missing_ = 0;
  std::uint8_t low_ = 0x80;  // what the next continuation byte may be
  std::uint8_t high_ = 0xBF;
};

inline bool is_utf8(std::string_view text) {
  Utf8Check check;
  return check.feed(text) && check.complete();
}

}  // namespace airbridge::net
