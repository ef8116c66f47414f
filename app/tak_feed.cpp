#include "tak_feed.hpp"

#include "base/log.hpp"
#include "gateway/tak/model_to_cot.hpp"

namespace airbridge::app {

namespace {

constexpr std::string_view area = "tak";

// The record as clients may see it. Points into `entity`.
gateway::tak::RecordState state_of(const picture::EntityView& entity, UtcTime now) {
  gateway::tak::RecordState state;
  state.id = entity.id;
  state.record = entity.spec->kind;
  state.deleted = entity.deleted;
  state.updated = entity.updated ? entity.updated->time.time() : now;
  state.value = [&entity](const model::FieldSpec& field) -> const model::Value* {
    if (field.privacy == model::Privacy::Private) return nullptr;  // TAK clients are not in the care group
    const auto* view = entity.find(field.key());
    return view != nullptr && !view->acting.value.is_null() ? &view->acting.value : nullptr;
  };
  return state;
}

bool can_tell(const picture::EntityView* entity) {
  return entity != nullptr && entity->spec != nullptr && !entity->placeholder;
}

}  // namespace

void TakFeed::take(const std::vector<gateway::tak::TakReport>& reports) {
  for (const auto& report : reports) {
    for (const auto& draft : report.drafts) {
      ledger_.report(
          draft, [this](model::Draft said, const picture::EntityView* shown) { return meet(std::move(said), shown); },
          [this, uid = report.uid, id = *draft.entity](const Reported& done) {
            if (!done.result)
              log::warn(area, "could not keep what a client sent",
                        {{"uid", uid}, {"why", done.result.error().message}});
            if (!done.overruled) return;
            const auto picture = ledger_.publish();
            const auto* entity = picture->find(id);
            if (can_tell(entity) && !entity->deleted) tell(*entity, *picture);
          });
    }
  }
}

Meeting TakFeed::meet(model::Draft draft, const picture::EntityView* shown) const {
  if (!can_tell(shown) || shown->deleted) return {std::move(draft), {}};
  const auto now = clock_.now().utc;
  auto told = gateway::tak::told(state_of(*shown, now), now);
  return {std::move(draft), std::move(told)};
}

void TakFeed::show(const model::Observation& observation) {
  const auto now = clock_.now();
  if (told_.size() >= subjects_max) told_.clear();
  auto& last = told_[observation.subject];
  if (last != SteadyTime{} && now.steady - last < position_every) return;
  last = now.steady;
  const auto xml = gateway::tak::to_cot(observation, now.utc);
  if (!xml.empty()) server_.broadcast(std::make_shared<const Bytes>(xml));
}

void TakFeed::show(const std::vector<model::EntityId>& changed) {
  if (changed.empty()) return;
  const auto picture = ledger_.publish();
  for (const auto& id : changed) {
    const auto* entity = picture->find(id);
    if (!can_tell(entity)) continue;
    if (entity->deleted) {
      server_.remove(id);
      continue;
    }
    // What a client of ours sent went to the others at once, and is kept for joiners by the gateway.
    if (entity->updated && entity->updated->via == model::Via::Tak && entity->updated->dot.writer.author == own_)
      continue;
    tell(*entity, *picture);
  }
}

void TakFeed::tell(const picture::EntityView& entity, const picture::Picture& picture) {
  const auto now = clock_.now().utc;
  auto state = state_of(entity, now);
  if (entity.updated) state.author = picture.roster().name_of(entity.updated->dot.writer.author);
  if (const auto xml = gateway::tak::to_cot(state, now)) server_.broadcast(std::make_shared<const Bytes>(*xml));
}

}  // namespace airbridge::app
