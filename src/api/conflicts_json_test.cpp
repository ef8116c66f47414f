#include "api/conflicts_json.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "picture/test_granted.hpp"

using namespace airbridge;
using namespace airbridge::api;
using namespace airbridge::picture::test;
using model::MergeRule;
using model::RecordKind;
using model::Value;
using model::ValueType;

namespace {

std::vector<Value> samples(const model::FieldSpec& field) {
  const auto circle = [](double lat) {
    return model::to_value(model::Geometry{model::Shape::Circle, {*Position::from_degrees(lat, 11)}, 100});
  };
  if (field.type == ValueType::Code) return {field.codes[0].code, field.codes[1].code};
  if (field.type == ValueType::Geometry) return {circle(47), circle(48)};
  if (field.type == ValueType::Bytes) return {Bytes(32, 1), Bytes(32, 2)};
  if (field.type == ValueType::Text) return {"a", "b"};
  return {model::EntityId(model::external_name("test", "a")), model::EntityId(model::external_name("test", "b"))};
}

// The command as a client would send it.
model::Draft sent(const json::value& body) {
  auto command = body.as_object();
  command["id"] = "0123456789abcdef0123456789abcdef";
  const auto draft = draft_from_json(command);
  REQUIRE_MESSAGE(draft.has_value(), to_text(command));
  return *draft;
}

picture::FoldEvent event_of(Granted& w, std::uint8_t device, const model::Draft& draft) {
  return w.change(device, static_cast<RecordKind>(draft.record), *draft.entity, draft.writes);
}

}  // namespace

TEST_CASE("the API lists the conflict of every life-critical field, and what it offers to send settles it") {
  for (const auto& record : model::records()) {
    if (record.kind == RecordKind::Membership) continue;
    for (const auto& field : record.fields) {
      if (field.rule != MergeRule::MultiValue && field.rule != MergeRule::Claim &&
          field.rule != MergeRule::StateMachine)
        continue;
      CAPTURE(record.name);
      CAPTURE(field.name);
      Granted w;
      const auto values = samples(field);
      const auto made = w.create(2, record.kind, {write(record.kind, field.name, values[0])});
      w.feed(made);
      for (std::uint8_t device = 3; device <= 4; ++device)
        w.feed(
            w.change(device, record.kind, made.dot, {write(record.kind, field.name, values[device - 3U], {made.dot})}));
      const auto shown = conflicts_json(*w.node.publish());
      CHECK(shown.at("count") == 1);
      const auto& conflict = shown.at("conflicts").as_array().at(0).as_object();
      CHECK(conflict.at("kind") == "values");
      CHECK(conflict.at("field").as_string() == field.name);
      CHECK(conflict.at("entity").as_string() == model::to_text(model::EntityId(made.dot)));
      REQUIRE(conflict.at("choices").as_array().size() == 2);
      for (const auto& choice : conflict.at("choices").as_array()) {
        const auto& stamp = choice.at("stamp").as_object();
        for (const auto* key : {"node", "at_ms", "quality", "via"}) CHECK(stamp.contains(key));
      }
      const auto& second = conflict.at("choices").as_array().at(1).as_object();
      const auto draft = sent(second.at("settle").as_array().at(0));
      CHECK(draft.writes.at(0).replaced.size() == 2);
      w.feed(event_of(w, 2, draft));
      CHECK(conflicts_json(*w.node.publish()).at("count") == 0);
      CHECK(to_json(&field, w.see(made.dot).find(field.name)->acting.value) == second.at("value"));
    }
  }
}

TEST_CASE("a circle that was shown and is sent back is the same circle") {
  const auto& field = *model::find_field(code(RecordKind::Hazard), "geometry");
  const auto circle =
      model::to_value(model::Geometry{model::Shape::Circle, {*Position::from_degrees(47.2, 11.4)}, 250});
  const auto back = value_from_json(field, to_json(&field, circle));
  REQUIRE(back);
  CHECK(*back == circle);
  auto broken = to_json(&field, circle).as_object();
  broken.erase("radius_m");
  CHECK_FALSE(value_from_json(field, broken));
}

