#include "gateway/adsb/to_model.hpp"

#include <algorithm>

namespace airbridge::gateway::adsb {
namespace {
// Until it sends a call sign, an aircraft is called by its address, as controllers and other displays do.
std::string in_capitals(std::string text) {
  for (auto& c : text) {
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}
}  // namespace

std::optional<model::Observation> to_observation(const codec::adsb::Aircraft& aircraft, const std::string& source,
                                                 Origin origin) {
  if (!aircraft.position) return std::nullopt;
  const auto address = aircraft.address.text();
  const bool is_distressed = aircraft.emergency != codec::adsb::Emergency::None;
  return model::Observation{
      .subject = model::external_name("icao", aircraft.address.is_icao ? address : address + "@" + source),
      .kind = aircraft.is_rotorcraft() ? model::SubjectKind::Helicopter : model::SubjectKind::Aircraft,
      .via = model::Via::Adsb,
      .source = source,
      .gateway = {},
      .measured = aircraft.position_at,
      .position = *aircraft.position,
      .height = aircraft.height,
      .pressure_altitude = aircraft.pressure_altitude,
      .course = aircraft.track,
      .speed = aircraft.ground_speed,
      .climb = aircraft.climb,
      .horizontal_error_95 = aircraft.accuracy,
      .on_ground = aircraft.on_ground,
      .battery_percent = {},
      .callsign = aircraft.callsign.empty() ? in_capitals(address) : aircraft.callsign,
      .team = {},
      .role = {},
      .type = {},
      .squawk = aircraft.squawk,
      .emergency = is_distressed ? std::string(name_of(aircraft.emergency)) : std::string(),
      .heard_only = true,
      .replayed = origin == Origin::Recording,
      .heard_after =
          std::max(std::chrono::duration_cast<Milliseconds>(aircraft.heard_at - aircraft.position_at), Milliseconds{0}),
      .document = {},
  };
}

}  // namespace airbridge::gateway::adsb
