#include "gateway/tak/cot_to_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/geometry.hpp"

namespace airbridge::gateway::tak {

using codec::cot::Category;
using codec::cot::Event;
using model::RecordKind;

namespace {

// A sender's clock is believed for the age of a position when it is behind ours by no more than this; else the position
// counts as measured when it came.
constexpr Milliseconds believed_delay_max{5 * 60 * 1000};
constexpr double ce_to_95 =
    2.4477;  // CoT's circular error is one sigma; of a Rayleigh distribution, 95 % lies within this many

std::string cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;  // not inside a character
  return std::string(text.substr(0, end));
}

// Writes into a draft by the names of the table of records; empty text is not written.
class Writer {
 public:
  Writer(RecordKind record, model::EntityId entity, const Origin& origin) {
    draft_.record = static_cast<std::uint16_t>(record);
    draft_.entity = entity;
    draft_.via = model::Via::Tak;
    draft_.source = cut(origin.source, 120);
  }
  Writer& set(std::string_view field, model::Value value) {
    if (const auto* spec = model::find_field(draft_.record, field))
      draft_.writes.push_back({spec->key(), std::move(value), {}});
    return *this;
  }
  Writer& text(std::string_view field, std::string_view text) {
    const auto* spec = model::find_field(draft_.record, field);
    if (spec != nullptr && !text.empty()) set(field, cut(text, spec->text_max));
    return *this;
  }
  Writer& code(std::string_view field, std::string_view name) {
    const auto* spec = model::find_field(draft_.record, field);
    const auto* code = spec == nullptr ? nullptr : model::find_code(*spec, name);
    return code == nullptr ? *this : set(field, code->code);
  }
  Writer& number(std::string_view field, int value) { return set(field, value); }
  Writer& place(const Event& event) { return set("place", model::to_value(model::Place{event.position, event.hae})); }
  // The bytes as they came; left out when the record could not hold them.
  Writer& document(const Origin& origin, std::string_view field = "document") {
    const auto* spec = model::find_field(draft_.record, field);
    if (spec != nullptr && !origin.xml.empty() && origin.xml.size() <= spec->text_max) set(field, to_bytes(origin.xml));
    return *this;
  }
  Writer& exercise(const Event& event) { return event.is_exercise() ? set("made_up", true) : *this; }
  model::Draft take() { return std::move(draft_); }

