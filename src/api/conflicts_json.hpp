#pragma once
// The list of conflicts as the JSON of docs/protocol/api.md: who said what, when and which way, and what to send to
// POST /api/v1/commands so that one of the values alone stands.
#include "api/picture_json.hpp"
#include "picture/conflicts.hpp"

namespace airbridge::api {

// A draft as the body of a command, without its id; nothing when a value of it cannot be said in JSON.
std::optional<json::object> command_json(const model::Draft& draft);

json::object conflict_json(const picture::Conflict& conflict, const picture::Picture& picture, const NameOf& name_of);

// {"conflicts":[..],"count":N,"urgent":N}: all are counted, the first conflicts_listed_max are listed.
inline constexpr std::size_t conflicts_listed_max = 500;
json::object conflicts_json(const picture::Picture& picture);

}  // namespace airbridge::api
