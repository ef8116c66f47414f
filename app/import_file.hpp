#pragma once
// Files as commands: Airbridge's own import format and GeoJSON.
//
//   {"airbridge_import": 1, "made_up": true, "records": [{"key": "c1", "record": "casualty", "fields": {"triage":
//   "red", ...}}, ...]}
//
// "made_up" marks every record of the file as invented. Values as in docs/protocol/api.md; a list gives a set several
// members; where a field takes a record, "$c1" names one made earlier in the file. Command ids follow from the file's
// name and each record's key and content: the same file twice changes nothing.
#include <functional>
#include <string>

#include "base/result.hpp"

namespace airbridge::app {

struct ImportCounts {
  std::size_t written = 0;
  std::size_t repeated = 0;  // were here already
  std::size_t refused = 0;
  std::size_t tracks = 0;  // left out: positions that were heard are no records (Airbridge's own GeoJSON has them)
};

// `send` gets a command as JSON and returns the id of its entity, or an error; `repeated` tells a command known before.
struct Sent {
  std::string entity;
  bool repeated = false;
};
using SendCommand = std::function<Result<Sent, std::string>(const std::string& command)>;

// Refused records are named through `complain_about`; the rest of the file goes on.
Result<ImportCounts, std::string> import_text(const std::string& name, std::string_view text, const SendCommand& send,
                                              const std::function<void(const std::string&)>& complain_about);

}  // namespace airbridge::app