 private:
  model::Draft draft_;
};

std::string callsign_of(const Event& event) { return event.contact ? event.contact->callsign : std::string(); }
std::string remarks_of(const Event& event) { return event.remarks ? event.remarks->text : std::string(); }

std::optional<model::Geometry> geometry_of(const Event& event) {
  using codec::cot::Shape;
  const auto& shape = event.shape;
  switch (shape.kind) {
    case Shape::Kind::Line:
      return model::Geometry{model::Shape::Line, shape.points};
    case Shape::Kind::Area:
      return model::Geometry{model::Shape::Area, shape.points};
    case Shape::Kind::Ellipse:  // drawn as the circle around it
      return model::Geometry{model::Shape::Circle, {event.position}, std::max(shape.major->value, shape.minor->value)};
    case Shape::Kind::None:
      break;
  }
  return std::nullopt;
}

std::string_view site_category(Category category) {
  switch (category) {
    case Category::LandingZone:
      return "landing_zone";
    case Category::Route:
      return "route";
    case Category::Drawing:
    case Category::Circle:
      return "drawing";
    default:
      return "marker";
  }
}

model::Draft site(const Event& event, const Origin& origin) {
  Writer out(RecordKind::Site, entity_of(event.uid), origin);
  out.code("category", site_category(event.category)).text("name", callsign_of(event)).text("note", remarks_of(event));
  auto geometry = geometry_of(event);
  if (geometry) {
    if (geometry->points.size() > model::geometry_points_max)
      geometry->points.erase(geometry->points.begin() + model::geometry_points_max, geometry->points.end());
    out.set("geometry", model::to_value(*geometry));
  }
  // A route's own point is often 0/0; its course says where it is.
  if (!geometry || event.category != Category::Route) out.place(event);
  return out.exercise(event).document(origin).take();
}

struct Patients {
  int count = 0;
  std::string_view triage = "unknown", priority;  // empty: not stated, and not for us to invent
};
Patients patients_of(const codec::cot::Medevac& medevac) {
  const int immediate = medevac.urgent.value_or(0) + medevac.urgent_surgical.value_or(0);
  const int delayed = medevac.priority.value_or(0);
  const int minor = medevac.routine.value_or(0) + medevac.convenience.value_or(0);
  Patients out;
  out.count = std::max(immediate + delayed + minor, medevac.litter.value_or(0) + medevac.ambulatory.value_or(0));
  if (immediate > 0) {
    out.triage = "red", out.priority = "immediate";
  } else if (delayed > 0) {
    out.triage = "yellow", out.priority = "urgent";
  } else if (minor > 0) {
    out.triage = "green", out.priority = "routine";
  }
  return out;
}

std::string condition_of(const codec::cot::Medevac& medevac) {
  std::string out = medevac.remarks;
  const auto add = [&out](std::string_view label, std::string_view text) {
    if (!text.empty()) out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", label, text);
  };
  for (const auto& mist : medevac.reports) {
    add("zone", mist.zone);
    add("mechanism", mist.mechanism);
    add("injury", mist.injury);
    add("signs", mist.signs);
    add("treatment", mist.treatment);
  }
  return out;
}

// What a crew needs to know of the place, without anything of the patient.
std::string scene_of(const codec::cot::Medevac& medevac) {
  std::string out;
  const auto add = [&out](std::string_view label, std::string_view text) {
    if (!text.empty()) out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", label, text);
  };
  if (medevac.hoist) out += "winch";
  if (medevac.ventilator) out += out.empty() ? "ventilator" : ", ventilator";
  if (medevac.extraction_equipment) out += out.empty() ? "extraction equipment" : ", extraction equipment";
  add("equipment", medevac.equipment_detail);
  if (medevac.litter) add("stretcher", fmt::to_string(*medevac.litter));
  if (medevac.ambulatory) add("walking", fmt::to_string(*medevac.ambulatory));
  add("obstacles", medevac.obstacles);
  add("wind", medevac.wind);
  if (medevac.terrain_slope)
    add("slope", medevac.terrain_slope_direction.empty() ? "yes" : medevac.terrain_slope_direction);
  if (medevac.terrain_rough) add("ground", "rough");
  if (medevac.terrain_loose) add("ground", "loose");
  add("ground", medevac.terrain_detail);
  add("landing zone", medevac.landing_zone_remarks);
  return out;
}

std::vector<model::Draft> casualty(const Event& event, const Origin& origin) {
  const auto medevac = event.medevac.value_or(codec::cot::Medevac{});
  const auto patients = patients_of(medevac);
  const auto name = callsign_of(event).empty() ? medevac.title : callsign_of(event);
  Writer who(RecordKind::Casualty, entity_of(event.uid), origin);
  who.code("triage", patients.triage).text("name", name).place(event);
  if (patients.count > 0) who.number("count", patients.count);
  if (medevac.litter.value_or(0) > 0) {
    who.code("mobility", "stretcher");
  } else if (medevac.ambulatory.value_or(0) > 0) {
    who.code("mobility", "walking");
  }
  if (medevac.hoist) who.set("winch", true);
  who.text("condition", condition_of(medevac)).exercise(event);
  std::vector<model::Draft> out;
  if (own_entity_of(event.uid)) {  // made here: what is requested for it was said here too
    out.push_back(who.take());
    return out;
  }
  // The message itself speaks of the patient: it goes into the private part. Its name is for all.
  who.text("uid", event.uid).document(origin, "report");

  Writer what(RecordKind::Request, request_of(event.uid), origin);
  what.code("category", "medevac")
      .code("priority", patients.priority)
      .code("state", "open")
      .text("name", name)
      .place(event);
  if (patients.count > 0) what.number("people", patients.count);
  what.set("casualty", entity_of(event.uid)).text("text", scene_of(medevac)).exercise(event);
  out.push_back(who.take());
  out.push_back(what.take());
  return out;
}

model::Draft alert(const Event& event, const Origin& origin) {
  Writer out(RecordKind::Request, entity_of(event.uid), origin);
  const auto who = event.emergency && !event.emergency->text.empty() ? event.emergency->text : callsign_of(event);
  out.code("category", "distress")
      .code("state", event.category == Category::AlertCancel ? "cancelled" : "open")
      .text("name", who);
  if (event.category == Category::Alert) {
    out.code("priority", "immediate").place(event);
    if (event.emergency) out.text("text", event.emergency->type);
  }
  return out.exercise(event).document(origin).take();
}

std::optional<model::Draft> chat(const Event& event, const Origin& origin) {
  const auto text = remarks_of(event);
  if (text.empty()) return std::nullopt;
  Writer out(RecordKind::Message, entity_of(event.uid), origin);
  out.text("text", text);
  if (event.chat) {
    out.text("from", event.chat->sender_callsign).text("channel", event.chat->room);
    if (!event.dests.empty()) out.text("to", event.chat->room);
  }
  for (const auto& link : event.links) {
    if (link.relation == "p-p") {
      out.place(event);  // where the sender was
      break;
    }
  }
  return out.exercise(event).document(origin).take();
}

model::SubjectKind subject_of(Category category) {
  switch (category) {
    case Category::Person:
      return model::SubjectKind::Person;
    case Category::Vehicle:
      return model::SubjectKind::Vehicle;
    case Category::Helicopter:
      return model::SubjectKind::Helicopter;
    case Category::FixedWing:
    case Category::Aircraft:
      return model::SubjectKind::Aircraft;
    case Category::Uas:
      return model::SubjectKind::UnmannedAircraft;
    case Category::Vessel:
      return model::SubjectKind::Vessel;
    default:
      return model::SubjectKind::Unit;
  }
}

}  // namespace

