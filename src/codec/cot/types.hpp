#pragma once
// What a CoT type means to a rescue team, and what is not carried at all.
//
// A type is a dash-separated path: a-<affiliation>-<dimension>-<function..> for things, b- reports, t- control, u-
// drawings. Real traffic has types outside that grammar; they are Other and relayed.
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
enum class NotCarried { Hostile, Suspect, Joker, Faker, Fires, Designation };
inline constexpr std::size_t not_carried_count = 6;
std::string_view name_of(NotCarried reason);

// By the type alone. Affiliation o is read as unknown; p u a f n are civil here.
std::optional<NotCarried> declined_type(std::string_view type);
// By the name of a detail element, without its namespace prefix or leading underscores.
std::optional<NotCarried> declined_element(std::string_view name);
// By an attribute of a detail element, value as it stands: the type of a link, the path of an icon, and the events a
// telestration embeds, escaped, in `line`.
std::optional<NotCarried> declined_attribute(std::string_view name, std::string_view raw_value);
// By the type and all elements and attributes of the detail (its inner XML). scan() (envelope.hpp) answers the same on
// its way.
std::optional<NotCarried> declined(std::string_view type, std::string_view detail_xml);

}  // namespace airbridge::codec::cot
