#include "api/json_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "model/cbor.hpp"

namespace airbridge::api {
namespace {

using model::FieldSpec;
using model::Value;
using model::ValueType;

constexpr double area_of_circle_corners = 48;  // corners of the polygon a circle is shown as

CommandError invalid(const FieldSpec& field, std::string what, std::string hint = {}) {
  return {400, "invalid_value", fmt::format("{}: {}", field.name, what), std::string(field.name), std::move(hint)};
}

std::string code_names(const FieldSpec& field) {
  std::string out;
  for (const auto& code : field.codes) {
    if (!out.empty()) out += ", ";
    out += code.name;
  }
  return out;
}

std::optional<double> number_of(const json::value& value) {
  if (value.is_double()) return value.get_double();
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  return std::nullopt;
}

std::optional<std::int64_t> whole_of(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_double() && std::nearbyint(value.get_double()) == value.get_double() &&
      std::abs(value.get_double()) < 9e15) {
    return static_cast<std::int64_t>(value.get_double());
  }
  return std::nullopt;
}

json::array corner(const Position& point) { return {point.longitude.degrees(), point.latitude.degrees()}; }

std::optional<Position> corner_of(const json::value& value) {
  const auto* pair = value.if_array();
  if (pair == nullptr || pair->size() < 2) return std::nullopt;
  const auto lon = number_of((*pair)[0]);
  const auto lat = number_of((*pair)[1]);
  if (!lat || !lon) return std::nullopt;
  return Position::from_degrees(*lat, *lon);
}

// GeoJSON (RFC 7946) Point, LineString, Polygon with one ring; {"type":"Circle","coordinates":[lon,lat],"radius_m":R}.
std::optional<model::Geometry> geometry_from(const json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  const auto* type = object->if_contains("type");
  const auto* coordinates = object->if_contains("coordinates");
  if (type == nullptr || !type->is_string() || coordinates == nullptr) return std::nullopt;
  model::Geometry out;
  const auto add = [&](const json::value& item) {
    const auto point = corner_of(item);
    if (point) out.points.push_back(*point);
    return point.has_value();
  };
  const auto name = type->get_string();
  if (name == "Point" || name == "Circle") {
    if (!add(*coordinates)) return std::nullopt;
    out.shape = model::Shape::Point;
    if (name == "Circle") {
      const auto* radius = object->if_contains("radius_m");
      const auto metres = radius == nullptr ? std::nullopt : number_of(*radius);
      if (!metres) return std::nullopt;
      out.shape = model::Shape::Circle;
      out.radius_m = *metres;
    }
    return out;
  }
  const json::array* points = coordinates->if_array();
  if (name == "Polygon") {
    out.shape = model::Shape::Area;
    if (points == nullptr || points->size() != 1) return std::nullopt;
    points = (*points)[0].if_array();
  } else if (name == "LineString") {
    out.shape = model::Shape::Line;
  } else {
    return std::nullopt;
  }
  // A circle as it is shown is the circle, not the area of its drawn corners.
  if (const auto* centre = object->if_contains("centre"); centre != nullptr && name == "Polygon") {
    const auto* radius = object->if_contains("radius_m");
    const auto metres = radius == nullptr ? std::nullopt : number_of(*radius);
    if (!metres || !add(*centre)) return std::nullopt;
    out.shape = model::Shape::Circle;
    out.radius_m = *metres;
    return out;
  }
  if (points == nullptr || points->size() > model::geometry_points_max + 1) return std::nullopt;
  for (const auto& item : *points) {
    if (!add(item)) return std::nullopt;
  }
  if (out.shape == model::Shape::Area && out.points.size() > 1 && out.points.front() == out.points.back())
    out.points.pop_back();
  return out;
}

// Twice the area a ring encloses on the map, above 0 when it runs clockwise. Edges take the short way around the globe.
double turn_of(const std::vector<Position>& ring) {
  double out = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const auto& from = ring[i];
    const auto& to = ring[(i + 1) % ring.size()];
    const double east = std::remainder(to.longitude.degrees() - from.longitude.degrees(), 360.0);
    out += east * (to.latitude.degrees() + from.latitude.degrees());
  }
  return out;
}

// "4.65E1" as "46.5": the library writes every fraction with an exponent. `number` is as the library wrote it.
std::string in_plain_notation(std::string_view number) {
  double value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value);
  if (!std::isfinite(value)) return "null";
  auto out = fmt::format("{:.7f}", value);
  while (out.back() == '0' && out[out.size() - 2] != '.') out.pop_back();
  return out == "-0.0" ? "0.0" : out;
}

