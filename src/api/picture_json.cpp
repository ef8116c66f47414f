#include "api/picture_json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace airbridge::api {
namespace {

constexpr std::string_view rule_names[] = {"multi_value", "ranked",        "append",   "or_set",   "counter",
                                           "claim",       "state_machine", "versions", "tombstone"};

std::string_view kind_name(model::SubjectKind kind) {
  using enum model::SubjectKind;
  switch (kind) {
    case Aircraft:
      return "aircraft";
    case Helicopter:
      return "helicopter";
    case UnmannedAircraft:
      return "unmanned_aircraft";
    case Person:
      return "person";
    case Vehicle:
      return "vehicle";
    case Vessel:
      return "vessel";
    case OwnNode:
      return "own";
    case Unit:
      return "unit";
    case Unknown:
      break;
  }
  return "unknown";
}

std::string field_name(const picture::FieldView& field) {
  return field.spec != nullptr ? std::string(field.spec->name) : fmt::format("field_{}", field.key.number());
}

std::string field_name(const picture::EntityView& entity, model::FieldKey key) {
  const auto* field = entity.find(key);
  return field != nullptr ? field_name(*field) : fmt::format("field_{}", key.number());
}

json::object choice_json(const picture::FieldView& field, const picture::Choice& choice, UtcTime arrived,
                         const NameOf& name_of) {
  json::object out{{"value", to_json(field.spec, choice.value)}};
  if (auto words = words_of(field.spec, choice.value); !words.empty()) out["text"] = std::move(words);
  json::array dots;
  for (const auto& dot : choice.dots) dots.emplace_back(model::to_text(dot));
  out["dots"] = std::move(dots);
  if (choice.stamp) out["stamp"] = stamp_json(*choice.stamp, arrived, name_of);
  return out;
}

json::object field_json(const picture::FieldView& field, UtcTime arrived, const NameOf& name_of) {
  auto out = choice_json(field, field.acting, arrived, name_of);
  const auto rule = static_cast<std::size_t>(field.key.rule());
  out["rule"] = rule < std::size(rule_names) ? rule_names[rule] : "newer";
  out["private"] = field.is_private;
  const auto list = [&](const std::vector<picture::Choice>& choices) {
    json::array items;
    for (const auto& choice : choices) items.push_back(choice_json(field, choice, arrived, name_of));
    return items;
  };
  if (!field.alternatives.empty()) out["alternatives"] = list(field.alternatives);
  if (!field.values.empty()) out["values"] = list(field.values);
  return out;
}

void put(json::object& out, std::string_view key, const std::optional<double>& value) {
  if (value) out[key] = *value;
}
void put(json::object& out, std::string_view key, std::string_view value) {
  if (!value.empty()) out[key] = value;
}
template <class T>
std::optional<double> number(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  if constexpr (requires { value->above(); }) {
    return value->above().value;
  } else if constexpr (requires { value->degrees(); }) {
    return value->degrees();
  } else {
    return value->value;
  }
}

// Who holds all of it as others say: first-hand and reported counts together must cover every stream.
void add_reported(Saved& saved, const std::vector<model::Dot>& coverage, const Status& status,
                  const std::map<model::KeyId, std::size_t>& first_hand, const NameOf& name_of) {
  std::map<model::KeyId, std::pair<std::size_t, model::KeyId>> counts;
  for (const auto& dot : coverage) {
    const auto told = status.reported->find(dot.stream());
    if (told == status.reported->end()) continue;
    const auto held = status.held->find(dot.stream());
    for (const auto& [node, reported] : told->second) {
      if (node == status.node.id || reported.seq < dot.seq) continue;
      const auto own = held == status.held->end() ? 0 : [&] {
        const auto found = held->second.find(node);
        return found == held->second.end() ? 0 : found->second;
      }();
      if (own >= dot.seq) continue;  // heard first hand: counted there
      auto& [count, by] = counts[node];
      ++count;
      by = reported.by;
    }
  }
  for (const auto& [node, counted] : counts) {
    const auto found = first_hand.find(node);
    const auto known = found == first_hand.end() ? 0 : found->second;
    if (known + counted.first == coverage.size()) saved.reported.push_back({name_of(node), name_of(counted.second)});
  }
}

}  // namespace

Saved saved_of(const picture::EntityView& entity, const Status& status, const NameOf& name_of) {
  return saved_of(entity.coverage, status, name_of);
}

Saved saved_of(const std::vector<model::Dot>& coverage, const Status& status, const NameOf& name_of) {
  // A node counts only when it holds the last event of every stream that touched the entity.
  std::map<model::KeyId, std::size_t> counts;
  for (const auto& dot : coverage) {
    const auto held = status.held->find(dot.stream());
    if (held == status.held->end()) continue;
    for (const auto& [node, seq] : held->second) {
      if (seq >= dot.seq && node != status.node.id) ++counts[node];
    }
  }
  Saved saved;
  saved.post = saved.post_here = status.posts.contains(status.node.id);
  for (const auto& [node, count] : counts) {
    if (count != coverage.size()) continue;
    saved.others.push_back(name_of(node));
    saved.post = saved.post || status.posts.contains(node);
  }
  add_reported(saved, coverage, status, counts, name_of);
  return saved;
}

