#include "gateway/tak/model_to_cot.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/tak/cot_to_model.hpp"
#include "model/geometry.hpp"

namespace airbridge::gateway::tak {

namespace cot = codec::cot;
using model::RecordKind;

namespace {

constexpr std::int32_t red = -65536, yellow = -256, green = -16711936, grey = -8355712, half_red = 0x40FF0000;

// One record's shown values by name.
class Reader {
 public:
  explicit Reader(const RecordState& state) : state_(state) {}
  const model::Value* value(std::string_view name) const {
    const auto* spec = model::find_field(static_cast<std::uint16_t>(state_.record), name);
    return spec == nullptr ? nullptr : state_.value(*spec);
  }
  std::string text(std::string_view name) const {
    const auto* found = value(name);
    return found != nullptr && found->text() != nullptr ? *found->text() : std::string();
  }
  std::optional<std::int64_t> number(std::string_view name) const {
    const auto* found = value(name);
    return found != nullptr && found->integer() != nullptr ? std::optional(*found->integer()) : std::nullopt;
  }
  std::string_view code(std::string_view name) const {
    const auto* spec = model::find_field(static_cast<std::uint16_t>(state_.record), name);
    const auto code = number(name);
    const auto* found = spec == nullptr || !code ? nullptr : model::find_code(*spec, *code);
    return found == nullptr ? std::string_view() : found->name;
  }
  std::optional<model::Place> place() const {
    const auto* found = value("place");
    return found == nullptr ? std::nullopt : model::place_of(*found);
  }
  std::optional<model::Geometry> geometry() const {
    const auto* found = value("geometry");
    return found == nullptr ? std::nullopt : model::geometry_of(*found);
  }
  bool flag(std::string_view name) const {
    const auto* found = value(name);
    return found != nullptr && found->boolean() != nullptr && *found->boolean();
  }
  ByteView document() const {
    const auto* found = value("document");
    return found != nullptr && found->bytes() != nullptr ? ByteView(*found->bytes()) : ByteView();
  }

