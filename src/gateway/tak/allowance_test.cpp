#include "gateway/tak/allowance.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace airbridge;
using namespace airbridge::gateway::tak;
using Verdict = Allowance::Verdict;

namespace {
SteadyTime at(std::int64_t ms) { return SteadyTime(Milliseconds{1'000'000 + ms}); }
}  // namespace

TEST_CASE("a client may burst, then says so many events a second, and keeps a reserve for what is urgent") {
  Allowance allowance({.events_per_second = 10, .burst = 30, .reserve = 5});
  int taken = 0;
  while (allowance.take("A", false, at(0)) == Verdict::Ok) ++taken;
  CHECK(taken == 25);
  CHECK(allowance.take("A", false, at(0)) == Verdict::TooFast);
  taken = 0;
  while (allowance.take("A", true, at(0)) == Verdict::Ok) ++taken;
  CHECK(taken == 5);
  CHECK(allowance.take("A", false, at(500)) == Verdict::TooFast);  // the reserve fills first
  CHECK(allowance.take("A", false, at(1000)) == Verdict::Ok);
  taken = 0;
  while (allowance.take("A", false, at(3'600'000)) == Verdict::Ok) ++taken;
  CHECK(taken == 25);
}

TEST_CASE("a client speaks of so many uids, and old ones make room") {
  Allowance allowance({.uids_max = 100, .uid_memory = Milliseconds{60'000}});
  for (int i = 0; i < 100; ++i) CHECK(allowance.take("uid " + std::to_string(i), false, at(0)) == Verdict::Ok);
  CHECK(allowance.take("one more", false, at(10)) == Verdict::TooManyUids);
  CHECK(allowance.take("uid 7", false, at(20)) == Verdict::Ok);
  CHECK(allowance.take("an alert", true, at(30)) == Verdict::Ok);  // people in need are not counted
  CHECK(allowance.take("uid 7", false, at(50'000)) == Verdict::Ok);
  CHECK(allowance.take("one more", false, at(70'000)) == Verdict::Ok);
  CHECK(allowance.take("uid 7", false, at(70'000)) == Verdict::Ok);
}
