// Nothing that lives may hang on is settled by itself: over the whole table of records, and every other kind of
// contradiction.
#include "picture/conflicts.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "picture/test_granted.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::Class;
using model::MergeRule;
using model::RecordKind;
using model::Value;
using model::ValueType;

namespace {

// The list, which must have as many as are counted without making it.
std::vector<Conflict> listed(const Picture& picture) {
  auto found = conflicts_of(picture);
  const auto counts = count_conflicts(picture);
  CHECK(counts.all == found.size());
  const auto is_urgent = [](const Conflict& conflict) { return conflict.cls == model::Class::Urgent; };
  CHECK(counts.urgent == static_cast<std::uint32_t>(std::count_if(found.begin(), found.end(), is_urgent)));
  return found;
}

// Three different values that the field takes.
std::vector<Value> samples(const model::FieldSpec& field) {
  const auto geometry = [](double lat) {
    return model::to_value(model::Geometry{model::Shape::Circle, {*Position::from_degrees(lat, 11)}, 100});
  };
  switch (field.type) {
    case ValueType::Code:
      return {field.codes[0].code, field.codes[1].code, field.codes.back().code};
    case ValueType::Geometry:
      return {geometry(47), geometry(48), geometry(49)};
    case ValueType::Entity:
    case ValueType::TextOrEntity:
      return {model::EntityId(model::external_name("test", "a")), model::EntityId(model::external_name("test", "b")),
              model::EntityId(model::external_name("test", "c"))};
    case ValueType::Bytes:
      return {Bytes(32, 1), Bytes(32, 2), Bytes(32, 3)};
    default:
      return {"a", "b", "c"};
  }
}

bool shows_conflict(const model::FieldSpec& field) {
  return field.rule == MergeRule::MultiValue || field.rule == MergeRule::Claim || field.rule == MergeRule::StateMachine;
}

FoldEvent said_by(World& world, std::uint8_t device, RecordKind record, const model::EntityId* entity,
                  const model::FieldSpec& field, Value value, std::vector<model::Dot> replaced) {
  model::Event event;
  event.record = code(record);
  if (entity != nullptr) event.entity = *entity;
  model::Write write{field.key(), std::move(value), std::move(replaced)};
  const bool is_private = field.privacy == model::Privacy::Private;
  if (!is_private) event.writes = {write};
  auto out = world.make(World::device(device), Class::Important, std::move(event), entity == nullptr);
  if (is_private) {
    out.private_state = PrivateState::Here;
    out.private_writes = {write};
    world.log.back() = out;
  }
  return out;
}

FoldEvent settled_by(World& world, std::uint8_t device, const model::Draft& draft, const model::FieldSpec& field) {
  return said_by(world, device, static_cast<RecordKind>(draft.record), &*draft.entity, field,
                 draft.writes.front().value, draft.writes.front().replaced);
}

FoldEvent settled_by(World& world, std::uint8_t device, const model::Draft& draft) {
  return world.change(device, static_cast<RecordKind>(draft.record), *draft.entity, draft.writes);
}

template <class F>
void for_each_such_field(F&& look) {
  for (const auto& record : model::records()) {
    if (record.kind == RecordKind::Membership) continue;
    for (const auto& field : record.fields) {
      if (!shows_conflict(field)) continue;
      CAPTURE(record.name);
      CAPTURE(field.name);
      look(record.kind, field);
    }
  }
}

}  // namespace