std::optional<model::EntityId> own_entity_of(std::string_view uid) {
  if (!uid.starts_with(own_uid_prefix)) return std::nullopt;
  return model::entity_from_text(uid.substr(own_uid_prefix.size()));
}
model::EntityId entity_of(std::string_view uid) {
  const auto own = own_entity_of(uid);
  return own ? *own : model::EntityId(model::external_name("tak", uid));
}
model::EntityId request_of(std::string_view uid) { return model::external_name("tak-request", uid); }

std::optional<RecordKind> record_of(Category category) {
  switch (category) {
    case Category::Casualty:
      return RecordKind::Casualty;
    case Category::Alert:
    case Category::AlertCancel:
      return RecordKind::Request;
    case Category::Chat:
      return RecordKind::Message;
    case Category::ChatReceipt:
    case Category::FileOffer:
    case Category::Ping:
    case Category::Pong:
    case Category::Delete:
    case Category::Control:
    case Category::Other:
      return std::nullopt;
    default:
      return RecordKind::Site;
  }
}

model::Observation to_observation(const Event& event, const Origin& origin) {
  const bool believed = event.time <= origin.received && origin.received - event.time <= believed_delay_max;
  model::Observation out{.subject = entity_of(event.uid),
                         .kind = subject_of(event.category),
                         .via = model::Via::Tak,
                         .source = origin.source,
                         .gateway = {},
                         .measured = believed ? event.time : origin.received,
                         .position = event.position,
                         .height = event.hae,
                         .pressure_altitude = {},
                         .course = {},
                         .speed = {},
                         .climb = {},
                         .horizontal_error_95 = {},
                         .on_ground = {},
                         .battery_percent = event.battery_percent,
                         .callsign = cut(callsign_of(event), model::observation_text_max),
                         .team = {},
                         .role = {},
                         .type = cut(event.type, model::observation_text_max),
                         .squawk = {},
                         .emergency = {},
                         .document = {}};
  if (believed) out.heard_after = origin.received - event.time;
  if (event.track) {
    out.course = event.track->course;
    out.speed = event.track->speed;
  }
  if (event.ce && event.ce->value > 0) out.horizontal_error_95 = Metres{event.ce->value * ce_to_95};
  if (event.group) {
    out.team = cut(event.group->name, model::observation_text_max);
    out.role = cut(event.group->role, model::observation_text_max);
  }
  const auto lifetime = event.stale - event.time;
  if (lifetime > Milliseconds{0}) out.stale_after = std::min<Milliseconds>(lifetime, std::chrono::hours(24));
  if (origin.xml.size() <= model::observation_document_max) out.document = to_bytes(origin.xml);
  return out;
}

std::vector<model::Draft> to_drafts(const Event& event, const Origin& origin) {
  if (event.category == Category::Casualty) return casualty(event, origin);
  std::vector<model::Draft> out;
  if (event.category == Category::Alert || event.category == Category::AlertCancel) {
    out.push_back(alert(event, origin));
  } else if (event.category == Category::Chat) {
    if (auto draft = chat(event, origin)) out.push_back(std::move(*draft));
  } else if (record_of(event.category) == RecordKind::Site) {
    out.push_back(site(event, origin));
  }
  return out;
}

model::Draft deletion_of(std::string_view uid, RecordKind record, const Origin& origin) {
  Writer out(record, entity_of(uid), origin);
  return out.set("deleted", true).take();
}

}  // namespace airbridge::gateway::tak
