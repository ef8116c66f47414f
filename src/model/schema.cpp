#include "model/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/cbor.hpp"
#include "model/coverage.hpp"
#include "model/geometry.hpp"

namespace airbridge::model {
namespace {
constexpr std::int64_t unknown_code_caution = INT64_MAX;
constexpr std::int64_t integer_max = 1'000'000'000;

template <class Match>
const FieldSpec* find_in(std::uint16_t record, Match match) {
  const auto search = [&](std::span<const FieldSpec> fields) -> const FieldSpec* {
    const auto found = std::find_if(fields.begin(), fields.end(), match);
    return found == fields.end() ? nullptr : &*found;
  };
  if (const auto* spec = search(common_fields())) return spec;
  const auto* kind = find_record(record);
  return kind == nullptr ? nullptr : search(kind->fields);
}
}  // namespace

const RecordSpec* find_record(std::uint16_t code) {
  const auto all = records();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const RecordSpec& r) { return static_cast<std::uint16_t>(r.kind) == code; });
  return found == all.end() ? nullptr : &*found;
}

const RecordSpec* find_record(std::string_view name) {
  const auto all = records();
  const auto found = std::find_if(all.begin(), all.end(), [&](const RecordSpec& r) { return r.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const FieldSpec* find_field(std::uint16_t record, FieldKey key) {
  return find_in(record, [&](const FieldSpec& f) { return f.key() == key; });
}

const FieldSpec* find_field(std::uint16_t record, std::string_view name) {
  return find_in(record, [&](const FieldSpec& f) { return f.name == name; });
}

const CodeSpec* find_code(const FieldSpec& field, std::int64_t code) {
  const auto found =
      std::find_if(field.codes.begin(), field.codes.end(), [&](const CodeSpec& c) { return c.code == code; });
  return found == field.codes.end() ? nullptr : &*found;
}

const CodeSpec* find_code(const FieldSpec& field, std::string_view name) {
  const auto found =
      std::find_if(field.codes.begin(), field.codes.end(), [&](const CodeSpec& c) { return c.name == name; });
  return found == field.codes.end() ? nullptr : &*found;
}

namespace {
// Half the way around the box that holds the shape, in metres. In integers throughout: nodes of different make must
// agree which of two shapes is the larger.
std::int64_t extent_of(const Geometry& geometry) {
  if (geometry.shape == Shape::Circle) return 4 * static_cast<std::int64_t>(geometry.radius_m);
  const auto& first = geometry.points.front();
  std::int64_t north = first.latitude.e7(), south = north, east = 0, west = 0;
  for (const auto& point : geometry.points) {
    north = std::max<std::int64_t>(north, point.latitude.e7());
    south = std::min<std::int64_t>(south, point.latitude.e7());
    auto offset = std::int64_t{point.longitude.e7()} - first.longitude.e7();  // the short way round
    if (offset > 1'800'000'000) offset -= 3'600'000'000;
    if (offset < -1'800'000'000) offset += 3'600'000'000;
    east = std::max(east, offset);
    west = std::min(west, offset);
  }
  const auto metres = [](std::int64_t e7) { return e7 * 111'195 / 10'000'000; };
  // Bhaskara's cosine of the middle latitude in thousandths: (32400 - 4 d^2) / (32400 + d^2), within 2 of them.
  const auto degrees = (north + south) / 20'000'000;
  const auto cosine = 1000 * (32'400 - 4 * degrees * degrees) / (32'400 + degrees * degrees);
  return metres(north - south) + metres(east - west) * cosine / 1000;
}
}  // namespace

Class class_of(std::uint16_t record, const Write& write) {
  const auto* field = find_field(record, write.key);
  if (field == nullptr) return Class::Routine;
  if (field->type == ValueType::Code && write.value.integer() != nullptr) {
    const auto* code = find_code(*field, *write.value.integer());
    if (code != nullptr && code->urgent) return Class::Urgent;
  }
  return field->cls;
}

Class class_of(std::uint16_t record, std::span<const Write> writes) {
  Class out = Class::Routine;
  for (const auto& write : writes) out = std::min(out, class_of(record, write));
  return out;
}

std::int64_t caution_of(const FieldSpec* field, const Value& value) {
  if (field == nullptr) return 0;
  if (field->type == ValueType::Code) {
    if (value.integer() == nullptr) return value.is_null() ? -1 : unknown_code_caution;
    const auto* code = find_code(*field, *value.integer());
    return code == nullptr ? unknown_code_caution : code->caution;
  }
  if (field->type == ValueType::Geometry) {
    const auto geometry = geometry_of(value);
    if (!geometry) return value.is_null() ? -1 : unknown_code_caution;
    return extent_of(*geometry);
  }
  return 0;
}

bool transition_allowed(std::uint16_t record, std::int64_t from, std::int64_t to) {
  if (from == to) return true;
  if (record == static_cast<std::uint16_t>(RecordKind::Request)) {
    // open -> acknowledged -> assigned -> met; any of them -> cancelled; met and cancelled may be reopened.
    if (to == 5 || to == 1) return true;
    return from < to && from != 5;
  }
  if (record == static_cast<std::uint16_t>(RecordKind::Task)) {
    if (to == 7) return from != 5;               // done work is not cancelled
    if (from >= 5) return to == 2;               // ended work may be assigned anew
    if (to == 6) return from >= 2;               // only what was assigned can prove impossible
    return to > from || (to == 2 && from >= 2);  // forward, or assigned to somebody else
  }
  return true;
}

namespace {

std::string names_of(std::span<const CodeSpec> codes) {
  std::string out;
  for (const auto& code : codes) {
    if (!out.empty()) out += ", ";
    out += code.name;
  }
  return out;
}

// Whether a decoder takes it: text in UTF-8, lists within lists to the depth it allows, no name of event 0.
bool is_readable(const Value& value, std::size_t depth) {
  if (depth == 0) return false;
  if (const auto* text = value.text()) return cbor::is_utf8(*text);
  if (const auto* id = value.entity()) return id->dot() == nullptr || id->dot()->seq != 0;
  if (const auto* list = value.list()) {
    return std::all_of(list->begin(), list->end(), [&](const Value& item) { return is_readable(item, depth - 1); });
  }
  return true;
}

// Of a list, roughly: three bytes an item over its text or bytes, five an integer.
std::size_t encoded_size(const Value& value) {
  if (const auto* text = value.text()) return 3 + text->size();
  if (const auto* bytes = value.bytes()) return 3 + bytes->size();
  std::size_t size = 5;
  if (const auto* list = value.list()) {
    for (const auto& item : *list) size += encoded_size(item);
  }
  return size;
}

// The writers a draft names; an event's table holds at most names_max besides its own.
std::set<Writer> writers_of(const Draft& draft) {
  std::set<Writer> out;
  const auto add = [&](const EntityId& id) {
    if (id.dot() != nullptr) out.insert(id.dot()->writer);
  };
  if (draft.entity) add(*draft.entity);
  for (const auto& dot : draft.after) out.insert(dot.writer);
  for (const auto& write : draft.writes) {
    if (const auto* id = write.value.entity()) add(*id);
    if (write.key.rule() == MergeRule::Tombstone) continue;  // their author spreads them over several events
    for (const auto& dot : write.replaced) out.insert(dot.writer);
  }
  return out;
}

bool names_event_0(const Draft& draft) {
  const auto is_0 = [](const Dot& dot) { return dot.seq == 0; };
  if (draft.entity && draft.entity->dot() != nullptr && is_0(*draft.entity->dot())) return true;
  if (std::any_of(draft.after.begin(), draft.after.end(), is_0)) return true;
  return std::any_of(draft.writes.begin(), draft.writes.end(), [&](const Write& write) {
    return std::any_of(write.replaced.begin(), write.replaced.end(), is_0);
  });
}

std::optional<FieldFault> check_value(const FieldSpec& field, const Value& value) {
  const auto fault = [&](std::string what, std::string hint = {}) {
    return FieldFault{std::string(field.name), fmt::format("{}: {}", field.name, what), std::move(hint)};
  };
  const auto check_text = [&](const std::string& text) -> std::optional<FieldFault> {
    if (text.size() > field.text_max)
      return fault(fmt::format("{} bytes, at most {} fit", text.size(), field.text_max), "shorten it");
    if (!cbor::is_utf8(text)) return fault("is not valid UTF-8");
    return std::nullopt;
  };
  if (value.is_null()) {  // clears the field, or only removes from a set
    if (field.rule == MergeRule::Append || field.rule == MergeRule::Counter) return fault("says nothing");
    return std::nullopt;
  }
  switch (field.type) {
    case ValueType::Boolean:
      if (value.boolean() == nullptr) return fault("must be true or false");
      break;
    case ValueType::Integer:
      if (value.integer() == nullptr) return fault("must be a whole number");
      if (*value.integer() > integer_max || *value.integer() < -integer_max)
        return fault(fmt::format("must lie within +-{}", integer_max));
      break;
    case ValueType::Text:
      if (value.text() == nullptr) return fault("must be text");
      return check_text(*value.text());
    case ValueType::Code:
      if (value.integer() == nullptr) return fault("must be a code", "one of " + names_of(field.codes));
      if (find_code(field, *value.integer()) == nullptr) {
        return fault(fmt::format("code {} is not known here", *value.integer()), "one of " + names_of(field.codes));
      }
      break;
    case ValueType::Bytes:
      if (value.bytes() == nullptr) return fault("must be bytes");
      if (value.bytes()->size() > field.text_max) return fault(fmt::format("at most {} bytes fit", field.text_max));
      break;
    case ValueType::Place:
      if (!place_of(value))
        return fault("is not a position", "latitude -90..90, longitude -180..180, height in metres");
      break;
    case ValueType::Geometry:
      if (!geometry_of(value))
        return fault("is not a point, line, area or circle", fmt::format("at most {} points", geometry_points_max));
      break;
    case ValueType::Entity:
      if (value.entity() == nullptr || !is_readable(value, 1)) return fault("must name a record by its id");
      break;
    case ValueType::TextOrEntity:
      if (value.entity() != nullptr && is_readable(value, 1)) break;
      if (value.text() == nullptr) return fault("must be text or the id of a record");
      return check_text(*value.text());
    case ValueType::Time:
      if (value.integer() == nullptr) return fault("must be a time in ms since 1970");
      if (*value.integer() < 0 || *value.integer() >= 7'258'118'400'000) return fault("lies outside 1970..2199");
      break;
    case ValueType::List:
      if (value.list() == nullptr) return fault("must be a list");
      if (!is_readable(value, value_depth_max)) return fault("holds text that is not UTF-8, or lists nested too deep");
      if (encoded_size(value) > field.text_max) return fault(fmt::format("at most {} bytes fit", field.text_max));
      break;
  }
  return std::nullopt;
}

}  // namespace

std::vector<FieldFault> validate(const Draft& draft) {
  std::vector<FieldFault> faults;
  const auto* record = find_record(draft.record);
  if (record == nullptr) {
    faults.push_back({"record", fmt::format("record {} is not known here", draft.record), "see /api/v1/schema"});
    return faults;
  }
  if (draft.writes.empty()) faults.push_back({"writes", "nothing is written", "name at least one field"});
  if (draft.writes.size() > writes_max)
    faults.push_back({"writes", fmt::format("at most {} writes fit in one command", writes_max), "send two"});
  if (draft.after.size() > after_max)
    faults.push_back({"after", fmt::format("at most {} events can be named", after_max), ""});
  if (writers_of(draft).size() > names_max)
    faults.push_back({"writes", fmt::format("events of at most {} writers can be named", names_max), "send two"});
  if (names_event_0(draft)) faults.push_back({"writes", "an event numbered 0 is named; they begin at 1", ""});
  std::set<std::uint32_t> seen;
  for (const auto& write : draft.writes) {
    const auto* field = find_field(draft.record, write.key);
    if (field == nullptr) {
      const auto name = fmt::format("field {}", write.key.number());
      faults.push_back({name, fmt::format("{} does not exist in {}", name, record->name), "see /api/v1/schema"});
      continue;
    }
    if (!seen.insert(write.key.raw).second && !holds_many(field->rule)) {
      faults.push_back({std::string(field->name), fmt::format("{} is written twice", field->name), "write it once"});
    }
    const auto named_max = field->rule == MergeRule::Tombstone ? coverage_max : replaced_max;
    if (write.replaced.size() > named_max) {
      faults.push_back(
          {std::string(field->name), fmt::format("{} replaces more than {} values", field->name, named_max), ""});
    }
    if (auto fault = check_value(*field, write.value)) faults.push_back(std::move(*fault));
  }
  if (!draft.entity) {
    for (const auto& field : record->fields) {
      const bool given = std::any_of(draft.writes.begin(), draft.writes.end(),
                                     [&](const Write& w) { return w.key == field.key() && !w.value.is_null(); });
      if (field.required && !given) {
        faults.push_back({std::string(field.name), fmt::format("a new {} needs {}", record->name, field.name),
                          std::string(field.words)});
      }
    }
  }
  return faults;
}

std::string records_document() {
  static constexpr std::string_view rules[] = {"multi_value", "ranked",        "append",   "or_set",   "counter",
                                               "claim",       "state_machine", "versions", "tombstone"};
  static constexpr std::string_view types[] = {"boolean",  "integer", "text",           "code", "bytes", "place",
                                               "geometry", "entity",  "text or entity", "time", "list"};
  std::string out =
      "# Table of records\n\nGenerated from `src/model/schema_table.cpp`; a test compares. Merge rules are explained "
      "in `event.md`. "
      "Class is that of a write of the field; a code marked `!` makes its event urgent (class 0). Among concurrent "
      "values "
      "of a multi_value field the one with the highest caution is acted on; an unknown code ranks above all.\n";
  const auto table = [&](std::span<const FieldSpec> fields) {
    out +=
        "\n| number | key | field | rule | type | class | privacy | says |\n| --- | --- | --- | --- | --- | --- | --- "
        "| --- |\n";
    for (const auto& f : fields) {
      std::string words(f.words);
      if (!f.codes.empty()) {
        words += ":";
        for (const auto& c : f.codes) {
          words += fmt::format(" {} {}{}{},", c.code, c.name, c.urgent ? "!" : "",
                               c.caution != 0 ? fmt::format(" (caution {})", c.caution) : "");
        }
        words.pop_back();
      }
      out += fmt::format("| {} | {} | {}{} | {} | {} | {} | {} | {} |\n", f.number, f.key().raw, f.name,
                         f.required ? " (required)" : "", rules[static_cast<std::size_t>(f.rule)],
                         types[static_cast<std::size_t>(f.type)], static_cast<int>(f.cls),
                         f.privacy == Privacy::Private ? "private" : "public", words);
    }
  };
  out += "\n## Every record\n";
  table(common_fields());
  for (const auto& record : records()) {
    out +=
        fmt::format("\n## {} {}: {} ({})\n", static_cast<int>(record.kind), record.name, record.words, record.letter);
    table(record.fields);
  }
  return out;
}

}  // namespace airbridge::model
