#pragma once
// Values of the model as JSON and back, by the table of records (docs/protocol/api.md, "Values").
#include <boost/json.hpp>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "model/geometry.hpp"
#include "model/schema.hpp"

namespace airbridge::api {

namespace json = boost::json;

struct CommandError {
  int status = 400;     // HTTP
  std::string code;     // "invalid_value"
  std::string message;  // names the field and what is allowed
  std::string field;
  std::string hint;
};

// Codes become their names ("code:17" when this version does not know it), places {"lat","lon","hae_m"}, geometries
// GeoJSON, entities ids, bytes hexadecimal. `field` may be null: an unknown field, shown as plainly as it can be.
json::value to_json(const model::FieldSpec* field, const model::Value& value);
// Words for people behind a code; empty when there is nothing to add.
std::string words_of(const model::FieldSpec* field, const model::Value& value);
Result<model::Value, CommandError> value_from_json(const model::FieldSpec& field, const json::value& value);

// The outer ring of a polygon runs counter-clockwise (RFC 7946, 3.1.6), also around a circle.
json::object geojson_of(const model::Geometry& geometry);
// The key of a field in files of others: a number carries its unit, "endurance_min".
std::string file_key(const model::FieldSpec& field);
json::object place_json(const model::Place& place);

// {"id","record","entity","writes":[..],"after":[..]} as a draft. Names of records, fields and codes, not numbers.
Result<model::Draft, CommandError> draft_from_json(const json::value& command);

// Parses text as JSON with our limits (depth 32); the error names the offset.
Result<json::value, CommandError> parse_json(std::string_view text);

// As text that is valid UTF-8 whatever came in from feeds, file names or settings: one bad byte would make a browser
// end its connection. Bad bytes become "?". Numbers in plain notation with up to 7 decimals, a centimetre of a
// coordinate.
std::string to_text(const json::value& value);

json::object schema_json();                           // GET /api/v1/schema
json::object openapi_json(std::string_view version);  // GET /api/v1/openapi.json
json::object error_json(const CommandError& error);

}  // namespace airbridge::api
