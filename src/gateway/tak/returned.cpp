// What comes back of what clients were told.
#include <algorithm>

#include "gateway/tak/cot_to_model.hpp"
#include "gateway/tak/model_to_cot.hpp"
#include "model/geometry.hpp"

namespace airbridge::gateway::tak {

using model::RecordKind;

namespace {

const model::Value* value_in(const model::Draft& draft, std::string_view field) {
  const auto* spec = model::find_field(draft.record, field);
  for (const auto& write : draft.writes) {
    if (spec != nullptr && write.key == spec->key()) return &write.value;
  }
  return nullptr;
}

// Remarks without the words of codes that to_cot() puts before them: "severe raised; smoke" is "smoke".
std::string behind_codes(std::string_view text, RecordKind record) {
  const auto end = std::min(text.find("; "), text.size());
  for (std::size_t from = 0; from < end;) {
    const auto space = std::min(text.find(' ', from), end);
    const auto word = text.substr(from, space - from);
    const auto is_code = [&](std::string_view field) {
      const auto* spec = model::find_field(static_cast<std::uint16_t>(record), field);
      return spec != nullptr && model::find_code(*spec, word) != nullptr;
    };
    if (!word.empty() && !is_code("severity") && !is_code("state")) return std::string(text);
    from = space + 1;
  }
  return std::string(text.substr(std::min(end + 2, text.size())));
}

// "HAZARD fire Old barn" is "Old barn".
std::string behind_hazard(std::string_view callsign) {
  constexpr std::string_view word = "HAZARD ";
  if (!callsign.starts_with(word)) return std::string(callsign);
  const auto space = callsign.find(' ', word.size());
  return std::string(space == callsign.npos ? std::string_view() : callsign.substr(space + 1));
}

// TAK has markers and shapes for what are hazards, requests and units here: the same values under the record's fields.
class Fitter {
 public:
  Fitter(model::Draft& from, RecordKind record) : from_(from) {
    to_ = from;
    to_.record = static_cast<std::uint16_t>(record);
    to_.writes.clear();
  }
  void take(std::string_view field, std::string_view as) {
    if (const auto* value = value_in(from_, field)) set(as, *value);
  }
  template <class Shorten>
  void take_text(std::string_view field, std::string_view as, Shorten shorten) {
    const auto* value = value_in(from_, field);
    if (value == nullptr || value->text() == nullptr) return;
    if (std::string text = shorten(*value->text()); !text.empty()) set(as, std::move(text));
  }
  void set(std::string_view field, model::Value value) {
    if (const auto* spec = model::find_field(to_.record, field))
      to_.writes.push_back({spec->key(), std::move(value), {}});
  }
  model::Draft finish() { return std::move(to_); }

 private:
  const model::Draft& from_;
  model::Draft to_;
};

std::optional<model::Draft> fitted(model::Draft draft, const RecordState& state) {
  const auto record = state.record;
  const auto remarks = [record](std::string_view text) { return behind_codes(text, record); };
  if (draft.record == static_cast<std::uint16_t>(record)) {
    if (record != RecordKind::Site) return draft;
    const auto* open = model::find_field(draft.record, "state");
    if (state.value(*open) == nullptr) return draft;
    for (auto& write : draft.writes) {
      if (write.key == model::find_field(draft.record, "note")->key() && write.value.text() != nullptr)
        write.value = remarks(*write.value.text());
    }
    return draft;
  }
  if (draft.record != static_cast<std::uint16_t>(RecordKind::Site)) return std::nullopt;
  Fitter fit(draft, record);
  switch (record) {
    case RecordKind::Hazard:
      if (value_in(draft, "geometry") != nullptr) {
        fit.take("geometry", "geometry");
      } else if (const auto* value = value_in(draft, "place")) {
        if (const auto place = model::place_of(*value))
          fit.set("geometry", model::to_value(model::Geometry{model::Shape::Point, {place->position}}));
      }
      fit.take_text("name", "name", behind_hazard);
      fit.take_text("note", "note", remarks);
      break;
    case RecordKind::Request:
      fit.take("place", "place");
      fit.take("note", "text");
      break;
    case RecordKind::Unit:
      fit.take("place", "place");
      fit.take("name", "callsign");
      fit.take("note", "note");
      break;
    default:
      return std::nullopt;
  }
  return fit.finish();
}

bool is_deletion(const model::Draft& draft) {
  return draft.writes.size() == 1 && draft.writes.front().key.rule() == model::MergeRule::Tombstone;
}

// Of the incident's people, grants and plans TAK clients know nothing.
bool is_told(RecordKind record) {
  switch (record) {
    case RecordKind::Site:
    case RecordKind::Hazard:
    case RecordKind::Casualty:
    case RecordKind::Request:
    case RecordKind::Unit:
    case RecordKind::Message:
      return true;
    default:
      return false;
  }
}

}  // namespace

Returned returned(model::Draft draft, const RecordState& state, UtcTime now) {
  if (!is_told(state.record)) return {};
  if (is_deletion(draft)) {
    draft.record = static_cast<std::uint16_t>(state.record);
    return {std::move(draft), {}};
  }
  Returned out;
  out.draft = fitted(std::move(draft), state);
  const auto xml = state.deleted ? std::nullopt : to_cot(state, now);
  const auto event =
      xml ? codec::cot::parse(*xml) : Result<codec::cot::Event, codec::cot::Fault>(failure(codec::cot::Fault{}));
  if (!out.draft || !event) return out;
  for (auto& said : to_drafts(*event, {.source = {}, .received = now, .xml = {}})) {
    if (said.entity != state.id) continue;
    if (auto fits = fitted(std::move(said), state)) out.told = std::move(fits->writes);
  }
  return out;
}

}  // namespace airbridge::gateway::tak
