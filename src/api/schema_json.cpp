// The table of records as JSON for forms, and as OpenAPI for programs.
#include <fmt/format.h>

#include "api/json_values.hpp"

namespace airbridge::api {
namespace {

constexpr std::string_view rule_names[] = {"multi_value", "ranked",        "append",   "or_set",   "counter",
                                           "claim",       "state_machine", "versions", "tombstone"};
constexpr std::string_view type_names[] = {"boolean",  "integer", "text",           "code", "bytes", "place",
                                           "geometry", "entity",  "text_or_entity", "time", "list"};

json::object field_json(const model::FieldSpec& field) {
  json::object out{{"name", field.name},
                   {"number", field.number},
                   {"key", field.key().raw},
                   {"rule", rule_names[static_cast<std::size_t>(field.rule)]},
                   {"type", type_names[static_cast<std::size_t>(field.type)]},
                   {"class", static_cast<int>(field.cls)},
                   {"private", field.privacy == model::Privacy::Private},
                   {"required", field.required},
                   {"words", field.words}};
  if (field.text_max > 0 && (field.type == model::ValueType::Text || field.type == model::ValueType::TextOrEntity)) {
    out["bytes_max"] = field.text_max;
  }
  if (!field.codes.empty()) {
    json::array codes;
    for (const auto& code : field.codes) {
      codes.push_back(json::object{{"code", code.code},
                                   {"name", code.name},
                                   {"words", code.words},
                                   {"caution", code.caution},
                                   {"urgent", code.urgent}});
    }
    out["codes"] = std::move(codes);
  }
  return out;
}

json::object value_schema(const model::FieldSpec& field) {
  using model::ValueType;
  json::object out{{"description", field.words}};
  switch (field.type) {
    case ValueType::Boolean:
      out["type"] = "boolean";
      break;
    case ValueType::Integer:
    case ValueType::Time:
      out["type"] = "integer";
      break;
    case ValueType::Code: {
      out["type"] = "string";
      json::array names;
      for (const auto& code : field.codes) names.emplace_back(code.name);
      out["examples"] = std::move(names);  // not "enum": a newer node's codes are shown as "code:17"
      break;
    }
    case ValueType::Place:
      out["$ref"] = "#/components/schemas/Place";
      break;
    case ValueType::Geometry:
      out["$ref"] = "#/components/schemas/Geometry";
      break;
    case ValueType::List:
      out["type"] = "array";
      break;
    default:
      out["type"] = "string";
      if (field.text_max > 0) out["maxLength"] = field.text_max;
  }
  return out;
}

json::object ref(std::string_view name) { return {{"$ref", fmt::format("#/components/schemas/{}", name)}}; }

json::object answer(std::string_view words, json::object schema) {
  return {{"description", words},
          {"content", json::object{{"application/json", json::object{{"schema", std::move(schema)}}}}}};
}

json::object call(std::string_view summary, std::string_view id, json::object ok, json::array parameters = {}) {
  json::object out{{"summary", summary},
                   {"operationId", id},
                   {"responses", json::object{{"200", std::move(ok)}, {"default", answer("An error", ref("Error"))}}}};
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  return out;
}

json::object parameter(std::string_view name, std::string_view where, std::string_view type, std::string_view words) {
  return {{"name", name},
          {"in", where},
          {"required", where == "path"},
          {"description", words},
          {"schema", json::object{{"type", type}}}};
}

json::object typed(std::string_view type) { return {{"type", type}}; }
json::object list_of(json::object items) { return {{"type", "array"}, {"items", std::move(items)}}; }
json::object object_of(json::object properties) { return {{"type", "object"}, {"properties", std::move(properties)}}; }

json::object schemas() {
  json::object out;
  out["Error"] = object_of({{"error", object_of({{"code", typed("string")},
                                                 {"message", typed("string")},
                                                 {"field", typed("string")},
                                                 {"hint", typed("string")}})}});
  out["Place"] = object_of({{"lat", typed("number")}, {"lon", typed("number")}, {"hae_m", typed("number")}});
  out["Geometry"] = json::object{{"type", "object"},
                                 {"description",
                                  "GeoJSON (RFC 7946) Point, LineString or Polygon of one ring; a circle is written as "
                                  "Circle with coordinates and "
                                  "radius_m, and shown as a Polygon with radius_m and centre"},
                                 {"properties", json::object{{"type", typed("string")},
                                                             {"coordinates", typed("array")},
                                                             {"radius_m", typed("number")},
                                                             {"centre", list_of(typed("number"))}}}};
  out["Stamp"] = object_of({{"at_ms", typed("integer")},
                            {"quality", typed("string")},
                            {"node", typed("string")},
                            {"node_id", typed("string")},
                            {"actor", typed("string")},
                            {"via", typed("string")},
                            {"source", typed("string")},
                            {"doubtful", typed("boolean")}});
  const json::object dots = list_of(typed("string"));
  out["Alternative"] =
      object_of({{"value", json::object{}}, {"text", typed("string")}, {"dots", dots}, {"stamp", ref("Stamp")}});
  out["Field"] = object_of({{"value", json::object{}},
                            {"text", typed("string")},
                            {"rule", typed("string")},
                            {"private", typed("boolean")},
                            {"dots", dots},
                            {"stamp", ref("Stamp")},
                            {"alternatives", list_of(ref("Alternative"))},
                            {"values", list_of(ref("Alternative"))}});
  out["Saved"] = object_of({{"here", typed("boolean")},
                            {"others", typed("integer")},
                            {"others_names", list_of(typed("string"))},
                            {"post", typed("boolean")},
                            {"post_here", typed("boolean")},
                            {"reported", list_of(object_of({{"node", typed("string")}, {"by", typed("string")}}))}});
  out["Entity"] = object_of(
      {{"id", typed("string")},
       {"record", typed("string")},
       {"display", typed("string")},
       {"exercise", typed("boolean")},
       {"made_up", typed("boolean")},
       {"placeholder", typed("boolean")},
       {"waiting_for", list_of(typed("string"))},
       {"deleted", typed("boolean")},
       {"revived", typed("boolean")},
       {"newer_fields", typed("integer")},
       {"private_lacking", typed("integer")},
       {"fields", json::object{{"type", "object"}, {"additionalProperties", ref("Field")}}},
       {"lat", typed("number")},
       {"lon", typed("number")},
       {"hae_m", typed("number")},
       {"geometry", ref("Geometry")},
       {"conflicts", list_of(typed("string"))},
       {"clashes",
        list_of(object_of({{"field", typed("string")}, {"unit", typed("string")}, {"other", typed("string")}}))},
       {"claimed_by", list_of(typed("string"))},
       {"deletes", dots},
       {"same_as", list_of(typed("string"))},
       {"tracks", list_of(typed("string"))},
       {"coverage", dots},
       {"created", ref("Stamp")},
       {"updated", ref("Stamp")},
       {"deleted_by", ref("Stamp")},
       {"revived_by", ref("Stamp")},
       {"saved", ref("Saved")}});
  out["Track"] = object_of({{"id", typed("string")},
                            {"kind", typed("string")},
                            {"callsign", typed("string")},
                            {"lat", typed("number")},
                            {"lon", typed("number")},
                            {"hae_m", typed("number")},
                            {"pressure_altitude_m", typed("number")},
                            {"course_deg", typed("number")},
                            {"speed_mps", typed("number")},
                            {"climb_mps", typed("number")},
                            {"accuracy_m", typed("number")},
                            {"squawk", typed("string")},
                            {"emergency", typed("string")},
                            {"on_ground", typed("boolean")},
                            {"at_ms", typed("integer")},
                            {"stale_ms", typed("integer")},
                            {"lost_ms", typed("integer")},
                            {"sources", list_of(typed("string"))},
                            {"node", typed("string")},
                            {"heard_only", typed("boolean")},
                            {"replayed", typed("boolean")},
                            {"made_up", typed("boolean")},
                            {"time_doubtful", typed("boolean")},
                            {"team", typed("string")},
                            {"role", typed("string")},
                            {"type", typed("string")},
                            {"unit", typed("string")},
                            {"battery_percent", typed("integer")}});
  const auto by_class =
      object_of({{"urgent", typed("integer")}, {"important", typed("integer")}, {"routine", typed("integer")}});
  out["Link"] = object_of({{"bearer", typed("string")},
                           {"kind", typed("string")},
                           {"state", typed("string")},
                           {"profile", typed("string")},
                           {"address", typed("string")},
                           {"last_heard_ms", typed("integer")},
                           {"round_trip_ms", typed("integer")},
                           {"bytes_sent", typed("integer")},
                           {"bytes_received", typed("integer")},
                           {"retransmissions", typed("integer")},
                           {"occupancy_percent", typed("number")},
                           {"in_use_bps", typed("integer")},
                           {"position_interval_ms", typed("integer")},
                           {"loss_percent", typed("number")},
                           {"budget_left_bytes", typed("integer")},
                           {"why", typed("string")}});
  out["Peer"] = object_of({{"name", typed("string")},
                           {"id", typed("string")},
                           {"address", typed("string")},
                           {"state", typed("string")},
                           {"last_heard_ms", typed("integer")},
                           {"level", typed("string")},
                           {"lacks_here", typed("integer")},
                           {"lacks_there", typed("integer")},
                           {"lacks_here_by_class", by_class},
                           {"lacks_there_by_class", by_class},
                           {"to_level_ms", typed("integer")},
                           {"bytes_sent", typed("integer")},
                           {"bytes_received", typed("integer")},
                           {"links", list_of(ref("Link"))},
                           {"why", typed("string")}});
  out["Channel"] = object_of({{"rate_bps", typed("integer")},
                              {"mtu", typed("integer")},
                              {"half_duplex", typed("boolean")},
                              {"turn_round_ms", typed("integer")},
                              {"delay_ms", typed("integer")},
                              {"broadcast", typed("boolean")},
                              {"one_way", typed("boolean")},
                              {"encrypt", typed("boolean")},
                              {"duty_cycle", typed("number")},
                              {"beacon_interval_ms", typed("integer")},
                              {"cost", typed("integer")}});
  out["Bearer"] = object_of({{"name", typed("string")},
                             {"kind", typed("string")},
                             {"profile", typed("string")},
                             {"channel", ref("Channel")},
                             {"state", typed("string")},
                             {"address", typed("string")},
                             {"bytes_sent", typed("integer")},
                             {"bytes_received", typed("integer")},
                             {"refused", typed("object")},
                             {"occupancy_percent", typed("number")},
                             {"in_use_bps", typed("integer")},
                             {"position_interval_ms", typed("integer")},
                             {"budget_bytes", typed("integer")},
                             {"budget_left_bytes", typed("integer")},
                             {"why", typed("string")}});
  out["Status"] = object_of({{"node", typed("object")},
                             {"incident", typed("object")},
                             {"version", typed("string")},
                             {"insecure_lab", typed("boolean")},
                             {"peers", list_of(ref("Peer"))},
                             {"bearers", list_of(ref("Bearer"))},
                             {"cut_off", typed("boolean")},
                             {"cut_off_since_ms", typed("integer")},
                             {"clock", typed("string")},
                             {"unshared", typed("integer")},
                             {"unshared_by_class", by_class},
                             {"feeds", list_of(typed("object"))},
                             {"store", typed("object")},
                             {"own_position", typed("object")},
                             {"conflicts", typed("integer")},
                             {"conflicts_urgent", typed("integer")},
                             {"clocks", list_of(typed("object"))},
                             {"problems", list_of(typed("string"))}});
  out["Snapshot"] = object_of({{"epoch", typed("string")},
                               {"seq", typed("integer")},
                               {"server_ms", typed("integer")},
                               {"entities", list_of(ref("Entity"))},
                               {"tracks", list_of(ref("Track"))},
                               {"status", ref("Status")}});
  const auto message = [](std::string_view type, json::object properties) {
    properties["type"] = json::object{{"const", type}};
    return object_of(std::move(properties));
  };
  const json::object ids = list_of(typed("string"));
  out["LiveMessage"] = json::object{
      {"oneOf", json::array{message("hello", {{"epoch", typed("string")},
                                              {"seq", typed("integer")},
                                              {"server_ms", typed("integer")},
                                              {"beat_ms", typed("integer")},
                                              {"version", typed("string")},
                                              {"insecure_lab", typed("boolean")},
                                              {"incident", typed("object")},
                                              {"node", typed("object")}}),
                            message("snapshot", {{"epoch", typed("string")},
                                                 {"seq", typed("integer")},
                                                 {"part", typed("integer")},
                                                 {"more", typed("boolean")},
                                                 {"entities", list_of(ref("Entity"))},
                                                 {"tracks", list_of(ref("Track"))},
                                                 {"status", ref("Status")}}),
                            message("part", {{"from", typed("integer")},
                                             {"entities", list_of(ref("Entity"))},
                                             {"removed", ids},
                                             {"tracks", list_of(ref("Track"))},
                                             {"removed_tracks", ids}}),
                            message("delta", {{"from", typed("integer")},
                                              {"seq", typed("integer")},
                                              {"server_ms", typed("integer")},
                                              {"entities", list_of(ref("Entity"))},
                                              {"removed", ids},
                                              {"tracks", list_of(ref("Track"))},
                                              {"removed_tracks", ids},
                                              {"status", ref("Status")}}),
                            message("beat", {{"seq", typed("integer")}, {"server_ms", typed("integer")}})}}};
  out["HistoryEvent"] = object_of(
      {{"arrival", typed("integer")},
       {"arrived_ms", typed("integer")},
       {"dot", typed("string")},
       {"class", typed("integer")},
       {"entity", typed("string")},
       {"record", typed("string")},
       {"display", typed("string")},
       {"stamp", ref("Stamp")},
       {"writes",
        list_of(object_of(
            {{"field", typed("string")}, {"value", json::object{}}, {"text", typed("string")}, {"replaces", dots}}))},
       {"folded", typed("boolean")},
       {"saved", ref("Saved")},
       {"why_not", typed("string")}});
  out["Events"] = object_of({{"events", list_of(ref("HistoryEvent"))},
                             {"next", typed("integer")},
                             {"indexed_through", typed("integer")},
                             {"complete", typed("boolean")}});
  out["Conflict"] = object_of({{"kind", json::object{{"enum", json::array{"values", "versions", "clash", "revived",
                                                                          "same_as", "grants", "fork"}}}},
                               {"class", typed("integer")},
                               {"why", typed("string")},
                               {"about", typed("string")},
                               {"entity", typed("string")},
                               {"record", typed("string")},
                               {"display", typed("string")},
                               {"title", typed("string")},
                               {"field", typed("string")},
                               {"since_ms", typed("integer")},
                               {"choices", list_of(object_of({{"value", json::object{}},
                                                              {"text", typed("string")},
                                                              {"dots", dots},
                                                              {"stamp", ref("Stamp")},
                                                              {"entity", typed("string")},
                                                              {"display", typed("string")},
                                                              {"settle", list_of(typed("object"))}}))}});
  out["Conflicts"] =
      object_of({{"conflicts", list_of(ref("Conflict"))}, {"count", typed("integer")}, {"urgent", typed("integer")}});
  const auto found = list_of(object_of({{"stream", typed("string")},
                                        {"author", typed("string")},
                                        {"class", typed("integer")},
                                        {"from", typed("integer")},
                                        {"what", typed("string")},
                                        {"remedy", typed("string")}}));
  out["Comparisons"] = object_of({{"number", typed("integer")},
                                  {"begun_ms", typed("integer")},
                                  {"done", typed("boolean")},
                                  {"own", object_of({{"done", typed("boolean")},
                                                     {"streams", typed("integer")},
                                                     {"events", typed("integer")},
                                                     {"differences", found}})},
                                  {"nodes", list_of(object_of({{"id", typed("string")},
                                                               {"name", typed("string")},
                                                               {"state", typed("string")},
                                                               {"streams", typed("integer")},
                                                               {"differences", found},
                                                               {"more", typed("integer")},
                                                               {"why", typed("string")}}))}});
  out["Backup"] = object_of({{"ok", typed("boolean")},
                             {"id", typed("string")},
                             {"state", json::object{{"enum", json::array{"running", "done", "failed"}}}},
                             {"bytes", typed("integer")},
                             {"bytes_about", typed("integer")},
                             {"file", typed("string")},
                             {"why", typed("string")}});
  auto command = object_of(
      {{"id", json::object{{"type", "string"}, {"pattern", "^[0-9a-fA-F]{32}$"}}},
       {"record", typed("string")},
       {"entity", json::object{{"type", json::array{"string", "null"}}}},
       {"writes", list_of(object_of({{"field", typed("string")}, {"value", json::object{}}, {"replaces", dots}}))},
       {"after", dots}});
  command["required"] = json::array{"id", "record", "writes"};
  out["Command"] = std::move(command);
  out["CommandAnswer"] = object_of({{"ok", typed("boolean")},
                                    {"entity", typed("string")},
                                    {"display", typed("string")},
                                    {"dots", dots},
                                    {"class", typed("integer")},
                                    {"saved", typed("string")},
                                    {"repeated", typed("boolean")}});
  for (const auto& record : model::records()) {
    json::object properties;
    json::array required;
    const auto add = [&](const model::FieldSpec& field) {
      properties[field.name] = value_schema(field);
      if (field.required) required.emplace_back(field.name);
    };
    for (const auto& field : model::common_fields()) add(field);
    for (const auto& field : record.fields) add(field);
    auto schema = object_of(std::move(properties));
    schema["description"] = record.words;
    if (!required.empty()) schema["required"] = std::move(required);
    out[fmt::format("record_{}", record.name)] = std::move(schema);
  }
  return out;
}

}  // namespace

json::object schema_json() {
  json::array records, common;
  for (const auto& field : model::common_fields()) common.push_back(field_json(field));
  for (const auto& record : model::records()) {
    json::array fields;
    for (const auto& field : record.fields) fields.push_back(field_json(field));
    records.push_back(json::object{{"code", static_cast<int>(record.kind)},
                                   {"name", record.name},
                                   {"letter", std::string(1, record.letter)},
                                   {"words", record.words},
                                   {"fields", std::move(fields)}});
  }
  return {{"schema", 1}, {"common", std::move(common)}, {"records", std::move(records)}};
}

json::object openapi_json(std::string_view version) {
  json::object paths;
  const auto get = [&](std::string_view path, json::object operation) {
    paths[path] = json::object{{"get", std::move(operation)}};
  };
  get("/healthz",
      call("Whether the node is well", "health", answer("It is", object_of({{"status", typed("string")}}))));
  get("/metrics", call("Figures for Prometheus", "metrics", {{"description", "Prometheus text format"}}));
  get("/api/v1/schema", call("Records, fields, codes", "schema", answer("The table of records", typed("object"))));
  get("/api/v1/state", call("The whole picture", "state", answer("A snapshot", ref("Snapshot"))));
  get("/api/v1/status", call("How the node is doing", "status", answer("The status", ref("Status"))));
  get("/api/v1/conflicts",
      call("What a person must settle, most urgent first", "conflicts", answer("The conflicts", ref("Conflicts"))));
  get("/api/v1/entities/{id}",
      call("One record", "entity", answer("The record", ref("Entity")), {parameter("id", "path", "string", "its id")}));
  get("/api/v1/entities/{id}/history",
      call("What happened to one record, newest first", "history", answer("Events", ref("Events")),
           {parameter("id", "path", "string", "its id"),
            parameter("limit", "query", "integer", "at most so many, 200 unless told")}));
  get("/api/v1/tracks/{id}/fixes", call("Where a thing has been, oldest first", "trackFixes",
                                        answer("Fixes by the node that heard it", typed("object")),
                                        {parameter("id", "path", "string", "the track's id")}));
  get("/api/v1/events", call("The journal by order of arrival", "events", answer("Events", ref("Events")),
                             {parameter("after", "query", "integer", "arrival number to go on after"),
                              parameter("limit", "query", "integer", "at most so many, 200 unless told"),
                              parameter("record", "query", "string", "only this kind of record"),
                              parameter("text", "query", "string", "only events with these words")}));
  get("/api/v1/geojson", call("The picture as GeoJSON", "geojson", answer("A FeatureCollection", typed("object"))));
  get("/api/v1/maps", call("Added maps", "maps", answer("Maps", object_of({{"maps", list_of(typed("object"))}}))));
  get("/tiles/{map}/{z}/{x}/{y}",
      call("A tile", "tile", {{"description", "The tile's bytes"}},
           {parameter("map", "path", "string", "its name"), parameter("z", "path", "integer", "zoom"),
            parameter("x", "path", "integer", "column"), parameter("y", "path", "integer", "row, from the north")}));
  get("/api/v1/live", call("WebSocket: a snapshot in parts, then deltas; messages are of the schema LiveMessage",
                           "live", {{"description", "101 Switching Protocols"}},
                           {parameter("epoch", "query", "string", "of the last state seen"),
                            parameter("since", "query", "integer", "its sequence number")}));
  const auto body = [](json::object schema) {
    return json::object{{"required", true},
                        {"content", json::object{{"application/json", json::object{{"schema", std::move(schema)}}}}}};
  };
  auto command = call("Writes a record; answered when it is on disk", "command", answer("Done", ref("CommandAnswer")));
  command["requestBody"] = body(ref("Command"));
  paths["/api/v1/commands"] = json::object{{"post", std::move(command)}};
  auto own = call("Says where this node is", "ownPosition", answer("Done", object_of({{"ok", typed("boolean")}})));
  own["requestBody"] =
      body(object_of({{"lat", typed("number")}, {"lon", typed("number")}, {"clear", typed("boolean")}}));
  const auto begun = object_of({{"ok", typed("boolean")}, {"id", typed("string")}});
  paths["/api/v1/bundles/writing"] = json::object{
      {"post", call("Begins to write events into files for a courier", "writeBundle", answer("Begun", begun),
                    {parameter("for", "query", "string", "for whom"),
                     parameter("class", "query", "integer", "the least urgent class, 2 unless told"),
                     parameter("file_bytes_max", "query", "integer", "bytes a file; 0: one file"),
                     parameter("all", "query", "integer", "1: also what is known to be there"),
                     parameter("nothing", "query", "integer", "1: only what this node holds")})}};
  get("/api/v1/bundles/writing/{id}/pieces/{number}",
      call("The next bytes of these files", "bundlePiece", {{"description", "Bytes; headers say of which file"}},
           {parameter("id", "path", "string", "of the writing"), parameter("number", "path", "integer", "from 1")}));
  paths["/api/v1/bundles/writing/{id}/kept"] =
      json::object{{"post", call("The files are safe", "bundleKept", answer("Done", typed("object")),
                                 {parameter("id", "path", "string", "of the writing")})}};
  paths["/api/v1/bundles/reading"] =
      json::object{{"post", call("Begins to take in a file of events", "readBundle", answer("Begun", begun))}};
  paths["/api/v1/bundles/reading/{id}"] = json::object{
      {"post", call("The next bytes of that file", "bundleBytes", answer("What they brought so far", typed("object")),
                    {parameter("id", "path", "string", "of the reading"),
                     parameter("at", "query", "integer", "where in the file they begin"),
                     parameter("last", "query", "integer", "1: nothing follows")})}};
  auto recording = call("Plays a recorded ADS-B feed at once", "recording",
                        answer("Played", object_of({{"ok", typed("boolean")},
                                                    {"observations", typed("integer")},
                                                    {"aircraft", typed("integer")},
                                                    {"refused", typed("integer")}})),
                        {parameter("name", "path", "string", "of the recording, shown as its source")});
  recording["requestBody"] = json::object{
      {"required", true}, {"content", json::object{{"text/plain", json::object{{"schema", typed("string")}}}}}};
  paths["/api/v1/recordings/{name}"] = json::object{{"post", std::move(recording)}};
  auto backup = call("Begins a backup; ask at its Location how far it is", "beginBackup", {});
  backup["responses"].as_object().erase("200");
  backup["responses"].as_object()["202"] = answer("Begun", ref("Backup"));
  backup["requestBody"] = body(object_of({{"with_keys", typed("boolean")}}));
  paths["/api/v1/backups"] = json::object{{"post", std::move(backup)}};
  get("/api/v1/backups/{id}", call("How far a backup is", "backup", answer("The backup", ref("Backup")),
                                   {parameter("id", "path", "string", "its number")}));
  get("/api/v1/comparisons",
      call("What the last comparison found", "comparisons", answer("The comparison", ref("Comparisons"))));
  auto compare = call("Reads the log again and compares it with every node in reach", "compare",
                      answer("Begun", ref("Comparisons")));
  compare["requestBody"] = body(object_of({{"peer", typed("string")}}));
  paths["/api/v1/comparisons"].as_object()["post"] = std::move(compare);
  get("/api/v1/diagnostics-log", call("The last lines of the log without their values", "diagnosticsLog",
                                      answer("Lines", object_of({{"lines", list_of(typed("string"))}}))));
  paths["/api/v1/own-position"] = json::object{{"post", std::move(own)}};
  return {{"openapi", "3.1.0"},
          {"info", json::object{{"title", "Airbridge"},
                                {"version", version},
                                {"license", json::object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}},
                                {"description", "One port of one node. docs/protocol/api.md says it in words."}}},
          {"paths", std::move(paths)},
          {"components", json::object{{"schemas", schemas()}}}};
}

}  // namespace airbridge::api
