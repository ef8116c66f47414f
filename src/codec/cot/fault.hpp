#pragma once
// Why bytes were not taken as a Cursor-on-Target event, and where: what a log line needs to point at the sender's
// mistake.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace airbridge::codec::cot {

// The protocol's own bound: ATAK's receive buffer. Larger objects travel as data packages.
inline constexpr std::size_t event_bytes_max = 65'536;
inline constexpr std::size_t depth_max = 64;        // nested elements
inline constexpr std::size_t attributes_max = 256;  // of one element
inline constexpr std::size_t uid_bytes_max = 512;   // chat uids hold two uids and a room name
inline constexpr std::size_t type_bytes_max = 128;
inline constexpr std::size_t how_bytes_max = 32;
inline constexpr std::size_t callsign_bytes_max = 128;

enum class FaultKind {
  Oversized,          // the event passes event_bytes_max; it is skipped to its end
  Truncated,          // the text ends, or a new event begins, before this one is closed
  NotCot,             // event_bytes_max bytes without the start of an event
  DtdOrEntity,        // a document type, an entity declaration, or a reference to anything but the five of XML
  TooDeep,            // depth_max
  TooManyAttributes,  // attributes_max
  ControlCharacter,   // NUL or another character XML 1.0 does not allow
  BadUtf8,
  Malformed,  // not well-formed XML
  NotAnEvent,
  MissingAttribute,
  DuplicateAttribute,
  DuplicateElement,  // two points or two details contradict each other
  MissingPoint,
  TooLong,  // uid, type, how or callsign passes its limit
  BadType,  // no path of atoms: types.hpp
  BadTime,
  BadNumber,
  OutOfRange,
};

struct Fault {
  FaultKind kind;
  std::uint64_t offset = 0;  // bytes from the start of the event; for the framer, from the start of the connection
  std::uint32_t line = 1;    // from 1; of the event
  std::uint32_t column = 1;  // from 1, in bytes; of the event
  std::string_view what;     // the attribute or element meant, a literal; may be empty
  friend bool operator==(const Fault&, const Fault&) = default;
};

// "latitude is outside its range (lat), line 2 column 131"
std::string describe(const Fault& fault);
std::string_view name_of(FaultKind kind);  // a short word for counters: "oversized"

// A fault at an offset of an event's text, with line and column counted.
Fault fault_at(std::string_view text, std::size_t offset, FaultKind kind, std::string_view what = {});

}  // namespace airbridge::codec::cot
