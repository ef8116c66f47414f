#include "picture/fold.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "model/coverage.hpp"
#include "picture/test_world.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::Class;
using model::RecordKind;
using model::Value;

namespace {
// A world whose devices 2, 3 and 4 are granted, and a fold that knows it.
struct Granted : World {
  Fold node = fold();
  Granted() {
    for (std::uint8_t device = 2; device <= 4; ++device) feed(grant(device));
  }
  Verdict feed(const FoldEvent& event) { return node.apply(event); }
  const EntityView& see(const model::EntityId& id) {
    const auto* view = node.publish()->find(id);
    REQUIRE(view != nullptr);
    return *view;
  }
  std::string name_of(const model::EntityId& id, std::string_view field) {
    const auto* found = see(id).find(field);
    return found == nullptr ? "-" : text(found->acting.value);
  }
};
}  // namespace

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

TEST_CASE("an author without a grant is withheld, listed, and folded when the grant arrives") {
  Granted w;
  const auto made = w.create(7, RecordKind::Site, {write(RecordKind::Site, "name", "stranger's")});
  CHECK(w.feed(made) == Verdict::Withheld);
  CHECK(w.feed(made) == Verdict::Repeated);
  const auto before = w.node.publish();
  CHECK(before->find(made.dot) == nullptr);
  CHECK(before->counts().withheld == 1);
  REQUIRE(before->withheld().size() == 1);
  CHECK(before->withheld()[0].why == Withheld::NotGranted);
  CHECK(w.feed(w.grant(7, 2)) == Verdict::Folded);
  CHECK(w.name_of(made.dot, "name") == "'stranger's'");
  CHECK(w.node.publish()->counts().withheld == 0);
}

TEST_CASE("a person named as actor needs a grant too") {
  Granted w;
  model::Event event;
  event.record = code(RecordKind::Site);
  event.actor = key_of(9).id();
  event.writes = {write(RecordKind::Site, "name", "by Ana")};
  const auto made = w.make(World::device(2), Class::Important, event, true);
  CHECK(w.feed(made) == Verdict::Withheld);
  CHECK(w.node.publish()->withheld()[0].why == Withheld::ActorNotGranted);
  w.feed(w.grant(9));
  CHECK(w.name_of(made.dot, "name") == "'by Ana'");
}

TEST_CASE("an event that stays withheld says the reason that is left") {
  Granted w;
  model::Event event;
  event.record = code(RecordKind::Site);
  event.actor = key_of(9).id();
  event.writes = {write(RecordKind::Site, "name", "by Ana")};
  w.feed(w.make(World::device(7), Class::Important, event, true));
  CHECK(w.node.publish()->withheld()[0].why == Withheld::NotGranted);
  w.feed(w.grant(7, 2));
  CHECK(w.node.publish()->withheld()[0].why == Withheld::ActorNotGranted);
}

TEST_CASE("a grant is taken from anyone, but nothing else rides in with it") {
  Granted w;
  const auto target = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "ours")});
  w.feed(target);
  const auto carrier = w.grant(8, 7);  // device 7 is a stranger that carries device 8's grant
  CHECK(w.feed(carrier) == Verdict::Folded);
  CHECK(w.node.roster().may_write(key_of(8).id()));
  const auto statement = trust::encode(w.grant_of(8));
  const auto grant_key = key(code(RecordKind::Membership), "grant");
  // With another write, about another entity, or with a grant that does not stand.
  CHECK(w.feed(w.change(7, RecordKind::Membership, *carrier.event->entity.external(),
                        {{grant_key, statement, {}}, write(RecordKind::Membership, "name", "evil")})) ==
        Verdict::Withheld);
  CHECK(w.feed(w.change(7, RecordKind::Membership, target.dot, {{grant_key, statement, {}}})) == Verdict::Withheld);
  const auto self = key_of(7);
  const auto own = trust::encode(w.grant_of(7, trust::Role::Authority, &self));
  CHECK(w.feed(w.change(7, RecordKind::Membership, model::external_name("key", self.id().hex()),
                        {{grant_key, own, {}}})) == Verdict::Withheld);
  CHECK_FALSE(w.node.roster().may_write(self.id()));
}

TEST_CASE("a stranger's membership comes in with the lower role of who granted it, in every order") {
  World w;
  const auto door = key_of(5);
  const auto membership = [&](std::uint8_t by, const trust::Grant& grant) {
    return w.change(by, RecordKind::Membership, model::external_name("key", model::key_id_of(grant.key).hex()),
                    {{key(code(RecordKind::Membership), "grant"), trust::encode(grant), {}}}, Class::Urgent);
  };
  std::vector<FoldEvent> events{membership(1, w.grant_of(5, trust::Role::Coordinator)),
                                membership(1, w.grant_of(5, trust::Role::Enrolment)),
                                membership(7, w.grant_of(7, trust::Role::Responder, &door)),
                                w.create(7, RecordKind::Site, {write(RecordKind::Site, "name", "gate")})};
  std::vector<std::size_t> order{0, 1, 2, 3};
  std::optional<model::Hash> first;
  do {
    auto node = w.fold();
    for (const auto place : order) node.apply(events[place]);
    REQUIRE_FALSE(node.needs_refold());
    REQUIRE(node.publish()->counts().folded == 4);
    if (!first) first = node.state_hash();
    REQUIRE(node.state_hash() == *first);
  } while (std::next_permutation(order.begin(), order.end()));
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

TEST_CASE("withheld events beyond the bound need a refold when their grant arrives") {
  World w;
  auto node = w.fold({.withheld_bytes_max = 150});
  std::vector<FoldEvent> events;
  for (int i = 0; i < 3; ++i) events.push_back(w.create(7, RecordKind::Site, {write(RecordKind::Site, "name", "x")}));
  for (const auto& e : events) CHECK(node.apply(e) == Verdict::Withheld);
  const auto grant = w.grant(7);
  node.apply(grant);
  REQUIRE(node.needs_refold());
  node.begin_again();
  CHECK_FALSE(node.needs_refold());
  for (const auto& e : events) CHECK(node.apply(e) == Verdict::Folded);
  node.apply(grant);
  CHECK_FALSE(node.needs_refold());
  CHECK(node.publish()->counts().folded == 4);
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

TEST_CASE("private writes show to those who can read them and leave the state hash alone") {
  Granted w;
  auto made = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 2)});
  made.private_state = PrivateState::Here;
  made.private_writes = {write(RecordKind::Casualty, "identity", "Ana K.")};
  auto blind = made;
  blind.private_state = PrivateState::Lacking;
  blind.private_writes.clear();
  Granted without;
  w.feed(made);
  without.feed(blind);
  CHECK(w.node.state_hash() == without.node.state_hash());
  CHECK(w.name_of(made.dot, "identity") == "'Ana K.'");
  CHECK(w.see(made.dot).find("identity")->is_private);
  CHECK(without.see(made.dot).find("identity") == nullptr);
  REQUIRE(without.see(made.dot).private_lacking.size() == 1);
  CHECK(without.node.private_lacking() == std::vector<model::Dot>{made.dot});
  // The key, or the part, comes later.
  CHECK(without.feed(made) == Verdict::Repeated);
  CHECK(without.name_of(made.dot, "identity") == "'Ana K.'");
  CHECK(without.node.private_lacking().empty());
}
