#pragma once
// The table of records: every record, field and code with its class, privacy and merge rule (DESIGN 3, 4). Validation,
// the API's schema, the page's forms and docs/protocol/records.md all follow from it; nothing else repeats it.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/event.hpp"

namespace airbridge::model {

enum class RecordKind : std::uint16_t {
  Unit = 1,
  Track = 2,
  Site = 3,
  Hazard = 4,
  Casualty = 5,
  Request = 6,
  Task = 7,
  Message = 8,
  Journal = 9,
  Plan = 10,
  Membership = 11,
  Attachment = 12,
  Incident = 13
};

enum class ValueType : std::uint8_t {
  Boolean,
  Integer,
  Text,
  Code,
  Bytes,
  Place /* [lat, lon, height?] */,
  Geometry,
  Entity,
  TextOrEntity,
  Time /* ms */,
  List
};
enum class Privacy : std::uint8_t { Public, Private /* carried in the private part, for the care group */ };

struct CodeSpec {
  std::int64_t code;
  std::string_view name;
  std::string_view words;  // English, for people
  int caution = 0;         // of concurrent values the highest is acted on; an unknown code ranks above all
  bool urgent = false;     // a write of this code makes the event class 0
};

struct FieldSpec {
  std::uint32_t number;
  std::string_view name;  // as the API and the journal call it
  MergeRule rule;
  ValueType type;
  Class cls;  // of a write of it, unless the code says urgent
  Privacy privacy = Privacy::Public;
  std::string_view words;  // what it says, with its unit
  std::span<const CodeSpec> codes = {};
  std::size_t text_max = 2000;  // bytes of text or bytes
  bool required = false;        // when the record is created
  constexpr FieldKey key() const { return FieldKey::of(number, rule); }
};

struct RecordSpec {
  RecordKind kind;
  std::string_view name;
  char letter;  // of display ids: "C-7K3QX"
  std::string_view words;
  std::span<const FieldSpec> fields;  // its own; common_fields() hold for all
};

// Field numbers 0..5, the same in every record.
namespace field {
inline constexpr std::uint32_t deleted = 0, name = 1, note = 2, same_as = 3, made_up = 4, document = 5;
}

std::span<const RecordSpec> records();
std::span<const FieldSpec> common_fields();
const RecordSpec* find_record(std::uint16_t code);
const RecordSpec* find_record(std::string_view name);
const FieldSpec* find_field(std::uint16_t record,
                            FieldKey key);  // by number; a known number with another rule is not found
const FieldSpec* find_field(std::uint16_t record, std::string_view name);
const CodeSpec* find_code(const FieldSpec& field, std::int64_t code);
const CodeSpec* find_code(const FieldSpec& field, std::string_view name);

// The class of one write, and of an event: that of its most urgent write. Unknown fields are routine.
Class class_of(std::uint16_t record, const Write& write);
Class class_of(std::uint16_t record, std::span<const Write> writes);

// How cautious a value of a MultiValue field is; of concurrent values the picture acts on the highest. Codes by their
// caution (unknown ones above all), shapes by extent, anything else 0.
std::int64_t caution_of(const FieldSpec* field, const Value& value);

// Whether the task or request may go from one state to another; asked when a command is made, never when folding.
bool transition_allowed(std::uint16_t record, std::int64_t from, std::int64_t to);

struct FieldFault {
  std::string field;    // name, or "field 23" when unknown
  std::string message;  // "triage: 'purple' is not one of red, yellow, green ..."
  std::string hint;     // what to do; may be empty
};
// What is wrong with a draft, all of it: unknown record or field, wrong type, text too long, off-range place, a field
// twice, a required field missing when it creates. Empty: nothing.
std::vector<FieldFault> validate(const Draft& draft);

// docs/protocol/records.md, generated; a test compares it.
std::string records_document();

}  // namespace airbridge::model
