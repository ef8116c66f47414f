#include "codec/cot/writer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "codec/cot/xml_scan.hpp"

namespace airbridge::codec::cot {
namespace {

using Out = std::string;

template <class... Args>
void add(Out& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

std::string name(std::string_view text) { return escape(text, written_name_bytes_max); }
std::string uid_text(std::string_view text) { return escape(text, uid_bytes_max); }

void add_attribute(Out& out, std::string_view key, std::string_view text,
                   std::size_t bytes_max = written_name_bytes_max) {
  if (!text.empty()) add(out, " {}=\"{}\"", key, escape(text, bytes_max));
}
void add_count(Out& out, std::string_view key, std::optional<int> count) {
  if (count) add(out, " {}=\"{}\"", key, *count);
}
void add_flag(Out& out, std::string_view key, bool set) {
  if (set) add(out, " {}=\"true\"", key);
}
void add_contact(Out& out, std::string_view callsign) {
  if (!callsign.empty()) add(out, "<contact callsign=\"{}\"/>", name(callsign));
}
void add_remarks(Out& out, std::string_view text) {
  if (!text.empty()) add(out, "<remarks>{}</remarks>", escape(text));
}
std::string degrees(double value) { return fmt::format("{:.7f}", value); }
std::string metres_or_unknown(std::optional<double> value) {
  return value ? fmt::format("{:.1f}", *value) : std::string("9999999.0");
}
std::string point_text(const Position& position) {
  return degrees(position.latitude.degrees()) + ',' + degrees(position.longitude.degrees());
}
Position nowhere() { return *Position::from_e7(0, 0); }

// Length of the character of valid UTF-8 at text[at]; 0 for a byte that XML or UTF-8 does not allow.
std::size_t character_length(std::string_view text, std::size_t at) {
  for (std::size_t length = 1; length <= 4 && at + length <= text.size(); ++length) {
    if (!check_characters(text.substr(at, length))) return length;
  }
  return 0;
}

}  // namespace

std::string escape(std::string_view text, std::size_t bytes_max) {
  std::string out;
  out.reserve(std::min(text.size(), bytes_max) + 16);
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c >= 0x20 && c != '<' && c != '>' && c != '&' && c != '"' && c != '\'') {  // plain ASCII
      if (at + 1 > bytes_max) break;
      out.push_back(c);
      ++at;
      continue;
    }
    const auto length = character_length(text, at);
    if (at + std::max<std::size_t>(length, 1) > bytes_max) break;
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      case '\n':
        out += "&#10;";
        break;
      case '\r':
        out += "&#13;";
        break;
      case '\t':
        out += "&#9;";
        break;
      default:
        out.append(text.substr(at, length));
        break;
    }
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

Bytes write_event(const Basics& basics, std::string_view detail) {
  std::string out;
  out.reserve(512 + detail.size());
  const auto time = format_utc(basics.time);
  add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n");
  add(out, "<event version=\"2.0\" uid=\"{}\" type=\"{}\" time=\"{}\" start=\"{}\" stale=\"{}\" how=\"{}\"",
      uid_text(basics.uid), escape(basics.type, type_bytes_max), time, time, format_utc(basics.stale),
      escape(basics.how, how_bytes_max));
  if (basics.exercise) add(out, " opex=\"e\"");
  const auto hae = basics.hae ? std::optional(basics.hae->above().value) : std::nullopt;
  const auto value = [](const std::optional<Metres>& metres) {
    return metres ? std::optional(metres->value) : std::nullopt;
  };
  add(out, "><point lat=\"{}\" lon=\"{}\" hae=\"{}\" ce=\"{}\" le=\"{}\"/>",
      degrees(basics.position.latitude.degrees()), degrees(basics.position.longitude.degrees()), metres_or_unknown(hae),
      metres_or_unknown(value(basics.ce)), metres_or_unknown(value(basics.le)));
  constexpr std::string_view open = "<detail>", close = "</detail></event>";
  const bool fits = out.size() + open.size() + detail.size() + close.size() <= event_bytes_max;
  out += open;
  if (fits) out += detail;
  out += close;
  return to_bytes(as_bytes(out));
}

Bytes write_pong(UtcTime now) {
  return write_event({.uid = "takPong",
                      .type = "t-x-c-t-r",
                      .time = now,
                      .stale = now + std::chrono::seconds(20),
                      .position = nowhere()},
                     {});
}

Bytes write_ping(UtcTime now, std::string_view uid) {
  return write_event({.uid = std::string(uid) + "-ping",
                      .type = "t-x-c-t",
                      .how = "m-g",
                      .time = now,
                      .stale = now + std::chrono::seconds(10),
                      .position = nowhere()},
                     {});
}

Bytes write_delete(std::string_view uid, std::string_view type, Deletion deletion, UtcTime now) {
  const auto detail = fmt::format("<link uid=\"{}\" relation=\"p-p\" type=\"{}\"/>{}", uid_text(uid),
                                  escape(type, type_bytes_max), deletion == Deletion::Forced ? "<__forcedelete/>" : "");
  return write_event({.uid = "AIRBRIDGE-DELETE." + std::string(uid),
                      .type = "t-x-d-d",
                      .time = now,
                      .stale = now + std::chrono::seconds(20),
                      .position = nowhere()},
                     detail);
}

Bytes write_position(const PositionReport& report) {
  std::string detail;
  if (!report.callsign.empty()) add(detail, "<contact callsign=\"{}\" endpoint=\"*:-1:stcp\"/>", name(report.callsign));
  if (!report.team.empty())
    add(detail, "<__group name=\"{}\" role=\"{}\"/>", name(report.team),
        name(report.role.empty() ? "Team Member" : report.role));
  if (report.battery_percent) add(detail, "<status battery=\"{}\"/>", *report.battery_percent);
  if (report.track.speed || report.track.course) {
    detail += "<track";
    if (report.track.course) add(detail, " course=\"{:.1f}\"", report.track.course->degrees());
    if (report.track.speed) add(detail, " speed=\"{:.1f}\"", report.track.speed->value);
    detail += "/>";
  }
  add_remarks(detail, report.remarks);
  return write_event(report.basics, detail);
}

Bytes write_marker(const Marker& marker) {
  std::string detail;
  add_contact(detail, marker.callsign);
  if (marker.colour) add(detail, "<color argb=\"{}\"/>", *marker.colour);
  add_remarks(detail, marker.remarks);
  detail += "<archive/>";
  return write_event(marker.basics, detail);
}

Bytes write_casualty(const CasualtyReport& report) {
  const auto& medevac = report.medevac;
  std::string detail;
  add_contact(detail, report.title);
  add(detail, "<_medevac_ title=\"{}\" casevac=\"false\"", name(report.title));
  add_attribute(detail, "freq", medevac.frequency);
  add_count(detail, "urgent", medevac.urgent);
  add_count(detail, "urgent_surgical", medevac.urgent_surgical);
  add_count(detail, "priority", medevac.priority);
  add_count(detail, "routine", medevac.routine);
  add_count(detail, "convenience", medevac.convenience);
  add_count(detail, "litter", medevac.litter);
  add_count(detail, "ambulatory", medevac.ambulatory);
  add_flag(detail, "hoist", medevac.hoist);
  add_flag(detail, "extraction_equipment", medevac.extraction_equipment);
  add_flag(detail, "ventilator", medevac.ventilator);
  add_flag(detail, "child", medevac.child);
  add_attribute(detail, "equipment_detail", medevac.equipment_detail);
  add_attribute(detail, "hlz_marking", medevac.landing_zone_marking);
  add_attribute(detail, "hlz_remarks", medevac.landing_zone_remarks);
  add_attribute(detail, "marked_by", medevac.marked_by);
  add_attribute(detail, "obstacles", medevac.obstacles, 1024);
  add_attribute(detail, "winds_are_from", medevac.wind);
  add_flag(detail, "terrain_slope", medevac.terrain_slope);
  add_attribute(detail, "terrain_slope_dir", medevac.terrain_slope_direction);
  add_flag(detail, "terrain_rough", medevac.terrain_rough);
  add_flag(detail, "terrain_loose", medevac.terrain_loose);
  add_attribute(detail, "terrain_other_detail", medevac.terrain_detail);
  add_attribute(detail, "medline_remarks", medevac.remarks, 4096);
  if (medevac.reports.empty()) {
    detail += "/>";
  } else {
    detail += "><zMistsMap>";
    for (const auto& mist : medevac.reports) {
      detail += "<zMist";
      add_attribute(detail, "title", mist.title);
      add_attribute(detail, "z", mist.zone);
      add_attribute(detail, "m", mist.mechanism);
      add_attribute(detail, "i", mist.injury);
      add_attribute(detail, "s", mist.signs);
      add_attribute(detail, "t", mist.treatment);
      detail += "/>";
    }
    detail += "</zMistsMap></_medevac_>";
  }
  auto basics = report.basics;
  basics.type = "b-r-f-h-c";
  return write_event(basics, detail);
}

Bytes write_chat(const ChatLine& line) {
  const auto& conversation = line.conversation.empty() ? line.room : line.conversation;
  std::string detail;
  add(detail,
      "<__chat parent=\"RootContactGroup\" groupOwner=\"false\" messageId=\"{0}\" chatroom=\"{1}\" id=\"{2}\" "
      "senderCallsign=\"{3}\">"
      "<chatgrp uid0=\"{4}\" uid1=\"{2}\" id=\"{2}\"/></__chat><link uid=\"{4}\" type=\"a-f-G-U-C\" relation=\"p-p\"/>",
      name(line.message_id), name(line.room), name(conversation), name(line.sender_callsign), name(line.sender_uid));
  add(detail, "<remarks source=\"{}\" to=\"{}\" time=\"{}\">{}</remarks>", name(line.sender_uid), name(conversation),
      format_utc(line.time), escape(line.text));
  if (!line.to_callsign.empty()) add(detail, "<marti><dest callsign=\"{}\"/></marti>", name(line.to_callsign));
  return write_event({.uid = fmt::format("GeoChat.{}.{}.{}", line.sender_uid, conversation, line.message_id),
                      .type = "b-t-f",
                      .time = line.time,
                      .stale = line.time + std::chrono::hours(24),
                      .position = line.position},
                     detail);
}

Bytes write_alert(const AlertNotice& notice) {
  std::string detail;
  add(detail, "<link uid=\"{}\" type=\"a-f-G-U-C\" relation=\"p-p\"/>", uid_text(notice.sender_uid));
  add(detail, "<contact callsign=\"{}-Alert\"/>", name(notice.callsign));
  if (notice.cancel) {
    add(detail, "<emergency cancel=\"true\">{}</emergency>", name(notice.callsign));
  } else {
    add(detail, "<emergency type=\"{}\">{}</emergency>", name(notice.emergency_type), name(notice.callsign));
  }
  return write_event({.uid = notice.uid,
                      .type = notice.cancel ? "b-a-o-can" : "b-a-o-tbl",
                      .how = "m-g",
                      .time = notice.time,
                      .stale = notice.stale,
                      .position = notice.position},
                     detail);
}

Bytes write_shape(const DrawnShape& drawn) {
  const auto& shape = drawn.shape;
  auto basics = drawn.basics;
  std::string detail;
  if (shape.kind == Shape::Kind::Ellipse) {
    basics.type = "u-d-c-c";
    const auto major = shape.major.value_or(Metres{1});
    add(detail, "<shape><ellipse major=\"{:.1f}\" minor=\"{:.1f}\" angle=\"{:.1f}\"/></shape>", major.value,
        shape.minor.value_or(major).value, shape.angle ? shape.angle->degrees() : 0.0);
  } else {
    basics.type = "u-d-f";
    const auto step = (shape.points.size() + written_points_max - 1) / written_points_max;
    for (std::size_t i = 0; i < shape.points.size(); i += std::max<std::size_t>(step, 1)) {
      add(detail, "<link point=\"{}\"/>", point_text(shape.points[i]));
    }
    if (shape.kind == Shape::Kind::Area && !shape.points.empty()) {
      add(detail, "<link point=\"{}\"/>", point_text(shape.points.front()));
    }
  }
  if (drawn.stroke_colour) add(detail, "<strokeColor value=\"{}\"/>", *drawn.stroke_colour);
  if (drawn.fill_colour) add(detail, "<fillColor value=\"{}\"/>", *drawn.fill_colour);
  add_contact(detail, drawn.callsign);
  add(detail, "<remarks>{}</remarks><archive/><labels_on value=\"true\"/>", escape(drawn.remarks, 1024));
  return write_event(basics, detail);
}

}  // namespace airbridge::codec::cot
