#include "picture/conflicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "model/coverage.hpp"

namespace airbridge::picture {
namespace {
using model::Dot;
using model::EntityId;
using model::MergeRule;
using model::Value;

model::FieldKey deleted_key() { return model::FieldKey::of(model::field::deleted, MergeRule::Tombstone); }

std::vector<Dot> merged(std::vector<Dot> dots) {
  std::sort(dots.begin(), dots.end());
  dots.erase(std::unique(dots.begin(), dots.end()), dots.end());
  return dots;
}

std::vector<Dot> all_dots(const FieldView& field) {
  std::vector<Dot> out;
  const auto add = [&](const Choice& choice) { out.insert(out.end(), choice.dots.begin(), choice.dots.end()); };
  if (field.key.rule() == MergeRule::Versions) {
    for (const auto& head : field.values) add(head);
  } else {
    add(field.acting);
    for (const auto& other : field.alternatives) add(other);
  }
  return merged(std::move(out));
}

model::Draft draft_of(const EntityView& entity, model::FieldKey key, Value value, std::vector<Dot> replaced) {
  model::Draft draft;
  draft.record = entity.record;
  draft.entity = entity.id;
  draft.writes = {{key, std::move(value), std::move(replaced)}};
  return draft;
}

void finish(Conflict& conflict, std::vector<Conflict>& out) {
  for (const auto& choice : conflict.choices) {
    if (choice.stamp && (!conflict.newest || is_earlier(*conflict.newest, *choice.stamp)))
      conflict.newest = choice.stamp;
    if (conflict.field == nullptr) continue;
    conflict.cls = std::min(conflict.cls, model::class_of(conflict.record, {conflict.field->key(), choice.value, {}}));
  }
  out.push_back(std::move(conflict));
}

std::vector<const Choice*> choices_of(const FieldView& field) {
  std::vector<const Choice*> choices;
  if (field.key.rule() == MergeRule::Versions) {
    for (const auto& head : field.values) choices.push_back(&head);
  } else {
    choices.push_back(&field.acting);
    for (const auto& other : field.alternatives) choices.push_back(&other);
  }
  return choices;
}

void add_field(const EntityView& entity, const FieldView& field, std::vector<Conflict>& out) {
  const auto choices = choices_of(field);
  if (choices.size() < 2) return;  // in conflict for a claim of another record: see add_clashes
  Conflict conflict;
  conflict.kind = field.key.rule() == MergeRule::Versions ? ConflictKind::Versions : ConflictKind::Values;
  conflict.entity = entity.id;
  conflict.record = entity.record;
  conflict.field = field.spec;
  const auto dots = all_dots(field);
  for (const auto* choice : choices) {
    conflict.choices.push_back(
        {choice->value, choice->dots, choice->stamp, entity.id, {draft_of(entity, field.key, choice->value, dots)}});
  }
  finish(conflict, out);
}

// Who gives the unit up keeps what else it may have claimed at the same time.
model::Draft without(const EntityView& task, const FieldView& field, const EntityId& unit) {
  Value rest;
  const auto look = [&](const Choice& choice) {
    if (rest.is_null() && choice.value != Value(unit)) rest = choice.value;
  };
  look(field.acting);
  for (const auto& other : field.alternatives) look(other);
  return draft_of(task, field.key, std::move(rest), all_dots(field));
}

const Choice* claim_of(const FieldView& field, const EntityId& unit) {
  if (field.acting.value == Value(unit)) return &field.acting;
  for (const auto& other : field.alternatives) {
    if (other.value == Value(unit)) return &other;
  }
  return nullptr;
}

void add_clashes(const std::map<EntityId, std::vector<EntityPtr>>& claimed, std::vector<Conflict>& out) {
  for (const auto& [unit, tasks] : claimed) {
    Conflict conflict;
    conflict.kind = ConflictKind::Clash;
    conflict.entity = unit;
    for (const auto& task : tasks) {
      for (const auto& field : task->fields) {
        const auto* claim = field.key.rule() == MergeRule::Claim ? claim_of(field, unit) : nullptr;
        if (claim == nullptr) continue;
        conflict.record = task->record;
        conflict.field = field.spec;
        conflict.choices.push_back({task->id, claim->dots, claim->stamp, task->id, {}});
        break;
      }
    }
    if (conflict.choices.size() < 2) continue;
    for (auto& keeps : conflict.choices) {
      for (const auto& task : tasks) {
        if (task->id == keeps.entity) continue;
        for (const auto& field : task->fields) {
          if (field.key.rule() == MergeRule::Claim && claim_of(field, unit) != nullptr)
            keeps.settle.push_back(without(*task, field, unit));
        }
      }
    }
    // The earliest claim first: it is the one the later one did not know of.
    std::sort(conflict.choices.begin(), conflict.choices.end(),
              [](const auto& a, const auto& b) { return is_earlier(*a.stamp, *b.stamp); });
    finish(conflict, out);
  }
}

void add_revived(const EntityView& entity, std::vector<Conflict>& out) {
  Conflict conflict;
  conflict.kind = ConflictKind::Revived;
  conflict.entity = entity.id;
  conflict.record = entity.record;
  conflict.cls = model::Class::Important;
  conflict.choices.push_back({false,
                              {entity.revived_by->dot},
                              entity.revived_by,
                              entity.id,
                              {draft_of(entity, deleted_key(), false, entity.deletes)}});
  conflict.choices.push_back({true, entity.deletes, entity.deleted_by, entity.id, {}});
  // A list of what is seen that was cut cannot delete (view.hpp).
  if (entity.coverage.size() < model::coverage_max)
    conflict.choices.back().settle = {draft_of(entity, deleted_key(), true, entity.coverage)};
  finish(conflict, out);
}

// Two records of one person that say red and green are a contradiction, though each is clear in itself.
void add_same_as(const std::vector<EntityPtr>& group, std::vector<Conflict>& out) {
  for (const auto& spec : group.front()->spec->fields) {
    if (spec.rule != MergeRule::MultiValue) continue;
    Conflict conflict;
    conflict.kind = ConflictKind::SameAs;
    conflict.entity = group.front()->id;
    conflict.record = group.front()->record;
    conflict.field = &spec;
    struct Said {
      const EntityView* by;
      const FieldView* field;
    };
    std::vector<Said> said;
    for (const auto& entity : group) {
      const auto* field = entity->find(spec.key());
      if (field != nullptr && !field->acting.dots.empty() && !field->acting.value.is_null())
        said.push_back({entity.get(), field});
    }
    for (const auto& one : said) {
      const auto& acting = one.field->acting;
      const auto same = [&](const ConflictChoice& choice) { return choice.value == acting.value; };
      if (std::any_of(conflict.choices.begin(), conflict.choices.end(), same)) continue;
      ConflictChoice choice{acting.value, acting.dots, acting.stamp, one.by->id, {}};
      for (const auto& other : said) {
        if (other.field->acting.value != acting.value)
          choice.settle.push_back(draft_of(*other.by, other.field->key, acting.value, all_dots(*other.field)));
      }
      conflict.choices.push_back(std::move(choice));
    }
    if (conflict.choices.size() < 2) continue;
    std::sort(conflict.choices.begin(), conflict.choices.end(), [&](const auto& a, const auto& b) {
      const auto x = model::caution_of(&spec, a.value), y = model::caution_of(&spec, b.value);
      return x != y ? x > y : is_earlier(*a.stamp, *b.stamp);
    });
    finish(conflict, out);
  }
}

// A group is told of its first record. Which one that is the rows say; views are made of that one's group alone.
void add_groups(const Picture& picture, std::vector<Conflict>& out) {
  const auto records = picture.entities();
  const auto counts = [](const EntityRow* row, const EntityRow& as) {
    return row != nullptr && !row->deleted && row->record == as.record;
  };
  for (const auto* row : picture.linked().sorted_rows()) {
    if (row->deleted || model::find_record(row->record) == nullptr) continue;
    std::vector<const EntityRow*> members{row};
    bool is_first = true;
    for (const auto& id : row->context->same_as) {
      const auto* other = records.find_row(id);
      if (!counts(other, *row)) continue;
      is_first = is_first && row->id < id;
      members.push_back(other);
    }
    if (!is_first || members.size() < 2) continue;
    std::vector<EntityPtr> group;
    for (const auto* member : members) group.push_back(records.view(*member));
    add_same_as(group, out);
  }
}

void add_grants(const Picture& picture, std::vector<Conflict>& out) {
  for (const auto& about : picture.roster().contradictions()) {
    Conflict conflict;
    conflict.kind = ConflictKind::Grants;
    conflict.about = about.member;
    conflict.cls = model::Class::Urgent;
    for (const auto& grant : about.grants) {
      ConflictChoice choice;
      choice.value = fmt::format("{} \"{}\", says {}", trust::name_of(grant.role), grant.name,
                                 picture.roster().name_of(model::key_id_of(grant.issuer)));
      conflict.choices.push_back(std::move(choice));
    }
    finish(conflict, out);
  }
}

void add_forks(const Picture& picture, std::vector<Conflict>& out) {
  for (const auto& fork : picture.forks()) {
    Conflict conflict;
    conflict.kind = ConflictKind::Fork;
    conflict.about = fork.base.writer.author;
    conflict.cls = fork.base.cls;
    for (const auto& branch : fork.branches) {
      ConflictChoice choice;
      choice.value =
          fmt::format("{}: {} events from number {} on", model::to_text(branch.stream), branch.events, fork.from);
      conflict.choices.push_back(std::move(choice));
    }
    finish(conflict, out);
  }
}

// What the record contradicts itself in.
void add_own(const EntityView& entity, std::vector<Conflict>& out) {
  for (const auto& field : entity.fields) {
    if (field.conflict) add_field(entity, field, out);
  }
  if (entity.revived) add_revived(entity, out);
}

void add_between(const Picture& picture, std::vector<Conflict>& out) {
  std::map<EntityId, std::vector<EntityPtr>> claimed;  // by unit
  const auto records = picture.conflicts();
  for (const auto* row : records.sorted_rows()) {
    if (!row->context || row->context->clashes.empty()) continue;
    const auto entity = records.view(*row);
    for (const auto& clash : entity->clashes) {
      auto& tasks = claimed[clash.unit];
      if (tasks.empty() || tasks.back() != entity) tasks.push_back(entity);
    }
  }
  add_clashes(claimed, out);
  add_groups(picture, out);
  add_grants(picture, out);
  add_forks(picture, out);
}

ConflictCounts counted(const std::vector<Conflict>& conflicts) {
  ConflictCounts counts;
  counts.all = static_cast<std::uint32_t>(conflicts.size());
  for (const auto& conflict : conflicts) counts.urgent += conflict.cls == model::Class::Urgent ? 1 : 0;
  return counts;
}

}  // namespace

std::string_view name_of(ConflictKind kind) {
  static constexpr std::string_view names[] = {"values", "versions", "clash", "revived", "same_as", "grants", "fork"};
  return names[static_cast<std::size_t>(kind)];
}

// Without the drafts that would settle them, which name every dot for every choice.
ConflictCounts count_conflicts(const EntityView& entity) {
  ConflictCounts counts;
  for (const auto& field : entity.fields) {
    const auto choices = choices_of(field);
    if (!field.conflict || choices.size() < 2) continue;
    ++counts.all;
    const auto is_urgent = [&](const Choice* choice) {
      return model::class_of(entity.record, {field.key, choice->value, {}}) == model::Class::Urgent;
    };
    counts.urgent += std::any_of(choices.begin(), choices.end(), is_urgent) ? 1 : 0;
  }
  counts.all += entity.revived ? 1 : 0;
  return counts;
}

ConflictCounts count_conflicts(const Picture& picture) {
  std::vector<Conflict> out;
  add_between(picture, out);
  auto counts = counted(out);
  counts.all += picture.counts().own_conflicts.all;
  counts.urgent += picture.counts().own_conflicts.urgent;
  return counts;
}

std::vector<Conflict> conflicts_of(const Picture& picture) {
  std::vector<Conflict> out;
  picture.conflicts().for_each([&](const EntityView& entity) { add_own(entity, out); });
  add_between(picture, out);
  std::sort(out.begin(), out.end(), [](const Conflict& a, const Conflict& b) {
    if (a.cls != b.cls) return a.cls < b.cls;
    if ((a.newest == nullptr) != (b.newest == nullptr)) return a.newest == nullptr;
    if (a.newest && a.newest->dot != b.newest->dot) return is_earlier(*b.newest, *a.newest);
    const auto number = [](const Conflict& conflict) { return conflict.field != nullptr ? conflict.field->number : 0; };
    return std::tuple(a.entity, number(a), a.kind, a.about) < std::tuple(b.entity, number(b), b.kind, b.about);
  });
  return out;
}

}  // namespace airbridge::picture
