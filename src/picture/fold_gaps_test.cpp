// What is missing, not readable, or of a newer version.
#include "picture/fold.hpp"

#include <doctest/doctest.h>

#include "picture/test_granted.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::Class;
using model::RecordKind;
using model::Value;

TEST_CASE("fragments of an unknown entity are a placeholder that names whom it waits for") {
  Granted w;
  const auto made = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 2)});
  const auto after =
      w.change(3, RecordKind::Casualty, made.dot, {write(RecordKind::Casualty, "triage", 1, {made.dot})});
  w.feed(after);
  const auto& early = w.see(made.dot);
  CHECK(early.placeholder);
  REQUIRE(early.waiting_for.size() == 1);
  CHECK(early.waiting_for[0] == World::device(2).author);
  CHECK(w.node.publish()->placeholders().size() == 1);
  w.feed(made);
  const auto& full = w.see(made.dot);
  CHECK_FALSE(full.placeholder);
  CHECK(full.waiting_for.empty());
  CHECK(w.name_of(made.dot, "triage") == "1");  // the late original was replaced already
  CHECK(w.node.publish()->placeholders().empty());
}

TEST_CASE("an event that follows others waits for them visibly") {
  Granted w;
  const auto first = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 1)}, Class::Urgent);
  model::Event rest;
  rest.record = code(RecordKind::Message);
  rest.writes = {write(RecordKind::Message, "text", "see there")};
  rest.after = {first.dot};
  const auto second = w.make(World::device(2), Class::Important, rest, true);
  w.feed(second);
  CHECK(w.see(second.dot).waiting_for.size() == 1);
  w.feed(first);
  CHECK(w.see(second.dot).waiting_for.empty());
}

TEST_CASE("fields and records of a newer version are kept, merged and counted") {
  Granted w;
  const auto newer = model::FieldKey::of(900, model::MergeRule::Ranked);
  const auto made = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "A"), {newer, 1, {}}});
  const auto strange = w.create(2, static_cast<RecordKind>(77), {write(RecordKind::Site, "name", "B"), {newer, 2, {}}});
  w.feed(made);
  w.feed(strange);
  w.feed(w.change(3, RecordKind::Site, made.dot, {{newer, 5, {made.dot}}}));
  CHECK(w.see(made.dot).newer_fields() == 1);
  CHECK(w.see(made.dot).newer[0].acting.value == Value(5));
  CHECK(w.see(strange.dot).spec == nullptr);
  CHECK(w.see(strange.dot).newer_fields() == 1);
  CHECK(w.see(strange.dot).find("name")->acting.value == Value("B"));
  CHECK(w.node.publish()->counts().with_newer_fields == 2);
  // Known numbers with another rule are other fields.
  w.feed(w.change(3, RecordKind::Site, made.dot, {{model::FieldKey::of(6, model::MergeRule::Append), "x", {}}}));
  CHECK(w.see(made.dot).newer_fields() == 2);
}

TEST_CASE("an unreadable event is counted and blocks nothing") {
  Granted w;
  auto bad = w.create(2, RecordKind::Site, {});
  bad.event.reset();
  const auto before = w.node.state_hash();
  CHECK(w.feed(bad) == Verdict::Unreadable);
  CHECK(w.feed(bad) == Verdict::Repeated);
  CHECK(w.node.state_hash() != before);
  w.feed(w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "next")}));
  CHECK(w.node.publish()->counts().unreadable == 1);
  CHECK(w.node.publish()->entities_of(code(RecordKind::Site)).size() == 1);
}
