// Own events: commands of people, reports of gateways, and what is said when they are durable.
#include <fmt/format.h>

#include <algorithm>

#include "base/hash.hpp"
#include "ledger/ledger.hpp"

namespace airbridge::ledger {

namespace {

constexpr std::size_t past_events_max = 256;  // looked at for what a gateway said before

std::array<std::uint8_t, 32> digest_of(const model::Draft& draft) {
  const auto writes = model::encode_writes(draft.writes, model::Dot{});
  const auto entity = draft.entity ? model::to_text(*draft.entity) : std::string();
  return blake2b<32>({as_bytes(fmt::format("{} {} ", draft.record, entity)), writes});
}

// The author spreads a long tombstone over several events: together they are the one write that was asked for.
std::vector<model::Write> joined(std::vector<model::Write> writes) {
  std::vector<model::Write> out;
  for (auto& write : writes) {
    const auto first = std::ranges::find_if(out, [&](const model::Write& other) {
      return write.key.rule() == model::MergeRule::Tombstone && other.key == write.key && other.value == write.value;
    });
    if (first == out.end()) {
      out.push_back(std::move(write));
    } else {
      first->replaced.insert(first->replaced.end(), write.replaced.begin(), write.replaced.end());
    }
  }
  for (auto& write : out) {
    if (write.key.rule() == model::MergeRule::Tombstone) std::ranges::sort(write.replaced);
  }
  return out;
}

}  // namespace

Refusal Ledger::disk_refusal() const {
  return {Refused::DiskRefuses,
          "nothing was written: " + (!refusing_.empty()    ? refusing_
                                     : !low_space_.empty() ? low_space_
                                                           : std::string("a write before this one failed")),
          "", "free some space; reading, links and the page go on"};
}

Refusal Ledger::numbers_in_doubt(const std::string& why) {
  return {Refused::Busy, "a new incarnation is being recorded: " + why, "", "try again in a second, with the same id"};
}

std::optional<CommandResult> Ledger::answer_known(const model::Draft& draft) {
  if (!draft.command) return std::nullopt;
  bool all = true;
  auto dots = around_.read([&](store::Log& log) {
    all = log.remembers_all_commands();
    return log.command(*draft.command);
  });
  if (dots.empty() && !all) dots = around_.older_command(*draft.command);  // older than the log remembers
  if (dots.empty()) return std::nullopt;
  CommandDone done;
  done.dots = dots;
  done.repeated = true;
  done.cls = dots.front().cls;
  std::vector<model::Write> found;
  bool same = true, lost = false;
  for (const auto& dot : dots) {
    const auto entry = around_.read([&](store::Log& log) { return log.read_entry(dot.stream(), dot.seq); });
    if (!entry) {
      lost = true;  // damaged; what is left must fit
      continue;
    }
    const auto event = fold_event(entry->entry);
    if (!event.event) continue;
    done.entity = event.event->entity;
    same = same && event.event->record == draft.record && (!draft.entity || *draft.entity == done.entity);
    found.insert(found.end(), event.event->writes.begin(), event.event->writes.end());
    found.insert(found.end(), event.private_writes.begin(), event.private_writes.end());
  }
  found = joined(std::move(found));
  const auto wanted = joined(draft.writes);
  const auto said = [&](const model::Write& write) {
    // Of a tombstone in several events a part may be lost.
    return std::ranges::any_of(wanted, [&](const model::Write& other) {
      return other == write || (lost && write.key.rule() == model::MergeRule::Tombstone && other.key == write.key &&
                                other.value == write.value);
    });
  };
  if (!same || (!lost && found.size() != wanted.size()) || !std::ranges::all_of(found, said)) {
    return CommandResult(failure(
        Refusal{Refused::IdUsed, "this id was used for another command", "id", "make a new id for each command"}));
  }
  const auto* spec = model::find_record(draft.record);
  done.display = fmt::format("{}-{}", spec != nullptr ? spec->letter : '?', model::display_code(done.entity));
  return CommandResult(std::move(done));
}

std::optional<Refusal> Ledger::check_states(const model::Draft& draft) {
  if (!draft.entity) return std::nullopt;
  const auto shown = publish();
  const auto entity = shown->find(*draft.entity);
  for (const auto& write : draft.writes) {
    const auto* to = write.value.integer();
    if (write.key.rule() != model::MergeRule::StateMachine || to == nullptr || entity == nullptr) continue;
    const auto* field = entity->find(write.key);
    const auto* from = field != nullptr ? field->acting.value.integer() : nullptr;
    // A conflict may be settled to any of the values that stand.
    if (from == nullptr || field->conflict || model::transition_allowed(draft.record, *from, *to)) continue;
    const auto* spec = field->spec;
    const auto word = [&](std::int64_t code) {
      const auto* known = spec != nullptr ? model::find_code(*spec, code) : nullptr;
      return known != nullptr ? std::string(known->name) : fmt::format("{}", code);
    };
    return Refusal{
        Refused::NotAllowed,
        fmt::format("{} cannot go from {} to {}", spec != nullptr ? spec->name : "state", word(*from), word(*to)),
        spec != nullptr ? std::string(spec->name) : "", "somebody may have changed it meanwhile: look again"};
  }
  return std::nullopt;
}

void Ledger::command(model::Draft draft, std::function<void(CommandResult)> done) {
  if (!open_) return done(failure(Refusal{Refused::Stopping, "the node is stopping", "", ""}));
  if (draft.command) {
    if (auto known = answer_known(draft)) return done(std::move(*known));
    if (const auto found = commands_.find(*draft.command); found != commands_.end()) {
      if (found->second.digest != digest_of(draft)) {
        return done(failure(
            Refusal{Refused::IdUsed, "this id is in use for another command", "id", "make a new id for each command"}));
      }
      found->second.done.push_back([done = std::move(done)](CommandResult result) {
        if (result) result->repeated = true;
        done(std::move(result));
      });
      return;
    }
  }
  if (auto refused = check_states(draft)) return done(failure(std::move(*refused)));
  if (!draft.command) return write(draft, std::move(done));
  const auto id = *draft.command;
  commands_.emplace(id, Command{digest_of(draft), {std::move(done)}});
  write(draft, [this, id](const CommandResult& result) {
    const auto node = commands_.extract(id);
    for (auto& answer : node.mapped().done) answer(result);
  });
}

void Ledger::report(model::Draft draft, Meet meet, std::function<void(const Reported&)> done) {
  if (!open_) return done({failure(Refusal{Refused::Stopping, "the node is stopping", "", ""})});
  const auto entity = *draft.entity;
  // One after the other about one thing: the next must see what the one before wrote.
  if (const auto back = reports_.put({std::move(draft), std::move(meet), std::move(done)}))
    return back->done({failure(Refusal{Refused::Busy, "too many reports wait for the disk", "", "try again"})});
  if (!reporting_.contains(entity)) next_report(entity);
}

void Ledger::next_report(const model::EntityId& entity) {
  reporting_.erase(entity);
  auto report = reports_.take(entity);
  if (!report) return;
  auto& [draft, meet, done] = *report;
  reporting_.insert(entity);
  const auto picture = fold_.publish();
  const auto shown = picture->find(entity);
  auto meeting = meet(std::move(draft), shown.get());
  NewsOf news;
  if (meeting.draft) news = news_.of(std::move(*meeting.draft), shown.get(), meeting.told);
  // Later, for a refusal comes at once: a long queue must not become a deep stack.
  const auto go_on = [this, entity] {
    around_.after(Milliseconds(0), while_open([this, entity] { next_report(entity); }));
  };
  if (news.draft.writes.empty()) {
    done({CommandDone{entity, "", {}, model::Class::Routine, false}, news.overruled});
    return go_on();
  }
  write(news.draft,
        [this, entity, go_on, overruled = news.overruled, finish = std::move(done)](const CommandResult& result) {
          if (!result) news_.forget(entity);
          finish({result, overruled});
          go_on();
        });
}

// The latest events about a record, for News.
std::vector<PastEvent> Ledger::past_of(const model::EntityId& entity) {
  std::vector<PastEvent> out;
  for (const auto& found : around_.latest(entity, past_events_max)) {
    const auto event = fold_event(found.entry, found.arrival, found.time);
    if (!event.event) continue;
    out.push_back({event.dot, event.event->via, event.event->writes});
    out.back().writes.insert(out.back().writes.end(), event.private_writes.begin(), event.private_writes.end());
  }
  return out;
}

void Ledger::write(const model::Draft& draft, std::function<void(CommandResult)> done) {
  if (failing_ || !refusing_.empty() || !low_space_.empty()) return done(failure(disk_refusal()));
  if (!renewing_.empty()) return done(failure(numbers_in_doubt(renewing_)));
  const auto quality = options_.clock_quality ? options_.clock_quality() : model::ClockQuality::Rtc;
  auto made = author_.make(draft, around_.now().utc, quality);
  if (!made) {
    const auto& fault = made.error().faults.front();
    return done(failure(Refusal{Refused::Invalid, fault.message, fault.field, fault.hint}));
  }
  const auto authored = std::make_shared<Authored>();
  authored->entries = std::move(*made);
  const auto command = draft.command.value_or(model::CommandId{});
  const auto now = around_.now().utc;
  ++in_flight_;
  const auto submitted = around_.submit(
      [authored, command, now, own = author_.writer().author](store::Log& log) -> store::StoreResult<void> {
        // Behind a hole that reading has come upon meanwhile nobody would ever get it.
        if (auto why = log.why_new_incarnation(own); !why.empty())
          return store::store_failure(store::StoreFault::Damaged, std::move(why));
        for (const auto& one : authored->entries) {
          const auto entry = log.append_entry(one.entry, command, now);
          if (!entry) return failure(entry.error());
          if (const auto seal = log.append_seal(one.seal, now); !seal) return failure(seal.error());
          authored->arrivals.push_back(entry->arrival);
        }
        return {};
      },
      {},
      while_open([this, authored, done](const store::DurableResult& outcome) { written(*authored, outcome, done); }));
  if (!submitted) {
    --in_flight_;
    author_.take_back(authored->entries);
    done(failure(Refusal{Refused::Busy, submitted.error().what, "", "try again in a second, with the same id"}));
  }
}

void Ledger::written(const Authored& authored, const store::DurableResult& outcome,
                     const std::function<void(CommandResult)>& done) {
  --in_flight_;
  disk_said(outcome);
  if (!outcome) {
    failing_ = true;
    done(failure(outcome.error().fault == store::StoreFault::Damaged ? numbers_in_doubt(outcome.error().what)
                                                                     : disk_refusal()));
    if (in_flight_ == 0) recover();
    return;
  }
  CommandDone result;
  std::vector<model::EntityId> changed;
  for (std::size_t i = 0; i < authored.entries.size(); ++i) {
    const auto& made = authored.entries[i];
    picture::FoldEvent event;
    event.dot = made.entry.dot();
    event.event = std::make_shared<const model::Event>(made.event);
    event.private_state = made.private_writes.empty() ? picture::PrivateState::None : picture::PrivateState::Here;
    event.private_writes = made.private_writes;
    event.bytes = made.entry.size();
    event.arrival = authored.arrivals[i];
    event.arrived = around_.now().utc;
    fold_.apply(event);
    provisional_.apply(event);
    result.entity = made.event.entity;
    result.dots.push_back(event.dot);
    result.cls = std::min(result.cls, event.dot.cls);
    changed.push_back(made.event.entity);
  }
  const auto* spec = model::find_record(authored.entries.front().event.record);
  result.display = fmt::format("{}-{}", spec != nullptr ? spec->letter : '?', model::display_code(result.entity));
  folded(std::move(changed), outcome->last);
  done(std::move(result));
  if (failing_ && in_flight_ == 0) recover();
}

}  // namespace airbridge::ledger
