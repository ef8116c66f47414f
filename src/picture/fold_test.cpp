// How fields of each rule merge, and what a delete takes with it.
#include "picture/fold.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "model/coverage.hpp"
#include "picture/test_granted.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::Class;
using model::RecordKind;
using model::Value;

TEST_CASE("a created record shows its fields, who wrote it and where it is") {
  Granted w;
  const auto at = *Position::from_degrees(47.26, 11.39);
  const auto event = w.create(2, RecordKind::Casualty,
                              {write(RecordKind::Casualty, "triage", 1),
                               write(RecordKind::Casualty, "place", model::to_value(model::Place{at, {}}))},
                              Class::Urgent);
  CHECK(w.feed(event) == Verdict::Folded);
  const auto& view = w.see(event.dot);
  CHECK(view.record == code(RecordKind::Casualty));
  CHECK(view.display.starts_with("C-"));
  CHECK(view.position == at);
  CHECK_FALSE(view.placeholder);
  CHECK(view.created->dot == event.dot);
  CHECK(view.find("triage")->acting.value == Value(1));
  CHECK(view.find("triage")->acting.stamp->dot.writer == World::device(2));
  CHECK(view.conflicts.empty());
  CHECK(w.node.publish()->entities_of(code(RecordKind::Casualty)).size() == 1);
}

TEST_CASE("concurrent triage values are a conflict and the most cautious is acted on") {
  Granted w;
  const auto made = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 3)});
  const auto green =
      w.change(3, RecordKind::Casualty, made.dot, {write(RecordKind::Casualty, "triage", 3, {made.dot})});
  const auto red = w.change(2, RecordKind::Casualty, made.dot, {write(RecordKind::Casualty, "triage", 1, {made.dot})});
  const auto later_green =
      w.change(4, RecordKind::Casualty, made.dot, {write(RecordKind::Casualty, "triage", 3, {made.dot})});
  for (const auto& e : {made, green, red, later_green}) w.feed(e);
  const auto& view = w.see(made.dot);
  const auto& triage = *view.find("triage");
  CHECK(triage.conflict);
  CHECK(triage.acting.value == Value(1));
  REQUIRE(triage.alternatives.size() == 1);
  CHECK(triage.alternatives[0].value == Value(3));
  CHECK(triage.alternatives[0].dots.size() == 2);  // equal values agree
  CHECK(w.node.publish()->conflicts().size() == 1);

  SUBCASE("until a person settles it, naming what they settle") {
    w.feed(w.change(2, RecordKind::Casualty, made.dot,
                    {write(RecordKind::Casualty, "triage", 2, {green.dot, red.dot, later_green.dot})}));
    CHECK(w.see(made.dot).conflicts.empty());
    CHECK(w.name_of(made.dot, "triage") == "2");
    CHECK(w.node.publish()->conflicts().empty());
  }
  SUBCASE("an unknown code ranks most cautious and is kept") {
    w.feed(w.change(3, RecordKind::Casualty, made.dot, {write(RecordKind::Casualty, "triage", 99, {made.dot})}));
    CHECK(w.name_of(made.dot, "triage") == "99");
  }
}

TEST_CASE("concurrent equal values are no conflict") {
  Granted w;
  const auto made = w.create(2, RecordKind::Site, {write(RecordKind::Site, "state", 1)});
  w.feed(made);
  w.feed(w.change(2, RecordKind::Site, made.dot, {write(RecordKind::Site, "state", 3, {made.dot})}));
  w.feed(w.change(3, RecordKind::Site, made.dot, {write(RecordKind::Site, "state", 3, {made.dot})}));
  CHECK(w.see(made.dot).conflicts.empty());
  CHECK(w.see(made.dot).find("state")->acting.dots.size() == 2);
}

TEST_CASE("of concurrent names the better clock wins, then the later time, and the loser stays beside it") {
  Granted w;
  const auto made = w.create(2, RecordKind::Unit, {write(RecordKind::Unit, "name", "old")});
  w.feed(made);
  model::Event event;
  event.record = code(RecordKind::Unit);
  event.entity = made.dot;
  event.writes = {write(RecordKind::Unit, "name", "by a wrong clock", {made.dot})};
  event.time = model::Hlc::at(utc_from_ms(1'900'000'000'000));
  w.feed(w.make(World::device(2), Class::Important, event, false));
  event.time = model::Hlc::at(utc_from_ms(1'700'000'500'000));
  event.quality = model::ClockQuality::Gnss;
  event.writes = {write(RecordKind::Unit, "name", "by a good clock", {made.dot})};
  w.feed(w.make(World::device(3), Class::Important, event, false));
  const auto& name = *w.see(made.dot).find("name");
  CHECK(name.acting.value == Value("by a good clock"));
  REQUIRE(name.alternatives.size() == 1);
  CHECK_FALSE(name.conflict);
}

