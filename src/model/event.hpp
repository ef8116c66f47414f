#pragma once
// An event: what happened to one entity, who says so, and when (DESIGN 3). Wire form: docs/protocol/event.md.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "model/ids.hpp"
#include "model/value.hpp"

namespace airbridge::model {

inline constexpr std::size_t event_bytes_max = 64 * 1024;  // public and private part together
inline constexpr std::size_t writes_max = 64;
inline constexpr std::size_t replaced_max = 64;  // dots named by one write
inline constexpr std::size_t after_max = 4;
inline constexpr std::size_t names_max = 64;  // other writers named in one event
inline constexpr std::size_t value_depth_max = 8;
inline constexpr std::size_t source_max = 256;  // bytes of Event::source and Observation::source
inline constexpr std::uint32_t event_schema = 1;

// Hybrid logical clock: milliseconds since 1970 in the high 48 bits, a counter in the low 16. Ranks ties; proves
// nothing.
struct Hlc {
  std::uint64_t packed = 0;
  static constexpr std::int64_t ms_max = (std::int64_t{1} << 48) - 1;
  // A clock before 1970 or past the 48 bits counts as the nearest stamp there is.
  static Hlc at(UtcTime time, std::uint16_t counter = 0) {
    const auto ms = ms_of(time) < 0 ? 0 : ms_of(time) > ms_max ? ms_max : ms_of(time);
    return {(static_cast<std::uint64_t>(ms) << 16) | counter};
  }
  UtcTime time() const { return utc_from_ms(static_cast<std::int64_t>(packed >> 16)); }
  friend auto operator<=>(const Hlc&, const Hlc&) = default;
};

// A node's own hybrid clock. Never runs more than `lead_max` ahead of the device's clock, whatever stamps it sees.
class HlcClock {
 public:
  static constexpr Milliseconds lead_max{5 * 60 * 1000};
  Hlc next(UtcTime now);
  void observe(Hlc seen, UtcTime now);

 private:
  Hlc last_;
};

enum class ClockQuality : std::uint8_t { None = 0, Rtc = 1, Ntp = 2, Gnss = 3 };

// By which way it came in.
enum class Via : std::uint8_t {
  Node = 0,
  Web = 1,
  Cli = 2,
  Tak = 3,
  Adsb = 4,
  Ais = 5,
  Gnss = 6,
  Import = 7,
  Cap = 8,
  Plan = 9,
  Exercise = 10
};
std::string_view name_of(Via via);
std::string_view name_of(ClockQuality quality);

// What becomes of concurrent writes of a field. In the low four bits of its key, so that an older node merges alike.
enum class MergeRule : std::uint8_t {
  MultiValue = 0,    // keep all, show the conflict, act on the most cautious until a person settles it
  Ranked = 1,        // show the highest by (clock quality, HLC, author), keep the others one click away
  Append = 2,        // every value stands; a correction is another event
  OrSet = 3,         // a set; a write adds its value, a null write removes the adds it names; add wins
  Counter = 4,       // signed increments, summed
  Claim = 5,         // a scarce resource: concurrent claims are always a conflict, both told
  StateMachine = 6,  // concurrent different transitions are a conflict
  Versions = 7,      // documents with parent hashes; two heads are shown side by side
  Tombstone = 8,     // deleted; `replaced` names the last dot seen of each stream: what it does not cover revives
};

// Whether a field of this rule may be written several times in one event.
constexpr bool holds_many(MergeRule rule) {
  return rule == MergeRule::OrSet || rule == MergeRule::Append || rule == MergeRule::Counter;
}

// number << 4 | rule. Numbers 0..5 mean the same in every record (schema.hpp).
struct FieldKey {
  std::uint32_t raw = 0;
  static constexpr FieldKey of(std::uint32_t number, MergeRule rule) {
    return {number << 4 | static_cast<std::uint32_t>(rule)};
  }
  constexpr std::uint32_t number() const { return raw >> 4; }
  constexpr MergeRule rule() const { return static_cast<MergeRule>(raw & 15); }
  friend constexpr auto operator<=>(const FieldKey&, const FieldKey&) = default;
};

// One field set, and the dots of the values its author saw and replaces. Within an event each key stands once, except
// OrSet, Append and Counter, where each write is an element of its own.
struct Write {
  FieldKey key;
  Value value;
  std::vector<Dot> replaced;
  friend bool operator==(const Write&, const Write&) = default;
};

// The public part. The private part (trust/private_part.hpp) adds writes for those who may know.
struct Event {
  std::uint32_t schema = event_schema;
  Hlc time;
  ClockQuality quality = ClockQuality::None;
  std::optional<KeyId> actor;  // the person; none: the node itself
  Via via = Via::Node;
  std::string source;
  std::uint16_t record = 0;  // code of the table of records
  EntityId entity;           // the event's own dot when it creates the entity
  std::vector<Write> writes;
  std::vector<Dot> after;        // events to read first, at most after_max
  std::uint32_t newer_keys = 0;  // keys of the envelope this version does not know
  friend bool operator==(const Event&, const Event&) = default;
};

enum class DecodeFault {
  Truncated,
  NotCanonical,
  WrongType,
  OutOfRange,
  TooLong,
  TooDeep,
  TrailingBytes,
  UnknownSchema,
  BadReference
};
struct DecodeError {
  DecodeFault fault = DecodeFault::Truncated;
  std::size_t offset = 0;  // of the item that does not fit
  friend bool operator==(const DecodeError&, const DecodeError&) = default;
};
std::string describe(const DecodeError& error);  // "not canonical at byte 17"

// The bytes of the public part. `own` is the dot the event will have: its entity and writer are abbreviated by it.
Bytes encode(const Event& event, const Dot& own);
// Reads a public part strictly: canonical form only. Unknown envelope keys, fields and codes are kept.
Result<Event, DecodeError> decode_event(ByteView bytes, const Dot& own);

// The writes of a private part, same form and abbreviations.
Bytes encode_writes(const std::vector<Write>& writes, const Dot& own);
Result<std::vector<Write>, DecodeError> decode_writes(ByteView bytes, const Dot& own);

// What a gateway, a command or an import wants to say; the node turns it into one or two events with dots and stamps.
struct Draft {
  std::uint16_t record = 0;
  std::optional<EntityId> entity;  // none: creates one
  std::vector<Write> writes;       // public and private alike: the table of records parts them
  std::vector<Dot> after;
  Via via = Via::Node;
  std::string source;
  std::optional<KeyId> actor;
  std::optional<CommandId> command;
};

}  // namespace airbridge::model
