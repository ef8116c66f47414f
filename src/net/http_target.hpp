#pragma once
// The request target: path and query, decoded and checked (RFC 3986).
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace airbridge::net {

inline constexpr std::size_t query_parameters_max = 64;

struct HttpTarget {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
};

// Decodes percent signs once and folds "//" into "/". Nothing, for a path that could mean another one to somebody: "."
// and
// ".." segments (plain or encoded), backslashes, encoded slashes, what still holds an encoded byte after decoding
// (double encoding), control characters, bad UTF-8, anything not beginning with "/".
std::optional<std::string> decode_path(std::string_view raw);

// decode_path() before the "?", name=value pairs after it ("+" is a blank); nothing when either is malformed.
std::optional<HttpTarget> parse_target(std::string_view raw);

}  // namespace airbridge::net
