#include "bearer/squeeze.hpp"

#include <doctest/doctest.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "base/hash.hpp"
#include "base/rng.hpp"
#include "bearer/wire.hpp"

using namespace airbridge;
using namespace airbridge::bearer;

namespace {
constexpr std::size_t tail = 64;
// As sync's runs: text in front, a signature behind.
std::size_t dense_of(ByteView message) { return message.size() > tail ? tail : 0; }

Bytes message_of(Rng& rng, std::string_view text) {
  auto out = to_bytes(as_bytes(text));
  out.resize(out.size() + tail);
  rng.fill(std::span(out).last(tail));
  return out;
}
Bytes block_of(const std::vector<Bytes>& messages) {
  Bytes out;
  for (const auto& message : messages) {
    put_length(out, message.size());
    out.insert(out.end(), message.begin(), message.end());
  }
  return out;
}
std::vector<Bytes> texts(Rng& rng, std::size_t count) {
  static constexpr std::string_view words[] = {"bridge ", "closed ", "water ", "level ",
                                               "rising ", "slowly ", "clear "};
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (int w = 0; w < 12; ++w) text += words[rng.below(std::size(words))];
    out.push_back(message_of(rng, text));
  }
  return out;
}
}  // namespace

TEST_CASE("a block comes back byte for byte") {
  const DictionarySqueezer apart(dense_of), together;
  Rng rng(1);
  for (int round = 0; round < 200; ++round) {
    Bytes block;
    if (round % 2 == 0) {
      block = block_of(texts(rng, rng.below(40)));
    } else {
      block.resize(rng.below(3'000));  // no messages at all
      for (auto& byte : block) byte = static_cast<std::uint8_t>(rng.chance(0.5) ? 0x80 : rng());
    }
    for (const auto* squeezer : {&apart, &together}) {
      const auto bytes = squeezer->compress(block);
      if (bytes.size() >= block.size()) continue;  // would be sent as it is
      CHECK(squeezer->decompress(bytes, block.size()) == block);
      CHECK_FALSE(squeezer->decompress(bytes, block.size() - 1));
      // Both read what either writes.
      CHECK((squeezer == &apart ? together : apart).decompress(bytes, block.size()) == block);
    }
  }
}

TEST_CASE("lengths that are not the shortest come back as they were") {
  const DictionarySqueezer squeezer(dense_of);
  Rng rng(2);
  auto block = block_of(texts(rng, 3));
  const auto message = message_of(rng, std::string(200, 'x'));
  block.push_back(static_cast<std::uint8_t>(0x80 | (message.size() & 0x7F)));
  block.push_back(static_cast<std::uint8_t>(0x80 | message.size() >> 7));
  block.push_back(0);
  block.insert(block.end(), message.begin(), message.end());
  CHECK(squeezer.decompress(squeezer.compress(block), block.size()) == block);
}

TEST_CASE("what looks random is kept out of the texts, which makes blocks shorter") {
  const DictionarySqueezer apart(dense_of), together;
  Rng rng(3);
  const auto block = block_of(texts(rng, 20));
  const auto dense = 20 * tail;
  CHECK(apart.compress(block).size() < together.compress(block).size());
  CHECK(apart.compress(block).size() < dense + (block.size() - dense) / 3);
}

TEST_CASE("one short message in words of the trade gets shorter alone") {
  const DictionarySqueezer squeezer;
  const auto block = block_of({to_bytes(as_bytes("water level rising slowly, two persons seen on the roof"))});
  CHECK(squeezer.compress(block).size() < 20);
}

TEST_CASE("bytes from outside unfold within the bound or not at all") {
  const DictionarySqueezer squeezer(dense_of);
  const auto words = dictionary(1);
  auto* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_format, ZSTD_f_zstd1_magicless);
  ZSTD_CCtx_loadDictionary(context, words.data(), words.size());
  const Bytes zeros(64 << 20);
  Bytes bomb(ZSTD_compressBound(zeros.size()) + 1);
  bomb[0] = 1;  // dictionary 1, a whole frame
  const auto size = ZSTD_compress2(context, bomb.data() + 1, bomb.size() - 1, zeros.data(), zeros.size());
  ZSTD_freeCCtx(context);
  REQUIRE(ZSTD_isError(size) == 0);
  bomb.resize(size + 1);
  REQUIRE(bomb.size() < 64 * 1024);
  CHECK_FALSE(squeezer.decompress(bomb, SIZE_MAX));
  CHECK_FALSE(squeezer.decompress(Bytes(squeezed_block_max + 1, 1), SIZE_MAX));
}

TEST_CASE("damage is refused or gives another block, and unknown forms are refused") {
  const DictionarySqueezer squeezer(dense_of);
  Rng rng(4);
  const auto block = block_of(texts(rng, 6));
  const auto bytes = squeezer.compress(block);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    CHECK(squeezer.decompress(ByteView(bytes).first(cut), SIZE_MAX) != block);
  }
  for (int round = 0; round < 3'000; ++round) {
    auto damaged = bytes;
    for (auto n = 1 + rng.below(4); n > 0; --n) damaged[rng.below(damaged.size())] = static_cast<std::uint8_t>(rng());
    const auto read = squeezer.decompress(damaged, squeezed_block_max);
    if (read) CHECK(read->size() <= squeezed_block_max);
  }
  for (const int first : {0x00, 0x02, 0x07, 0x21, 0x81}) {
    auto other = bytes;
    other[0] = static_cast<std::uint8_t>(first);
    CHECK_FALSE(squeezer.decompress(other, SIZE_MAX));
  }
  CHECK_FALSE(squeezer.decompress({}, SIZE_MAX));
}

TEST_CASE("as many messages as fit are found") {
  const DictionarySqueezer squeezer(dense_of);
  Rng rng(5);
  const auto messages = texts(rng, 120);
  const std::vector<ByteView> views(messages.begin(), messages.end());
  for (const std::size_t bytes_max : {0, 60, 90, 400, 1'500, 4'000, 100'000}) {
    CAPTURE(bytes_max);
    const auto count = squeezer.fit(views, bytes_max);
    const auto size_of = [&](std::size_t n) {
      return squeezer.compress(block_of({messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(n)})).size();
    };
    if (count > 0) CHECK(size_of(count) <= bytes_max);
    // Two more would not have.
    if (count + 2 <= messages.size()) CHECK(size_of(count + 2) > bytes_max);
  }
  CHECK(squeezer.fit({}, 100) == 0);
}

TEST_CASE("dictionary 1 is the one that was published") {
  CHECK(dictionary(1).size() == 16'384);
  CHECK(to_hex(blake2b<16>({dictionary(1)})) == "c76ed4d514a148f36a626d598718bd9f");
  CHECK(dictionary(0).empty());
  CHECK(dictionary(2).empty());
}