TEST_CASE("every appended observation stands, in the order of the authors' clocks") {
  Granted w;
  const auto made = w.create(2, RecordKind::Journal, {write(RecordKind::Journal, "text", "first")});
  const auto second =
      w.change(3, RecordKind::Journal, made.dot,
               {write(RecordKind::Journal, "text", "second"), write(RecordKind::Journal, "text", "third")});
  w.feed(second);
  w.feed(made);
  const auto& entries = *w.see(made.dot).find("text");
  REQUIRE(entries.values.size() == 3);
  CHECK(entries.values[0].value == Value("first"));
  CHECK(entries.values[2].value == Value("third"));
  CHECK(entries.acting.value == Value("third"));
}

TEST_CASE("a set keeps what was added while another removed it") {
  Granted w;
  const auto made = w.create(2, RecordKind::Unit, {write(RecordKind::Unit, "capability", 1)});
  const auto removed =
      w.change(3, RecordKind::Unit, made.dot, {write(RecordKind::Unit, "capability", Value(), {made.dot})});
  const auto added_again = w.change(2, RecordKind::Unit, made.dot, {write(RecordKind::Unit, "capability", 1)});
  w.feed(made);
  w.feed(removed);
  CHECK(w.see(made.dot).find("capability") == nullptr);
  w.feed(added_again);
  REQUIRE(w.see(made.dot).find("capability") != nullptr);
  CHECK(w.see(made.dot).find("capability")->values.size() == 1);
}

TEST_CASE("a removal that comes before what it removes holds") {
  Granted w;
  const auto made = w.create(2, RecordKind::Unit, {write(RecordKind::Unit, "callsign", "A")});
  const auto added = w.change(2, RecordKind::Unit, made.dot, {write(RecordKind::Unit, "capability", 4)});
  const auto removed =
      w.change(3, RecordKind::Unit, made.dot, {write(RecordKind::Unit, "capability", Value(), {added.dot})});
  for (const auto& e : {made, removed, added}) w.feed(e);
  CHECK(w.see(made.dot).find("capability") == nullptr);
}

TEST_CASE("counters sum what all added, whatever the order") {
  Granted w;
  const auto made = w.create(2, RecordKind::Site, {write(RecordKind::Site, "supplies", 100)});
  w.feed(w.change(3, RecordKind::Site, made.dot, {write(RecordKind::Site, "supplies", -30)}));
  w.feed(made);
  w.feed(w.change(4, RecordKind::Site, made.dot,
                  {write(RecordKind::Site, "supplies", -5), write(RecordKind::Site, "supplies", 1)}));
  CHECK(w.name_of(made.dot, "supplies") == "66");
  CHECK(w.see(made.dot).find("supplies")->values.size() == 4);
  w.feed(w.change(4, RecordKind::Site, made.dot, {write(RecordKind::Site, "supplies", INT64_MAX)}));
  CHECK(w.name_of(made.dot, "supplies") == std::to_string(INT64_MAX));  // stops at the end instead of wrapping
}

TEST_CASE("two units claimed for one task at once are a conflict") {
  Granted w;
  const auto one = w.create(2, RecordKind::Unit, {write(RecordKind::Unit, "callsign", "HELI 1")});
  const auto two = w.create(2, RecordKind::Unit, {write(RecordKind::Unit, "callsign", "HELI 2")});
  const auto task = w.create(2, RecordKind::Task, {write(RecordKind::Task, "state", 1)});
  for (const auto& e : {one, two, task}) w.feed(e);
  w.feed(w.change(2, RecordKind::Task, task.dot, {write(RecordKind::Task, "assignee", model::EntityId(one.dot))}));
  CHECK(w.see(task.dot).conflicts.empty());
  w.feed(w.change(3, RecordKind::Task, task.dot, {write(RecordKind::Task, "assignee", model::EntityId(two.dot))}));
  CHECK(w.see(task.dot).conflicts.size() == 1);
}

