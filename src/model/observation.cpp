#include "model/observation.hpp"

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
  kDocument = 25
};
constexpr std::size_t keys_max = 64;
constexpr std::size_t source_max = 256;

std::int64_t centi(double value) { return std::llround(value * 100); }

// Text is cut at a character's border, so that a long call sign stays valid UTF-8.
std::string_view cut(std::string_view text) {
  if (text.size() <= observation_text_max) return text;
  std::size_t end = observation_text_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
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
    out.text(cut(value));
  };
  key(kSubject);
  if (const auto* external = o.subject.external()) {
    out.bytes(external->view());
  } else {
    out.text(to_text(o.subject));
  }
  key(kKind), out.uint(static_cast<std::uint64_t>(o.kind));
  key(kVia), out.uint(static_cast<std::uint64_t>(o.via));
  if (!o.source.empty()) key(kSource), out.text(std::string_view(o.source).substr(0, source_max));
  key(kGateway), out.bytes(o.gateway.view());
  key(kMeasured), out.integer(ms_of(o.measured));
  key(kLat), out.integer(o.position.latitude.e7());
  key(kLon), out.integer(o.position.longitude.e7());
  if (o.height) key(kHeight), out.integer(centi(o.height->above().value));
  if (o.pressure_altitude) key(kPressure), out.integer(centi(o.pressure_altitude->above().value));
  if (o.course) key(kCourse), out.integer(centi(o.course->degrees()));
  if (o.speed) key(kSpeed), out.integer(centi(o.speed->value));
  if (o.climb) key(kClimb), out.integer(centi(o.climb->value));
  if (o.horizontal_error_95) key(kError), out.integer(centi(o.horizontal_error_95->value));
  if (o.on_ground) key(kGround), out.boolean(*o.on_ground);
  if (o.battery_percent) key(kBattery), out.integer(*o.battery_percent);
  text(kCallsign, o.callsign);
  text(kTeam, o.team);
  text(kRole, o.role);
  text(kType, o.type);
  text(kSquawk, o.squawk);
  text(kEmergency, o.emergency);
  if (o.heard_only) key(kHeard), out.boolean(true);
  if (o.replayed) key(kReplayed), out.boolean(true);
  if (o.stale_after.count() > 0) key(kStale), out.integer(o.stale_after.count());
  if (!o.document.empty()) key(kDocument), out.bytes(o.document);
  Bytes bytes;
  cbor::Writer(bytes).map(count);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

Result<Observation, DecodeError> decode_observation(ByteView bytes) {
  cbor::Reader in(bytes);
  Observation o;
  std::optional<std::int64_t> lat, lon;
  bool has_subject = false, has_time = false;
  const auto bounded = [&](double low, double high) {
    const auto at = in.offset();
    const auto value = static_cast<double>(in.integer()) / 100;
    if (value < low || value > high) in.fail_at(DecodeFault::OutOfRange, at);
    return value;
  };
  const auto text = [&] { return std::string(in.text(observation_text_max)); };
  cbor::read_map(in, keys_max, [&](std::uint64_t key) {
    const auto at = in.offset();
    switch (key) {
      case kSubject:
        has_subject = true;
        if (in.peek() == cbor::Kind::Text) {
          const auto id = entity_from_text(in.text(120));
          id && id->dot() ? void(o.subject = *id) : in.fail_at(DecodeFault::BadReference, at);
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
        return true;
      case kGateway: {
        const auto id = KeyId::from(in.bytes(KeyId::size));
        id ? void(o.gateway = *id) : in.fail_at(DecodeFault::WrongType, at);
        return true;
      }
      case kMeasured: {
        has_time = true;
        const auto ms = in.integer();
        if (ms < 0 || ms >= 7'258'118'400'000) in.fail_at(DecodeFault::OutOfRange, at);  // 1970..2199
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
        o.height = EllipsoidHeight(Metres{bounded(-12'000, 100'000)});
        return true;
      case kPressure:
        o.pressure_altitude = PressureAltitude(Metres{bounded(-12'000, 100'000)});
        return true;
      case kCourse:
        o.course = TrueBearing::from_degrees(bounded(0, 360));
        return true;
      case kSpeed:
        o.speed = MetresPerSecond{bounded(0, 20'000)};
        return true;
      case kClimb:
        o.climb = MetresPerSecond{bounded(-2'000, 2'000)};
        return true;
      case kError:
        o.horizontal_error_95 = Metres{bounded(0, 10'000'000)};
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
        return true;
      case kReplayed:
        o.replayed = in.boolean();
        return true;
      case kStale:
        o.stale_after = Milliseconds(static_cast<std::int64_t>(in.uint(86'400'000)));
        return true;
      case kDocument:
        o.document = to_bytes(in.bytes(observation_document_max));
        return true;
      default:
        return false;  // a newer version's key: skipped
    }
  });
  in.end();
  if (in.ok() && (!has_subject || !has_time || !lat || !lon)) in.fail(DecodeFault::Truncated);
  if (!in.ok()) return failure(*in.fault());
  const auto position = Position::from_e7(*lat, *lon);
  if (!position) return failure(DecodeError{DecodeFault::OutOfRange, 0});
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
