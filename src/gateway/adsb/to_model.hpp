#pragma once
// From an aircraft as heard to an observation of the model. Heard only: marked so, and never an event.
#include <optional>
#include <string>

#include "codec/adsb/aircraft.hpp"
#include "model/observation.hpp"

namespace airbridge::gateway::adsb {

enum class Origin { Live, Recording };

// Nothing when the aircraft has no position. `source` is the feed ("127.0.0.1:30003", a file's name). The subject is
// external name ("icao", "4d2023"), so that two nodes that hear one aircraft make one track of it. An address that is
// not ICAO's is unique near one ground station only, so its name carries the source: ("icao", "~2a0001@<source>").
std::optional<model::Observation> to_observation(const codec::adsb::Aircraft& aircraft, const std::string& source,
                                                 Origin origin);

}  // namespace airbridge::gateway::adsb
