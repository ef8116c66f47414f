#pragma once
// Events in our own words, for TAK clients: pongs, deletes, and what the node knows. Every required attribute is
// written (ATAK refuses an event lacking any of them), text is escaped, characters XML does not allow are left out, and
// long text is cut at a character so that no event passes event_bytes_max.
#include <span>
#include <string>

#include "codec/cot/event.hpp"

namespace airbridge::codec::cot {

inline constexpr std::size_t written_text_bytes_max = 8 * 1024;  // remarks and chat; longer is cut
inline constexpr std::size_t written_name_bytes_max = 96;        // call signs, rooms, titles
inline constexpr std::size_t written_points_max = 1'000;         // of a shape; more are thinned evenly

// Text made safe for element content and attribute values, at most `bytes_max` bytes before escaping.
std::string escape(std::string_view text, std::size_t bytes_max = written_text_bytes_max);

// What every event has. hae, ce and le are written as 9999999.0 when absent.
struct Basics {
  std::string uid;
  std::string type;
  std::string how = "h-g-i-g-o";
  UtcTime time{};
  UtcTime stale{};
  Position position;
  std::optional<EllipsoidHeight> hae = {};
  std::optional<Metres> ce = {}, le = {};
  bool exercise = false;  // writes opex="e"
};
// `detail` is finished inner XML. Too long an event loses its detail rather than its place.
Bytes write_event(const Basics& basics, std::string_view detail);

Bytes write_pong(UtcTime now);                        // answer to a ping, for the asker only
Bytes write_ping(UtcTime now, std::string_view uid);  // "<uid>-ping"
// Gone tells clients that a contact went off line; Forced removes an object for good.
enum class Deletion { Gone, Forced };
Bytes write_delete(std::string_view uid, std::string_view type, Deletion deletion, UtcTime now);

struct PositionReport {
  Basics basics;
  std::string callsign, team, role;  // team is a colour; empty ones are left out
  Track track;
  std::optional<int> battery_percent;
  std::string remarks;
};
Bytes write_position(const PositionReport& report);

struct Marker {
  Basics basics;
  std::string callsign, remarks;
  std::optional<std::int32_t> colour;
};
Bytes write_marker(const Marker& marker);

struct CasualtyReport {
  Basics basics;  // the type is set by the writer
  std::string title;
  Medevac medevac;
};
Bytes write_casualty(const CasualtyReport& report);

struct ChatLine {
  std::string sender_uid, sender_callsign;
  std::string room = "All Chat Rooms";  // a room, or the call sign of the one addressed
  std::string conversation;             // empty: the room
  std::string message_id;
  std::string to_callsign = {};  // not empty: addressed to this one alone
  std::string text;
  UtcTime time{};
  Position position;
};
Bytes write_chat(const ChatLine& line);

struct AlertNotice {
  std::string uid, sender_uid, callsign;
  std::string emergency_type = "911 Alert";
  UtcTime time{}, stale{};
  Position position;
  bool cancel = false;
};
Bytes write_alert(const AlertNotice& notice);

struct DrawnShape {
  Basics basics;  // the type is set by the writer
  std::string callsign, remarks;
  Shape shape;
  std::optional<std::int32_t> stroke_colour, fill_colour;
};
Bytes write_shape(const DrawnShape& drawn);

}  // namespace airbridge::codec::cot