 private:
  const RecordState& state_;
};

cot::Basics basics_of(const RecordState& state, const Reader& read, std::string_view type, UtcTime now,
                      const model::Place& place) {
  cot::Basics out{.uid = uid_of(state),
                  .type = std::string(type),
                  .time = now,
                  .stale = now + record_lifetime,
                  .position = place.position,
                  .hae = place.height,
                  .exercise = read.flag("made_up")};
  return out;
}

// The document still says what the record shows: each value it would write is the one shown.
bool is_current(const RecordState& state, ByteView document) {
  const auto event = cot::parse(document);
  if (!event || event->not_carried) return false;
  if (entity_of(event->uid) != state.id) return false;
  for (const auto& draft : to_drafts(*event, {.source = {}, .received = {}, .xml = {}})) {
    if (draft.record != static_cast<std::uint16_t>(state.record)) continue;
    for (const auto& write : draft.writes) {
      const auto* spec = model::find_field(draft.record, write.key);
      if (spec != nullptr && spec->privacy == model::Privacy::Private) continue;  // clients are not told of changes
      const auto* shown = spec == nullptr ? nullptr : state.value(*spec);
      if (shown == nullptr || *shown != write.value) return false;
    }
  }
  return true;
}

cot::Shape shape_of(const model::Geometry& geometry) {
  cot::Shape out;
  out.points = geometry.points;
  switch (geometry.shape) {
    case model::Shape::Line:
      out.kind = cot::Shape::Kind::Line;
      break;
    case model::Shape::Area:
      out.kind = cot::Shape::Kind::Area;
      break;
    case model::Shape::Circle:
      out.kind = cot::Shape::Kind::Ellipse;
      out.major = out.minor = Metres{geometry.radius_m};
      break;
    case model::Shape::Point:
      break;
  }
  return out;
}

std::optional<Bytes> place_or_shape(const RecordState& state, const Reader& read, UtcTime now, std::string_view type,
                                    const std::string& callsign, const std::string& remarks,
                                    std::optional<std::int32_t> colour) {
  const auto geometry = read.geometry();
  auto place = read.place();
  if (!place && geometry) place = model::Place{model::label_point(*geometry), std::nullopt};
  if (!place) return std::nullopt;
  const auto basics = basics_of(state, read, type, now, *place);
  if (geometry && geometry->shape != model::Shape::Point) {
    const auto fill = colour ? std::optional(half_red) : std::nullopt;
    return cot::write_shape({basics, callsign, remarks, shape_of(*geometry), colour, fill});
  }
  return cot::write_marker({basics, callsign, remarks, colour});
}

std::optional<Bytes> site(const RecordState& state, const Reader& read, UtcTime now) {
  const auto type = read.code("category") == "landing_zone" ? "b-m-p-c-z" : "b-m-p-s-m";
  auto remarks = read.text("note");
  if (const auto open = read.code("state"); !open.empty())
    remarks = fmt::format("{}{}{}", open, remarks.empty() ? "" : "; ", remarks);
  const auto colour = read.code("state") == "closed" ? std::optional(red) : std::nullopt;
  return place_or_shape(state, read, now, type, read.text("name"), remarks, colour);
}

std::optional<Bytes> hazard(const RecordState& state, const Reader& read, UtcTime now) {
  const auto name = read.text("name");
  const auto callsign = fmt::format("HAZARD {}{}{}", read.code("category"), name.empty() ? "" : " ", name);
  const auto remarks = fmt::format("{} {}; {}", read.code("severity"), read.code("state"), read.text("note"));
  const auto colour = read.code("state") == "cleared" ? grey : red;
  return place_or_shape(state, read, now, "b-m-p-s-m", callsign, remarks, colour);
}

std::optional<Bytes> casualty(const RecordState& state, const Reader& read, UtcTime now) {
  const auto place = read.place();
  if (!place) return std::nullopt;
  cot::CasualtyReport report{basics_of(state, read, "", now, *place), read.text("name"), {}};
  const auto people = static_cast<int>(std::clamp<std::int64_t>(read.number("count").value_or(1), 0, 10'000));
  const auto triage = read.code("triage");
  auto& medevac = report.medevac;
  std::vector<model::Draft> said;
  if (const auto event = cot::parse(state.report); event && event->medevac) {
    medevac = *event->medevac;
    said = to_drafts(*event, {.source = {}, .received = now, .xml = {}});
  }
  // Where the message says it already, its finer words stay: so many urgent, so many walking.
  const auto is_said = [&](std::string_view field) {
    const auto* spec = model::find_field(static_cast<std::uint16_t>(state.record), field);
    const auto* shown = state.value(*spec);
    return !said.empty() && std::any_of(said[0].writes.begin(), said[0].writes.end(), [&](const model::Write& write) {
      return shown != nullptr && write.key == spec->key() && write.value == *shown;
    });
  };
  if (!is_said("triage") || !is_said("count")) {
    medevac.urgent_surgical = medevac.convenience = std::nullopt;
    medevac.urgent = triage == "red" ? std::optional(people) : std::nullopt;
    medevac.routine = triage == "green" ? std::optional(people) : std::nullopt;
    medevac.priority = medevac.urgent || medevac.routine ? std::nullopt : std::optional(people);
  }
  if (!is_said("mobility")) {
    const auto mobility = read.code("mobility");
    medevac.litter = mobility == "stretcher" ? std::optional(people) : std::nullopt;
    medevac.ambulatory = mobility == "walking" ? std::optional(people) : std::nullopt;
  }
  medevac.hoist = read.flag("winch");
  // Public remarks only: the condition is private.
  if (const auto note = read.text("note"); !note.empty()) medevac.remarks = note;
  return cot::write_casualty(report);
}

std::optional<Bytes> request(const RecordState& state, const Reader& read, UtcTime now) {
  const auto place = read.place();
  if (!place) return std::nullopt;
  const auto category = read.code("category");
  const auto done = read.code("state") == "cancelled" || read.code("state") == "met";
  if (category == "distress") {
    const auto uid = uid_of(state);
    return cot::write_alert({.uid = uid,
                             .sender_uid = uid,
                             .callsign = read.text("name"),
                             .time = now,
                             .stale = now + record_lifetime,
                             .position = place->position,
                             .cancel = done});
  }
  if (category == "medevac") return std::nullopt;  // its casualty says it
  const auto callsign = fmt::format("{} {}", category, read.text("name"));
  return cot::write_marker(
      {basics_of(state, read, "b-m-p-s-m", now, *place), callsign, read.text("text"), done ? grey : yellow});
}

std::optional<Bytes> unit(const RecordState& state, const Reader& read, UtcTime now) {
  const auto place = read.place();
  if (!place) return std::nullopt;
  const auto category = read.code("category");
  const auto type = category == "helicopter" ? "a-f-A-C-H"
                    : category == "vehicle"  ? "a-f-G-E-V-C"
                    : category == "vessel"   ? "a-f-S"
                                             : "a-f-G-U-C";
  return cot::write_marker(
      {basics_of(state, read, type, now, *place), read.text("callsign"), read.text("note"), green});
}

std::optional<Bytes> message(const RecordState& state, const Reader& read, UtcTime) {
  const auto text = read.text("text");
  if (text.empty()) return std::nullopt;
  const auto from = read.text("from");
  const auto place = read.place();
  const auto to = read.text("to");  // a call sign; a room is everybody's
  cot::ChatLine line{.sender_uid = "AIRBRIDGE-" + (state.author.empty() ? std::string("NODE") : state.author),
                     .sender_callsign = from.empty() ? state.author : from,
                     .room = to.empty() ? std::string("All Chat Rooms") : to,
                     .conversation = {},
                     .message_id = model::to_text(state.id),
                     .to_callsign = to == "All Chat Rooms" ? std::string() : to,
                     .text = text,
                     .time = state.updated,
                     .position = place ? place->position : *Position::from_e7(0, 0)};
  return cot::write_chat(line);
}

std::string remarks_of(const model::Observation& observation) {
  std::string out = observation.replayed ? "recorded, not live" : "";
  if (!observation.emergency.empty())
    out += fmt::format("{}EMERGENCY {}, squawk {}", out.empty() ? "" : "; ", observation.emergency, observation.squawk);
  return out;
}

std::string_view type_of(model::SubjectKind kind) {
  switch (kind) {
    case model::SubjectKind::Aircraft:
      return "a-n-A-C-F";
    case model::SubjectKind::Helicopter:
      return "a-n-A-C-H";
    case model::SubjectKind::UnmannedAircraft:
      return "a-f-A-M-F-Q";
    case model::SubjectKind::Person:
    case model::SubjectKind::Unit:
    case model::SubjectKind::OwnNode:
      return "a-f-G-U-C";
    case model::SubjectKind::Vehicle:
      return "a-f-G-E-V-C";
    case model::SubjectKind::Vessel:
      return "a-n-S";
    case model::SubjectKind::Unknown:
      break;
  }
  return "a-u-G";
}

}  // namespace

std::string uid_of(const model::EntityId& id, ByteView document) {
  if (!document.empty()) {
    const auto envelope = cot::scan(document);
    if (envelope && entity_of(envelope->uid.str()) == id) return envelope->uid.str();
  }
  return std::string(own_uid_prefix) + model::to_text(id);
}

std::string uid_of(const RecordState& state) {
  const Reader read(state);
  if (const auto uid = read.text("uid"); !uid.empty() && entity_of(uid) == state.id) return uid;
  return uid_of(state.id, read.document());
}

Bytes to_cot(const model::Observation& observation, UtcTime now) {
  if (observation.via == model::Via::Tak && !observation.document.empty()) return observation.document;
  const auto stale =
      observation.stale_after > Milliseconds{0} ? observation.stale_after : model::stale_after(observation.kind);
  cot::PositionReport report{.basics = {.uid = uid_of(observation.subject),
                                        .type = std::string(type_of(observation.kind)),
                                        .how = observation.heard_only ? "m-r" : "m-g",
                                        .time = observation.measured,
                                        .stale = std::max(observation.measured, now) + stale,
                                        .position = observation.position,
                                        .hae = observation.height},
                             .callsign = observation.callsign,
                             .team = observation.team,
                             .role = observation.role,
                             .track = {observation.speed, observation.course},
                             .battery_percent = observation.battery_percent,
                             .remarks = remarks_of(observation)};
  if (observation.kind == model::SubjectKind::OwnNode && report.team.empty()) report.team = "White", report.role = "HQ";
  return cot::write_position(report);
}

std::optional<Bytes> to_cot(const RecordState& state, UtcTime now) {
  const Reader read(state);
  const auto document = read.document();
  if (state.deleted) {
    return cot::write_delete(uid_of(state), "a-u-G", cot::Deletion::Forced, now);
  }
  if (!document.empty() && is_current(state, document)) return to_bytes(document);
  if (!state.report.empty() && is_current(state, state.report)) return state.report;
  switch (state.record) {
    case RecordKind::Site:
      return site(state, read, now);
    case RecordKind::Hazard:
      return hazard(state, read, now);
    case RecordKind::Casualty:
      return casualty(state, read, now);
    case RecordKind::Request:
      return request(state, read, now);
    case RecordKind::Unit:
      return unit(state, read, now);
    case RecordKind::Message:
      return message(state, read, now);
    default:
      return std::nullopt;
  }
}

}  // namespace airbridge::gateway::tak
