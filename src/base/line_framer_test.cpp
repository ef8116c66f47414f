#include "base/line_framer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace airbridge;

namespace {
std::vector<std::string> lines_of(LineFramer& framer, std::string_view text, std::size_t chunk) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size(); at += chunk) {
    framer.feed(as_bytes(text.substr(at, chunk)), [&](std::string_view line, std::uint64_t number) {
      out.push_back(std::to_string(number) + std::string(line));
    });
  }
  return out;
}
}  // namespace

TEST_CASE("lines come out alike however the stream is cut") {
  const std::string text = "one\r\ntwo\n\n\r\nthree\nhalf";
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    CAPTURE(chunk);
    LineFramer framer(16);
    CHECK(lines_of(framer, text, chunk) == std::vector<std::string>{"1one", "2two", "5three"});
    CHECK(framer.held_bytes() == 4);
    std::string last;
    framer.finish([&](std::string_view line, std::uint64_t) { last = line; });
    CHECK(last == "half");
  }
}

TEST_CASE("an oversized line is skipped and counted, and the next line is unharmed") {
  const std::string text = "12345678\n12345678\r\n123456789\n" + std::string(5000, 'x') + "\nok\n";
  for (const std::size_t chunk : {1UL, 3UL, 7UL, 4096UL, text.size()}) {
    CAPTURE(chunk);
    LineFramer framer(8);
    CHECK(lines_of(framer, text, chunk) == std::vector<std::string>{"112345678", "212345678", "5ok"});
    CHECK(framer.oversized() == 2);
  }
}

TEST_CASE("a line without end holds a bounded number of bytes") {
  LineFramer framer(100);
  const std::string junk(64, 'x');
  for (int i = 0; i < 10'000; ++i) {
    framer.feed(as_bytes(junk), [](std::string_view, std::uint64_t) { FAIL("no line ended"); });
    CHECK(framer.held_bytes() <= 101);
  }
  framer.reset();
  CHECK(lines_of(framer, "next\n", 2) == std::vector<std::string>{"1next"});
}
