#pragma once
// Volatile state (DESIGN 3): positions, battery and the like. Never in the log: the newest per (subject, kind, source)
// is kept, sent on, and ranked on reading. What is heard (ADS-B, AIS) makes no events until a person promotes it.
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "geo/position.hpp"
#include "model/event.hpp"
#include "model/ids.hpp"

namespace airbridge::model {

enum class SubjectKind : std::uint8_t {
  Unknown,
  Aircraft,
  Helicopter,
  UnmannedAircraft,
  Person,
  Vehicle,
  Vessel,
  Unit,
  OwnNode
};
inline constexpr int subject_kind_count = 9;

inline constexpr std::size_t observation_text_max = 64;          // bytes of a call sign, team, role ...; longer is cut
inline constexpr std::size_t observation_document_max = 60'000;  // bytes of the source document

struct Observation {
  EntityId subject;  // external_name("icao", "4d2023"), external_name("tak", uid), external_name("own", key id)
  SubjectKind kind = SubjectKind::Unknown;
  Via via = Via::Node;  // which kind of feed
  std::string source;   // which one: "127.0.0.1:30003", "ANDROID-5f1c", "gpsd", "page", "config"
  KeyId gateway;        // the node that heard it; set by the node
  UtcTime measured{};   // when the position was measured, by the gateway's clock where the feed has none
  Position position = *Position::from_e7(0, 0);  // always set by whoever makes an observation
  std::optional<EllipsoidHeight> height;
  std::optional<PressureAltitude> pressure_altitude;
  std::optional<TrueBearing> course;
  std::optional<MetresPerSecond> speed;
  std::optional<MetresPerSecond> climb;
  std::optional<Metres> horizontal_error_95;
  std::optional<bool> on_ground;
  std::optional<int> battery_percent;
  std::string callsign;
  std::string team;             // TAK group colour
  std::string role;             // TAK group role
  std::string type;             // CoT type as heard
  std::string squawk;           // four octal digits
  std::string emergency;        // "general", "lifeguard", "nordo", "downed"... or empty
  bool heard_only = false;      // unauthenticated broadcast: marked so, never moves a task or raises an alarm alone
  bool replayed = false;        // from a recording: the page says so
  bool ended = false;           // the source takes back what it said: it knows no position any more
  Milliseconds stale_after{0};  // 0: by kind
  // How long after `measured` the rest was heard: of one source's words with one position the last heard stands.
  Milliseconds heard_after{0};
  Bytes document;  // the message as it came (CoT XML), so that TAK clients elsewhere get it byte for byte; may be empty
};

// One encoding for peers and for the table of last values on disk (docs/protocol/observation.md); canonical CBOR.
Bytes encode(const Observation& observation);
Result<Observation, DecodeError> decode_observation(ByteView bytes);

// How long after `measured` a position of this kind is fresh, and how long until it leaves the picture.
Milliseconds stale_after(SubjectKind kind);
Milliseconds lost_after(SubjectKind kind);

}  // namespace airbridge::model
