// Streams with two contents.
#include "picture/fold.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "picture/test_granted.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::RecordKind;

TEST_CASE("events of a fork are kept and listed, and leave no trace in the picture") {
  Granted w;
  const auto one = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "one")});
  const auto two = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "two")});
  const auto other = w.create(3, RecordKind::Site, {write(RecordKind::Site, "name", "other")});
  auto left = two, right = two;
  left.branch = {2, {1}};
  right.branch = {2, {2}};
  const auto wanted = [&] {
    Granted clean;
    for (const auto& e : {one, other}) clean.feed(e);
    clean.node.fork(one.dot.stream(), 2);
    clean.feed(left);
    clean.feed(right);
    return clean.node.state_hash();
  }();

  for (const auto& e : {one, two, other}) w.feed(e);
  w.node.publish();
  CHECK(w.feed(left) == Verdict::OnBranch);
  CHECK_FALSE(w.node.needs_refold());  // a branch alone proves nothing
  CHECK(w.node.publish()->forks().empty());
  w.node.fork(left.dot.stream(), 2);
  REQUIRE(w.node.needs_refold());
  w.node.begin_again();
  for (const auto& e : w.log) w.feed(e);
  CHECK(w.feed(two) == Verdict::OnBranch);
  CHECK(w.feed(right) == Verdict::OnBranch);
  CHECK_FALSE(w.node.needs_refold());
  CHECK(w.node.state_hash() == wanted);
  const auto picture = w.node.publish();
  CHECK(picture->find(two.dot) == nullptr);
  CHECK(picture->find(one.dot) != nullptr);
  REQUIRE(picture->forks().size() == 1);
  CHECK(picture->forks()[0].branches.size() == 2);
  CHECK(picture->counts().on_branches == 2);
}

TEST_CASE("the state does not depend on when branches, relabelled ones and the proof of a fork come") {
  Granted made;
  const auto one = made.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "one")});
  const auto two = made.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "two")});
  const auto three = made.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "three")});
  auto left = two, relabelled = three;
  left.branch = {2, {1}};
  relabelled.branch = {3, {3}};
  for (const bool proven : {false, true}) {
    // Null stands for the proof.
    std::vector<const FoldEvent*> steps{&one, &two, &three, &relabelled};
    if (proven) steps.insert(steps.end(), {&left, nullptr});
    std::sort(steps.begin(), steps.end());
    std::optional<model::Hash> wanted;
    do {
      Granted w;
      const auto log = w.log;
      for (const auto* step : steps) {
        step != nullptr ? static_cast<void>(w.feed(*step)) : w.node.fork(one.dot.stream(), 2);
      }
      if (w.node.needs_refold()) {
        w.node.begin_again();
        for (const auto& e : log) w.feed(e);
        for (const auto* step : steps) {
          if (step != nullptr) w.feed(*step);
        }
      }
      REQUIRE_FALSE(w.node.needs_refold());
      const auto hash = w.node.state_hash();
      if (!wanted) wanted = hash;
      REQUIRE(hash == *wanted);
      REQUIRE(w.node.publish()->forks().size() == (proven ? 1 : 0));
      REQUIRE((w.node.publish()->find(three.dot) == nullptr) == proven);
      const auto again = Fold::load(w.node.save(), w.incident, w.genesis);
      REQUIRE(again);
      REQUIRE(again->forks() == w.node.forks());
    } while (std::next_permutation(steps.begin(), steps.end()));
  }
}

TEST_CASE("grants brought behind a fork are forgotten") {
  Granted w;
  const auto grant = w.grant(7, 2);
  const auto made = w.create(7, RecordKind::Site, {write(RecordKind::Site, "name", "x")});
  w.feed(grant);
  CHECK(w.feed(made) == Verdict::Folded);
  w.node.fork(grant.dot.stream(), grant.dot.seq);
  REQUIRE(w.node.needs_refold());
  w.node.begin_again();
  for (const auto& e : w.log) w.feed(e);
  CHECK_FALSE(w.node.needs_refold());
  CHECK(w.node.publish()->find(made.dot) == nullptr);
  CHECK(w.node.publish()->counts().withheld == 1);
}
