#pragma once
// Random values, events and entries for tests, from one printed seed; and what every decoder must stand.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/rng.hpp"
#include "model/entry.hpp"
#include "model/event.hpp"
#include "model/schema.hpp"

namespace airbridge::model::test {

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : rng_(seed) {
    for (int i = 0; i < 5; ++i) writers_.push_back({fixed<KeyId>(), static_cast<std::uint32_t>(number())});
  }
  Rng& rng() { return rng_; }
  const Writer& writer() { return writers_[rng_.below(writers_.size())]; }

  template <class Fixed>
  Fixed fixed() {
    Fixed out;
    rng_.fill(out.value);
    return out;
  }
  // Of every size, the ends of the range often.
  std::uint64_t number() {
    if (rng_.chance(0.1)) return UINT64_MAX;
    return rng_() >> rng_.below(64);
  }
  std::int64_t integer() {
    if (rng_.chance(0.05)) return INT64_MIN;
    if (rng_.chance(0.05)) return INT64_MAX;
    const auto value = static_cast<std::int64_t>(number() >> 1);
    return rng_.chance(0.5) ? value : -1 - value;
  }
  Bytes bytes(std::size_t max) {
    Bytes out(rng_.below(max + 1));
    rng_.fill(out);
    return out;
  }
  std::string text(std::size_t max_characters) {
    static constexpr std::string_view pieces[] = {"a", "Z", " ", "\n", "\"", "<", "\u00e9", "\u4e2d", "\U0001F681"};
    std::string out;
    for (auto n = rng_.below(max_characters + 1); n > 0; --n) out += pieces[rng_.below(std::size(pieces))];
    return out;
  }
  Dot dot() {
    Dot out{writer(), static_cast<Class>(rng_.below(class_count)), number()};
    if (out.seq == 0) out.seq = 1;
    return out;
  }
  EntityId entity(const Dot& own) {
    if (rng_.chance(0.3)) return own;
    if (rng_.chance(0.3)) return fixed<ExternalName>();
    return dot();
  }
  Value value(const Dot& own, std::size_t depth = value_depth_max) {
    switch (rng_.below(depth > 1 ? 7 : 6)) {
      case 0:
        return {};
      case 1:
        return rng_.chance(0.5);
      case 2:
        return integer();
      case 3:
        return text(20);
      case 4:
        return bytes(40);
      case 5:
        return entity(own);
      default: {
        Value::List list;
        for (auto n = rng_.below(4); n > 0; --n) list.push_back(value(own, depth - 1));
        return list;
      }
    }
  }
  std::vector<Write> writes(const Dot& own) {
    std::vector<Write> out;
    for (auto n = rng_.below(6); n > 0; --n) {
      Write write{{static_cast<std::uint32_t>(number())}, value(own), {}};
      if (std::any_of(out.begin(), out.end(), [&](const Write& w) { return w.key == write.key; })) continue;
      for (auto k = rng_.below(3); k > 0; --k) write.replaced.push_back(dot());
      out.push_back(std::move(write));
    }
    return out;
  }
  Event event(const Dot& own) {
    Event out;
    out.time.packed = number();
    out.quality = static_cast<ClockQuality>(rng_.below(4));
    if (rng_.chance(0.5)) out.actor = fixed<KeyId>();
    out.via = static_cast<Via>(rng_.below(20));
    if (rng_.chance(0.5)) out.source = text(20);
    out.record = static_cast<std::uint16_t>(number());
    out.entity = entity(own);
    out.writes = writes(own);
    for (auto n = rng_.below(after_max + 1); n > 0; --n) out.after.push_back(dot());
    return out;
  }
  StreamId stream() {
    StreamId out{writer(), static_cast<Class>(rng_.below(class_count)), {}};
    if (rng_.chance(0.2)) {
      out.branch.from = 1 + rng_.below(1000);
      rng_.fill(out.branch.head);
    }
    return out;
  }
  Entry entry() {
    Entry out;
    out.stream = stream();
    out.seq = std::max<std::uint64_t>(number(), 1000);
    out.public_part = bytes(80);
    if (rng_.chance(0.3)) out.private_part = PrivatePart::here(bytes(80));
    if (rng_.chance(0.3)) out.private_part = PrivatePart::withheld(fixed<Hash>());
    return out;
  }

 private:
  Rng rng_;
  std::vector<Writer> writers_;
};

// Every truncation is refused; every single flipped bit is refused or is the one encoding of what it now says.
// `decode` takes bytes and gives the encoding of what it read, or nothing.
template <class Reencode>
void check_one_encoding(const Bytes& bytes, Reencode&& reencode) {
  REQUIRE(reencode(bytes) == bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(reencode(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  auto longer = bytes;
  longer.push_back(0);
  CHECK_FALSE(reencode(longer));
  auto flipped = bytes;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
    flipped[bit / 8] ^= mask;
    if (const auto again = reencode(flipped); again && *again != flipped) {
      FAIL_CHECK("bit ", bit, " gives a second encoding: ", to_hex(flipped), " of ", to_hex(*again));
    }
    flipped[bit / 8] ^= mask;
  }
}

}  // namespace airbridge::model::test
