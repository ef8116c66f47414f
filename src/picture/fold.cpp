#include "picture/fold.hpp"

#include <algorithm>

namespace airbridge::picture {
namespace {
using model::Dot;
using model::EntityId;
using model::MergeRule;

constexpr std::size_t rows_due_min = 100;  // states that changed: their rows are not made one by one

bool is_membership(const model::Event& event) {
  return event.record == static_cast<std::uint16_t>(model::RecordKind::Membership);
}

// The grant a write carries, signature checked; nothing when it carries none.
std::optional<trust::Grant> grant_in(const model::Write& write, const model::IncidentId& incident) {
  static const auto key = model::find_field(static_cast<std::uint16_t>(model::RecordKind::Membership), "grant")->key();
  const auto* bytes = write.value.bytes();
  if (write.key != key || bytes == nullptr) return std::nullopt;
  auto grant = trust::decode_grant(*bytes);
  if (!grant || !trust::verify_grant(*grant, incident)) return std::nullopt;
  return *std::move(grant);
}

StampPtr stamp_of(const Dot& dot, const model::Event& event) {
  return std::make_shared<const Stamp>(Stamp{dot, event.time, event.quality, event.actor, event.via, event.source});
}

void insert_unique(std::vector<Dot>& dots, const Dot& dot) {
  const auto at = std::lower_bound(dots.begin(), dots.end(), dot);
  if (at == dots.end() || *at != dot) dots.insert(at, dot);
}
}  // namespace

Fold::Fold(const model::IncidentId& incident, const model::Genesis& genesis, FoldLimits limits)
    : incident_(incident),
      genesis_(genesis),
      limits_(limits),
      roster_(incident, genesis),
      keys_(std::make_shared<KeyTable>()),
      tracks_(limits.tracks_max) {
  auto empty = std::make_shared<Picture>();
  empty->roster_ = std::make_shared<const trust::Roster>(roster_);
  empty->withheld_ = std::make_shared<const std::vector<WithheldEvent>>();
  empty->forks_ = std::make_shared<const std::vector<Fork>>();
  published_ = std::move(empty);
}
Fold::~Fold() = default;
Fold::Fold(Fold&&) noexcept = default;
Fold& Fold::operator=(Fold&&) noexcept = default;

Verdict Fold::apply(const FoldEvent& in) {
  const auto verdict = take(in);
  make_rows_if_due();
  return verdict;
}

Verdict Fold::take(const FoldEvent& in) {
  if (in.branch.from != 0) return note_branch(in);
  if (is_cut(in.dot)) return Verdict::OnBranch;
  if (folded_.contains(in.dot)) {
    add_private_later(in);
    return Verdict::Repeated;
  }
  if (unreadable_.contains(in.dot)) return Verdict::Repeated;
  if (const auto held = withheld_.find(in.dot); held != withheld_.end()) {
    if (held->second.event && in.private_state == PrivateState::Here) {
      held->second.private_state = in.private_state;
      held->second.private_writes = in.private_writes;
    }
    return Verdict::Repeated;
  }
  if (!in.event) {
    unreadable_.add(in.dot);
    lists_changed_ = true;
    // Nobody need wait for it any more.
    if (const auto found = waiters_.find(in.dot); found != waiters_.end()) {
      for (const auto& id : found->second) touch(*find_state(id));
    }
    return Verdict::Unreadable;
  }
  const bool roster_changed = take_grants(in);
  auto verdict = Verdict::Folded;
  if (why_withheld(in)) {
    withhold(in);
    verdict = Verdict::Withheld;
  } else {
    fold_event(in);
  }
  if (roster_changed) after_roster_change();
  return verdict;
}

bool Fold::has_seen(const Dot& dot) const {
  return folded_.contains(dot) || unreadable_.contains(dot) || withheld_.contains(dot);
}

// --- who may write

bool Fold::take_grants(const FoldEvent& in) {
  if (!is_membership(*in.event)) return false;
  bool changed = false;
  for (const auto& write : in.event->writes) {
    const auto grant = grant_in(write, incident_);
    if (!grant) continue;
    auto& brought = grants_[in.dot];
    if (std::find(brought.begin(), brought.end(), *grant) == brought.end()) brought.push_back(*grant);
    changed = roster_.add(*grant) || changed;
  }
  // More may stand now of what the roster let go.
  if (changed && roster_.forgot()) offer_grants();
  return changed;
}

void Fold::offer_grants() {
  std::vector<trust::Grant> all;
  for (const auto& [dot, grants] : grants_) all.insert(all.end(), grants.begin(), grants.end());
  roster_.add_until_settled(all);
}

// A stranger's event is let in when it is nothing but grants that stand, about the members they name: grants prove
// themselves. Anything else in such an event would ride in on somebody else's signature.
bool Fold::brings_own_grant(const FoldEvent& in) const {
  const auto& event = *in.event;
  if (!is_membership(event) || event.writes.empty() || in.private_state != PrivateState::None) return false;
  return std::all_of(event.writes.begin(), event.writes.end(), [&](const model::Write& write) {
    const auto grant = write.replaced.empty() ? grant_in(write, incident_) : std::nullopt;
    if (!grant || !roster_.stands(*grant)) return false;
    return event.entity == EntityId(in.dot) ||
           event.entity == EntityId(model::external_name("key", model::key_id_of(grant->key).hex()));
  });
}

bool Fold::lets_in(const model::KeyId& author, const std::vector<FoldEvent>& events) const {
  std::vector<trust::Grant> brought;
  for (const auto& in : events) {
    if (!in.event) continue;
    if (!why_withheld(in)) return true;
    if (!is_membership(*in.event)) continue;
    for (const auto& write : in.event->writes) {
      if (auto grant = grant_in(write, incident_)) brought.push_back(std::move(*grant));
    }
  }
  return roster_.would_let_in(author, brought);
}

std::optional<Withheld> Fold::why_withheld(const FoldEvent& in) const {
  const bool author = roster_.may_write(in.dot.writer.author);
  if (author && (!in.event->actor || roster_.may_write(*in.event->actor))) return std::nullopt;
  if (brings_own_grant(in)) return std::nullopt;
  return author ? Withheld::ActorNotGranted : Withheld::NotGranted;
}

void Fold::withhold(const FoldEvent& in) {
  auto held = in;
  if (withheld_bytes_ + in.bytes > limits_.withheld_bytes_max) {
    held.event.reset();  // a grant for it will need a refold
    held.private_writes.clear();
  } else {
    withheld_bytes_ += in.bytes;
  }
  withheld_.emplace(in.dot, std::move(held));
  lists_changed_ = true;
}

void Fold::after_roster_change() {
  roster_changed_ = true;
  if (!withheld_.empty()) lists_changed_ = true;  // also why something is withheld may be another reason now
  for (const auto& id : let_in_) {
    if (!roster_.may_write(id)) needs_refold_ = true;
  }
  for (const auto& dot : strangers_) {
    for (const auto& grant : grants_[dot]) needs_refold_ = needs_refold_ || !roster_.stands(grant);
  }
  for (auto at = withheld_.begin(); at != withheld_.end();) {
    if (!at->second.event) {
      if (roster_.may_write(at->first.writer.author)) needs_refold_ = true;
      ++at;
    } else if (why_withheld(at->second)) {
      ++at;
    } else {
      const auto in = std::move(at->second);
      withheld_bytes_ -= std::min(withheld_bytes_, in.bytes);
      at = withheld_.erase(at);
      lists_changed_ = true;
      fold_event(in);
      make_rows_if_due();
    }
  }
}

// --- forks

bool Fold::is_cut(const Dot& dot) const {
  const auto found = forks_.find(dot.stream());
  return found != forks_.end() && found->second.from != 0 && dot.seq >= found->second.from;
}

void Fold::fork(const model::StreamId& of, std::uint64_t from) {
  if (from == 0) return;
  const auto base = of.base();
  auto& fork = forks_[base];
  if (fork.from != 0 && fork.from <= from) return;
  fork.from = from;
  lists_changed_ = true;
  for (const auto* seen : {&folded_, &unreadable_}) {
    const auto* runs = seen->of(base);
    if (runs != nullptr && runs->highest() >= from) needs_refold_ = true;
  }
  const auto held = withheld_.lower_bound(Dot{base.writer, base.cls, from});
  if (held != withheld_.end() && held->first.stream() == base) needs_refold_ = true;
}

std::map<model::StreamId, std::uint64_t> Fold::forks() const {
  std::map<model::StreamId, std::uint64_t> out;
  for (const auto& [base, fork] : forks_) {
    if (fork.from != 0) out[base] = fork.from;
  }
  return out;
}

Verdict Fold::note_branch(const FoldEvent& in) {
  lists_changed_ =
      forks_[in.dot.stream()].branches[{in.dot.writer, in.dot.cls, in.branch}].add(in.dot.seq) || lists_changed_;
  return Verdict::OnBranch;
}

void Fold::begin_again() {
  // Also what an earlier beginning left out and no publish has told yet.
  rows_.for_each([&](const EntityRow& row) { gone_.push_back(row.id); });
  for (const auto& [track, units] : units_of_) tracks_.touch(track);
  changed_.clear();
  open_.clear();
  rows_ = {};
  conflicts_ = {};
  linked_ = {};
  placeholders_ = {};
  deleted_ = {};
  entity_index_ = {};
  links_.clear();
  claimants_.clear();
  linked_from_.clear();
  units_of_.clear();
  with_newer_ = private_lacking_ = 0;
  own_conflicts_ = {};
  order_.clear();
  reorder_.clear();
  delta_.entities.clear();
  folded_.clear();
  unreadable_.clear();
  private_folded_.clear();
  withheld_.clear();
  withheld_bytes_ = 0;
  waiters_.clear();
  let_in_.clear();
  strangers_.clear();
  needs_refold_ = false;
  lists_changed_ = roster_changed_ = true;
  // What a cut event brought was never said.
  std::erase_if(grants_, [&](const auto& brought) { return is_cut(brought.first); });
  roster_ = trust::Roster(incident_, genesis_);
  offer_grants();
}

// --- folding

EntityState* Fold::find_state(const EntityId& id) {
  auto found = open_.find(id);
  if (found == open_.end()) {
    const auto* row = rows_.find(id);
    if (row == nullptr) return nullptr;
    found = open_.emplace(id, state_of(*row, *keys_)).first;
  }
  found->second->wanted = true;
  return found->second.get();
}

EntityState& Fold::entity_at(const EntityId& id) {
  if (auto* known = find_state(id)) return *known;
  auto& slot = open_[id];
  slot = std::make_unique<EntityState>();
  slot->id = id;
  slot->wanted = true;
  if (const auto* dot = id.dot(); dot != nullptr && !folded_.contains(*dot)) wait_for(*dot, *slot);
  return *slot;
}

void Fold::wait_for(const Dot& dot, const EntityState& entity) {
  auto& list = waiters_[dot];
  if (list.empty() || list.back() != entity.id) list.push_back(entity.id);
}

void Fold::touch(EntityState& entity) {
  if (std::exchange(entity.changed, true)) return;
  changed_.push_back(&entity);
}

void Fold::fold_event(const FoldEvent& in) {
  const auto& event = *in.event;
  const auto stamp = stamp_of(in.dot, event);
  auto& entity = entity_at(event.entity);
  keys_->put(in.dot.writer.author);
  if (event.actor) keys_->put(*event.actor);

  std::vector<Dot> awaited;
  merge_writes(entity.fields, event.record, event.writes, stamp, folded_, &awaited);
  for (const auto& dot : event.after) {
    if (dot == in.dot || folded_.contains(dot)) continue;
    insert_unique(entity.waits, dot);
    awaited.push_back(dot);
  }
  for (const auto& dot : awaited) wait_for(dot, entity);

  if (event.writes.empty()) {
    const auto same = [&](const StampPtr& s) { return s->dot.stream() == in.dot.stream(); };
    const auto at = std::find_if(entity.bare.begin(), entity.bare.end(), same);
    if (at == entity.bare.end()) {
      entity.bare.push_back(stamp);
    } else if ((*at)->dot.seq < in.dot.seq) {
      *at = stamp;
    }
    std::sort(entity.bare.begin(), entity.bare.end(), [](const auto& a, const auto& b) { return a->dot < b->dot; });
  }
  if (!entity.first || is_earlier(*stamp, *entity.first)) entity.first = stamp;
  if (!entity.last || is_earlier(*entity.last, *stamp)) entity.last = stamp;
  const auto seen = std::lower_bound(entity.records.begin(), entity.records.end(), event.record,
                                     [](const RecordSeen& r, std::uint16_t record) { return r.record < record; });
  if (seen == entity.records.end() || seen->record != event.record) {
    entity.records.insert(seen, {event.record, stamp});
  } else if (is_earlier(*stamp, *seen->first)) {
    seen->first = stamp;
  }
  if (event.entity == EntityId(in.dot)) entity.created = event.record;

  folded_.add(in.dot);
  const auto may_write = [&](const model::KeyId& id) { return roster_.may_write(id); };
  if (may_write(in.dot.writer.author) && (!event.actor || may_write(*event.actor))) {
    let_in_.insert(in.dot.writer.author);
    if (event.actor) let_in_.insert(*event.actor);
  } else {
    strangers_.insert(in.dot);
  }
  merge_private(entity, in, stamp);
  if (in.arrival >= entity.arrival) {
    entity.arrival = in.arrival;
    entity.arrived = in.arrived;
  }
  touch(entity);
  if (const auto found = waiters_.find(in.dot); found != waiters_.end()) {
    const auto waiting = std::move(found->second);
    waiters_.erase(found);
    for (const auto& id : waiting) {
      auto& other = *find_state(id);
      forget_awaited(other, in.dot);
      touch(other);
      make_rows_if_due();
    }
  }
}

// One event may change many records, and their states are not all to be in memory at once.
void Fold::make_rows_if_due() {
  if (changed_.size() >= limits_.open_states_max / 2 + rows_due_min) make_rows();
}

void Fold::merge_private(EntityState& entity, const FoldEvent& in, const StampPtr& stamp) {
  if (in.private_state == PrivateState::None) return;
  if (in.private_state == PrivateState::Lacking) {
    insert_unique(entity.private_lacking, in.dot);
    return;
  }
  merge_writes(entity.private_fields, in.event->record, in.private_writes, stamp, private_folded_, nullptr);
  private_folded_.add(in.dot);
  insert_unique(entity.private_here, in.dot);
  std::erase(entity.private_lacking, in.dot);
}

void Fold::add_private_later(const FoldEvent& in) {
  if (!in.event || in.private_state != PrivateState::Here || private_folded_.contains(in.dot)) return;
  auto* entity = find_state(in.event->entity);
  if (entity == nullptr) return;
  merge_private(*entity, in, stamp_of(in.dot, *in.event));
  touch(*entity);
}

std::vector<Dot> Fold::private_lacking() {
  make_rows();
  std::vector<Dot> out;
  rows_.for_each([&](const EntityRow& row) {
    if (row.private_lacking == 0) return;
    const auto state = state_of(row, *keys_);
    out.insert(out.end(), state->private_lacking.begin(), state->private_lacking.end());
  });
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace airbridge::picture
