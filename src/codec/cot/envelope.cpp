#include "codec/cot/envelope.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "codec/cot/xml_scan.hpp"

namespace airbridge::codec::cot {
namespace {

constexpr double unknown_from = 999'999.0;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && detail::is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && detail::is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> read_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Limits hold for the text meant, not for how it is escaped.
bool is_longer(std::string_view raw, std::size_t bytes_max) {
  return raw.size() > bytes_max && (raw.find('&') == raw.npos || decode(raw).size() > bytes_max);
}

// Values, faults and places of one event; fields are found while the scanner walks over it.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool open(const Tag& tag) {
    if (tag.depth == 0) return read_event(tag);
    if (!not_carried) look_for_declined(tag);  // beside the detail too: all of it would go on to clients
    if (tag.depth == 1) {
      if (tag.name == "point") return read_point(tag);
      if (tag.name == "detail") return begin_detail(tag);
    }
    if (tag.depth == 2 && in_detail_) read_child(tag);
    return true;
  }
  bool close(std::size_t depth, std::size_t begin, std::size_t end) {
    if (depth == 0) event.end = end;
    if (depth == 1 && in_detail_) {
      in_detail_ = false;
      detail.end = begin;
    }
    return true;
  }
  bool text(std::size_t, std::size_t, std::size_t) { return true; }

  std::optional<Fault> fault;
  RawText uid, type, how, opex, callsign;
  bool has_contact = false, has_endpoint = false, has_group = false, has_platform = false;
  UtcTime time{}, start{}, stale{};
  std::optional<Position> position;
  std::optional<double> hae, ce, le;
  bool has_detail = false;
  Extent event, detail;
  std::size_t marti_count = 0;
  bool has_military_medevac = false;
  std::optional<NotCarried> not_carried;

 private:
  bool fail(FaultKind kind, std::size_t offset, std::string_view what) {
    if (!fault) fault = fault_at(text_, offset, kind, what);
    return false;
  }
  std::size_t offset_of(std::string_view part) const { return static_cast<std::size_t>(part.data() - text_.data()); }

  bool read_text(const Attribute& from, RawText& into, std::size_t bytes_max, std::string_view what) {
    if (is_longer(from.value, bytes_max)) return fail(FaultKind::TooLong, offset_of(from.value), what);
    into.raw = from.value;
    return true;
  }
  bool read_time(const Attribute& from, UtcTime& into, std::string_view what) {
    if (from.value != last_time_text_) {  // start nearly always repeats time
      const auto value = parse_utc(trimmed(from.value));
      if (!value) return fail(FaultKind::BadTime, offset_of(from.value), what);
      last_time_text_ = from.value;
      last_time_ = *value;
    }
    into = last_time_;
    return true;
  }

  bool read_event(const Tag& tag) {
    if (tag.name != "event") return fail(FaultKind::NotAnEvent, tag.begin, {});
    event.begin = tag.begin;
    unsigned seen = 0;
    enum : unsigned { Uid = 1, Type = 2, How = 4, Time = 8, Start = 16, Stale = 32 };
    for (std::size_t i = 0; i < tag.attribute_count; ++i) {
      const auto& attribute = tag.attributes[i];
      const auto& key = attribute.name;
      if (attribute.value.empty()) continue;
      if (key == "uid") {
        seen |= Uid;
        if (!read_text(attribute, uid, uid_bytes_max, "uid")) return false;
      } else if (key == "type") {
        seen |= Type;
        if (!read_text(attribute, type, type_bytes_max, "type")) return false;
      } else if (key == "how") {
        seen |= How;
        if (!read_text(attribute, how, how_bytes_max, "how")) return false;
      } else if (key == "time") {
        seen |= Time;
        if (!read_time(attribute, time, "time")) return false;
      } else if (key == "start") {
        seen |= Start;
        if (!read_time(attribute, start, "start")) return false;
      } else if (key == "stale") {
        seen |= Stale;
        if (!read_time(attribute, stale, "stale")) return false;
      } else if (key == "opex") {
        if (!read_text(attribute, opex, how_bytes_max, "opex")) return false;
      }
    }
    constexpr std::string_view names[] = {"uid", "type", "how", "time", "start", "stale"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
      if ((seen & 1U << i) == 0) return fail(FaultKind::MissingAttribute, tag.begin, names[i]);
    }
    if (type.raw.find('&') == type.raw.npos) return judge_type(type.raw);
    return judge_type(type.str());
  }

  bool judge_type(std::string_view path) {
    if (!is_type(path)) return fail(FaultKind::BadType, offset_of(type.raw), "type");
    not_carried = declined_type(path);
    return true;
  }