TEST_CASE("one unit claimed by two live tasks is a conflict on both, until one ends") {
  Granted w;
  const auto unit = w.create(2, RecordKind::Unit, {write(RecordKind::Unit, "callsign", "HELI 1")});
  const auto first =
      w.create(2, RecordKind::Task,
               {write(RecordKind::Task, "state", 2), write(RecordKind::Task, "assignee", model::EntityId(unit.dot))});
  const auto second =
      w.create(3, RecordKind::Task,
               {write(RecordKind::Task, "state", 2), write(RecordKind::Task, "assignee", model::EntityId(unit.dot))});
  w.feed(unit);
  w.feed(first);
  CHECK(w.see(first.dot).conflicts.empty());
  w.feed(second);
  for (const auto& [task, other] : {std::pair{first, second}, std::pair{second, first}}) {
    const auto& view = w.see(task.dot);
    REQUIRE(view.clashes.size() == 1);
    CHECK(view.clashes[0].other == model::EntityId(other.dot));
    CHECK(view.find("assignee")->conflict);
  }
  CHECK(w.node.publish()->conflicts().size() == 2);
  SUBCASE("done") {
    w.feed(w.change(2, RecordKind::Task, first.dot, {write(RecordKind::Task, "state", 5, {first.dot})}));
  }
  SUBCASE("released") {
    w.feed(w.change(2, RecordKind::Task, first.dot, {write(RecordKind::Task, "assignee", Value(), {first.dot})}));
  }
  SUBCASE("deleted") {
    w.feed(w.change(2, RecordKind::Task, first.dot,
                    {write(RecordKind::Task, "deleted", true, w.see(first.dot).coverage)}));
  }
  CHECK(w.see(second.dot).conflicts.empty());
  CHECK(w.node.publish()->conflicts().empty());
}

TEST_CASE("concurrent different transitions of a task are a conflict, equal ones are not") {
  Granted w;
  const auto task = w.create(2, RecordKind::Task, {write(RecordKind::Task, "state", 2)});
  w.feed(task);
  w.feed(w.change(2, RecordKind::Task, task.dot, {write(RecordKind::Task, "state", 3, {task.dot})}));
  w.feed(w.change(3, RecordKind::Task, task.dot, {write(RecordKind::Task, "state", 3, {task.dot})}));
  CHECK(w.see(task.dot).conflicts.empty());
  w.feed(w.change(4, RecordKind::Task, task.dot, {write(RecordKind::Task, "state", 7, {task.dot})}));
  CHECK(w.see(task.dot).conflicts.size() == 1);
}

TEST_CASE("plans show the heads of their versions") {
  Granted w;
  const auto version = [](std::uint8_t own, int parent) {
    return Value(Value::List{Value(Bytes{own}), parent < 0 ? Value() : Value(Bytes{static_cast<std::uint8_t>(parent)}),
                             Value("document")});
  };
  const auto plan = w.create(2, RecordKind::Plan, {write(RecordKind::Plan, "version", version(1, -1))});
  w.feed(plan);
  w.feed(w.change(2, RecordKind::Plan, plan.dot, {write(RecordKind::Plan, "version", version(2, 1))}));
  CHECK(w.see(plan.dot).find("version")->values.size() == 1);
  w.feed(w.change(3, RecordKind::Plan, plan.dot, {write(RecordKind::Plan, "version", version(3, 1))}));
  CHECK(w.see(plan.dot).find("version")->values.size() == 2);
  CHECK(w.see(plan.dot).find("version")->conflict);
  w.feed(w.change(3, RecordKind::Plan, plan.dot, {write(RecordKind::Plan, "version", version(1, 3))}));  // a ring
  CHECK_FALSE(w.see(plan.dot).find("version")->values.empty());
}

TEST_CASE("a delete removes what it has seen") {
  Granted w;
  const auto made = w.create(2, RecordKind::Hazard, {write(RecordKind::Hazard, "severity", 2)});
  const auto edited = w.change(3, RecordKind::Hazard, made.dot, {write(RecordKind::Hazard, "severity", 3, {made.dot})});
  w.feed(made);
  w.feed(edited);
  const auto deletion = w.change(2, RecordKind::Hazard, made.dot,
                                 {write(RecordKind::Hazard, "deleted", true, w.see(made.dot).coverage),
                                  write(RecordKind::Hazard, "note", "gone")});
  w.feed(deletion);
  CHECK(w.see(made.dot).deleted);
  CHECK(w.see(made.dot).deleted_by->dot == deletion.dot);
  CHECK(w.node.publish()->deleted().size() == 1);

  SUBCASE("an edit it had not seen revives it, and says whose") {
    const auto unseen =
        w.change(4, RecordKind::Hazard, made.dot, {write(RecordKind::Hazard, "severity", 4, {made.dot})});
    w.feed(unseen);
    const auto& view = w.see(made.dot);
    CHECK_FALSE(view.deleted);
    CHECK(view.revived);
    CHECK(view.revived_by->dot == unseen.dot);
    CHECK(w.node.publish()->deleted().empty());
    // Deleting once more, now having seen it, holds.
    w.feed(w.change(2, RecordKind::Hazard, made.dot, {write(RecordKind::Hazard, "deleted", true, view.coverage)}));
    CHECK(w.see(made.dot).deleted);
    CHECK_FALSE(w.see(made.dot).revived);
  }
  SUBCASE("a person may restore it") {
    w.feed(w.change(3, RecordKind::Hazard, made.dot,
                    {write(RecordKind::Hazard, "deleted", false, w.see(made.dot).coverage)}));
    CHECK_FALSE(w.see(made.dot).deleted);
    CHECK_FALSE(w.see(made.dot).revived);
  }
  SUBCASE("an edit with a private part only revives it too") {
    w.feed(w.change(4, RecordKind::Hazard, made.dot, {}));
    CHECK(w.see(made.dot).revived);
  }
  SUBCASE("an old write that arrives late and was covered changes nothing") {
    CHECK(w.feed(edited) == Verdict::Repeated);
    CHECK(w.see(made.dot).deleted);
  }
}

