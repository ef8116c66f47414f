#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gateway/tak/cot_to_model.hpp"
#include "gateway/tak/model_to_cot.hpp"
#include "model/geometry.hpp"

using namespace airbridge;
using namespace airbridge::gateway::tak;
using model::RecordKind;
namespace cot = codec::cot;

namespace {

const UtcTime received = *parse_utc("2026-03-14T09:30:02.000Z");

std::string sample(const std::string& name) {
  std::ifstream in(std::string(AIRBRIDGE_TEST_DATA) + "/cot/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
struct Read {
  std::string xml;
  cot::Event event;
  Origin origin;
};
std::unique_ptr<Read> read(std::string xml) {
  const auto event = cot::parse(as_bytes(xml));
  REQUIRE(event);
  auto out = std::make_unique<Read>(Read{std::move(xml), *event, {}});
  out->origin = {"ANDROID-5f1c", received, as_bytes(out->xml)};
  return out;
}
std::vector<model::Draft> drafts_of(const std::string& name) {
  const auto it = read(sample(name));
  return to_drafts(it->event, it->origin);
}
const model::Value* value_of(const model::Draft& draft, std::string_view field) {
  const auto* spec = model::find_field(draft.record, field);
  REQUIRE(spec != nullptr);
  for (const auto& write : draft.writes) {
    if (write.key == spec->key()) return &write.value;
  }
  return nullptr;
}
std::string_view code_of(const model::Draft& draft, std::string_view field) {
  const auto* value = value_of(draft, field);
  if (value == nullptr) return {};
  return model::find_code(*model::find_field(draft.record, field), *value->integer())->name;
}
RecordState state_of(const model::Draft& draft) {
  return {.id = *draft.entity,
          .record = static_cast<RecordKind>(draft.record),
          .updated = received,
          .author = "POST 1",
          .value = [kept = std::make_shared<const model::Draft>(draft)](
                       const model::FieldSpec& spec) -> const model::Value* {
            for (const auto& write : kept->writes) {
              if (write.key == spec.key()) return &write.value;
            }
            return nullptr;
          }};
}

}  // namespace

TEST_CASE("every draft made from a sample is valid by the table of records") {
  int made = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::string(AIRBRIDGE_TEST_DATA) + "/cot")) {
    if (file.path().extension() != ".xml") continue;
    CAPTURE(file.path().filename().string());
    for (const auto& draft : drafts_of(file.path().filename().string())) {
      for (const auto& fault : model::validate(draft)) FAIL_CHECK(fault.message);
      CHECK(draft.via == model::Via::Tak);
      ++made;
    }
  }
  CHECK(made >= 9);
}

TEST_CASE("a position becomes an observation with its source document") {
  const auto it = read(sample("pli_phone.xml"));
  const auto seen = to_observation(it->event, it->origin);
  CHECK(seen.subject == entity_of("ANDROID-5f1c"));
  CHECK(seen.kind == model::SubjectKind::Person);
  CHECK(seen.callsign == "RESCUE 3");
  CHECK(seen.team == "Green");
  CHECK(seen.role == "Medic");
  CHECK(seen.battery_percent == 71);
  CHECK(seen.measured == *parse_utc("2026-03-14T09:30:00.000Z"));
  CHECK(seen.stale_after == std::chrono::seconds(255));
  CHECK(seen.horizontal_error_95->value == doctest::Approx(23.25).epsilon(0.001));
  CHECK(as_text(seen.document) == it->xml);
  CHECK(to_cot(seen, received) == seen.document);
  CHECK_FALSE(seen.heard_only);
}

TEST_CASE("a sender's clock far from ours does not date its positions") {
  auto it = read(sample("pli_helicopter.xml"));
  it->origin.received = *parse_utc("2026-03-14T12:00:00Z");
  CHECK(to_observation(it->event, it->origin).measured == it->origin.received);
  it->origin.received = *parse_utc("2026-03-14T08:00:00Z");
  CHECK(to_observation(it->event, it->origin).measured == it->origin.received);
}