TEST_CASE("a clash names the tasks, a revived record the two ways out, a plan its heads, and each can be sent") {
  Granted w;
  const auto unit = w.create(2, RecordKind::Unit, {write(RecordKind::Unit, "callsign", "HELI 1")});
  w.feed(unit);
  for (std::uint8_t device = 2; device <= 3; ++device)
    w.feed(
        w.create(device, RecordKind::Task,
                 {write(RecordKind::Task, "state", 2), write(RecordKind::Task, "text", fmt::format("job {}", device)),
                  write(RecordKind::Task, "assignee", model::EntityId(unit.dot))}));
  const auto hazard = w.create(2, RecordKind::Hazard, {write(RecordKind::Hazard, "severity", 2)});
  w.feed(hazard);
  w.feed(w.change(3, RecordKind::Hazard, hazard.dot,
                  {write(RecordKind::Hazard, "deleted", true, w.see(hazard.dot).coverage)}));
  w.feed(w.change(4, RecordKind::Hazard, hazard.dot, {write(RecordKind::Hazard, "severity", 4, {hazard.dot})}));
  const auto version = [](std::uint8_t hash, Value parent) {
    return Value(Value::List{Bytes(32, hash), std::move(parent), Bytes{1, 2}});
  };
  const auto plan = w.create(2, RecordKind::Plan, {write(RecordKind::Plan, "version", version(1, {}))});
  w.feed(plan);
  for (std::uint8_t device = 2; device <= 3; ++device)
    w.feed(w.change(device, RecordKind::Plan, plan.dot,
                    {write(RecordKind::Plan, "version", version(device, Bytes(32, 1)))}));

  for (std::size_t left = 3; left > 0; --left) {
    const auto shown = conflicts_json(*w.node.publish());
    REQUIRE(shown.at("count") == left);
    const auto& conflict = shown.at("conflicts").as_array().at(0).as_object();
    CAPTURE(to_text(conflict));
    CHECK_FALSE(conflict.at("why").as_string().empty());
    if (conflict.at("kind") == "clash") {
      CHECK(conflict.at("title").as_string().find("HELI 1") != std::string::npos);
      CHECK(conflict.at("choices").as_array().at(0).at("text").as_string().find("job 2") != std::string::npos);
    }
    for (const auto& body : conflict.at("choices").as_array().at(0).at("settle").as_array())
      w.feed(event_of(w, 4, sent(body)));
  }
  CHECK(conflicts_json(*w.node.publish()).at("count") == 0);
}

TEST_CASE("a value only a newer version can write is shown and not offered") {
  Granted w;
  const auto made = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 3)});
  w.feed(made);
  for (const int value : {2, 99})
    w.feed(w.change(value == 2 ? 3 : 4, RecordKind::Casualty, made.dot,
                    {write(RecordKind::Casualty, "triage", value, {made.dot})}));
  const auto shown = conflicts_json(*w.node.publish());
  const auto& choices = shown.at("conflicts").as_array().at(0).at("choices").as_array();
  CHECK(choices.at(0).at("value") == "code:99");
  CHECK_FALSE(choices.at(0).as_object().contains("settle"));
  CHECK(choices.at(1).as_object().contains("settle"));
}

TEST_CASE("every key of a conflict stands in the OpenAPI document") {
  Granted w;
  const auto made = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 3)});
  w.feed(made);
  w.feed(w.change(3, RecordKind::Casualty, made.dot, {write(RecordKind::Casualty, "triage", 1)}));
  const auto shown = conflicts_json(*w.node.publish());
  const auto document = openapi_json("1");
  const auto& schemas = document.at("components").as_object().at("schemas").as_object();
  const auto check = [](const json::object& known, const json::object& said) {
    for (const auto& [key, value] : said) {
      CAPTURE(std::string(key));
      CHECK(known.contains(key));
    }
  };
  check(schemas.at("Conflicts").at("properties").as_object(), shown);
  const auto& known = schemas.at("Conflict").at("properties").as_object();
  const auto& conflict = shown.at("conflicts").as_array().at(0).as_object();
  check(known, conflict);
  check(known.at("choices").at("items").at("properties").as_object(),
        conflict.at("choices").as_array().at(0).as_object());
}
