#pragma once
// Documents that tests read: docs/protocol/*.md. Those that follow from the code are written anew with
// AIRBRIDGE_REWRITE=1 in the environment; look at the difference before you commit it.
//
// Example bytes stand in fenced blocks that name themselves, one item of CBOR a line, words behind "#":
//
//     ```hex event-create
//     a5                # map of 5
//     00 01             #   0: 1
//     ```
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>

#include "base/bytes.hpp"
#include "model/cbor.hpp"

namespace airbridge::model::test {

inline std::string repository_root() {
  const std::string data = AIRBRIDGE_TEST_DATA;  // <root>/test/data
  return data.substr(0, data.size() - std::string_view("/test/data").size());
}
inline bool is_rewriting() {
  const char* set = std::getenv("AIRBRIDGE_REWRITE");
  return set != nullptr && std::string_view(set) == "1";
}
inline std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), "cannot read ", path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
inline void write_whole(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// The whole document follows from the code.
inline void check_generated(const std::string& name, const std::string& wanted) {
  const auto path = repository_root() + "/docs/protocol/" + name;
  if (is_rewriting()) write_whole(path, wanted);
  CHECK_MESSAGE(read_whole(path) == wanted, name, " is out of date: run this test with AIRBRIDGE_REWRITE=1");
}

// Canonical CBOR as lines of hexadecimal with words.
class Annotator {
 public:
  Annotator(ByteView bytes, std::span<const std::string_view> keys) : bytes_(bytes), in_(bytes), keys_(keys) {}
  std::string lines() {
    item(0);
    return out_;
  }

 private:
  void line(std::size_t from, const std::string& words, std::size_t depth) {
    constexpr std::size_t a_line = 16;
    auto hex = to_hex(bytes_.subspan(from, in_.offset() - from));
    std::string comment = fmt::format("# {}{}", std::string(depth * 2, ' '), words);
    for (std::size_t at = 0; at < hex.size(); at += 2 * a_line) {
      out_ += fmt::format("{:<{}} {}\n", hex.substr(at, 2 * a_line), 2 * a_line, comment);
      comment = "#";
    }
  }
  void item(std::size_t depth) {
    const auto from = in_.offset();
    switch (*in_.peek()) {
      case cbor::Kind::Uint:
      case cbor::Kind::Negative: {
        // Beyond the signed range is unsigned.
        cbor::Reader probe = in_;
        const auto value = probe.integer();
        if (probe.ok()) {
          in_ = probe;
          return line(from, fmt::format("{}", value), depth);
        }
        const auto wide = in_.uint();
        return line(from, fmt::format("{}", wide), depth);
      }
      case cbor::Kind::Bytes: {
        const auto size = in_.bytes(SIZE_MAX).size();
        return line(from, fmt::format("{} bytes", size), depth);
      }
      case cbor::Kind::Text: {
        const std::string text(in_.text(SIZE_MAX));
        return line(from, '"' + text + '"', depth);
      }
      case cbor::Kind::Array: {
        const auto count = in_.array(SIZE_MAX);
        line(from, fmt::format("array of {}", count), depth);
        for (std::size_t i = 0; i < count; ++i) item(depth + 1);
        return;
      }
      case cbor::Kind::Map: {
        const auto count = in_.map(SIZE_MAX);
        line(from, fmt::format("map of {}", count), depth);
        for (std::size_t i = 0; i < count; ++i) {
          const auto key_from = in_.offset();
          const auto key = in_.uint();
          line(key_from, fmt::format("key {} {}", key, key < keys_.size() ? keys_[key] : ""), depth + 1);
          item(depth + 2);
        }
        return;
      }
      case cbor::Kind::Tag: {
        const auto tag = in_.tag();
        line(from, fmt::format("tag {}", tag), depth);
        return item(depth + 1);
      }
      case cbor::Kind::Simple:
        if (in_.next_is_null()) {
          in_.null();
          return line(from, "null", depth);
        }
        const bool value = in_.boolean();
        return line(from, value ? "true" : "false", depth);
    }
  }
  ByteView bytes_;
  cbor::Reader in_;
  std::span<const std::string_view> keys_;  // what the keys of maps are called
  std::string out_;
};

// Plain bytes, 16 a line.
inline std::string hex_lines(ByteView bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    out += to_hex(bytes.subspan(at, std::min<std::size_t>(16, bytes.size() - at))) + "\n";
  }
  return out;
}

// The bytes of the named block of a document.
inline std::optional<Bytes> example(const std::string& document, std::string_view name) {
  const auto text = read_whole(repository_root() + "/docs/protocol/" + document);
  const auto opening = fmt::format("```hex {}\n", name);
  const auto start = text.find(opening);
  if (start == std::string::npos) return std::nullopt;
  std::istringstream lines(text.substr(start + opening.size()));
  std::string hex;
  for (std::string line; std::getline(lines, line) && line != "```";) {
    for (const char c : line.substr(0, line.find('#'))) {
      if (c != ' ') hex += c;
    }
  }
  return from_hex(hex);
}

// The named block says exactly these bytes; its words are written anew when rewriting.
inline void check_example(const std::string& document, std::string_view name, ByteView wanted, bool is_cbor = true,
                          std::span<const std::string_view> keys = {}) {
  CAPTURE(name);
  const auto path = repository_root() + "/docs/protocol/" + document;
  if (is_rewriting()) {
    auto text = read_whole(path);
    const auto opening = fmt::format("```hex {}\n", name);
    const auto start = text.find(opening);
    REQUIRE(start != std::string::npos);
    const auto body = start + opening.size();
    const auto end = text.find("```", body);
    REQUIRE(end != std::string::npos);
    text.replace(body, end - body, is_cbor ? Annotator(wanted, keys).lines() : hex_lines(wanted));
    write_whole(path, text);
  }
  const auto found = example(document, name);
  REQUIRE(found);
  CHECK(to_hex(*found) == to_hex(wanted));
}

}  // namespace airbridge::model::test
