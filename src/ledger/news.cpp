#include "ledger/news.hpp"

#include <algorithm>
#include <cstring>

#include "base/hash.hpp"

namespace airbridge::ledger {
namespace {

std::uint64_t hash_of(const model::Write& write) {
  const auto bytes = model::encode_writes({{write.key, write.value, {}}}, model::Dot{});
  const auto hash = blake2b<8>({bytes});
  std::uint64_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

void cut_replaced(model::Write& write) {
  if (write.replaced.size() > model::replaced_max) write.replaced.resize(model::replaced_max);
}

// One field of a message against all that is known of it.
class Field {
 public:
  Field(const picture::FieldView& shown, model::Via via, const std::vector<PastEvent>& past)
      : shown_(shown), via_(via), past_(past) {
    look_at(shown.acting);
    for (const auto& choice : shown.alternatives) look_at(choice);
  }

  // What this way said last: it stands in the picture, or in the log behind what a person wrote over it.
  const model::Value* last_said() {
    if (standing_ != nullptr) return &standing_->value;
    const auto* write = last_written();
    return write == nullptr ? nullptr : &write->value;
  }
  // The dots of what this way said.
  std::vector<model::Dot> own_dots() {
    std::vector<model::Dot> out;
    if (standing_ != nullptr) {
      for (const auto& dot : standing_->dots) {
        if (dot == standing_->stamp->dot || came_by(dot)) out.push_back(dot);
      }
    } else if (last_written() != nullptr) {
      out.push_back(written_->dot);
    }
    return out;
  }
  bool was_ever(const model::Value& value) const {
    return std::any_of(past_.begin(), past_.end(), [&](const PastEvent& event) { return says(event, value); });
  }
  bool was_said(const model::Value& value) const {
    return std::any_of(past_.begin(), past_.end(),
                       [&](const PastEvent& event) { return event.via == via_ && says(event, value); });
  }

 private:
  bool says(const PastEvent& event, const model::Value& value) const {
    return std::any_of(event.writes.begin(), event.writes.end(),
                       [&](const auto& write) { return write.key == shown_.key && write.value == value; });
  }
  void look_at(const picture::Choice& choice) {
    if (!choice.stamp || choice.stamp->via != via_) return;
    if (standing_ == nullptr || picture::is_earlier(*standing_->stamp, *choice.stamp)) standing_ = &choice;
  }
  bool came_by(const model::Dot& dot) const {
    return std::any_of(past_.begin(), past_.end(),
                       [&](const PastEvent& event) { return event.dot == dot && event.via == via_; });
  }
  const model::Write* last_written() {
    for (const auto& event : past_) {
      if (event.via != via_) continue;
      for (const auto& write : event.writes) {
        if (write.key != shown_.key) continue;
        written_ = &event;
        return &write;
      }
    }
    return nullptr;
  }

  const picture::FieldView& shown_;
  const model::Via via_;
  const std::vector<PastEvent>& past_;
  const picture::Choice* standing_ = nullptr;
  const PastEvent* written_ = nullptr;
};

bool holds(const picture::FieldView* field, const model::Value& value) {
  return field != nullptr && std::any_of(field->values.begin(), field->values.end(),
                                         [&](const picture::Choice& choice) { return choice.value == value; });
}

// Whether the picture alone does not answer for every field: it does where the last write came this way, by one event.
bool needs_past(const model::Draft& draft, const picture::EntityView& shown,
                const std::map<model::FieldKey, std::uint64_t>& said) {
  return std::any_of(draft.writes.begin(), draft.writes.end(), [&](const model::Write& write) {
    if (write.key.rule() == model::MergeRule::Tombstone) return false;
    const auto* field = shown.find(write.key);
    if (write.key.rule() == model::MergeRule::OrSet) return field != nullptr && !holds(field, write.value);
    if (model::holds_many(write.key.rule())) return false;
    if (field == nullptr || field->acting.dots.empty()) return false;
    if (field->acting.value == write.value && field->alternatives.empty()) return false;
    if (const auto before = said.find(write.key); before != said.end() && before->second == hash_of(write))
      return false;
    return !(field->alternatives.empty() && field->acting.stamp && field->acting.stamp->via == draft.via &&
             field->acting.dots.size() == 1);
  });
}

}  // namespace

News::Said& News::remembered(const model::EntityId& id) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) {
    records_.splice(records_.end(), records_, found->second);
    return found->second->said;
  }
  if (records_.size() >= records_max) {
    by_id_.erase(records_.front().id);
    records_.pop_front();
  }
  records_.push_back({id, {}});
  by_id_.emplace(id, std::prev(records_.end()));
  return records_.back().said;
}

void News::forget(const model::EntityId& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  records_.erase(found->second);
  by_id_.erase(found);
}

NewsOf News::of(model::Draft draft, const picture::EntityView* shown, std::span<const model::Write> told) {
  NewsOf out;
  if (!draft.entity) {
    out.draft = std::move(draft);
    return out;
  }
  auto& said = remembered(*draft.entity);
  const auto past =
      shown != nullptr && needs_past(draft, *shown, said) ? past_(*draft.entity) : std::vector<PastEvent>();
  std::vector<model::Write> news;
  for (auto& write : draft.writes) {
    const auto rule = write.key.rule();
    if (rule == model::MergeRule::Tombstone) {
      if (shown != nullptr && shown->deleted) continue;
      if (shown != nullptr) write.replaced = shown->coverage;
      news.push_back(std::move(write));
      continue;
    }
    const auto* view = shown == nullptr ? nullptr : shown->find(write.key);
    if (model::holds_many(rule)) {
      // What somebody took out of a set does not come back by being repeated.
      const bool taken_out =
          view != nullptr && rule == model::MergeRule::OrSet && Field(*view, draft.via, past).was_said(write.value);
      const bool is_old = rule != model::MergeRule::Counter && (holds(view, write.value) || taken_out);
      if (!is_old) news.push_back(std::move(write));
      continue;
    }
    const auto hash = hash_of(write);
    const auto before = said.find(write.key);
    const bool repeated = before != said.end() && before->second == hash;
    const bool remembers = before != said.end();
    said[write.key] = hash;
    const auto in_told =
        std::find_if(told.begin(), told.end(), [&](const auto& other) { return other.key == write.key; });
    const bool is_echo = in_told != told.end() && in_told->value == write.value;
    if (view == nullptr || view->acting.dots.empty()) {
      if (!is_echo) news.push_back(std::move(write));
      continue;
    }
    if (view->acting.value == write.value && view->alternatives.empty()) continue;
    Field field(*view, draft.via, past);
    const auto* last = field.last_said();
    write.replaced = field.own_dots();
    bool is_old = repeated || is_echo || (!remembers && last != nullptr && *last == write.value);
    if (!is_old && write.replaced.empty() && rule == model::MergeRule::Ranked) {
      // Made by a person, and never spoken of this way: a client changes what it was shown. What it shows from an
      // earlier time is no change; of the rest the picture shows one, and keeps the others beside it.
      is_old = field.was_ever(write.value);
      if (in_told != told.end() && in_told->value == view->acting.value) write.replaced = view->acting.dots;
    }
    if (is_old) {
      out.overruled |= !is_echo && in_told != told.end();
      continue;
    }
    cut_replaced(write);
    news.push_back(std::move(write));
  }
  draft.writes = std::move(news);
  out.draft = std::move(draft);
  return out;
}

}  // namespace airbridge::ledger