  bool read_point(const Tag& tag) {
    if (position) return fail(FaultKind::DuplicateElement, tag.begin, "point");
    constexpr std::string_view names[] = {"lat", "lon", "hae", "ce", "le"};
    double values[5] = {};
    for (std::size_t i = 0; i < std::size(names); ++i) {
      const auto* attribute = tag.find(names[i]);
      if (attribute == nullptr) return fail(FaultKind::MissingAttribute, tag.begin, names[i]);
      const auto value = read_number(attribute->value);
      if (!value) return fail(FaultKind::BadNumber, offset_of(attribute->value), names[i]);
      values[i] = *value;
    }
    position = Position::from_degrees(values[0], values[1]);
    if (!position) {
      const std::size_t which = Latitude::from_degrees(values[0]) ? 1 : 0;
      return fail(FaultKind::OutOfRange, offset_of(tag.find(names[which])->value), names[which]);
    }
    if (std::abs(values[2]) < unknown_from) hae = values[2];
    if (values[3] >= 0 && values[3] < unknown_from) ce = values[3];
    if (values[4] >= 0 && values[4] < unknown_from) le = values[4];
    return true;
  }

  bool begin_detail(const Tag& tag) {
    if (has_detail) return fail(FaultKind::DuplicateElement, tag.begin, "detail");
    has_detail = true;
    in_detail_ = true;  // close() follows, at once for <detail/>
    detail = {tag.end, tag.end};
    return true;
  }

  void read_child(const Tag& tag) {
    if (tag.name == "contact" && !has_contact) {
      has_contact = true;
      const auto* endpoint = tag.find("endpoint");
      has_endpoint = endpoint != nullptr && !endpoint->value.empty();
      if (const auto* name = tag.find("callsign"); name != nullptr) {
        if (is_longer(name->value, callsign_bytes_max)) {
          fail(FaultKind::TooLong, offset_of(name->value), "callsign");
        } else {
          callsign.raw = name->value;
        }
      }
    } else if (tag.name == "__group") {
      has_group = true;
    } else if (tag.name == "takv") {
      const auto* platform = tag.find("platform");
      has_platform = platform != nullptr && !platform->value.empty();
    } else if (tag.name == "marti") {
      ++marti_count;
    } else if (tag.name == "_medevac_") {
      for (std::size_t i = 0; i < tag.attribute_count; ++i) {
        has_military_medevac = has_military_medevac || is_military_medevac(tag.attributes[i].name);
      }
    }
  }

  void look_for_declined(const Tag& tag) {
    not_carried = declined_element(tag.name);
    for (std::size_t i = 0; i < tag.attribute_count && !not_carried; ++i) {
      not_carried = declined_attribute(tag.attributes[i].name, tag.attributes[i].value);
    }
  }

  std::string_view text_;
  std::string_view last_time_text_;
  UtcTime last_time_{};
  bool in_detail_ = false;
};

}  // namespace

std::string RawText::str() const { return raw.find('&') == raw.npos ? std::string(raw) : decode(raw); }

bool is_position_report(const Envelope& envelope) {
  if (!envelope.type.raw.starts_with("a-")) return false;
  if (envelope.has_platform || envelope.has_group || envelope.has_endpoint) return true;
  return envelope.how.raw.starts_with("m-") && is_mover(category_of(envelope.type.raw));
}

bool is_military_medevac(std::string_view attribute) {
  constexpr std::string_view names[] = {
      "security",        "enemy", "friendlies",          "us_military",      "nonus_military",
      "non_us_military", "epw",   "zone_prot_selection", "zone_prot_marker", "zone_protected_coord"};
  return std::find(std::begin(names), std::end(names), attribute) != std::end(names);
}

Result<Envelope, Fault> scan(ByteView xml) {
  const auto text = as_text(xml);
  if (text.size() > event_bytes_max + 256)
    return failure(fault_at(text, 0, FaultKind::Oversized));  // a declaration may precede
  Reader reader(text);
  Scanner<Reader> scanner(text, reader);
  const auto malformed = scanner.run();
  if (reader.fault) return failure(*reader.fault);
  if (malformed) return failure(*malformed);
  if (!reader.position) return failure(fault_at(text, reader.event.begin, FaultKind::MissingPoint));
  Envelope out{.uid = reader.uid,
               .type = reader.type,
               .how = reader.how,
               .opex = reader.opex,
               .time = reader.time,
               .start = reader.start,
               .stale = reader.stale,
               .position = *reader.position,
               .hae = {},
               .ce = {},
               .le = {},
               .callsign = reader.callsign,
               .has_contact = reader.has_contact,
               .has_endpoint = reader.has_endpoint,
               .has_group = reader.has_group,
               .has_platform = reader.has_platform,
               .has_detail = reader.has_detail,
               .event = reader.event,
               .detail = reader.detail,
               .marti_count = reader.marti_count,
               .has_military_medevac = reader.has_military_medevac,
               .not_carried = reader.not_carried};
  if (reader.hae) out.hae = EllipsoidHeight(Metres{*reader.hae});
  if (reader.ce) out.ce = Metres{*reader.ce};
  if (reader.le) out.le = Metres{*reader.le};
  return out;
}

}  // namespace airbridge::codec::cot
