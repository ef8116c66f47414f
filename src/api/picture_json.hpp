#pragma once
// Entities, tracks and status as the JSON of docs/protocol/api.md.
#include <functional>

#include "api/json_values.hpp"
#include "api/status.hpp"
#include "picture/view.hpp"

namespace airbridge::api {

using NameOf = std::function<std::string(const model::KeyId&)>;

// Who besides this node holds all of an entity's events that are here.
struct Saved {
  std::vector<std::string> others;
  bool post = false;       // at a post, which may be this node
  bool post_here = false;  // this node is one
  struct Hearsay {
    std::string node, by;
    friend bool operator==(const Hearsay&, const Hearsay&) = default;
  };
  std::vector<Hearsay> reported;  // holders as another node says; not among `others`
  friend bool operator==(const Saved&, const Saved&) = default;
};
Saved saved_of(const picture::EntityView& entity, const Status& status, const NameOf& name_of);
Saved saved_of(const std::vector<model::Dot>& last_of_each_stream, const Status& status, const NameOf& name_of);
json::object saved_json(const Saved& saved);

// `arrived`: when this node had it for certain; a stamp that is later by more than clock_doubt_min is "doubtful".
json::object stamp_json(const picture::Stamp& stamp, UtcTime arrived, const NameOf& name_of);
json::object entity_json(const picture::EntityView& entity, const Saved& saved, bool exercise, const NameOf& name_of);
json::object track_json(const picture::TrackView& track, const NameOf& name_of);
// status_json.cpp
json::object status_json(const Status& status);
json::object node_json(const NodeInfo& node);
json::object incident_json(const IncidentInfo& incident);

// GeoJSON Features of an entity and a track; nothing when they have no place.
std::optional<json::object> feature_of(const picture::EntityView& entity);
json::object feature_of(const picture::TrackView& track, UtcTime now);

}  // namespace airbridge::api