json::object saved_json(const Saved& saved) {
  json::array names;
  for (const auto& name : saved.others) names.emplace_back(name);
  json::object out{
      {"here", true}, {"others", saved.others.size()}, {"others_names", std::move(names)}, {"post", saved.post}};
  if (saved.post_here) out["post_here"] = true;
  if (!saved.reported.empty()) {
    auto& reported = out["reported"].emplace_array();
    for (const auto& [node, by] : saved.reported) reported.push_back(json::object{{"node", node}, {"by", by}});
  }
  return out;
}

json::object stamp_json(const picture::Stamp& stamp, UtcTime arrived, const NameOf& name_of) {
  json::object out{{"at_ms", ms_of(stamp.time.time())},
                   {"quality", model::name_of(stamp.quality)},
                   {"node", name_of(stamp.dot.writer.author)},
                   {"node_id", stamp.dot.writer.author.hex()},
                   {"via", model::name_of(stamp.via)}};
  if (stamp.actor) out["actor"] = name_of(*stamp.actor);
  put(out, "source", stamp.source);
  if (stamp.time.time() > arrived + clock_doubt_min) out["doubtful"] = true;
  return out;
}

json::object entity_json(const picture::EntityView& entity, const Saved& saved, bool exercise, const NameOf& name_of) {
  json::object out{
      {"id", model::to_text(entity.id)},
      {"record", entity.spec != nullptr ? std::string(entity.spec->name) : fmt::format("record_{}", entity.record)},
      {"display", entity.display},
      {"exercise", exercise},
      {"made_up", entity.made_up},
      {"placeholder", entity.placeholder},
      {"deleted", entity.deleted},
      {"revived", entity.revived},
      {"newer_fields", entity.newer_fields()}};
  json::array waiting;
  for (const auto& node : entity.waiting_for) waiting.emplace_back(name_of(node));
  out["waiting_for"] = std::move(waiting);
  if (!entity.private_lacking.empty()) out["private_lacking"] = entity.private_lacking.size();
  json::object fields;
  for (const auto& field : entity.fields) {
    if (field.acting.dots.empty() && field.values.empty()) continue;
    auto name = field_name(field);
    if (fields.contains(name)) name = fmt::format("{} (private)", name);
    fields[name] = field_json(field, entity.arrived, name_of);
  }
  out["fields"] = std::move(fields);
  if (entity.position) {
    out["lat"] = entity.position->latitude.degrees();
    out["lon"] = entity.position->longitude.degrees();
  }
  put(out, "hae_m", number(entity.height));
  if (entity.geometry && entity.geometry->shape != model::Shape::Point) out["geometry"] = geojson_of(*entity.geometry);
  json::array conflicts;
  for (const auto& key : entity.conflicts) conflicts.emplace_back(field_name(entity, key));
  out["conflicts"] = std::move(conflicts);
  json::array clashes;
  for (const auto& clash : entity.clashes) {
    clashes.push_back(json::object{{"field", field_name(entity, clash.key)},
                                   {"unit", model::to_text(clash.unit)},
                                   {"other", model::to_text(clash.other)}});
  }
  if (!clashes.empty()) out["clashes"] = std::move(clashes);
  if (entity.created) out["created"] = stamp_json(*entity.created, entity.arrived, name_of);
  if (entity.updated) out["updated"] = stamp_json(*entity.updated, entity.arrived, name_of);
  if (entity.deleted_by) out["deleted_by"] = stamp_json(*entity.deleted_by, entity.arrived, name_of);
  if (!entity.deletes.empty()) {
    auto& deletes = out["deletes"].emplace_array();
    for (const auto& dot : entity.deletes) deletes.emplace_back(model::to_text(dot));
  }
  if (entity.revived_by) out["revived_by"] = stamp_json(*entity.revived_by, entity.arrived, name_of);
  const auto ids = [](const std::vector<model::EntityId>& list) {
    json::array items;
    for (const auto& id : list) items.emplace_back(model::to_text(id));
    return items;
  };
  if (!entity.same_as.empty()) out["same_as"] = ids(entity.same_as);
  if (!entity.claimed_by.empty()) out["claimed_by"] = ids(entity.claimed_by);
  if (!entity.tracks.empty()) out["tracks"] = ids(entity.tracks);
  json::array coverage;
  for (const auto& dot : entity.coverage) coverage.emplace_back(model::to_text(dot));
  out["coverage"] = std::move(coverage);
  out["saved"] = saved_json(saved);
  return out;
}