TEST_CASE("concurrent writes of every life-critical field are a conflict until an event names all of them") {
  std::size_t fields = 0;
  for_each_such_field([&](RecordKind record, const model::FieldSpec& field) {
    ++fields;
    const auto values = samples(field);
    Granted w;
    const auto made = said_by(w, 2, record, nullptr, field, values[0], {});
    const model::EntityId id = made.dot;
    const auto one = said_by(w, 2, record, &id, field, values[1], {made.dot});
    const auto two = said_by(w, 3, record, &id, field, values[2], {made.dot});
    for (const auto& event : {made, one, two}) w.feed(event);
    auto found = listed(*w.node.publish());
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == ConflictKind::Values);
    CHECK(found[0].entity == id);
    CHECK(found[0].field == &field);
    REQUIRE(found[0].choices.size() == 2);
    CHECK(found[0].choices[0].value == w.see(id).find(field.key())->acting.value);
    for (const auto& choice : found[0].choices) {
      REQUIRE(choice.stamp);
      CHECK(choice.dots == std::vector<model::Dot>{choice.stamp->dot});
    }

    // An event that names one of the two settles nothing: a third value, or still the second.
    const auto half = said_by(w, 4, record, &id, field, values[0], {one.dot});
    w.feed(half);
    found = listed(*w.node.publish());
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].choices.size() == 2);

    // What each choice would write settles it for good, whoever hears of it in whatever order.
    for (std::size_t n = 0; n < found[0].choices.size(); ++n) {
      REQUIRE(found[0].choices[n].settle.size() == 1);
      World branch = w;
      const auto settled = settled_by(branch, 4, found[0].choices[n].settle[0], field);
      std::optional<model::Hash> hash;
      std::vector<FoldEvent> order{made, one, two, half, settled};
      const auto less = [](const FoldEvent& a, const FoldEvent& b) { return a.dot < b.dot; };
      std::sort(order.begin(), order.end(), less);
      do {
        auto node = w.fold();
        for (std::size_t i = 0; i < 3; ++i) node.apply(w.log[i]);  // the grants
        for (const auto& event : order) node.apply(event);
        const auto picture = node.publish();
        REQUIRE(listed(*picture).empty());
        REQUIRE(picture->find(id)->find(field.key())->acting.value == found[0].choices[n].value);
        if (!hash) hash = node.state_hash();
        REQUIRE(node.state_hash() == *hash);
      } while (std::next_permutation(order.begin(), order.end(), less));

      // But not against what its author had not seen.
      const auto& other = values[(n + 1) % 3];
      auto node = w.fold();
      for (const auto& event : branch.log) node.apply(event);
      node.apply(said_by(branch, 2, record, &id, field, other, {one.dot}));
      CHECK(listed(*node.publish()).size() == (other == found[0].choices[n].value ? 0 : 1));
    }
  });
  CHECK(fields >= 12);
}

TEST_CASE("three concurrent writes are one conflict with three values, the most urgent conflict comes first") {
  Granted w;
  const auto site = w.create(2, RecordKind::Site, {write(RecordKind::Site, "state", 1)});
  const auto casualty = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 3)});
  for (const auto& e : {site, casualty}) w.feed(e);
  for (std::uint8_t device = 2; device <= 4; ++device)
    w.feed(w.change(device, RecordKind::Casualty, casualty.dot,
                    {write(RecordKind::Casualty, "triage", device == 2 ? 1 : device, {casualty.dot})}));
  for (std::uint8_t device = 2; device <= 3; ++device)
    w.feed(w.change(device, RecordKind::Site, site.dot, {write(RecordKind::Site, "state", device - 1, {site.dot})}));
  const auto found = listed(*w.node.publish());
  REQUIRE(found.size() == 2);
  CHECK(found[0].entity == model::EntityId(casualty.dot));
  CHECK(found[0].cls == Class::Urgent);
  CHECK(found[0].choices.size() == 3);
  CHECK(found[0].choices[0].value == Value(1));  // the most cautious is acted on
  CHECK(found[0].choices[0].settle[0].writes[0].replaced.size() == 3);
  CHECK(found[1].cls == Class::Important);
}

TEST_CASE("one unit claimed by several tasks is one conflict that names them all; who keeps it is one choice") {
  Granted w;
  const auto unit = w.create(2, RecordKind::Unit, {write(RecordKind::Unit, "callsign", "HELI 1")});
  std::vector<FoldEvent> tasks;
  w.feed(unit);
  CHECK(w.see(unit.dot).claimed_by.empty());
  for (std::uint8_t device = 2; device <= 4; ++device) {
    tasks.push_back(w.create(
        device, RecordKind::Task,
        {write(RecordKind::Task, "state", 2), write(RecordKind::Task, "assignee", model::EntityId(unit.dot))}));
    w.feed(tasks.back());
  }
  CHECK(w.see(unit.dot).claimed_by.size() == 3);  // so that its crew sees it too
  const auto found = listed(*w.node.publish());
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == ConflictKind::Clash);
  CHECK(found[0].entity == model::EntityId(unit.dot));
  REQUIRE(found[0].choices.size() == 3);
  const auto& keeps = found[0].choices[1];
  CHECK(keeps.value == Value(model::EntityId(tasks[1].dot)));
  REQUIRE(keeps.settle.size() == 2);
  w.feed(settled_by(w, 3, keeps.settle[0]));
  CHECK(listed(*w.node.publish()).size() == 1);
  w.feed(settled_by(w, 3, keeps.settle[1]));
  CHECK(listed(*w.node.publish()).empty());
  CHECK(w.see(tasks[1].dot).find("assignee")->acting.value == Value(model::EntityId(unit.dot)));
  CHECK(w.see(unit.dot).claimed_by.empty());
}

