#pragma once
// Positions in 14 bytes, for a thing the receiver was told of in full before.
//
// In short form a fix says which thing (a tag of everything about it that does not change from fix to fix), when,
// where, how high, how fast and which way. What is rounded, towards the past for the time and to the nearest for the
// rest:
//
//   bits  what       step            at most off        range
//   16    tag        -
//   16    time       1 s             1 s                17 h before the receiver's clock to 1 h after it
//   24    latitude   180 deg / 2^24  0.6 m
//   25    longitude  360 deg / 2^25  0.6 m
//   14    height     1 m             0.5 m              -1,000 to 15,382 m, else the full form is needed
//   8     speed      0.5 m/s to 50   0.25 m/s           then 2 m/s to 358 m/s; none: 255
//   8     course     360 deg / 250   0.72 deg           none: 255
//   1     on ground  -
//
// The height is that above the ellipsoid or, of a thing that tells only a pressure altitude, that. Whether there is
// one, battery, error and how long it is fresh are as in the full observation; climb, the document and a second kind of
// height are left out. The time is rounded down so that a rounded fix never outranks the one it came from.
#include <optional>

#include "model/observation.hpp"
#include "sync/compact_bytes.hpp"

namespace airbridge::sync {

inline constexpr std::size_t short_position_bytes = 14;

// Of everything about an observation that short positions leave to the full one: subject, feed, gateway, names, battery
// in tens of percent and so on.
std::uint16_t tag_of(const model::Observation& observation);

namespace compact {

// The short form of `fresh` for a receiver that holds `full`; nothing when it would not say enough: another tag, out of
// range, or an error more than twice that of `full`.
std::optional<Bytes> short_position(const model::Observation& fresh, const model::Observation& full, UtcTime now);

struct ShortPosition {
  std::uint16_t tag = 0;
  std::uint16_t time = 0;  // seconds since 1970, low 16 bits
  std::uint32_t latitude = 0, longitude = 0;
  std::uint16_t height = 0;  // above -1,000 m
  std::uint8_t speed = 0, course = 0;
  bool on_ground = false;
};
ShortPosition get_short_position(In& in);
// The observation it stands for. Nothing when it is off the earth.
std::optional<model::Observation> restore(const ShortPosition& position, const model::Observation& full, UtcTime now);

}  // namespace compact
}  // namespace airbridge::sync
