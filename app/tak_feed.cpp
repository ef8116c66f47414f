#include "tak_feed.hpp"

#include "base/log.hpp"
#include "codec/cot/rewrite.hpp"
#include "gateway/tak/cot_to_model.hpp"
#include "gateway/tak/model_to_cot.hpp"

namespace airbridge::app {

namespace {

constexpr std::string_view area = "tak";

// The record as clients may see it. Points into `entity`.
gateway::tak::RecordState state_of(const picture::EntityView& entity, const model::KeyId& own, UtcTime now) {
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
  // Unless they said it themselves, here.
  const auto* report = entity.find("report");
  if (report != nullptr && report->acting.value.bytes() != nullptr && report->acting.stamp->via == model::Via::Tak &&
      report->acting.stamp->dot.writer.author == own)
    state.report = *report->acting.value.bytes();
  return state;
}

// What stands for a long time, the most important first; chat is said once.
constexpr model::RecordKind standing[] = {model::RecordKind::Request, model::RecordKind::Casualty,
                                          model::RecordKind::Hazard, model::RecordKind::Site, model::RecordKind::Unit};

// A distress call that was answered is not said again.
bool is_over(const picture::EntityView& entity) {
  const auto* state = entity.find("state");
  const auto* code = state == nullptr || state->spec == nullptr || state->acting.value.integer() == nullptr
                         ? nullptr
                         : model::find_code(*state->spec, *state->acting.value.integer());
  return code != nullptr && (code->name == "met" || code->name == "cancelled");
}

bool is_stale(ByteView xml, UtcTime now) {
  const auto envelope = codec::cot::scan(xml);
  return envelope && envelope->stale <= now;
}

bool can_tell(const picture::EntityView* entity) {
  return entity != nullptr && entity->spec != nullptr && !entity->placeholder;
}

}  // namespace

void TakFeed::take(const std::vector<gateway::tak::TakReport>& reports) {
  for (const auto& report : reports) {
    for (const auto& draft : report.drafts) {
      ledger_.report(
          draft,
          [this, uid = report.uid](model::Draft said, const picture::EntityView* shown) {
            return meet(std::move(said), shown, uid);
          },
          [this, uid = report.uid, id = *draft.entity](const Reported& done) {
            if (!done.result)
              log::warn(area, "could not keep what a client sent",
                        {{"uid", uid}, {"why", done.result.error().message}});
            if (!done.overruled) return;
            const auto picture = ledger_.publish();
            const auto entity = picture->find(id);
            if (can_tell(entity.get()) && !entity->deleted) tell(*entity, *picture, Times::AsSaid);
          });
    }
  }
}

Meeting TakFeed::meet(model::Draft draft, const picture::EntityView* shown, const std::string& uid) const {
  const auto now = clock_.now().utc;
  if (can_tell(shown)) {
    const auto record = draft.record;
    auto met = gateway::tak::returned(std::move(draft), state_of(*shown, own_, now), now);
    if (!met.draft)
      log::warn(area, "a client's message does not fit the record it names",
                {{"uid", uid}, {"record", shown->spec->name}, {"as", model::find_record(record)->name}});
    return {std::move(met.draft), std::move(met.told)};
  }
  const bool removes = draft.writes.size() == 1 && draft.writes.front().key.rule() == model::MergeRule::Tombstone;
  if (removes || gateway::tak::own_entity_of(uid)) {
    log::info(area, "a client names a record that is not here", {{"uid", uid}});
    return {};
  }
  return {std::move(draft), {}};
}

void TakFeed::show(const model::Observation& observation) {
  const auto now = clock_.now();
  if (!observation.ended) {
    if (told_.size() >= subjects_max) told_.clear();
    auto& last = told_[observation.subject];
    // A change of emergency does not wait.
    const bool same = last.emergency == observation.emergency;
    if (same && last.at != SteadyTime{} && now.steady - last.at < position_every) return;
    last = {now.steady, observation.emergency};
  }
  if (say(observation, now)) {
    held_positions_.erase(observation.subject);
  } else if (held_positions_.size() < held_positions_max || held_positions_.contains(observation.subject)) {
    held_positions_.insert_or_assign(observation.subject, observation);
  } else {
    ++dropped_;
  }
}

// False: the gateway is too far behind.
bool TakFeed::say(const model::Observation& observation, Now now) {
  if (observation.ended) {
    told_.erase(observation.subject);
    return ledger_.publish()->find_track(observation.subject) != nullptr ||
           server_.remove(observation.subject, gateway::tak::uid_of(observation.subject));
  }
  const auto xml = gateway::tak::to_cot(observation, now.utc);
  return xml.empty() || server_.broadcast(std::make_shared<const Bytes>(xml));
}

void TakFeed::show(const std::vector<model::EntityId>& changed) {
  if (changed.empty()) return;
  const auto picture = ledger_.publish();
  for (const auto& id : changed) {
    const auto entity = picture->find(id);
    if (!can_tell(entity.get())) continue;
    // What a client of ours sent went to the others at once, and is kept for joiners by the gateway.
    if (!entity->deleted && entity->updated && entity->updated->via == model::Via::Tak &&
        entity->updated->dot.writer.author == own_)
      continue;
    tell(*entity, *picture, Times::AsSaid);
  }
}

void TakFeed::tell(const picture::EntityView& entity, const picture::Picture& picture, Times time) {
  const auto now = clock_.now().utc;
  auto state = state_of(entity, own_, now);
  bool is_said = true;
  if (entity.deleted) {
    is_said = server_.remove(entity.id, gateway::tak::uid_of(state));
  } else {
    if (entity.updated) state.author = picture.roster().name_of(entity.updated->dot.writer.author);
    auto xml = gateway::tak::to_cot(state, now);
    if (!xml) return;
    // A message as it came may have run out since, while its record stands.
    if (time == Times::New || is_stale(*xml, now))
      xml = codec::cot::restamp(*xml, now, now + gateway::tak::record_lifetime);
    is_said = server_.broadcast(std::make_shared<const Bytes>(std::move(*xml)));
  }
  if (is_said) {
    held_records_.erase(entity.id);
  } else if (held_records_.size() < held_records_max) {
    held_records_.insert(entity.id);
  } else {
    ++dropped_;
  }
}

void TakFeed::say_held() {
  const auto picture = held_records_.empty() ? nullptr : ledger_.publish();
  while (!held_records_.empty()) {
    const auto id = *held_records_.begin();
    held_records_.erase(held_records_.begin());
    const auto entity = picture->find(id);
    if (can_tell(entity.get())) tell(*entity, *picture, Times::AsSaid);
    if (held_records_.contains(id)) return;
  }
  while (!held_positions_.empty() && say(held_positions_.begin()->second, clock_.now()))
    held_positions_.erase(held_positions_.begin());
}

void TakFeed::renew() {
  say_held();
  const auto now = clock_.now().steady;
  if (to_renew_.empty() && seeded_ && now - renewed_ < renew_every) return;
  const auto picture = ledger_.publish();
  if (to_renew_.empty()) {
    batch_ = seeded_ ? renew_batch : seed_batch;
    seeded_ = true;
    renewed_ = now;
    // Which of them can be told is looked at when their turn comes.
    std::array<std::vector<model::EntityId>, std::size(standing)> by_kind;
    picture->entities().for_each_row([&](const picture::EntityRow& row) {
      for (std::size_t kind = 0; kind < by_kind.size(); ++kind) {
        if (row.record == static_cast<std::uint16_t>(standing[kind]) && !row.deleted &&
            by_kind[kind].size() < renewed_max)
          by_kind[kind].push_back(row.id);
      }
    });
    for (const auto& ids : by_kind) {
      const auto room = renewed_max - to_renew_.size();
      to_renew_.insert(to_renew_.end(), ids.begin(),
                       ids.begin() + static_cast<std::ptrdiff_t>(std::min(room, ids.size())));
    }
  }
  for (std::size_t i = 0; i < batch_ && !to_renew_.empty(); ++i) {
    const auto entity = picture->find(to_renew_.front());
    to_renew_.pop_front();
    if (can_tell(entity.get()) && !entity->deleted && !is_over(*entity)) tell(*entity, *picture, Times::New);
  }
}

}  // namespace airbridge::app
