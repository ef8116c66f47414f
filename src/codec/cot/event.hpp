#pragma once
// An event as values, for the node: everything a rescue picture uses, plus the detail's bytes exactly as they came, so
// that what we do not understand is passed on untouched.
#include <string>
#include <vector>

#include "codec/cot/envelope.hpp"

namespace airbridge::codec::cot {

inline constexpr std::size_t links_max =
    2'000;  // of one event: points of a shape, members of a route; more are not read
inline constexpr std::size_t dests_max = 256;
inline constexpr std::size_t mist_reports_max = 32;

struct Contact {
  std::string callsign, endpoint;  // endpoint "*:-1:stcp": reached through the server
};
struct Group {
  std::string name, role;  // name is a colour: "Dark Blue"; role "Medic", "Team Lead"
};
struct Track {
  std::optional<MetresPerSecond> speed;  // iTAK's -1 is absent
  std::optional<TrueBearing> course;
};
struct Remarks {
  std::string text, source, to;
};
struct Chat {
  std::string conversation;  // __chat/@id: a room, or the uid of the other side
  std::string room;          // as people see it: "All Chat Rooms", a call sign
  std::string sender_callsign, message_id;
  std::vector<std::string> members;  // chatgrp/@uid0..
};
struct Emergency {
  std::string type;  // "911 Alert"
  std::string text;  // who, in words
  bool cancel = false;
};
// The civil part of _medevac_. Counts are patients.
struct Medevac {
  std::string title, remarks, frequency;
  std::optional<int> urgent, urgent_surgical, priority, routine, convenience, litter, ambulatory;
  bool hoist = false, extraction_equipment = false, ventilator = false, child = false;
  std::string equipment_detail;  // other equipment, in words
  std::string landing_zone_marking, landing_zone_remarks, marked_by, obstacles, wind;
  bool terrain_slope = false, terrain_rough = false, terrain_loose = false;
  std::string terrain_slope_direction, terrain_detail;
  struct Mist {
    std::string title, zone, mechanism, injury, signs, treatment;
  };
  std::vector<Mist> reports;
};
struct Dest {
  enum class Kind { Callsign, Uid, Group, Other /* missions, publishing: not routed */ };
  Kind kind = Kind::Other;
  std::string value;
};
struct Link {
  std::string uid, type, relation, callsign;  // relation "p-p" author, "c" child
  std::optional<Position> point;
};
struct Shape {
  enum class Kind { None, Line, Area, Ellipse };
  Kind kind = Kind::None;
  std::vector<Position> points;        // of a line or area; an area's first point is not repeated
  std::optional<Metres> major, minor;  // radii of an ellipse; equal for a circle
  std::optional<TrueBearing> angle;    // of the major axis
};

struct Event {
  std::string uid, type, how, opex;
  Category category = Category::Other;
  UtcTime time{}, start{}, stale{};
  Position position;
  std::optional<EllipsoidHeight> hae;
  std::optional<Metres> ce, le;
  bool has_detail = false;
  std::string detail_xml;  // inner content of <detail>, byte for byte
  std::optional<Contact> contact;
  std::optional<Group> group;
  std::optional<int> battery_percent;
  std::optional<Track> track;
  std::string platform;  // takv: "ATAK-CIV"; empty when the sender is not a device
  std::optional<Remarks> remarks;
  std::optional<Chat> chat;
  std::optional<Emergency> emergency;
  std::optional<Medevac> medevac;
  std::vector<Dest> dests;
  std::vector<Link> links;
  Shape shape;
  bool archive = false;                                            // the sender wants it kept
  bool force_delete = false;                                       // of a t-x-d-d
  std::optional<std::int32_t> colour, stroke_colour, fill_colour;  // ARGB
  std::optional<NotCarried> not_carried;

  bool is_exercise() const { return opex.starts_with("e") || opex.starts_with("s"); }
};

// Reads an event that stands alone in `xml` (a declaration before it is ignored).
Result<Event, Fault> parse(ByteView xml);
// The same when the scan of these bytes is at hand.
Result<Event, Fault> parse(ByteView xml, const Envelope& envelope);

// As is_position_report() of its envelope.
bool is_position_report(const Event& event);

}  // namespace airbridge::codec::cot