TEST_CASE("a delete against an edit is a conflict: kept or deleted again, each by one event") {
  for (const std::size_t chosen : {0, 1}) {
    CAPTURE(chosen);
    Granted w;
    const auto made = w.create(2, RecordKind::Hazard, {write(RecordKind::Hazard, "severity", 2)});
    w.feed(made);
    w.feed(w.change(3, RecordKind::Hazard, made.dot,
                    {write(RecordKind::Hazard, "deleted", true, w.see(made.dot).coverage)}));
    CHECK(listed(*w.node.publish()).empty());
    const auto edit = w.change(4, RecordKind::Hazard, made.dot, {write(RecordKind::Hazard, "severity", 4, {made.dot})});
    w.feed(edit);
    const auto found = listed(*w.node.publish());
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == ConflictKind::Revived);
    REQUIRE(found[0].choices.size() == 2);
    CHECK(found[0].choices[0].stamp->dot == edit.dot);
    REQUIRE(found[0].choices[chosen].settle.size() == 1);
    w.feed(settled_by(w, 2, found[0].choices[chosen].settle[0]));
    CHECK(listed(*w.node.publish()).empty());
    CHECK(w.see(made.dot).deleted == (chosen == 1));
    CHECK_FALSE(w.see(made.dot).revived);
  }
}

TEST_CASE("two heads of a plan are a conflict until one of them is said again over both") {
  Granted w;
  const auto version = [](std::uint8_t hash, std::optional<std::uint8_t> parent) {
    return Value(Value::List{Bytes(32, hash), parent ? Value(Bytes(32, *parent)) : Value(), Bytes{1}});
  };
  const auto plan = w.create(2, RecordKind::Plan, {write(RecordKind::Plan, "version", version(1, {}))});
  w.feed(plan);
  w.feed(w.change(2, RecordKind::Plan, plan.dot, {write(RecordKind::Plan, "version", version(2, 1))}));
  CHECK(listed(*w.node.publish()).empty());
  w.feed(w.change(3, RecordKind::Plan, plan.dot, {write(RecordKind::Plan, "version", version(3, 1))}));
  const auto found = listed(*w.node.publish());
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == ConflictKind::Versions);
  REQUIRE(found[0].choices.size() == 2);
  w.feed(settled_by(w, 4, found[0].choices[1].settle.at(0)));
  CHECK(listed(*w.node.publish()).empty());
  CHECK(w.see(plan.dot).find("version")->acting.value == found[0].choices[1].value);
}

TEST_CASE("two records linked as one person that say different things are a conflict, and so is nobody else") {
  Granted w;
  const auto one = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 3)});
  const auto two = w.create(3, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 1)});
  for (const auto& e : {one, two}) w.feed(e);
  CHECK(listed(*w.node.publish()).empty());
  const auto link =
      w.change(4, RecordKind::Casualty, one.dot, {write(RecordKind::Casualty, "same_as", model::EntityId(two.dot))});
  w.feed(link);
  const auto found = listed(*w.node.publish());
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == ConflictKind::SameAs);
  CHECK(found[0].choices[0].value == Value(1));
  CHECK(found[0].choices[0].entity == model::EntityId(two.dot));
  SUBCASE("settled by saying on the one what the other says") {
    for (const auto& draft : found[0].choices[0].settle) w.feed(settled_by(w, 2, draft));
    CHECK(w.name_of(one.dot, "triage") == "1");
  }
  SUBCASE("or by taking the link away") {
    w.feed(w.change(4, RecordKind::Casualty, one.dot, {write(RecordKind::Casualty, "same_as", Value(), {link.dot})}));
  }
  CHECK(listed(*w.node.publish()).empty());
}

TEST_CASE("two authorities that say different things of one member are a conflict until one says the same") {
  Granted w;
  const auto second = key_of(9);
  const auto membership = [&](const trust::Grant& grant) {
    return w.change(2, RecordKind::Membership, model::external_name("key", model::key_id_of(grant.key).hex()),
                    {{key(code(RecordKind::Membership), "grant"), trust::encode(grant), {}}}, Class::Urgent);
  };
  w.feed(membership(w.grant_of(9, trust::Role::Authority)));
  auto said = w.grant_of(4);
  said.name = "VEHICLE 4";
  said.from = utc_from_ms(1'000);
  w.feed(membership(trust::make_grant(second, w.incident, said)));
  const auto found = listed(*w.node.publish());
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == ConflictKind::Grants);
  CHECK(found[0].about == key_of(4).id());
  CHECK(found[0].choices.size() == 2);
  said.from = utc_from_ms(2'000);
  w.feed(membership(trust::make_grant(w.authority, w.incident, said)));
  CHECK(listed(*w.node.publish()).empty());
}
