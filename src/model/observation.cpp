#include "model/observation.hpp"

#include <algorithm>
#include <cmath>

#include "model/cbor.hpp"

namespace airbridge::model {
namespace {

// Map keys of the encoding; docs/protocol/observation.md.
enum : std::uint64_t {
  kSubject = 0,
  kKind = 1,
  kVia = 2,
  kSource = 3,
  kGateway = 4,
  kMeasured = 5,
  kLat = 6,
  kLon = 7,
  kHeight = 8,
  kPressure = 9,
  kCourse = 10,
  kSpeed = 11,
  kClimb = 12,
  kError = 13,
  kGround = 14,
  kBattery = 15,
  kCallsign = 16,
  kTeam = 17,
  kRole = 18,
  kType = 19,
  kSquawk = 20,
  kEmergency = 21,
  kHeard = 22,
  kReplayed = 23,
  kStale = 24,
  kDocument = 25,
  kHeardAfter = 26,
  kEnded = 27
};
constexpr std::size_t keys_max = 64;
constexpr std::int64_t heard_after_max_ms = 86'400'000;
constexpr std::int64_t stale_max_ms = 86'400'000;
constexpr std::int64_t measured_end_ms = 7'258'118'400'000;  // 2200-01-01

// Bounds of the quantities, in hundredths. A value outside is not written: half an observation beats none.
struct Bounds {
  std::int64_t low, high;
};
constexpr Bounds height_cm{-1'200'000, 10'000'000}, course_cdeg{0, 35'999}, speed_cmps{0, 2'000'000},
    climb_cmps{-200'000, 200'000}, error_cm{0, 1'000'000'000};

std::optional<std::int64_t> hundredths(double value, Bounds bounds) {
  if (!(std::abs(value) < 1e15)) return std::nullopt;  // also stops NaN
  const auto out = std::llround(value * 100);
  if (out < bounds.low || out > bounds.high) return std::nullopt;
  return out;
}

}  // namespace

Bytes encode(const Observation& o) {
  Bytes body;
  cbor::Writer out(body);
  std::size_t count = 0;
  const auto key = [&](std::uint64_t k) {
    ++count;
    out.uint(k);
  };
  const auto text = [&](std::uint64_t k, std::string_view value) {
    if (value.empty()) return;
    key(k);
    out.text(cbor::clean_text(value, observation_text_max));
  };
  const auto number = [&](std::uint64_t k, double value, Bounds bounds) {
    if (const auto n = hundredths(value, bounds)) key(k), out.integer(*n);
  };
  key(kSubject);
  if (const auto* external = o.subject.external()) {
    out.bytes(external->view());
  } else {
    out.text(to_text(o.subject));
  }
  key(kKind), out.uint(static_cast<std::uint64_t>(o.kind));
  key(kVia), out.uint(static_cast<std::uint64_t>(o.via));
  if (!o.source.empty()) key(kSource), out.text(cbor::clean_text(o.source, source_max));
  key(kGateway), out.bytes(o.gateway.view());
  key(kMeasured), out.integer(std::clamp<std::int64_t>(ms_of(o.measured), 0, measured_end_ms - 1));
  key(kLat), out.integer(o.position.latitude.e7());
  key(kLon), out.integer(o.position.longitude.e7());
  if (o.height) number(kHeight, o.height->above().value, height_cm);
  if (o.pressure_altitude) number(kPressure, o.pressure_altitude->above().value, height_cm);
  // 359.996 degrees is north again.
  if (o.course) number(kCourse, o.course->degrees() >= 359.995 ? 0 : o.course->degrees(), course_cdeg);
  if (o.speed) number(kSpeed, o.speed->value, speed_cmps);
  if (o.climb) number(kClimb, o.climb->value, climb_cmps);
  if (o.horizontal_error_95) number(kError, o.horizontal_error_95->value, error_cm);
  if (o.on_ground) key(kGround), out.boolean(*o.on_ground);
  if (o.battery_percent && *o.battery_percent >= 0 && *o.battery_percent <= 100)
    key(kBattery), out.integer(*o.battery_percent);
  text(kCallsign, o.callsign);
  text(kTeam, o.team);
  text(kRole, o.role);
  text(kType, o.type);
  text(kSquawk, o.squawk);
  text(kEmergency, o.emergency);
  if (o.heard_only) key(kHeard), out.boolean(true);
  if (o.replayed) key(kReplayed), out.boolean(true);
  if (o.stale_after.count() > 0) key(kStale), out.integer(std::min<std::int64_t>(o.stale_after.count(), stale_max_ms));
  // A document cut short is no document.
  if (!o.document.empty() && o.document.size() <= observation_document_max) key(kDocument), out.bytes(o.document);
  if (o.heard_after.count() > 0)
    key(kHeardAfter), out.integer(std::min<std::int64_t>(o.heard_after.count(), heard_after_max_ms));
  if (o.ended) key(kEnded), out.boolean(true);
  Bytes bytes;
  cbor::Writer(bytes).map(count);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

Result<Observation, DecodeError> decode_observation(ByteView bytes) {
  cbor::Reader in(bytes);
  Observation o;
  std::optional<std::int64_t> lat, lon;
  std::uint64_t seen = 0;
  const auto bounded = [&](Bounds bounds) {
    const auto at = in.offset();
    const auto value = in.integer();
    if (value < bounds.low || value > bounds.high) in.fail_at(DecodeFault::OutOfRange, at);
    return static_cast<double>(value) / 100;
  };
  // A key that says what its absence says would be a second encoding.
  const auto says = [&](bool something) {
    if (in.ok() && !something) in.fail(DecodeFault::NotCanonical);
  };
  const auto text = [&] {
    std::string out(in.text(observation_text_max));
    says(!out.empty());
    return out;
  };
  cbor::read_map(in, keys_max, [&](std::uint64_t key) {
    const auto at = in.offset();
    if (key < keys_max) seen |= std::uint64_t{1} << key;
    switch (key) {
      case kSubject:
        if (in.peek() == cbor::Kind::Text) {
          const auto words = in.text(120);
          const auto id = entity_from_text(words);
          id && id->dot() && to_text(*id) == words ? void(o.subject = *id) : in.fail_at(DecodeFault::BadReference, at);
        } else {
          const auto name = ExternalName::from(in.bytes(ExternalName::size));
          name ? void(o.subject = *name) : in.fail_at(DecodeFault::BadReference, at);
        }
        return true;
      case kKind: {
        const auto kind = in.uint(255);
        o.kind = kind < subject_kind_count ? static_cast<SubjectKind>(kind) : SubjectKind::Unknown;
        return true;
      }
      case kVia:
        o.via = static_cast<Via>(in.uint(255));
        return true;
      case kSource:
        o.source = std::string(in.text(source_max));
        says(!o.source.empty());
        return true;
      case kGateway: {
        const auto id = KeyId::from(in.bytes(KeyId::size));
        id ? void(o.gateway = *id) : in.fail_at(DecodeFault::WrongType, at);
        return true;
      }
      case kMeasured: {
        const auto ms = in.integer();
        if (ms < 0 || ms >= measured_end_ms) in.fail_at(DecodeFault::OutOfRange, at);
        if (in.ok()) o.measured = utc_from_ms(ms);
        return true;
      }
      case kLat:
        lat = in.integer();
        return true;
      case kLon:
        lon = in.integer();
        return true;
      case kHeight:
        o.height = EllipsoidHeight(Metres{bounded(height_cm)});
        return true;
      case kPressure:
        o.pressure_altitude = PressureAltitude(Metres{bounded(height_cm)});
        return true;
      case kCourse:
        o.course = TrueBearing::from_degrees(bounded(course_cdeg));
        return true;
      case kSpeed:
        o.speed = MetresPerSecond{bounded(speed_cmps)};
        return true;
      case kClimb:
        o.climb = MetresPerSecond{bounded(climb_cmps)};
        return true;
      case kError:
        o.horizontal_error_95 = Metres{bounded(error_cm)};
        return true;
      case kGround:
        o.on_ground = in.boolean();
        return true;
      case kBattery: {
        const auto percent = in.integer();
        percent >= 0 && percent <= 100 ? void(o.battery_percent = static_cast<int>(percent))
                                       : in.fail_at(DecodeFault::OutOfRange, at);
        return true;
      }
      case kCallsign:
        o.callsign = text();
        return true;
      case kTeam:
        o.team = text();
        return true;
      case kRole:
        o.role = text();
        return true;
      case kType:
        o.type = text();
        return true;
      case kSquawk:
        o.squawk = text();
        return true;
      case kEmergency:
        o.emergency = text();
        return true;
      case kHeard:
        o.heard_only = in.boolean();
        says(o.heard_only);
        return true;
      case kReplayed:
        o.replayed = in.boolean();
        says(o.replayed);
        return true;
      case kStale:
        o.stale_after = Milliseconds(static_cast<std::int64_t>(in.uint(stale_max_ms)));
        says(o.stale_after.count() > 0);
        return true;
      case kDocument:
        o.document = to_bytes(in.bytes(observation_document_max));
        says(!o.document.empty());
        return true;
      case kHeardAfter:
        o.heard_after = Milliseconds(static_cast<std::int64_t>(in.uint(heard_after_max_ms)));
        says(o.heard_after.count() > 0);
        return true;
      case kEnded:
        o.ended = in.boolean();
        says(o.ended);
        return true;
      default:
        return false;  // a newer version's key: skipped
    }
  });
  in.end();
  constexpr std::uint64_t required =
      1U << kSubject | 1U << kKind | 1U << kVia | 1U << kGateway | 1U << kMeasured | 1U << kLat | 1U << kLon;
  if (in.ok() && (seen & required) != required) in.fail(DecodeFault::Truncated);
  if (!in.ok()) return failure(*in.fault());
  const auto position = Position::from_e7(*lat, *lon);
  // 180 degrees east is written as 180 west.
  if (!position || position->longitude.e7() != *lon) return failure(DecodeError{DecodeFault::OutOfRange, 0});
  o.position = *position;
  return o;
}

Milliseconds stale_after(SubjectKind kind) {
  switch (kind) {
    case SubjectKind::Aircraft:
    case SubjectKind::Helicopter:
    case SubjectKind::UnmannedAircraft:
      return Milliseconds(30'000);
    case SubjectKind::Vehicle:
    case SubjectKind::Vessel:
      return Milliseconds(120'000);
    default:
      return Milliseconds(300'000);
  }
}

Milliseconds lost_after(SubjectKind kind) {
  switch (kind) {
    case SubjectKind::Aircraft:
    case SubjectKind::Helicopter:
    case SubjectKind::UnmannedAircraft:
      return Milliseconds(600'000);
    case SubjectKind::Vehicle:
    case SubjectKind::Vessel:
      return Milliseconds(3'600'000);
    default:
      return Milliseconds(12 * 3'600'000);
  }
}

}  // namespace airbridge::model