TEST_CASE("markers, routes, areas, casualties, alerts and chat become the records they mean") {
  const auto marker = drafts_of("marker_unknown_and_repeated_details.xml").at(0);
  CHECK(marker.record == static_cast<std::uint16_t>(RecordKind::Site));
  CHECK(code_of(marker, "category") == "marker");
  CHECK(*value_of(marker, "name")->text() == "Bivouac");
  CHECK(value_of(marker, "document") != nullptr);

  const auto area = drafts_of("polygon_closed.xml").at(0);
  CHECK(model::geometry_of(*value_of(area, "geometry"))->shape == model::Shape::Area);
  const auto route = drafts_of("route_two_points.xml").at(0);
  CHECK(code_of(route, "category") == "route");
  CHECK(value_of(route, "place") == nullptr);

  const auto medevac = drafts_of("casualty_medevac.xml");
  REQUIRE(medevac.size() == 2);
  CHECK(code_of(medevac[0], "triage") == "red");
  CHECK(*value_of(medevac[0], "count")->integer() == 3);
  CHECK(*value_of(medevac[0], "winch")->boolean());
  CHECK(value_of(medevac[0], "condition")->text()->find("fall") != std::string::npos);
  CHECK(value_of(medevac[0], "document") == nullptr);  // it holds the private part in the clear
  CHECK(*value_of(medevac[0], "uid")->text() == "med-1");
  CHECK(as_text(*value_of(medevac[0], "report")->bytes()) == sample("casualty_medevac.xml"));
  CHECK(model::find_field(medevac[0].record, "report")->privacy == model::Privacy::Private);
  CHECK(code_of(medevac[1], "category") == "medevac");
  CHECK(value_of(medevac[1], "text")->text()->find("cable 40 m east") != std::string::npos);
  CHECK(value_of(medevac[1], "text")->text()->find("hypothermia") == std::string::npos);
  CHECK(model::class_of(medevac[1].record, medevac[1].writes) == model::Class::Urgent);

  const auto alert = drafts_of("alert.xml").at(0);
  CHECK(code_of(alert, "category") == "distress");
  CHECK(model::class_of(alert.record, alert.writes) == model::Class::Urgent);
  CHECK(code_of(drafts_of("alert_cancel.xml").at(0), "state") == "cancelled");
  CHECK(drafts_of("alert_cancel.xml").at(0).entity == alert.entity);

  const auto chat = drafts_of("chat_direct_by_callsign.xml").at(0);
  CHECK(*value_of(chat, "text")->text() == "two to winch");
  CHECK(*value_of(chat, "from")->text() == "RESCUE 3");
  CHECK(*value_of(chat, "to")->text() == "HELI 7");
  CHECK(drafts_of("ping.xml").empty());
  CHECK(drafts_of("no_detail_type_outside_grammar.xml").empty());
}

TEST_CASE("a casualty without a medevac block has no priority; one with routine patients alone is routine") {
  auto xml = sample("casualty_medevac.xml");
  const auto stated = read(xml);
  CHECK(code_of(to_drafts(stated->event, stated->origin).at(1), "priority") == "immediate");
  const auto begin = xml.find("<_medevac_"), end = xml.find("</_medevac_>") + 12;
  const auto block = xml.substr(begin, end - begin);
  const auto bare = read(xml.replace(begin, block.size(), ""));
  CHECK(value_of(to_drafts(bare->event, bare->origin).at(1), "priority") == nullptr);
  const auto routine = read(xml.insert(begin, "<_medevac_ routine=\"1\"/>"));
  CHECK(code_of(to_drafts(routine->event, routine->origin).at(1), "priority") == "routine");
}