// A version of a plan: [hash, hash of its parent or null, document].
std::optional<Value> version_from(const FieldSpec& field, const json::value& value) {
  const auto* parts = value.if_array();
  if (field.rule != model::MergeRule::Versions || parts == nullptr || parts->size() != 3) return std::nullopt;
  Value::List out;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const auto& part = (*parts)[i];
    const auto bytes = part.is_string() ? from_hex(part.get_string()) : std::nullopt;
    if (bytes) {
      out.emplace_back(*bytes);
    } else if (i == 1 && part.is_null()) {
      out.emplace_back();
    } else {
      return std::nullopt;
    }
  }
  return Value(std::move(out));
}

json::value plain(const Value& value) {
  if (const auto* b = value.boolean()) return *b;
  if (const auto* i = value.integer()) return *i;
  if (const auto* text = value.text()) return json::string(*text);
  if (const auto* bytes = value.bytes()) return json::string(to_hex(*bytes));
  if (const auto* id = value.entity()) return json::string(model::to_text(*id));
  if (const auto* list = value.list()) {
    json::array out;
    for (const auto& item : *list) out.push_back(plain(item));
    return out;
  }
  return nullptr;
}

}  // namespace

json::object geojson_of(const model::Geometry& geometry) {
  json::object out;
  if (geometry.shape == model::Shape::Point) {
    out["type"] = "Point";
    out["coordinates"] = corner(geometry.points.front());
    return out;
  }
  json::array points;
  if (geometry.shape == model::Shape::Circle) {
    // GeoJSON has no circle: a polygon for whoever draws, and the circle itself for whoever edits.
    const auto centre = geometry.points.front();
    const double latitude = centre.latitude.degrees() * M_PI / 180;
    for (double i = 0; i <= area_of_circle_corners; ++i) {
      const double angle = -2 * M_PI * i / area_of_circle_corners;
      const double dlat = geometry.radius_m * std::cos(angle) / 111'195.0;
      const double dlon = geometry.radius_m * std::sin(angle) / (111'195.0 * std::max(0.01, std::cos(latitude)));
      points.push_back(
          json::array{centre.longitude.degrees() + dlon, std::clamp(centre.latitude.degrees() + dlat, -90.0, 90.0)});
    }
    out["radius_m"] = geometry.radius_m;
    out["centre"] = corner(centre);
  } else {
    for (const auto& point : geometry.points) points.push_back(corner(point));
    if (geometry.shape == model::Shape::Area && turn_of(geometry.points) > 0)
      std::reverse(points.begin() + 1, points.end());  // it begins where it began
  }
  if (geometry.shape == model::Shape::Line) {
    out["type"] = "LineString";
    out["coordinates"] = std::move(points);
    return out;
  }
  if (geometry.shape == model::Shape::Area) points.push_back(corner(geometry.points.front()));
  out["type"] = "Polygon";
  json::array rings;  // not json::array{points}: that would copy the ring instead of holding it
  rings.push_back(std::move(points));
  out["coordinates"] = std::move(rings);
  return out;
}

std::string file_key(const FieldSpec& field) {
  std::string out(field.name);
  if (field.type == ValueType::Time) return out + "_ms";
  if (field.type == ValueType::Integer && field.words.ends_with(", minutes")) return out + "_min";
  return out;
}

json::object place_json(const model::Place& place) {
  json::object out{{"lat", place.position.latitude.degrees()}, {"lon", place.position.longitude.degrees()}};
  if (place.height) out["hae_m"] = place.height->above().value;
  return out;
}

// A field that holds so much holds whole messages, of which the page and the journal say the size.
constexpr std::size_t message_bytes = 32'000;

json::value to_json(const FieldSpec* field, const Value& value) {
  if (field == nullptr || value.is_null()) return plain(value);
  if (field->type == ValueType::Code && value.integer() != nullptr) {
    const auto* code = model::find_code(*field, *value.integer());
    return code != nullptr ? json::string(code->name) : json::string(fmt::format("code:{}", *value.integer()));
  }
  if (field->type == ValueType::Place) {
    if (const auto place = model::place_of(value)) return place_json(*place);
  }
  if (field->type == ValueType::Geometry) {
    if (const auto geometry = model::geometry_of(value)) return geojson_of(*geometry);
  }
  const bool is_message = field->type == ValueType::Bytes && field->text_max >= message_bytes;
  if (is_message && value.bytes() != nullptr) {
    return json::string(fmt::format("{} bytes", value.bytes()->size()));  // the journal is not the place for it
  }
  return plain(value);
}

std::string words_of(const FieldSpec* field, const Value& value) {
  if (field == nullptr || field->type != ValueType::Code || value.integer() == nullptr) return {};
  const auto* code = model::find_code(*field, *value.integer());
  return code != nullptr ? std::string(code->words) : fmt::format("needs a newer version (code {})", *value.integer());
}

Result<Value, CommandError> value_from_json(const FieldSpec& field, const json::value& value) {
  if (value.is_null()) return Value();
  switch (field.type) {
    case ValueType::Boolean:
      if (!value.is_bool()) return failure(invalid(field, "must be true or false"));
      return Value(value.get_bool());
    case ValueType::Integer:
    case ValueType::Time: {
      const auto number = whole_of(value);
      if (!number) return failure(invalid(field, "must be a whole number"));
      return Value(*number);
    }
    case ValueType::Text:
      if (!value.is_string()) return failure(invalid(field, "must be text"));
      return Value(std::string(value.get_string()));
    case ValueType::Code: {
      if (!value.is_string()) return failure(invalid(field, "must be one of " + code_names(field)));
      const auto* code = model::find_code(field, std::string_view(value.get_string()));
      if (code == nullptr) {
        return failure(invalid(field, fmt::format("'{}' is not one of {}",
                                                  model::cbor::clean_text(value.get_string(), 40), code_names(field))));
      }
      return Value(code->code);
    }
    case ValueType::Bytes: {
      const auto bytes = value.is_string() ? from_hex(value.get_string()) : std::nullopt;
      if (!bytes) return failure(invalid(field, "must be bytes in hexadecimal"));
      return Value(*bytes);
    }
    case ValueType::Place: {
      const auto* object = value.if_object();
      const auto get = [&](std::string_view key) {
        return object != nullptr && object->contains(key) ? number_of(object->at(key)) : std::nullopt;
      };
      const auto lat = get("lat"), lon = get("lon"), height = get("hae_m");
      const auto position = lat && lon ? Position::from_degrees(*lat, *lon) : std::nullopt;
      if (!position)
        return failure(
            invalid(field, "must be {\"lat\":-90..90,\"lon\":-180..180}", "and \"hae_m\" for the height, if known"));
      model::Place place{*position, std::nullopt};
      if (height) place.height = EllipsoidHeight(Metres{*height});
      return model::to_value(place);
    }
    case ValueType::Geometry: {
      const auto geometry = geometry_from(value);
      if (!geometry)
        return failure(invalid(field,
                               "must be a GeoJSON Point, LineString, Polygon of one ring, or "
                               "{\"type\":\"Circle\",\"coordinates\":[lon,lat],\"radius_m\":R}"));
      return model::to_value(*geometry);
    }
    case ValueType::Entity:
    case ValueType::TextOrEntity: {
      if (!value.is_string()) return failure(invalid(field, "must be the id of a record"));
      if (const auto id = model::entity_from_text(std::string_view(value.get_string()))) return Value(*id);
      if (field.type == ValueType::TextOrEntity) return Value(std::string(value.get_string()));
      return failure(invalid(field, "is not the id of a record",
                             "ids look like x.0123456789abcdef or d.<author>.<incarnation>.<class>.<sequence>"));
    }
    case ValueType::List:
      if (auto version = version_from(field, value)) return std::move(*version);
      return failure(invalid(field, "must be [hash, hash of its parent or null, document] in hexadecimal"));
  }
  return failure(invalid(field, "has a type this version does not know"));
}

Result<json::value, CommandError> parse_json(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  json::parser parser({}, options);
  const auto used = parser.write_some(text.data(), text.size(), error);
  if (!error && used < text.size()) {
    const auto rest = text.substr(used).find_first_not_of(" \t\r\n");
    if (rest != std::string_view::npos) error = json::error::extra_data;
  }
  if (error)
    return failure(
        CommandError{400, "invalid_json", fmt::format("not valid JSON at byte {}: {}", used, error.message()), "", ""});
  return parser.release();
}

Result<model::Draft, CommandError> draft_from_json(const json::value& command) {
  const auto bad = [](std::string field, std::string message, std::string hint = {}) {
    return failure(CommandError{400, "invalid_command", std::move(message), std::move(field), std::move(hint)});
  };
  const auto* object = command.if_object();
  if (object == nullptr) return bad("", "a command is a JSON object");
  model::Draft draft;
  const auto text_at = [&](std::string_view key) -> std::optional<std::string_view> {
    const auto* value = object->if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string_view(value->get_string());
  };
  if (const auto id = text_at("id")) {
    draft.command = model::CommandId::from_hex(*id);
    if (!draft.command) return bad("id", "id must be 32 hexadecimal digits, made anew for each command");
  } else {
    return bad("id", "id is missing: 32 hexadecimal digits, made anew for each command");
  }
  const auto name = text_at("record");
  const auto* record = name ? model::find_record(*name) : nullptr;
  if (record == nullptr) return bad("record", "record is missing or not known", "see /api/v1/schema");
  draft.record = static_cast<std::uint16_t>(record->kind);
  if (record->kind == model::RecordKind::Membership)
    return failure(CommandError{422, "not_allowed", "memberships are not written through this call", "record",
                                "use airbridge invite"});
  if (const auto* entity = object->if_contains("entity"); entity != nullptr && !entity->is_null()) {
    const auto id =
        entity->is_string() ? model::entity_from_text(std::string_view(entity->get_string())) : std::nullopt;
    if (!id) return bad("entity", "entity is not the id of a record");
    draft.entity = *id;
  }
  const auto dots_of = [&](const json::value& value, std::vector<model::Dot>& out) {
    const auto* list = value.if_array();
    if (list == nullptr) return false;
    for (const auto& item : *list) {
      const auto dot = item.is_string() ? model::dot_from_text(std::string_view(item.get_string())) : std::nullopt;
      if (!dot) return false;
      out.push_back(*dot);
    }
    return true;
  };
  const auto* writes = object->if_contains("writes");
  if (writes == nullptr || !writes->is_array())
    return bad("writes", "writes must be a list of {\"field\",\"value\",\"replaces\"}");
  for (const auto& item : writes->get_array()) {
    const auto* one = item.if_object();
    const auto* field_name = one == nullptr ? nullptr : one->if_contains("field");
    if (field_name == nullptr || !field_name->is_string()) return bad("writes", "each write needs a field");
    const auto* field = model::find_field(draft.record, std::string_view(field_name->get_string()));
    if (field == nullptr) {
      return bad(
          std::string(field_name->get_string()),
          fmt::format("{} has no field '{}'", record->name, model::cbor::clean_text(field_name->get_string(), 60)),
          "see /api/v1/schema");
    }
    model::Write write;
    write.key = field->key();
    const auto* value = one->if_contains("value");
    if (value == nullptr)
      return bad(std::string(field->name), fmt::format("{}: value is missing", field->name), "null clears a field");
    auto converted = value_from_json(*field, *value);
    if (!converted) return failure(converted.error());
    write.value = std::move(*converted);
    if (const auto* replaces = one->if_contains("replaces");
        replaces != nullptr && !dots_of(*replaces, write.replaced)) {
      return bad(std::string(field->name),
                 fmt::format("{}: replaces must be a list of dots as the picture gave them", field->name));
    }
    draft.writes.push_back(std::move(write));
  }
  if (const auto* after = object->if_contains("after"); after != nullptr && !dots_of(*after, draft.after))
    return bad("after", "after must be a list of dots");
  if (const auto faults = model::validate(draft); !faults.empty()) {
    return failure(
        CommandError{400, "invalid_value", faults.front().message, faults.front().field, faults.front().hint});
  }
  draft.via = model::Via::Web;
  return draft;
}

std::string to_text(const json::value& value) {
  const auto written = json::serialize(value);
  std::string text;
  text.reserve(written.size());
  for (std::size_t at = 0; at < written.size();) {
    auto end = at + 1;
    if (written[at] == '"') {
      while (end < written.size() && written[end] != '"') end += written[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, written.size());
    } else if (written[at] == '-' || (written[at] >= '0' && written[at] <= '9')) {
      end = std::min(written.find_first_of(",]}", at), written.size());
      const auto number = std::string_view(written).substr(at, end - at);
      if (number.find_first_of("eE.") != number.npos) {
        text += in_plain_notation(number);
        at = end;
        continue;
      }
    }
    text.append(written, at, end - at);
    at = end;
  }
  return model::cbor::is_utf8(text) ? text : model::cbor::clean_text(text, text.size());
}

json::object error_json(const CommandError& error) {
  json::object inner{{"code", error.code}, {"message", error.message}};
  if (!error.field.empty()) inner["field"] = error.field;
  if (!error.hint.empty()) inner["hint"] = error.hint;
  return {{"error", std::move(inner)}};
}

}  // namespace airbridge::api
