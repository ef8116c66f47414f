#include "net/kiss.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/rng.hpp"

using namespace airbridge;
using namespace airbridge::net;

namespace {

struct Got {
  int port;
  Bytes payload;
  friend bool operator==(const Got&, const Got&) = default;
};

std::vector<Got> feed(KissDecoder& decoder, ByteView bytes) {
  std::vector<Got> out;
  decoder.feed(bytes, [&](std::uint8_t port, ByteView payload) { out.push_back({port, to_bytes(payload)}); });
  return out;
}

Bytes hex(std::string_view text) { return *from_hex(text); }

}  // namespace

TEST_CASE("a frame is written as the KISS paper shows it") {
  // Its own examples: "TEST" on port 0, "Hello" on port 5, and two bytes that need escaping.
  CHECK(to_hex(kiss_frame(0, as_bytes("TEST"))) == "c00054455354c0");
  CHECK(to_hex(kiss_frame(5, as_bytes("Hello"))) == "c05048656c6c6fc0");
  CHECK(to_hex(kiss_frame(0, hex("c0db"))) == "c000dbdcdbddc0");
  CHECK(to_hex(kiss_frame(12, hex("41"))) == "c0dbdc41c0");
}

TEST_CASE("parameters are written in the order of their commands, and what is not given is not written") {
  KissParameters parameters;
  CHECK(kiss_settings(0, parameters).empty());
  parameters.full_duplex = false;
  parameters.tx_delay = 30;
  CHECK(to_hex(kiss_settings(0, parameters)) == "c0011ec0c00500c0");
  parameters = {50, 63, 10, 2, true};
  CHECK(to_hex(kiss_settings(1, parameters)) == "c01132c0c0123fc0c0130ac0c01402c0c01501c0");
  parameters = {};
  parameters.persistence = kiss_end;
  CHECK(to_hex(kiss_settings(0, parameters)) == "c002dbdcc0");
}

TEST_CASE("what was written is read back, in chunks of any size, for any bytes") {
  Rng rng(7);
  std::vector<Got> sent;
  Bytes stream;
  for (int i = 0; i < 200; ++i) {
    Bytes payload(1 + rng.below(300));
    rng.fill(payload);
    for (auto& byte : payload) {
      if (rng.chance(0.2)) byte = rng.chance(0.5) ? kiss_end : kiss_escape;
    }
    sent.push_back({static_cast<int>(rng.below(16)), payload});
    const auto frame = kiss_frame(static_cast<std::uint8_t>(sent.back().port), payload);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, stream.size()}) {
    CAPTURE(chunk);
    KissDecoder decoder;
    std::vector<Got> got;
    for (std::size_t at = 0; at < stream.size(); at += chunk) {
      const auto part = feed(decoder, ByteView(stream).subspan(at, std::min(chunk, stream.size() - at)));
      got.insert(got.end(), part.begin(), part.end());
    }
    CHECK(got == sent);
    CHECK(decoder.frames() == sent.size());
  }
}

TEST_CASE("a decoder resynchronises after everything that is no frame") {
  KissDecoder decoder(8);
  const Got fine{0, hex("4142")};
  const Bytes good = kiss_frame(0, fine.payload);
  const struct {
    std::string_view what, before;
    std::uint64_t oversized, broken, others;
  } rows[] = {
      {"the tail of a frame that was not heard whole", "ff00db41", 0, 0, 0},
      {"FENDs that only fill", "c0c0c0c0", 0, 0, 0},
      {"an empty frame", "c000c0", 0, 0, 0},
      {"a frame that is too long", "c000414141414141414141c0", 1, 0, 0},
      {"a too long frame without an end", "c00041414141414141414141414141", 1, 0, 0},
      {"an escape that means nothing", "c00041db4142c0", 0, 1, 0},
      {"an escape cut off by the end", "c00041dbc0", 0, 1, 0},
      {"an escaped escape before an end", "c000dbdbc0", 0, 1, 0},
      {"a command that is not data", "c0061122c0", 0, 0, 1},
      {"the command that ends KISS", "c0ff11c0", 0, 0, 1},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    decoder.reset();
    const auto oversized = decoder.oversized(), broken = decoder.broken(), others = decoder.others();
    CHECK(feed(decoder, hex(row.before)).empty());
    CHECK(feed(decoder, good) == std::vector<Got>{fine});
    CHECK(decoder.oversized() - oversized == row.oversized);
    CHECK(decoder.broken() - broken == row.broken);
    CHECK(decoder.others() - others == row.others);
    CHECK(decoder.held_bytes() == 0);
  }
}

TEST_CASE("a frame of exactly the limit passes, and endless noise holds no more than that") {
  KissDecoder decoder(8);
  CHECK(feed(decoder, kiss_frame(3, Bytes(8, 7))) == std::vector<Got>{{3, Bytes(8, 7)}});
  CHECK(feed(decoder, kiss_frame(3, Bytes(9, 7))).empty());
  feed(decoder, Bytes(1, kiss_end));
  for (int i = 0; i < 100; ++i) {
    feed(decoder, Bytes(1'000, 0x41));
    CHECK(decoder.held_bytes() <= 9);
  }
}

TEST_CASE("two frames may share one FEND, and a half frame is forgotten with the line") {
  KissDecoder decoder;
  CHECK(feed(decoder, hex("c00041c00042c0")) == std::vector<Got>{{0, hex("41")}, {0, hex("42")}});
  CHECK(feed(decoder, hex("0043")).empty());
  decoder.reset();
  CHECK(feed(decoder, hex("44c0")).empty());
  CHECK(feed(decoder, hex("0045c0")) == std::vector<Got>{{0, hex("45")}});
}
