#include "codec/cot/fault.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace airbridge::codec::cot {
namespace {

struct Words {
  std::string_view name, sentence;
};

Words words_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::Oversized:
      return {"oversized", "the event is larger than 65,536 bytes"};
    case FaultKind::Truncated:
      return {"truncated", "the event ends before it is closed"};
    case FaultKind::NotCot:
      return {"not_cot", "65,536 bytes without an event: this does not look like CoT XML"};
    case FaultKind::DtdOrEntity:
      return {"dtd_or_entity", "document types and entities are refused"};
    case FaultKind::TooDeep:
      return {"too_deep", "elements are nested deeper than 64"};
    case FaultKind::TooManyAttributes:
      return {"too_many_attributes", "an element has more than 256 attributes"};
    case FaultKind::ControlCharacter:
      return {"control_character", "a character that XML does not allow"};
    case FaultKind::BadUtf8:
      return {"bad_utf8", "not valid UTF-8"};
    case FaultKind::Malformed:
      return {"malformed", "not well-formed XML"};
    case FaultKind::NotAnEvent:
      return {"not_an_event", "the outer element is not <event>"};
    case FaultKind::MissingAttribute:
      return {"missing_attribute", "a required attribute is missing or empty"};
    case FaultKind::DuplicateAttribute:
      return {"duplicate_attribute", "an attribute is given twice"};
    case FaultKind::DuplicateElement:
      return {"duplicate_element", "an element that must be unique is given twice"};
    case FaultKind::MissingPoint:
      return {"missing_point", "the event has no <point>"};
    case FaultKind::TooLong:
      return {"too_long", "a name is longer than its limit"};
    case FaultKind::BadType:
      return {"bad_type", "not a CoT type: atoms joined by single dashes"};
    case FaultKind::BadTime:
      return {"bad_time", "not a time of the years 1970 to 2199"};
    case FaultKind::BadNumber:
      return {"bad_number", "not a finite number"};
    case FaultKind::OutOfRange:
      return {"out_of_range", "outside its range"};
  }
  return {"unknown", "unknown fault"};
}

}  // namespace

std::string_view name_of(FaultKind kind) { return words_of(kind).name; }

std::string describe(const Fault& fault) {
  const auto words = words_of(fault.kind);
  if (fault.what.empty()) return fmt::format("{}, line {} column {}", words.sentence, fault.line, fault.column);
  return fmt::format("{} ({}), line {} column {}", words.sentence, fault.what, fault.line, fault.column);
}

Fault fault_at(std::string_view text, std::size_t offset, FaultKind kind, std::string_view what) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto last_break = before.rfind('\n');
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto column = last_break == before.npos ? offset + 1 : offset - last_break;
  return {kind, offset, static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(column), what};
}

}  // namespace airbridge::codec::cot
