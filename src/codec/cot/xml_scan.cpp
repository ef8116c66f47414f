#include "codec/cot/xml_scan.hpp"

#include <charconv>
#include <cstring>

namespace airbridge::codec::cot {
namespace {

bool is_xml_character(std::uint32_t c) {
  return c == 0x9 || c == 0xA || c == 0xD || (c >= 0x20 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD) ||
         (c >= 0x10000 && c <= 0x10FFFF);
}

// Reads one UTF-8 character (RFC 3629: no overlong forms, no surrogates); 0 length when it is not one.
struct Character {
  std::uint32_t code = 0;
  std::size_t length = 0;
};
Character read_character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(at);
  if (first < 0x80) return {first, 1};
  std::size_t length = 0;
  std::uint32_t code = 0, least = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2, code = first & 0x1FU, least = 0x80;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3, code = first & 0x0FU, least = 0x800;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4, code = first & 0x07U, least = 0x10000;
  } else {
    return {};
  }
  if (at + length > text.size()) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80) return {};
    code = code << 6 | (byte(at + i) & 0x3FU);
  }
  if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  }
}

// "lt", "#65", "#x41": the character meant, or nothing.
std::optional<std::uint32_t> meaning_of(std::string_view name) {
  if (name == "lt") return '<';
  if (name == "gt") return '>';
  if (name == "amp") return '&';
  if (name == "quot") return '"';
  if (name == "apos") return '\'';
  if (name.size() < 2 || name[0] != '#') return std::nullopt;
  const bool hex = name[1] == 'x';
  const auto digits = name.substr(hex ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  return is_xml_character(code) ? std::optional(code) : std::nullopt;
}

constexpr std::size_t reference_max = 12;  // "&#x0010FFFF;"

}  // namespace

namespace detail {

const std::array<unsigned char, 256> name_bytes = [] {
  std::array<unsigned char, 256> table{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || c == '_' || c == ':' || c >= 0x80) table[c] = 1;
    if ((c >= '0' && c <= '9') || c == '-' || c == '.') table[c] = 2;
  }
  return table;
}();

const std::array<bool, 256> value_stops = [] {
  std::array<bool, 256> table{};
  for (const unsigned char c : {'"', '\'', '<', '&'}) table[c] = true;
  return table;
}();

std::size_t reference_end(std::string_view text, std::size_t at) {
  const auto end = text.substr(at, reference_max).find(';');
  if (end == text.npos) return 0;
  return meaning_of(text.substr(at + 1, end - 1)) ? at + end + 1 : 0;
}

}  // namespace detail

std::optional<Fault> check_characters(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    // Eight plain ASCII bytes at a time: no byte below 0x20, none above 0x7F.
    while (at + 8 <= text.size()) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, sizeof word);
      constexpr std::uint64_t high = 0x8080808080808080U;
      if (((word | (word - 0x2020202020202020U)) & high) != 0) break;
      at += 8;
    }
    for (const auto stop = std::min(text.size(), at + 8); at < stop;) {
      const auto character = read_character(text, at);
      if (character.length == 0) return fault_at(text, at, FaultKind::BadUtf8);
      if (!is_xml_character(character.code)) return fault_at(text, at, FaultKind::ControlCharacter);
      at += character.length;
    }
  }
  return std::nullopt;
}

std::string decode(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  std::size_t at = 0;
  while (at < raw.size()) {
    const auto ref = raw.find('&', at);
    out.append(raw.substr(at, ref == raw.npos ? raw.npos : ref - at));
    if (ref == raw.npos) break;
    const auto end = raw.find(';', ref);
    const auto code = end == raw.npos ? std::nullopt : meaning_of(raw.substr(ref + 1, end - ref - 1));
    if (code) {
      append_utf8(out, *code);
      at = end + 1;
    } else {
      out.push_back('&');
      at = ref + 1;
    }
  }
  return out;
}

}  // namespace airbridge::codec::cot