TEST_CASE("a record that still says what its document says goes out as it came, a changed one in our words") {
  auto draft = drafts_of("marker_unknown_and_repeated_details.xml").at(0);
  const auto out = to_cot(state_of(draft), received);
  REQUIRE(out);
  CHECK(as_text(*out) == sample("marker_unknown_and_repeated_details.xml"));

  for (auto& write : draft.writes) {
    if (write.key == model::find_field(draft.record, "name")->key()) write.value = "Renamed";
  }
  const auto changed = cot::parse(*to_cot(state_of(draft), received));
  REQUIRE(changed);
  CHECK(changed->uid == "6d2a-marker");
  CHECK(changed->contact->callsign == "Renamed");
  auto state = state_of(draft);
  state.deleted = true;
  const auto gone = cot::parse(*to_cot(state, received));
  CHECK(gone->category == cot::Category::Delete);
  CHECK(gone->links.at(0).uid == "6d2a-marker");
}

TEST_CASE("records made on the page reach clients in a form they know, without private parts") {
  const auto casualty = drafts_of("casualty_medevac.xml").at(0);
  const auto medevac = cot::parse(*to_cot(state_of(casualty), received));
  REQUIRE(medevac);
  CHECK(medevac->category == cot::Category::Casualty);
  CHECK(medevac->medevac->urgent == 3);
  CHECK(medevac->medevac->hoist);
  CHECK(medevac->detail_xml.find("hypothermia") == std::string::npos);

  model::Draft hazard;
  hazard.record = static_cast<std::uint16_t>(RecordKind::Hazard);
  hazard.entity = entity_of("any");
  const auto set = [&hazard](std::string_view field, model::Value value) {
    hazard.writes.push_back({model::find_field(hazard.record, field)->key(), std::move(value), {}});
  };
  set("category", 5);
  set("state", 1);
  set("severity", 3);
  set("geometry", model::to_value(model::Geometry{
                      model::Shape::Line, {*Position::from_degrees(46.5, 7.9), *Position::from_degrees(46.6, 7.9)}}));
  const auto cable = cot::parse(*to_cot(state_of(hazard), received));
  REQUIRE(cable);
  CHECK(cable->shape.kind == cot::Shape::Kind::Line);
  CHECK(cable->contact->callsign == "HAZARD cable");
  CHECK(cable->uid.starts_with("AIRBRIDGE-x."));

  const auto message = drafts_of("chat_all.xml").at(0);
  auto fresh = message;
  std::erase_if(fresh.writes, [](const auto& write) { return write.value.bytes() != nullptr; });
  const auto chat = cot::parse(*to_cot(state_of(fresh), received));
  REQUIRE(chat);
  CHECK(chat->category == cot::Category::Chat);
  CHECK(chat->remarks->text == "مرحبا 你好 — at the hut");
  CHECK(chat->chat->sender_callsign == "RESCUE 3");
  CHECK(chat->dests.empty());

  auto addressed = drafts_of("chat_direct_by_callsign.xml").at(0);
  std::erase_if(addressed.writes, [](const auto& write) { return write.value.bytes() != nullptr; });
  const auto direct = cot::parse(*to_cot(state_of(addressed), received));
  REQUIRE(direct);
  CHECK(direct->dests.at(0).value == "HELI 7");
}

TEST_CASE("an aircraft heard by ADS-B is shown to clients as civil") {
  const auto it = read(sample("pli_helicopter.xml"));
  auto heard = to_observation(it->event, it->origin);
  heard.via = model::Via::Adsb;
  heard.subject = model::external_name("icao", "4d2023");
  heard.kind = model::SubjectKind::Aircraft;
  heard.document.clear();
  heard.heard_only = true;
  const auto out = cot::parse(to_cot(heard, received));
  REQUIRE(out);
  CHECK(out->type == "a-n-A-C-F");
  CHECK(out->how == "m-r");
  CHECK(out->track->speed->value == doctest::Approx(58.2));
  CHECK_FALSE(out->remarks);
  heard.squawk = "7700";
  heard.emergency = "general";
  CHECK(cot::parse(to_cot(heard, received))->remarks->text == "EMERGENCY general, squawk 7700");
}

