#include "codec/cot/types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/cot/fault.hpp"
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

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// A type as the most lenient reader may take it: lower case, of letters, digits and single dashes alone.
class Plain {
 public:
  explicit Plain(std::string_view type) {
    for (const char c : type.substr(0, type.find(';'))) {
      if (size_ == text_.size()) break;
      if (is_alnum(c)) {
        text_[size_++] = lower(c);
      } else if (c == '-' && size_ > 0 && text_[size_ - 1] != '-') {
        text_[size_++] = c;
      }
    }
    if (size_ > 0 && text_[size_ - 1] == '-') --size_;
  }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, type_bytes_max> text_;
  std::size_t size_ = 0;
};

// What is known to be declined, however it is written.
std::optional<NotCarried> declined_plain(std::string_view type) {
  if (type.find('-') == type.npos) return std::nullopt;
  const Plain plain(type);
  const auto text = plain.text();
  if (within(text, "t-k")) return NotCarried::Fires;
  // The sensor's point of interest: where a laser designator points.
  if (within(text, "b-m-p-s-p-i")) return NotCarried::Designation;
  if (!text.starts_with("a-")) return std::nullopt;
  const auto rest = text.substr(2);
  const auto affiliation = rest.substr(0, rest.find('-'));
  if (affiliation.find_first_not_of(affiliation[0]) != affiliation.npos) return std::nullopt;
  switch (affiliation[0]) {
    case 'h':
      return NotCarried::Hostile;
    case 's':
      return NotCarried::Suspect;
    case 'j':
      return NotCarried::Joker;
    case 'k':
      return NotCarried::Faker;
    default:
      return std::nullopt;
  }
}

bool ends_in_type(std::string_view name) {
  constexpr std::string_view word = "type";
  if (name.size() < word.size()) return false;
  name.remove_prefix(name.size() - word.size());
  return std::equal(name.begin(), name.end(), word.begin(), [](char a, char b) { return lower(a) == b; });
}

// Events as text: their types and elements.
std::optional<NotCarried> declined_in_text(std::string_view xml) {
  const auto space = [](std::string_view& text) {
    while (!text.empty() && detail::is_space(text.front())) text.remove_prefix(1);
  };
  for (auto at = xml.find('='); at != xml.npos; at = xml.find('=', at + 1)) {
    auto name = xml.substr(0, at);
    while (!name.empty() && detail::is_space(name.back())) name.remove_suffix(1);
    if (!ends_in_type(name)) continue;
    auto value = xml.substr(at + 1);
    space(value);
    if (value.empty() || (value[0] != '"' && value[0] != '\'')) continue;
    if (const auto reason = declined_type(value.substr(1, value.find(value[0], 1) - 1))) return reason;
  }
  for (auto at = xml.find('<'); at != xml.npos; at = xml.find('<', at + 1)) {
    const auto name = xml.substr(at + 1);
    if (const auto reason = declined_element(name.substr(0, name.find_first_of(" \t\r\n/>")))) return reason;
  }
  return std::nullopt;
}

// Events embedded in an attribute, each level of which is escaped once more.
std::optional<NotCarried> declined_embedded(std::string_view raw) {
  constexpr int levels_max = 8;
  auto text = decode(raw);
  for (int level = 1;; ++level) {
    if (const auto reason = declined_in_text(text)) return reason;
    if (level == levels_max || text.find('&') == text.npos) return std::nullopt;
    text = decode(text);
  }
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
  constexpr std::array names{"hostile", "suspect", "joker", "faker", "fires", "designation", "unknown affiliation"};
  return names.at(static_cast<std::size_t>(reason));
}

bool is_type(std::string_view type) {
  const auto path = type.substr(0, type.find(';'));
  bool in_atom = false;
  for (const char c : path) {
    if (c == '-' && !in_atom) return false;
    in_atom = c != '-';
    if (in_atom && !is_alnum(c) && c != '_') return false;
  }
  if (!in_atom) return false;
  const auto field = type.substr(std::min(path.size() + 1, type.size()));
  return std::all_of(field.begin(), field.end(), [](char c) { return c > ' ' && c < 0x7F && c != ';'; });
}

std::optional<NotCarried> declined_type(std::string_view type) {
  if (const auto reason = declined_plain(type)) return reason;
  if (!is_type(type) || lower(type[0]) != 'a' || type.size() < 3 || type[1] != '-') return std::nullopt;
  const auto rest = type.substr(2);
  const auto affiliation = rest.substr(0, rest.find_first_of("-;"));
  constexpr std::string_view carried = "puafno";
  if (affiliation.size() == 1 && carried.find(lower(affiliation[0])) != carried.npos) return std::nullopt;
  return NotCarried::UnknownAffiliation;
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
  if (ends_in_type(name)) {
    return raw_value.find('&') == raw_value.npos ? declined_type(raw_value) : declined_type(decode(raw_value));
  }
  if (name == "iconsetpath") {
    const auto path = decode(raw_value);
    for (std::string_view rest = path; !rest.empty();) {
      const auto slash = rest.find('/');
      if (const auto reason = declined_plain(rest.substr(0, slash))) return reason;  // "a-frame.png" is an icon
      rest = slash == rest.npos ? std::string_view{} : rest.substr(slash + 1);
    }
  }
  if (name == "line") return declined_embedded(raw_value);
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