json::object track_json(const picture::TrackView& track, const NameOf& name_of) {
  const auto& now = track.now();
  json::object out{{"id", model::to_text(track.id)},
                   {"kind", kind_name(now.kind)},
                   {"lat", now.position.latitude.degrees()},
                   {"lon", now.position.longitude.degrees()},
                   {"at_ms", ms_of(track.measured())},
                   {"stale_ms", (track.stale_at() - track.measured()).count()},
                   {"lost_ms", (track.lost_at() - track.measured()).count()},
                   {"node", name_of(now.gateway)},
                   {"heard_only", now.heard_only},
                   {"replayed", now.replayed},
                   {"made_up", false}};
  put(out, "callsign", track.callsign());
  put(out, "team", track.team());
  put(out, "role", track.role());
  put(out, "type", now.type);
  put(out, "squawk", now.squawk);
  put(out, "emergency", now.emergency);
  put(out, "hae_m", number(now.height));
  put(out, "pressure_altitude_m", number(now.pressure_altitude));
  put(out, "course_deg", number(now.course));
  put(out, "speed_mps", number(now.speed));
  put(out, "climb_mps", number(now.climb));
  put(out, "accuracy_m", number(now.horizontal_error_95));
  if (now.on_ground) out["on_ground"] = *now.on_ground;
  if (now.battery_percent) out["battery_percent"] = *now.battery_percent;
  if (track.sources.front().from_future) out["time_doubtful"] = true;
  if (track.unit) out["unit"] = model::to_text(*track.unit);
  json::array sources;
  for (const auto& source : track.sources) {
    sources.emplace_back(fmt::format("{}:{}", model::name_of(source.said->via), source.said->source));
  }
  out["sources"] = std::move(sources);
  return out;
}

std::optional<json::object> feature_of(const picture::EntityView& entity) {
  if (!entity.position || entity.deleted) return std::nullopt;
  json::object geometry;
  if (entity.geometry) {
    geometry = geojson_of(*entity.geometry);
  } else {
    geometry = {
        {"type", "Point"},
        {"coordinates", json::array{entity.position->longitude.degrees(), entity.position->latitude.degrees()}}};
    if (entity.height) geometry["coordinates"].as_array().emplace_back(entity.height->above().value);
  }
  json::object properties{{"record", entity.spec != nullptr ? std::string(entity.spec->name) : "unknown"},
                          {"display", entity.display},
                          {"made_up", entity.made_up},
                          {"placeholder", entity.placeholder}};
  for (const auto& field : entity.fields) {
    // Personal data stays home: an export is a file that travels.
    if (field.is_private || field.spec == nullptr || field.spec->privacy == model::Privacy::Private ||
        (field.acting.dots.empty() && field.values.empty()))
      continue;
    if (field.spec->type == model::ValueType::Geometry || field.spec->type == model::ValueType::Place ||
        field.spec->number == model::field::document)
      continue;
    const auto rule = field.key.rule();
    auto& property = properties[file_key(*field.spec)];
    if (rule == model::MergeRule::OrSet || rule == model::MergeRule::Append) {
      auto& all = property.emplace_array();
      for (const auto& choice : field.values) all.push_back(to_json(field.spec, choice.value));
    } else {
      property = to_json(field.spec, field.acting.value);
    }
  }
  if (!entity.conflicts.empty()) {
    json::array conflicts;
    for (const auto& key : entity.conflicts) conflicts.emplace_back(field_name(entity, key));
    properties["conflicts"] = std::move(conflicts);
  }
  if (entity.updated) properties["updated"] = format_utc(entity.updated->time.time());
  return json::object{{"type", "Feature"},
                      {"id", model::to_text(entity.id)},
                      {"geometry", std::move(geometry)},
                      {"properties", std::move(properties)}};
}

json::object feature_of(const picture::TrackView& track, UtcTime now) {
  const auto& said = track.now();
  json::object properties{{"record", "track"},
                          {"kind", kind_name(said.kind)},
                          {"callsign", track.callsign()},
                          {"measured", format_utc(track.measured())},
                          {"stale", track.is_stale(now)},
                          {"heard_only", said.heard_only},
                          {"replayed", said.replayed}};
  put(properties, "team", track.team());
  put(properties, "role", track.role());
  put(properties, "type", said.type);
  put(properties, "squawk", said.squawk);
  put(properties, "emergency", said.emergency);
  put(properties, "course_deg", number(said.course));
  put(properties, "speed_mps", number(said.speed));
  put(properties, "climb_mps", number(said.climb));
  put(properties, "accuracy_m", number(said.horizontal_error_95));
  put(properties, "pressure_altitude_m", number(said.pressure_altitude));
  if (said.on_ground) properties["on_ground"] = *said.on_ground;
  if (said.battery_percent) properties["battery_percent"] = *said.battery_percent;
  json::array coordinates{said.position.longitude.degrees(), said.position.latitude.degrees()};
  if (said.height) coordinates.emplace_back(said.height->above().value);
  return {{"type", "Feature"},
          {"id", model::to_text(track.id)},
          {"geometry", json::object{{"type", "Point"}, {"coordinates", std::move(coordinates)}}},
          {"properties", std::move(properties)}};
}

}  // namespace airbridge::api
