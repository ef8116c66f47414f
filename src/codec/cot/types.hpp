#pragma once
// What a CoT type means to a rescue team, and what is not carried at all.
//
// A type is a dash-separated path: a-<affiliation>-<dimension>-<function..> for things, b- reports, t- control, u-
// drawings. Paths nobody here knows are Other and relayed; what is no such path at all is refused.
#include <optional>
#include <string>
#include <string_view>

namespace airbridge::codec::cot {

enum class Category {
  Person,  // a team or person on the ground
  Vehicle,
  Helicopter,
  FixedWing,
  Uas,
  Aircraft,  // in the air, kind unknown
  Vessel,
  Marker,
  LandingZone,
  Route,
  Drawing,  // line or area: see Shape
  Circle,
  Casualty,
  Alert,
  AlertCancel,
  Chat,
  ChatReceipt,
  FileOffer,
  Ping,
  Pong,
  Delete,
  Control,
  Other,
};

Category category_of(std::string_view type);
std::string_view name_of(Category category);
// Something that moves and reports where it is.
constexpr bool is_mover(Category category) { return category <= Category::Vessel; }

// Airbridge is civil: these are refused at the gateway, counted and never relayed.
enum class NotCarried { Hostile, Suspect, Joker, Faker, Fires, Designation, UnknownAffiliation };
inline constexpr std::size_t not_carried_count = 7;
std::string_view name_of(NotCarried reason);

// Atoms of ASCII letters, digits and '_', joined by single dashes, and optionally a field behind a ';':
// "overhead_marker", "a-f-G-U-C;x". Anything else is no type an event may have: neither white space nor the wildcards
// of queries ('.', '*').
bool is_type(std::string_view type);
// By the type alone, also where it is written irregularly, as a lenient client may read it: " A--h-G", "a - hh". Of
// affiliations, p u a f n are civil here, o is read as unknown, and any other than these is not carried.
std::optional<NotCarried> declined_type(std::string_view type);
// By the name of a detail element, without its namespace prefix or leading underscores.
std::optional<NotCarried> declined_element(std::string_view name);
// By an attribute of a detail element, value as it stands: the type of a link or of anything else (also `cotType` and
// the like), the path of an icon, and the events a telestration embeds, escaped, in `line`.
std::optional<NotCarried> declined_attribute(std::string_view name, std::string_view raw_value);
// By the type and all elements and attributes of the detail (its inner XML). scan() (envelope.hpp) answers the same on
// its way.
std::optional<NotCarried> declined(std::string_view type, std::string_view detail_xml);

}  // namespace airbridge::codec::cot
