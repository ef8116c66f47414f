#include "net/http_target.hpp"

#include <algorithm>

#include "net/utf8.hpp"

namespace airbridge::net {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view raw, bool plus_is_blank) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out += plus_is_blank && raw[i] == '+' ? ' ' : raw[i];
      continue;
    }
    if (raw.size() - i < 3) return std::nullopt;
    const int high = hex_digit(raw[i + 1]);
    const int low = hex_digit(raw[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool holds_encoded_byte(std::string_view text) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    if (text[i] == '%' && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) return true;
  }
  return false;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

}  // namespace

std::optional<std::string> decode_path(std::string_view raw) {
  if (raw.empty() || raw.front() != '/') return std::nullopt;
  const auto slashes = std::count(raw.begin(), raw.end(), '/');
  const auto decoded = percent_decoded(raw, false);
  if (!decoded || std::count(decoded->begin(), decoded->end(), '/') != slashes) return std::nullopt;
  if (decoded->find('\\') != decoded->npos || has_control(*decoded) || !is_utf8(*decoded) ||
      holds_encoded_byte(*decoded)) {
    return std::nullopt;
  }
  std::string out;
  std::string_view rest = *decoded;
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the slash
    const auto segment = rest.substr(0, rest.find('/'));
    if (segment == "." || segment == "..") return std::nullopt;
    rest.remove_prefix(segment.size());
    if (segment.empty() && !rest.empty()) continue;
    out += '/';
    out += segment;
  }
  return out;
}

std::optional<HttpTarget> parse_target(std::string_view raw) {
  const auto mark = raw.find('?');
  auto path = decode_path(raw.substr(0, mark));
  if (!path) return std::nullopt;
  HttpTarget out{*std::move(path), {}};
  auto rest = mark == raw.npos ? std::string_view{} : raw.substr(mark + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(equals == pair.npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (!name || !value || !is_utf8(*name) || !is_utf8(*value)) return std::nullopt;
    if (out.query.size() == query_parameters_max) return std::nullopt;
    out.query.emplace_back(*std::move(name), *std::move(value));
  }
  return out;
}

}  // namespace airbridge::net
