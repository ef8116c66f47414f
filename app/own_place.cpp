#include "own_place.hpp"

#include "own_position.hpp"

namespace airbridge::app {

void OwnPlace::start() {
  if (const auto kept = kept_own_position(options_.home_dir)) place({kept->position, std::nullopt}, "page", kept->at);
  place_configured();
}

void OwnPlace::place_configured() {
  if (!options_.configured) return;
  // What config says holds until something measured, or a person, says otherwise.
  if (standing_ && standing_->source != "config") return;
  place(*options_.configured, "config", clock_.now().utc);
}

void OwnPlace::click(const std::optional<Position>& position, UtcTime now) {
  if (position) {
    place({*position, std::nullopt}, "page", now);
  } else {
    withdraw();
  }
}

// Config or gpsd speaks again; where neither does, nobody shall see the node at a place that was taken back.
void OwnPlace::withdraw() {
  if (standing_) place({standing_->position, std::nullopt}, "page", clock_.now().utc, true);
  standing_.reset();
  place_configured();
}

void OwnPlace::noted(const model::Observation& observation) {
  if (!observation.ended) standing_ = {observation.position, observation.measured, observation.source};
}

void OwnPlace::place(const model::Place& place, std::string source, UtcTime measured, bool ended) {
  model::Observation observation;
  observation.subject = options_.own;
  observation.kind = model::SubjectKind::OwnNode;
  observation.via = source == "page" ? model::Via::Web : model::Via::Node;
  observation.source = std::move(source);
  observation.measured = measured;
  observation.position = place.position;
  observation.height = place.height;
  observation.callsign = options_.callsign;
  observation.ended = ended;
  take_(std::move(observation));
}

}  // namespace airbridge::app
