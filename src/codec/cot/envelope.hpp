#pragma once
// What routing needs of an event, read in one pass without an allocation: the outer attributes, the point, the sender's
// call sign, and where things are in the bytes. Every event passes here; parse() (event.hpp) reads the rest of the
// detail for those that go to the node.
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "codec/cot/fault.hpp"
#include "codec/cot/types.hpp"
#include "geo/position.hpp"

namespace airbridge::codec::cot {

// A stretch of the event's bytes; empty when begin == end.
struct Extent {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool empty() const { return begin == end; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

// Text as it stands in the event; references such as &amp; are decoded on demand.
struct RawText {
  std::string_view raw;
  bool empty() const { return raw.empty(); }
  std::string str() const;
};

// Views point into the bytes given to scan().
struct Envelope {
  RawText uid, type, how, opex;
  UtcTime time{}, start{}, stale{};
  Position position;
  std::optional<EllipsoidHeight> hae;  // absent for 999999 and above, CoT's "unknown"
  std::optional<Metres> ce, le;        // 1-sigma circular and linear error as the sender states it; absent likewise
  RawText callsign;                    // contact/@callsign; empty when absent
  bool has_contact = false;
  bool has_endpoint = false;  // contact/@endpoint is there
  bool has_group = false;     // __group is there
  bool has_platform = false;  // takv/@platform is there: the sender is a device
  bool has_detail = false;
  Extent event;                       // from '<' of <event> to behind </event>
  Extent detail;                      // the inner content of <detail>
  std::size_t marti_count = 0;        // <marti> children of detail: who the event is addressed to
  bool has_military_medevac = false;  // attributes that scrub() (rewrite.hpp) removes
  std::optional<NotCarried> not_carried;
};

Result<Envelope, Fault> scan(ByteView xml);

// A position that will be replaced by the next one, rather than an object somebody placed: a mover whose position a
// device measured, or a device's own report (it names its platform, team or endpoint).
bool is_position_report(const Envelope& envelope);

// Attributes of _medevac_ that are neither shown nor forwarded.
bool is_military_medevac(std::string_view attribute);

}  // namespace airbridge::codec::cot
