#include "import_file.hpp"

#include <fmt/format.h>

#include <map>

#include "api/json_values.hpp"
#include "base/hash.hpp"

namespace airbridge::app {
namespace {

namespace json = boost::json;
constexpr std::size_t records_max = 100'000;

std::string command_id(const std::string& name, const std::string& key, const json::object& content) {
  return to_hex(blake2b<16>({as_bytes("airbridge import 1"), as_bytes(name), as_bytes("\n"), as_bytes(key),
                             as_bytes("\n"), as_bytes(json::serialize(content))}));
}

// "$key" becomes the id of that record. False: no such record was made, and the field takes nothing else.
bool resolve(const model::FieldSpec& field, json::value& value, const std::map<std::string, std::string>& ids) {
  const bool may_be_text = field.type == model::ValueType::TextOrEntity;
  if (field.type != model::ValueType::Entity && !may_be_text) return true;
  if (!value.is_string() || !value.get_string().starts_with('$')) return true;
  const auto found = ids.find(std::string(value.get_string()).substr(1));
  if (found != ids.end()) value = found->second;
  return found != ids.end() || may_be_text;
}

bool is_track(const json::value& feature) {
  const auto* object = feature.if_object();
  const auto* properties = object != nullptr ? object->if_contains("properties") : nullptr;
  const auto* given =
      properties != nullptr && properties->is_object() ? properties->get_object().if_contains("record") : nullptr;
  return given != nullptr && given->is_string() && given->get_string() == "track";
}

struct Record {
  std::string key;
  std::string place;  // in the file, for complaints
  json::object object;
};

Result<std::vector<Record>, std::string> own_records(const std::string& name, const json::object& file) {
  const auto* list = file.if_contains("records");
  if (list == nullptr || !list->is_array()) return failure(fmt::format("{}: \"records\" is not a list", name));
  std::vector<Record> out;
  std::size_t number = 0;
  for (const auto& item : list->get_array()) {
    const auto place = fmt::format("{}: record {}", name, ++number);
    if (!item.is_object()) return failure(fmt::format("{} is not an object", place));
    Record record{fmt::format("#{}", number), place, item.get_object()};
    if (const auto* key = record.object.if_contains("key"); key != nullptr && key->is_string())
      record.key = std::string(key->get_string());
    out.push_back(std::move(record));
  }
  return out;
}

// By its name, or by its key in files.
const model::FieldSpec* field_of(const model::RecordSpec& record, std::string_view key) {
  const auto number = static_cast<std::uint16_t>(record.kind);
  if (const auto* field = model::find_field(number, key)) return field;
  const auto* field = model::find_field(number, key.substr(0, key.rfind('_')));
  return field != nullptr && api::file_key(*field) == key ? field : nullptr;
}

// A feature becomes what its properties say ("record", field names), else a marker or drawing with its name.
Result<std::vector<Record>, std::string> features(const std::string& name, const json::object& file,
                                                  std::size_t& tracks) {
  const auto* list = file.if_contains("features");
  if (list == nullptr || !list->is_array()) return failure(fmt::format("{}: \"features\" is not a list", name));
  std::vector<Record> out;
  std::size_t number = 0;
  for (const auto& item : list->get_array()) {
    Record record{fmt::format("#{}", ++number), fmt::format("{}: feature {}", name, number), {}};
    if (is_track(item)) {
      ++tracks;
      continue;
    }
    const auto* feature = item.if_object();
    const auto* geometry = feature != nullptr ? feature->if_contains("geometry") : nullptr;
    if (geometry == nullptr || !geometry->is_object()) {
      out.push_back(std::move(record));  // refused below, by its place
      continue;
    }
    json::object properties;
    if (const auto* given = feature->if_contains("properties"); given != nullptr && given->is_object())
      properties = given->get_object();
    std::string kind = "site";
    if (const auto* given = properties.if_contains("record"); given != nullptr && given->is_string())
      kind = std::string(given->get_string());
    const auto* spec = model::find_record(std::string_view(kind));
    json::object fields;
    if (spec != nullptr) {
      for (const auto& [key, value] : properties) {
        const auto* field = field_of(*spec, key);
        if (field != nullptr && !value.is_null()) fields[field->name] = value;
      }
    }
    const auto& shape = geometry->get_object();
    const auto* type = shape.if_contains("type");
    const bool is_point = type != nullptr && type->is_string() && type->get_string() == "Point";
    if (kind == "hazard") {
      fields["geometry"] = shape;
    } else if (is_point && shape.contains("coordinates") && shape.at("coordinates").is_array() &&
               shape.at("coordinates").get_array().size() >= 2) {
      const auto& coordinates = shape.at("coordinates").get_array();
      fields["place"] = json::object{{"lon", coordinates[0]}, {"lat", coordinates[1]}};
    } else {
      fields["geometry"] = shape;
    }
    if (kind == "site" && !fields.contains("category")) fields["category"] = is_point ? "marker" : "drawing";
    for (const auto* title : {"title", "Name"}) {
      if (!fields.contains("name") && properties.contains(title) && properties.at(title).is_string())
        fields["name"] = properties.at(title);
    }
    record.object = {{"record", kind}, {"fields", std::move(fields)}};
    out.push_back(std::move(record));
  }
  return out;
}

}  // namespace

Result<ImportCounts, std::string> import_text(const std::string& name, std::string_view text, const SendCommand& send,
                                              const std::function<void(const std::string&)>& complain_about) {
  const auto parsed = api::parse_json(text);
  if (!parsed) return failure(fmt::format("{}: {}", name, parsed.error().message));
  const auto* file = parsed->if_object();
  if (file == nullptr) return failure(fmt::format("{}: not an object", name));
  const bool own = file->contains("airbridge_import");
  const auto* invented = file->if_contains("made_up");
  const bool made_up = invented != nullptr && invented->is_bool() && invented->get_bool();
  ImportCounts counts;
  const auto records = own ? own_records(name, *file) : features(name, *file, counts.tracks);
  if (!records) return failure(records.error());
  if (records->size() > records_max)
    return failure(fmt::format("{}: more than {} records; split the file", name, records_max));

  std::map<std::string, std::string> ids;
  for (const auto& record : *records) {
    const auto refuse = [&](const std::string& why) {
      ++counts.refused;
      complain_about(fmt::format("{}: {}", record.place, why));
    };
    const auto* kind = record.object.if_contains("record");
    const auto* fields = record.object.if_contains("fields");
    const auto* spec =
        kind != nullptr && kind->is_string() ? model::find_record(std::string_view(kind->get_string())) : nullptr;
    if (spec == nullptr || fields == nullptr || !fields->is_object()) {
      refuse("needs a known \"record\" and \"fields\", or, in GeoJSON, a geometry");
      continue;
    }
    json::array writes;
    std::string missing;
    bool good = true;
    const auto add = [&](std::string_view field, json::value value) {
      const auto* known = model::find_field(static_cast<std::uint16_t>(spec->kind), field);
      if (good && known != nullptr && !resolve(*known, value, ids)) {
        good = false;
        missing = std::string(value.get_string());
      }
      writes.push_back(json::object{{"field", field}, {"value", std::move(value)}});
    };
    for (const auto& [field, value] : fields->get_object()) {
      const auto* known = model::find_field(static_cast<std::uint16_t>(spec->kind), std::string_view(field));
      const bool many =
          known != nullptr && (known->rule == model::MergeRule::OrSet || known->rule == model::MergeRule::Append ||
                               known->rule == model::MergeRule::Counter);
      if (many && value.is_array()) {
        for (const auto& item : value.get_array()) add(field, item);
      } else {
        add(field, value);
      }
    }
    if (!good) {
      refuse(fmt::format("{} names no earlier record", missing));
      continue;
    }
    if (made_up && !fields->get_object().contains("made_up")) add("made_up", true);
    const json::object command{{"id", command_id(name, record.key, record.object)},
                               {"record", spec->name},
                               {"entity", nullptr},
                               {"writes", std::move(writes)}};
    const auto sent = send(json::serialize(command));
    if (!sent) {
      refuse(sent.error());
      continue;
    }
    ids[record.key] = sent->entity;
    ++(sent->repeated ? counts.repeated : counts.written);
  }
  return counts;
}

}  // namespace airbridge::app
