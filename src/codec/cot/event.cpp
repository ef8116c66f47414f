#include "codec/cot/event.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <pugixml.hpp>

namespace airbridge::codec::cot {
namespace {

// Numbers in detail are hints: what cannot be read is absent, the event stands.
std::optional<double> number(const pugi::xml_attribute& attribute) {
  std::string_view text = attribute.value();
  while (text.starts_with(' ') || text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<int> whole(const pugi::xml_attribute& attribute, int least, int most) {
  const auto value = number(attribute);
  if (!value || *value < least || *value > most) return std::nullopt;
  return static_cast<int>(*value);
}

// Clients write true, True and 1.
bool flag(const pugi::xml_attribute& attribute) {
  const std::string_view text = attribute.value();
  return text == "1" || text == "true" || text == "True" || text == "TRUE";
}

std::optional<std::int32_t> colour(const pugi::xml_attribute& attribute) {
  const std::string_view text = attribute.value();
  std::int64_t value = 0;  // some write ARGB as an unsigned number
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data() || value < INT32_MIN || value > UINT32_MAX) return std::nullopt;
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

// "lat,lon[,hae]"; iTAK puts a space after the comma.
std::optional<Position> point(std::string_view text) {
  double values[2] = {};
  for (auto& value : values) {
    while (text.starts_with(' ') || text.starts_with(',')) text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return Position::from_degrees(values[0], values[1]);
}

Chat read_chat(const pugi::xml_node& node) {
  Chat chat{.conversation = node.attribute("id").value(),
            .room = node.attribute("chatroom").value(),
            .sender_callsign = node.attribute("senderCallsign").value(),
            .message_id = node.attribute("messageId").value(),
            .members = {}};
  for (const auto& attribute : node.child("chatgrp").attributes()) {
    if (std::string_view(attribute.name()).starts_with("uid") && chat.members.size() < dests_max) {
      chat.members.emplace_back(attribute.value());
    }
  }
  return chat;
}

Medevac read_medevac(const pugi::xml_node& node) {
  const auto text = [&](const char* name) { return std::string(node.attribute(name).value()); };
  const auto patients = [&](const char* name) { return whole(node.attribute(name), 0, 10'000); };
  const auto yes = [&](const char* name) { return flag(node.attribute(name)); };
  Medevac out;
  out.title = text("title");
  out.remarks = text("medline_remarks");
  out.frequency = text("freq");
  out.urgent = patients("urgent");
  out.urgent_surgical = patients("urgent_surgical");
  out.priority = patients("priority");
  out.routine = patients("routine");
  out.convenience = patients("convenience");
  out.litter = patients("litter");
  out.ambulatory = patients("ambulatory");
  out.hoist = yes("hoist");
  out.extraction_equipment = yes("extraction_equipment");
  out.ventilator = yes("ventilator");
  out.child = yes("child") || patients("child").value_or(0) > 0;
  out.equipment_detail = text("equipment_detail");
  out.landing_zone_marking = text("hlz_marking");
  out.landing_zone_remarks = text("hlz_remarks");
  out.marked_by = text("marked_by");
  out.obstacles = text("obstacles");
  out.wind = text("winds_are_from");
  out.terrain_slope = yes("terrain_slope");
  out.terrain_rough = yes("terrain_rough");
  out.terrain_loose = yes("terrain_loose");
  out.terrain_slope_direction = text("terrain_slope_dir");
  out.terrain_detail = text("terrain_other_detail");
  for (const auto& mist : node.child("zMistsMap").children("zMist")) {
    if (out.reports.size() == mist_reports_max) break;
    out.reports.push_back({mist.attribute("title").value(), mist.attribute("z").value(), mist.attribute("m").value(),
                           mist.attribute("i").value(), mist.attribute("s").value(), mist.attribute("t").value()});
  }
  return out;
}

void read_dests(const pugi::xml_node& marti, std::vector<Dest>& into) {
  for (const auto& dest : marti.children("dest")) {
    if (into.size() == dests_max) return;
    if (const auto callsign = dest.attribute("callsign")) {
      into.push_back({Dest::Kind::Callsign, callsign.value()});
    } else if (const auto uid = dest.attribute("uid"); uid && !dest.attribute("mission")) {
      into.push_back({Dest::Kind::Uid, uid.value()});
    } else if (const auto group = dest.attribute("group")) {
      into.push_back({Dest::Kind::Group, group.value()});
    } else {
      into.push_back({Dest::Kind::Other, {}});
    }
  }
}

void read_ellipse(const pugi::xml_node& node, Shape& shape) {
  const auto ellipse = node.child("ellipse");
  const auto major = number(ellipse.attribute("major"));
  const auto minor = number(ellipse.attribute("minor"));
  if (!major || *major <= 0) return;
  shape.kind = Shape::Kind::Ellipse;
  shape.major = Metres{*major};
  shape.minor = Metres{minor && *minor > 0 ? *minor : *major};
  if (const auto angle = number(ellipse.attribute("angle"))) shape.angle = TrueBearing::from_degrees(*angle);
}

void read_child(const pugi::xml_node& node, Event& event) {
  const std::string_view name = node.name();
  if (name == "contact" && !event.contact) {
    event.contact = Contact{node.attribute("callsign").value(), node.attribute("endpoint").value()};
  } else if (name == "__group" && !event.group) {
    event.group = Group{node.attribute("name").value(), node.attribute("role").value()};
  } else if (name == "status") {
    if (const auto battery = whole(node.attribute("battery"), 0, 100)) event.battery_percent = battery;
  } else if (name == "track" && !event.track) {
    Track track;
    if (const auto speed = number(node.attribute("speed")); speed && *speed >= 0) track.speed = MetresPerSecond{*speed};
    if (const auto course = number(node.attribute("course")); course && *course >= 0)
      track.course = TrueBearing::from_degrees(*course);
    event.track = track;
  } else if (name == "takv") {
    event.platform = node.attribute("platform").value();
  } else if (name == "remarks" && !event.remarks) {
    event.remarks = Remarks{node.text().get(), node.attribute("source").value(), node.attribute("to").value()};
  } else if (name == "__chat" && !event.chat) {
    event.chat = read_chat(node);
  } else if (name == "emergency" && !event.emergency) {
    event.emergency = Emergency{node.attribute("type").value(), node.text().get(), flag(node.attribute("cancel"))};
  } else if (name == "_medevac_" && !event.medevac) {
    event.medevac = read_medevac(node);
  } else if (name == "marti") {
    read_dests(node, event.dests);
  } else if (name == "link" && event.links.size() < links_max) {
    event.links.push_back({node.attribute("uid").value(), node.attribute("type").value(),
                           node.attribute("relation").value(), node.attribute("callsign").value(),
                           point(node.attribute("point").value())});
  } else if (name == "shape" && event.shape.kind == Shape::Kind::None) {
    read_ellipse(node, event.shape);
  } else if (name == "archive") {
    event.archive = true;
  } else if (name == "__forcedelete") {
    event.force_delete = true;
  } else if (name == "color") {
    event.colour = colour(node.attribute("argb") ? node.attribute("argb") : node.attribute("value"));
  } else if (name == "strokeColor") {
    event.stroke_colour = colour(node.attribute("value"));
  } else if (name == "fillColor") {
    event.fill_colour = colour(node.attribute("value"));
  }
}

// Points of drawings and routes come as links. A polygon repeats its first point; a rectangle (u-d-r) is closed as it
// is.
void shape_from_links(Event& event) {
  if (event.category != Category::Drawing && event.category != Category::Route) return;
  if (event.shape.kind != Shape::Kind::None) return;
  for (const auto& link : event.links) {
    if (link.point) event.shape.points.push_back(*link.point);
  }
  auto& points = event.shape.points;
  if (points.size() < 2) {
    points.clear();
    return;
  }
  const bool closed = points.size() > 3 && points.front() == points.back();
  if (closed) points.pop_back();
  const bool rectangle = event.type.starts_with("u-d-r") && points.size() >= 3;
  event.shape.kind = closed || rectangle ? Shape::Kind::Area : Shape::Kind::Line;
}

}  // namespace

Result<Event, Fault> parse(ByteView xml) {
  const auto envelope = scan(xml);
  if (!envelope) return failure(envelope.error());
  return parse(xml, *envelope);
}

Result<Event, Fault> parse(ByteView xml, const Envelope& envelope) {
  const auto text = as_text(xml);
  Event event{
      .uid = envelope.uid.str(),
      .type = envelope.type.str(),
      .how = envelope.how.str(),
      .opex = envelope.opex.str(),
      .category = Category::Other,
      .time = envelope.time,
      .start = envelope.start,
      .stale = envelope.stale,
      .position = envelope.position,
      .hae = envelope.hae,
      .ce = envelope.ce,
      .le = envelope.le,
      .has_detail = envelope.has_detail,
      .detail_xml = std::string(text.substr(envelope.detail.begin, envelope.detail.end - envelope.detail.begin)),
      .contact = {},
      .group = {},
      .battery_percent = {},
      .track = {},
      .platform = {},
      .remarks = {},
      .chat = {},
      .emergency = {},
      .medevac = {},
      .dests = {},
      .links = {},
      .shape = {},
      .colour = {},
      .stroke_colour = {},
      .fill_colour = {},
      .not_carried = envelope.not_carried};
  event.category = category_of(event.type);
  // The scan has passed: depth, entities and well-formedness are settled, so the tree is small and safe to build.
  pugi::xml_document tree;
  constexpr auto options =
      pugi::parse_fragment | pugi::parse_cdata | pugi::parse_escapes | pugi::parse_ws_pcdata_single;
  const auto loaded = tree.load_buffer(event.detail_xml.data(), event.detail_xml.size(), options, pugi::encoding_utf8);
  if (!loaded && !event.detail_xml.empty()) {
    const auto offset = envelope.detail.begin + static_cast<std::size_t>(std::max<std::ptrdiff_t>(loaded.offset, 0));
    return failure(fault_at(text, offset, FaultKind::Malformed, "detail"));
  }
  for (const auto& child : tree.children()) read_child(child, event);
  shape_from_links(event);
  return event;
}

bool is_position_report(const Event& event) {
  if (!event.type.starts_with("a-")) return false;
  if (!event.platform.empty() || event.group) return true;
  if (event.contact && !event.contact->endpoint.empty()) return true;
  return is_mover(event.category) && event.how.starts_with("m-");
}

}  // namespace airbridge::codec::cot
