#include "api/conflicts_json.hpp"

#include <fmt/format.h>

#include "model/cbor.hpp"

namespace airbridge::api {
namespace {
using picture::ConflictKind;

std::string_view why_of(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::Values:
      return "written by people who did not know of each other; the first is acted on until one is chosen";
    case ConflictKind::Versions:
      return "two versions of the plan were made from the same one; both stand until one is chosen";
    case ConflictKind::Clash:
      return "these tasks claim the same unit; their authors did not settle who keeps it";
    case ConflictKind::Revived:
      return "one deleted it who did not know of what another wrote; it is kept until one is chosen";
    case ConflictKind::SameAs:
      return "records linked as the same thing say different things of it";
    case ConflictKind::Grants:
      return "two authorities say different things of one member; it is settled when one of them grants what the "
             "other did";
    case ConflictKind::Fork:
      return "a device was copied or restored without telling: from here on both contents are kept and neither is in "
             "the picture; what matters of it must be entered again";
  }
  return "";
}

std::string display_of(const picture::Picture& picture, const model::EntityId& id) {
  const auto entity = picture.find(id);
  return entity != nullptr ? entity->display : model::to_text(id);
}

// "T-7K3QX fetch the patient": what people call the record.
std::string title_of(const picture::Picture& picture, const model::EntityId& id) {
  auto out = display_of(picture, id);
  const auto entity = picture.find(id);
  if (entity == nullptr) return out;
  for (const auto* name : {"callsign", "name", "text"}) {
    const auto* field = entity->find(name);
    const auto* text = field != nullptr ? field->acting.value.text() : nullptr;
    if (text != nullptr && !text->empty()) return fmt::format("{} {}", out, model::cbor::clean_text(*text, 80));
  }
  return out;
}

json::object choice_json(const picture::Conflict& conflict, const picture::ConflictChoice& choice,
                         const picture::Picture& picture, const NameOf& name_of) {
  json::object out{{"value", to_json(conflict.field, choice.value)}};
  if (conflict.kind == ConflictKind::Clash) {
    out["text"] = title_of(picture, choice.entity);
  } else if (conflict.kind == ConflictKind::Revived) {
    out["text"] = choice.value == model::Value(true) ? "deleted" : "kept";
  } else if (auto words = words_of(conflict.field, choice.value); !words.empty()) {
    out["text"] = std::move(words);
  } else if (conflict.field == nullptr && choice.value.text() != nullptr) {
    out["text"] = *choice.value.text();
  }
  json::array dots, settle;
  for (const auto& dot : choice.dots) dots.emplace_back(model::to_text(dot));
  out["dots"] = std::move(dots);
  if (choice.stamp) {
    const auto entity = picture.find(choice.entity);
    out["stamp"] = stamp_json(*choice.stamp, entity != nullptr ? entity->arrived : choice.stamp->time.time(), name_of);
    out["entity"] = model::to_text(choice.entity);
    out["display"] = display_of(picture, choice.entity);
  }
  for (const auto& draft : choice.settle) {
    auto command = command_json(draft);
    if (!command) {
      settle.clear();  // a part of a settlement is none
      break;
    }
    settle.push_back(std::move(*command));
  }
  if (!settle.empty()) out["settle"] = std::move(settle);
  return out;
}

}  // namespace

std::optional<json::object> command_json(const model::Draft& draft) {
  const auto* record = model::find_record(draft.record);
  if (record == nullptr) return std::nullopt;
  json::array writes;
  for (const auto& write : draft.writes) {
    const auto* field = model::find_field(draft.record, write.key);
    if (field == nullptr) return std::nullopt;
    auto value = to_json(field, write.value);
    const auto back = value_from_json(*field, value);
    if (!back || *back != write.value) return std::nullopt;
    json::array replaces;
    for (const auto& dot : write.replaced) replaces.emplace_back(model::to_text(dot));
    writes.push_back(
        json::object{{"field", field->name}, {"value", std::move(value)}, {"replaces", std::move(replaces)}});
  }
  json::object out{{"record", record->name}, {"writes", std::move(writes)}};
  out["entity"] = draft.entity ? json::value(model::to_text(*draft.entity)) : json::value(nullptr);
  return out;
}

json::object conflict_json(const picture::Conflict& conflict, const picture::Picture& picture, const NameOf& name_of) {
  json::object out{{"kind", picture::name_of(conflict.kind)},
                   {"class", static_cast<int>(conflict.cls)},
                   {"why", why_of(conflict.kind)}};
  if (conflict.about) {
    out["about"] = name_of(*conflict.about);
  } else {
    const auto* record = model::find_record(conflict.record);
    out["entity"] = model::to_text(conflict.entity);
    out["record"] = record != nullptr ? std::string(record->name) : fmt::format("record_{}", conflict.record);
    out["display"] = display_of(picture, conflict.entity);
    out["title"] = title_of(picture, conflict.entity);
    out["field"] = conflict.field != nullptr ? conflict.field->name : "deleted";
  }
  if (conflict.newest) out["since_ms"] = ms_of(conflict.newest->time.time());
  json::array choices;
  for (const auto& choice : conflict.choices) choices.push_back(choice_json(conflict, choice, picture, name_of));
  out["choices"] = std::move(choices);
  return out;
}

json::object conflicts_json(const picture::Picture& picture) {
  const NameOf names = [&](const model::KeyId& id) { return picture.roster().name_of(id); };
  const auto found = picture::conflicts_of(picture);
  json::array list;
  std::size_t urgent = 0;
  for (const auto& conflict : found) {
    urgent += conflict.cls == model::Class::Urgent ? 1 : 0;
    if (list.size() < conflicts_listed_max) list.push_back(conflict_json(conflict, picture, names));
  }
  return {{"conflicts", std::move(list)}, {"count", found.size()}, {"urgent", urgent}};
}

}  // namespace airbridge::api
