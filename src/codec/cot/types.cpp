#include "codec/cot/types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/cot/xml_scan.hpp"

namespace airbridge::codec::cot {
namespace {

// The type is `prefix` or goes on from it at a dash.
bool within(std::string_view type, std::string_view prefix) {
  return type.starts_with(prefix) &&
         (type.size() == prefix.size() || type[prefix.size()] == '-' || type[prefix.size()] == ';');
}

Category category_of_thing(std::string_view type) {
  // What follows a-<affiliation>-
  const auto second = type.find('-', 2);
  if (second == type.npos) return Category::Marker;
  const auto rest = type.substr(second + 1);
  if (within(rest, "A")) {
    if (rest.find("-Q") != rest.npos) return Category::Uas;
    if (within(rest, "A-M-H") || within(rest, "A-C-H")) return Category::Helicopter;
    if (within(rest, "A-M-F") || within(rest, "A-C-F")) return Category::FixedWing;
    return Category::Aircraft;
  }
  if (within(rest, "S") || within(rest, "U")) return Category::Vessel;
  if (within(rest, "G-U")) return Category::Person;
  if (within(rest, "G-E-V")) return Category::Vehicle;
  return Category::Marker;
}

struct Row {
  std::string_view prefix;
  Category category;
};
// The longest prefix comes first where one begins another.
constexpr Row rows[] = {
    {"b-m-p-c-z", Category::LandingZone}, {"b-m-p", Category::Marker},
    {"b-m-r", Category::Route},           {"b-r-f-h-c", Category::Casualty},
    {"b-a-o-can", Category::AlertCancel}, {"b-a-o", Category::Alert},
    {"b-a-g", Category::Alert},           {"b-t-f-d", Category::ChatReceipt},
    {"b-t-f-r", Category::ChatReceipt},   {"b-t-f", Category::Chat},
    {"b-f-t", Category::FileOffer},       {"b-i", Category::Marker},
    {"u-d-c", Category::Circle},          {"u-r-b-c-c", Category::Circle},
    {"u-d", Category::Drawing},           {"u-rb", Category::Drawing},
    {"u-r-b", Category::Drawing},         {"t-x-c-t-r", Category::Pong},
    {"t-x-c-t", Category::Ping},          {"t-x-d-d", Category::Delete},
    {"t-x", Category::Control},           {"t", Category::Control},
};

// An event embedded as text: its types and elements.
std::optional<NotCarried> declined_embedded(std::string_view xml) {
  for (auto at = xml.find("type="); at != xml.npos; at = xml.find("type=", at + 5)) {
    const auto value = xml.substr(std::min(at + 6, xml.size()));
    if (const auto reason = declined_type(value.substr(0, value.find_first_of("\"'")))) return reason;
  }
  for (auto at = xml.find('<'); at != xml.npos; at = xml.find('<', at + 1)) {
    const auto name = xml.substr(at + 1);
    if (const auto reason = declined_element(name.substr(0, name.find_first_of(" \t\r\n/>")))) return reason;
  }
  return std::nullopt;
}

struct DeclinedReader {
  std::optional<NotCarried> found;
  bool open(const Tag& tag) {
    if (tag.depth == 0) return true;
    found = declined_element(tag.name);
    for (std::size_t i = 0; i < tag.attribute_count && !found; ++i) {
      found = declined_attribute(tag.attributes[i].name, tag.attributes[i].value);
    }
    return !found;
  }
  static bool close(std::size_t, std::size_t, std::size_t) { return true; }
  static bool text(std::size_t, std::size_t, std::size_t) { return true; }
};

}  // namespace

Category category_of(std::string_view type) {
  if (type.starts_with("a-") && type.size() >= 3) return category_of_thing(type);
  for (const auto& row : rows) {
    if (within(type, row.prefix)) return row.category;
  }
  return Category::Other;
}

std::string_view name_of(Category category) {
  constexpr std::array names{"person",   "vehicle", "helicopter",   "fixed wing", "uas",          "aircraft",
                             "vessel",   "marker",  "landing zone", "route",      "drawing",      "circle",
                             "casualty", "alert",   "alert cancel", "chat",       "chat receipt", "file offer",
                             "ping",     "pong",    "delete",       "control",    "other"};
  return names.at(static_cast<std::size_t>(category));
}

std::string_view name_of(NotCarried reason) {
  constexpr std::array names{"hostile", "suspect", "joker", "faker", "fires", "designation"};
  return names.at(static_cast<std::size_t>(reason));
}

std::optional<NotCarried> declined_type(std::string_view type) {
  if (type.size() >= 3 && type[0] == 'a' && type[1] == '-' && (type.size() == 3 || type[3] == '-' || type[3] == ';')) {
    switch (type[2]) {
      case 'h':
      case 'H':
        return NotCarried::Hostile;
      case 's':
      case 'S':
        return NotCarried::Suspect;
      case 'j':
      case 'J':
        return NotCarried::Joker;
      case 'k':
      case 'K':
        return NotCarried::Faker;
      default:
        return std::nullopt;
    }
  }
  if (within(type, "t-k")) return NotCarried::Fires;
  return std::nullopt;
}

std::optional<NotCarried> declined_element(std::string_view name) {
  if (const auto colon = name.rfind(':'); colon != name.npos) name.remove_prefix(colon + 1);
  while (!name.empty() && name.front() == '_') name.remove_prefix(1);
  if (name.empty()) return std::nullopt;
  const auto begins = [&](std::string_view lower) {
    if (name.size() < lower.size()) return false;
    for (std::size_t i = 0; i < lower.size(); ++i) {
      if ((name[i] | 0x20) != lower[i]) return false;
    }
    return true;
  };
  switch (name.front() | 0x20) {
    case 'f':
      return begins("fires") || begins("firemission") ? std::optional(NotCarried::Fires) : std::nullopt;
    case 'w':
      return begins("weapon") ? std::optional(NotCarried::Fires) : std::nullopt;
    case 'm':
      return begins("munition") ? std::optional(NotCarried::Fires) : std::nullopt;
    case 's':
      return begins("strike") && !begins("strikethrough") ? std::optional(NotCarried::Fires) : std::nullopt;
    case 'd':
      return begins("designat") ? std::optional(NotCarried::Designation) : std::nullopt;
    case 'l':
      return begins("laser") ? std::optional(NotCarried::Designation) : std::nullopt;
    case 't':
      return begins("targeting") ? std::optional(NotCarried::Designation) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<NotCarried> declined_attribute(std::string_view name, std::string_view raw_value) {
  if (name == "type") {
    return raw_value.find('&') == raw_value.npos ? declined_type(raw_value) : declined_type(decode(raw_value));
  }
  if (name == "iconsetpath") {
    const auto path = decode(raw_value);
    for (std::string_view rest = path; !rest.empty();) {
      const auto slash = rest.find('/');
      if (const auto reason = declined_type(rest.substr(0, slash))) return reason;
      rest = slash == rest.npos ? std::string_view{} : rest.substr(slash + 1);
    }
  }
  if (name == "line") return declined_embedded(decode(raw_value));
  return std::nullopt;
}

std::optional<NotCarried> declined(std::string_view type, std::string_view detail_xml) {
  if (const auto reason = declined_type(type)) return reason;
  const auto wrapped = fmt::format("<detail>{}</detail>", detail_xml);
  DeclinedReader reader;
  Scanner<DeclinedReader>(wrapped, reader).run();
  return reader.found;
}

}  // namespace airbridge::codec::cot
