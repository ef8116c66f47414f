#include "sync/shared_vector.hpp"

#include <doctest/doctest.h>

#include "base/rng.hpp"

using namespace airbridge;
using namespace airbridge::sync;

namespace {
model::StreamId stream_of(std::uint8_t author, model::Class cls = model::Class::Routine) {
  model::StreamId out;
  out.writer.author.value.fill(author);
  out.cls = cls;
  return out;
}
}  // namespace

TEST_CASE("a copy of a shared vector does not follow what is changed in the other") {
  SharedVector one;
  one.set(stream_of(1), {5, Head4{1}});
  auto two = one;
  CHECK(one == two);
  one.set(stream_of(1), {6, Head4{2}});
  two.erase(stream_of(1));
  CHECK(held_of(one, stream_of(1)) == 6);
  CHECK(two->empty());
  CHECK(one != two);
  two = one;
  one.clear();
  CHECK(one->empty());
  CHECK(held_of(two, stream_of(1)) == 6);
}

TEST_CASE("the digests of a shared vector are those of its content after any changes") {
  Rng rng(7);
  std::vector<SharedVector> vectors(4);
  std::vector<HeldVector> plain(4);
  for (int round = 0; round < 2'000; ++round) {
    const auto i = rng.below(vectors.size()), j = rng.below(vectors.size());
    const auto stream = stream_of(static_cast<std::uint8_t>(rng.below(6)), static_cast<model::Class>(rng.below(3)));
    const auto what = rng.below(20);
    if (what < 12) {
      const Held held{1 + rng.below(4),
                      rng.chance(0.5) ? std::optional(Head4{static_cast<std::uint8_t>(rng.below(3))}) : std::nullopt};
      vectors[i].set(stream, held);
      plain[i][stream] = held;
    } else if (what < 15) {
      vectors[i].erase(stream);
      plain[i].erase(stream);
    } else if (what < 16) {
      vectors[i].clear();
      plain[i].clear();
    } else if (what < 17) {
      vectors[i] = plain[i];
    } else {
      vectors[i] = vectors[j];
      plain[i] = plain[j];
    }
    REQUIRE(*vectors[i] == plain[i]);
    if (rng.chance(0.5)) {
      REQUIRE(vectors[i].digest() == digest_of(plain[i]));
    } else {
      REQUIRE(vectors[i].numbers_digest() == numbers_digest_of(plain[i]));
    }
    REQUIRE((vectors[i] == vectors[j]) == (plain[i] == plain[j]));
  }
}
