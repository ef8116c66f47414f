#include "told_hash.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::app;

TEST_CASE("a hash made when the last events were on disk and not in the picture yet is made again") {
  const SteadyTime start{Milliseconds(1'000)};
  ToldHash told;
  REQUIRE(told.is_due(200'000, 7, start));
  told.made(200'000, 7, start);
  CHECK_FALSE(told.is_due(200'000, 8, start + Milliseconds(1'000)));  // soon, but not at once
  CHECK(told.is_due(200'000, 8, start + state_hash_every));
  told.made(200'000, 8, start + state_hash_every);
  CHECK_FALSE(told.is_due(200'000, 8, start + 10 * state_hash_every));
}

TEST_CASE("the hash of a small state is always fresh") {
  ToldHash told;
  told.made(10, 1, SteadyTime{});
  CHECK(told.is_due(10, 1, SteadyTime{}));
}
