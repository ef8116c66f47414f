#include "codec/cot/framer.hpp"

#include <doctest/doctest.h>

#include "codec/cot/test_files.hpp"

using namespace airbridge;
using namespace airbridge::codec::cot;
using test::data;
using test::event;
using test::read_file;

namespace {

struct Taken {
  std::vector<std::string> events;
  std::vector<FaultKind> faults;
  std::size_t held_most = 0;
};

void take(Framer& framer, std::string_view text, Taken& into) {
  ByteView rest = as_bytes(text);
  while (auto cut = framer.next(rest)) {
    if (const auto* frame = std::get_if<Frame>(&*cut)) {
      into.events.emplace_back(as_text(frame->xml));
    } else {
      into.faults.push_back(std::get<Fault>(*cut).kind);
    }
  }
  CHECK(rest.empty());
  into.held_most = std::max(into.held_most, framer.held_bytes());
}

Taken take_in_pieces(std::string_view text, std::size_t size) {
  Framer framer;
  Taken out;
  for (std::size_t at = 0; at < text.size(); at += size) take(framer, text.substr(at, size), out);
  return out;
}

const std::vector<std::size_t> piece_sizes{1, 2, 7, 64, 1000, 100'000};

}  // namespace

TEST_CASE("five events on one connection are five frames, whatever the pieces") {
  const auto stream = read_file(data("cot/stream_several_events_no_newline.txt"));
  for (const auto size : piece_sizes) {
    CAPTURE(size);
    const auto taken = take_in_pieces(stream, size);
    REQUIRE(taken.events.size() == 5);
    CHECK(taken.faults.empty());
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(taken.events[i].starts_with("<event version=\"2.0\" uid=\"S-" + std::to_string(i)));
      CHECK(taken.events[i].ends_with("</event>"));
    }
  }
}

TEST_CASE("what comes before an event is skipped: log-in, declarations, utf-16 claims, keep-alive noise") {
  const auto one = event();
  const std::string before[] = {"<auth><cot username=\"a\" password=\"b\" uid=\"c\"/></auth>",
                                "<?xml version=\"1.0\" encoding=\"utf-16\" standalone=\"yes\"?>\n",
                                "\n\r\n ",
                                "<events><eventful x='1'/>",
                                "<",
                                "<even",
                                "\xEF\xBB\xBF"};
  for (const auto& noise : before) {
    for (const auto size : piece_sizes) {
      CAPTURE(noise);
      CAPTURE(size);
      const auto taken = take_in_pieces(noise + one + noise + one, size);
      CHECK(taken.events == std::vector<std::string>{one, one});
      CHECK(taken.faults.empty());
    }
  }
}

TEST_CASE("half an event waits") {
  const auto one = event();
  Framer framer;
  Taken taken;
  take(framer, one.substr(0, 100), taken);
  CHECK(taken.events.empty());
  CHECK(framer.inside_event());
  take(framer, one.substr(100), taken);
  CHECK(taken.events.size() == 1);
  CHECK_FALSE(framer.inside_event());
  CHECK(framer.held_bytes() == 0);
}

TEST_CASE("an event of exactly the limit passes, one byte more does not, and the next is unharmed") {
  const auto padded = [](std::size_t size) {
    test::Wanted wanted;
    wanted.detail = "<remarks></remarks>";
    const auto bare = event(wanted).size();
    wanted.detail = "<remarks>" + std::string(size - bare, 'x') + "</remarks>";
    return event(wanted);
  };
  const auto one = event();
  for (const auto size : piece_sizes) {
    CAPTURE(size);
    const auto fits = take_in_pieces(padded(event_bytes_max) + one, size);
    CHECK(fits.events.size() == 2);
    CHECK(fits.faults.empty());
    for (const std::size_t more : {1U, 9U, 5'000U, 500'000U}) {
      CAPTURE(more);
      const auto taken = take_in_pieces(one + padded(event_bytes_max + more) + one, size);
      CHECK(taken.events == std::vector<std::string>{one, one});
      CHECK(taken.faults == std::vector{FaultKind::Oversized});
      CHECK(taken.held_most <= event_bytes_max + 16 * 1024);
    }
  }
}

TEST_CASE("an oversized event that is never closed ends where the next begins") {
  const auto one = event();
  const auto open_ended = "<event uid=\"" + std::string(200'000, 'y');
  for (const auto size : piece_sizes) {
    CAPTURE(size);
    const auto taken = take_in_pieces(open_ended + one, size);
    CHECK(taken.events == std::vector<std::string>{one});
    CHECK(taken.faults == std::vector{FaultKind::Oversized});
  }
}

TEST_CASE("a sender that breaks off costs one fault, not the next event") {
  const auto one = event();
  const auto truncated = read_file(data("cot/refuse/truncated.xml"));
  for (const auto size : piece_sizes) {
    CAPTURE(size);
    const auto taken = take_in_pieces(truncated + "<?xml version=\"1.0\"?>\n" + one, size);
    CHECK(taken.events == std::vector<std::string>{one});
    CHECK(taken.faults == std::vector{FaultKind::Truncated});
  }
}

TEST_CASE("a document type refuses the event it stands before and no other") {
  const auto doctype = read_file(data("cot/refuse/doctype.xml"));
  const auto one = event();
  for (const auto size : piece_sizes) {
    CAPTURE(size);
    const auto taken = take_in_pieces(doctype + one, size);
    CHECK(taken.events == std::vector<std::string>{one});
    CHECK(taken.faults == std::vector{FaultKind::DtdOrEntity});
  }
}

TEST_CASE("bytes that are not CoT are counted in steps and not kept") {
  const std::string garbage(1'000'000, '\xBF');
  for (const auto size : {1000U, 100'000U}) {
    const auto taken = take_in_pieces(garbage, size);
    CHECK(taken.events.empty());
    CHECK(taken.faults.size() >= 9);
    CHECK(taken.faults.size() <= 16);
    CHECK(taken.faults.front() == FaultKind::NotCot);
    CHECK(taken.held_most == 0);
  }
}

TEST_CASE("a telestration's embedded, escaped events do not end it") {
  test::Wanted wanted;
  wanted.type = "u-d-f-m";
  wanted.detail = "<link line=\"&lt;event uid='x'&gt;&lt;/event&gt;\"/>";
  const auto one = event(wanted);
  CHECK(take_in_pieces(one + one, 1).events == std::vector<std::string>{one, one});
}