TEST_CASE("a same-as link joins records and can be taken back") {
  Granted w;
  std::vector<FoldEvent> people;
  for (int i = 0; i < 3; ++i) {
    people.push_back(w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 2)}));
    w.feed(people.back());
  }
  w.feed(w.change(2, RecordKind::Casualty, people[0].dot,
                  {write(RecordKind::Casualty, "same_as", model::EntityId(people[1].dot))}));
  const auto link = w.change(3, RecordKind::Casualty, people[2].dot,
                             {write(RecordKind::Casualty, "same_as", model::EntityId(people[1].dot))});
  w.feed(link);
  for (const auto& person : people) CHECK(w.see(person.dot).same_as.size() == 2);
  w.feed(
      w.change(3, RecordKind::Casualty, people[2].dot, {write(RecordKind::Casualty, "same_as", Value(), {link.dot})}));
  CHECK(w.see(people[0].dot).same_as.size() == 1);
  CHECK(w.see(people[2].dot).same_as.empty());
}

TEST_CASE("what more streams touched than one event names can be deleted by several, in every order") {
  Granted w;
  const auto made = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "meeting point")});
  w.feed(made);
  const auto touch = [&](std::uint32_t incarnation, std::string_view value) {
    model::Event event;
    event.record = code(RecordKind::Site);
    event.entity = made.dot;
    event.writes = {write(RecordKind::Site, "supplies", std::string(value))};
    return w.make({key_of(3).id(), incarnation}, Class::Routine, std::move(event), false);
  };
  for (std::uint32_t i = 1; i <= 150; ++i) w.feed(touch(i, fmt::format("{}", i)));
  const auto coverage = w.see(made.dot).coverage;
  REQUIRE(coverage.size() == 151);
  std::vector<FoldEvent> stones;
  for (std::size_t at = 0; at < coverage.size(); at += model::coverage_per_event) {
    const auto end = std::min(coverage.size(), at + model::coverage_per_event);
    stones.push_back(w.change(4, RecordKind::Site, made.dot,
                              {write(RecordKind::Site, "deleted", true,
                                     {coverage.begin() + static_cast<std::ptrdiff_t>(at),
                                      coverage.begin() + static_cast<std::ptrdiff_t>(end)})}));
  }
  const auto all = w.log;
  for (const auto& stone : stones) {
    CHECK_FALSE(w.see(made.dot).deleted);
    w.feed(stone);
  }
  CHECK(w.see(made.dot).deleted);
  const auto hash = w.node.state_hash();
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    auto order = all;
    Rng rng(seed);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
    auto node = w.fold();
    for (const auto& event : order) node.apply(event);
    REQUIRE(node.state_hash() == hash);
    REQUIRE(node.publish()->find(made.dot)->deleted);
  }
  // Two authors who each saw a half delete nothing together: each is revived by what the other had not seen.
  Granted two;
  two.log = w.log;
  for (const auto& event : all) {
    if (std::none_of(stones.begin(), stones.end(), [&](const FoldEvent& s) { return s.dot == event.dot; }))
      two.feed(event);
  }
  two.feed(stones[0]);
  two.feed(stones[1]);
  auto by_other = stones[2];
  by_other.dot.writer = World::device(2);
  by_other.dot.seq = 2;
  two.feed(by_other);
  CHECK_FALSE(two.see(made.dot).deleted);
  CHECK(two.see(made.dot).revived);
  w.feed(touch(7, "unseen"));
  CHECK_FALSE(w.see(made.dot).deleted);
}