TEST_CASE("a uid that the node made is the record it made it for") {
  const model::EntityId heard = model::external_name("icao", "4d2023");
  CHECK(entity_of(uid_of(heard)) == heard);
  const model::EntityId made = model::Dot{{}, model::Class::Important, 17};
  CHECK(entity_of(uid_of(made)) == made);
  CHECK(own_entity_of(uid_of(made)) == made);
  CHECK_FALSE(own_entity_of("AIRBRIDGE-POST 1"));
  CHECK(entity_of("AIRBRIDGE-x.nonsense") == model::EntityId(model::external_name("tak", "AIRBRIDGE-x.nonsense")));
}

TEST_CASE("what comes back of a hazard, a request or a unit is fitted to it, and its echo says nothing new") {
  model::Draft hazard;
  hazard.record = static_cast<std::uint16_t>(RecordKind::Hazard);
  hazard.entity = model::external_name("any", "1");
  const auto set = [&hazard](std::string_view field, model::Value value) {
    hazard.writes.push_back({model::find_field(hazard.record, field)->key(), std::move(value), {}});
  };
  set("category", 1);
  set("state", 1);
  set("severity", 3);
  set("name", "Old barn");
  set("note", "smoke; wind west");
  set("geometry", model::to_value(model::Geometry{model::Shape::Point, {*Position::from_degrees(46.5, 7.9)}}));
  const auto state = state_of(hazard);
  const auto back = read(std::string(as_text(*to_cot(state, received))));
  const auto drafts = to_drafts(back->event, back->origin);
  REQUIRE(drafts.size() == 1);
  CHECK(drafts[0].record == static_cast<std::uint16_t>(RecordKind::Site));
  const auto met = returned(drafts[0], state, received);
  REQUIRE(met.draft);
  CHECK(met.draft->record == hazard.record);
  CHECK(*value_of(*met.draft, "name")->text() == "Old barn");
  CHECK(*value_of(*met.draft, "note")->text() == "smoke; wind west");
  CHECK(model::geometry_of(*value_of(*met.draft, "geometry"))->shape == model::Shape::Point);
  CHECK(met.draft->writes == met.told);
  for (const auto& fault : model::validate(*met.draft)) FAIL_CHECK(fault.message);

  // A delete is of whatever record the uid names; people and grants are not clients' to delete.
  const auto gone = returned(deletion_of(back->event.uid, RecordKind::Site, back->origin), state, received);
  REQUIRE(gone.draft);
  CHECK(gone.draft->record == hazard.record);
  auto member = state;
  member.record = RecordKind::Membership;
  CHECK_FALSE(returned(deletion_of(back->event.uid, RecordKind::Site, back->origin), member, received).draft);
  CHECK_FALSE(returned(drafts[0], member, received).draft);
}

TEST_CASE("a casualty changed on the page keeps its uid and, for those who sent it, all its report says") {
  auto casualty = drafts_of("casualty_medevac.xml").at(0);
  const auto report = *value_of(casualty, "report")->bytes();
  std::erase_if(casualty.writes, [&](const auto& write) {
    return model::find_field(casualty.record, write.key)->privacy == model::Privacy::Private;
  });
  auto state = state_of(casualty);
  state.report = report;
  CHECK(*to_cot(state, received) == report);
  for (auto& write : casualty.writes) {
    if (write.key == model::find_field(casualty.record, "triage")->key()) write.value = 3;
  }
  auto changed = state_of(casualty);
  changed.report = report;
  const auto near = cot::parse(*to_cot(changed, received));
  REQUIRE(near);
  CHECK(near->uid == "med-1");
  CHECK(near->medevac->routine == 3);
  CHECK_FALSE(near->medevac->urgent);
  CHECK(near->medevac->ambulatory == 2);
  CHECK(near->medevac->reports.size() == 1);
  changed.report.clear();
  const auto far = cot::parse(*to_cot(changed, received));
  REQUIRE(far);
  CHECK(far->uid == "med-1");
  CHECK(far->medevac->reports.empty());
}
