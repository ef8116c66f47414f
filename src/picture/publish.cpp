// Fold::publish(): from the folded states that changed to the views of a new Picture.
#include <algorithm>

#include "picture/fold.hpp"

namespace airbridge::picture {
namespace {
using model::EntityId;
constexpr std::size_t reorder_min = 1'000;
constexpr std::size_t views_at_once = 2'000;
constexpr std::size_t clashes_max = 64;        // of one record listed; the conflict of a unit has all that claim it
constexpr std::size_t same_as_group_max = 64;  // members listed; a larger group is cut

using Reverse = std::unordered_map<EntityId, std::set<EntityId>>;
void link(Reverse& reverse, const EntityId& to, const EntityId& from) { reverse[to].insert(from); }
void unlink(Reverse& reverse, const EntityId& to, const EntityId& from) {
  const auto found = reverse.find(to);
  if (found == reverse.end()) return;
  found->second.erase(from);
  if (found->second.empty()) reverse.erase(found);
}

bool is_indexed(const EntityRow& row) { return row.placed && !row.deleted; }
}  // namespace

std::vector<EntityId> Fold::group_of(const EntityId& id) const {
  std::vector<EntityId> group{id};
  const auto visit = [&](const EntityId& next) {
    if (group.size() < same_as_group_max && std::find(group.begin(), group.end(), next) == group.end()) {
      group.push_back(next);
    }
  };
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto at = group[i];
    if (const auto found = links_.find(at); found != links_.end()) {
      for (const auto& next : found->second.same_as) visit(next);
    }
    if (const auto found = linked_from_.find(at); found != linked_from_.end()) {
      for (const auto& next : found->second) visit(next);
    }
  }
  return group;
}

// Takes the entity's new links in; adds to `also` those whose views depend on what changed.
void Fold::relink(const EntityId& id, Links links, std::vector<EntityId>& also) {
  const auto found = links_.find(id);
  const Links old = found == links_.end() ? Links{} : found->second;
  if (old == links) return;
  const auto note_all = [&] {
    for (const auto& other : group_of(id)) also.push_back(other);
    const auto current = links_.find(id);
    if (current == links_.end()) return;
    for (const auto& claim : current->second.claims) {
      const auto& claimants = claimants_[claim.unit];
      also.insert(also.end(), claimants.begin(), claimants.end());
      also.push_back(claim.unit);
    }
    for (const auto& track : current->second.tracks) tracks_.touch(track);
  };
  note_all();
  for (const auto& claim : old.claims) unlink(claimants_, claim.unit, id);
  for (const auto& other : old.same_as) unlink(linked_from_, other, id);
  for (const auto& track : old.tracks) unlink(units_of_, track, id);
  for (const auto& claim : links.claims) link(claimants_, claim.unit, id);
  for (const auto& other : links.same_as) link(linked_from_, other, id);
  for (const auto& track : links.tracks) link(units_of_, track, id);
  if (links == Links{}) {
    links_.erase(id);
  } else {
    links_[id] = std::move(links);
  }
  note_all();
}

// What the entity's own state does not tell: claims of others, the group it is in, which nodes are awaited.
RowContext Fold::context_of(const EntityState& state, const EntityView& view) const {
  RowContext context;
  const auto awaited = [&](const model::Dot& dot) { return !folded_.contains(dot) && !unreadable_.contains(dot); };
  auto& waiting_for = context.waiting_for;
  if (view.placeholder && awaited(*state.id.dot())) waiting_for.push_back(state.id.dot()->writer.author);
  for (const auto& dot : state.waits) {
    if (awaited(dot)) waiting_for.push_back(dot.writer.author);
  }
  std::sort(waiting_for.begin(), waiting_for.end());
  waiting_for.erase(std::unique(waiting_for.begin(), waiting_for.end()), waiting_for.end());

  const auto links = links_.find(state.id);
  if (links != links_.end()) {
    context.tracks = links->second.tracks;
    for (const auto& claim : links->second.claims) {
      const auto claimants = claimants_.find(claim.unit);
      if (claimants == claimants_.end()) continue;
      for (const auto& other : claimants->second) {
        if (context.clashes.size() >= clashes_max) break;
        if (other != state.id) context.clashes.push_back({claim.key, claim.unit, other});
      }
    }
  }
  if (const auto claimants = claimants_.find(state.id); claimants != claimants_.end() && claimants->second.size() > 1)
    context.claimed_by.assign(claimants->second.begin(), claimants->second.end());
  if (linked_from_.contains(state.id) || (links != links_.end() && !links->second.same_as.empty())) {
    context.same_as = group_of(state.id);
    context.same_as.erase(context.same_as.begin());
    std::sort(context.same_as.begin(), context.same_as.end());
  }
  return context;
}

// `view`: as resolve() made it.
void Fold::set_row(RowPtr row, const EntityView& view) {
  const auto old = rows_.find_shared(row->id);
  if (old) {
    if (is_indexed(*old)) entity_index_.remove({old->box, old.get()});
    with_newer_ -= old->has_newer ? 1 : 0;
    private_lacking_ -= old->private_lacking;
    own_conflicts_.all -= old->conflicts.all;
    own_conflicts_.urgent -= old->conflicts.urgent;
  }
  if (is_indexed(*row)) entity_index_.add({row->box, row.get()});
  with_newer_ += row->has_newer ? 1 : 0;
  private_lacking_ += row->private_lacking;
  own_conflicts_.all += row->conflicts.all;
  own_conflicts_.urgent += row->conflicts.urgent;
  const bool clashes = row->context && !row->context->clashes.empty();
  conflicts_.set(row, view.revived || ((!view.conflicts.empty() || clashes) && !view.deleted));
  linked_.set(row, row->context && !row->context->same_as.empty());
  placeholders_.set(row, view.placeholder);
  deleted_.set(row, view.deleted);
  reorder_.push_back(row->id);
  rows_.put(std::move(row));
}

// The rows of what changed, and of those whose views depend on it.
void Fold::make_rows() {
  std::vector<EntityId> also;  // some more than once
  const auto changed = std::exchange(changed_, {});
  // Views are kept for the second round where they are few.
  const bool few = changed.size() <= views_at_once;
  std::vector<EntityView> views;
  for (const auto* state : changed) {
    auto view = resolve(*state);
    relink(state->id, links_of(view), also);
    if (few) views.push_back(std::move(view));
  }
  const auto settle = [&](EntityState& state, const EntityView& view) {
    state.changed = false;
    if (delta_.entities.size() < limits_.delta_ids_max) {
      delta_.entities.push_back(state.id);
    } else {
      delta_is_cut_ = true;
    }
    set_row(make_row(state, view, context_of(state, view), *keys_), view);
  };
  for (std::size_t i = 0; i < changed.size(); ++i) settle(*changed[i], few ? views[i] : resolve(*changed[i]));
  std::sort(also.begin(), also.end());
  also.erase(std::unique(also.begin(), also.end()), also.end());
  const std::set<const EntityState*> done =
      also.empty() ? std::set<const EntityState*>{} : std::set<const EntityState*>(changed.begin(), changed.end());
  for (const auto& id : also) {
    auto* state = find_state(id);
    if (state != nullptr && !done.contains(state)) settle(*state, resolve(*state));
  }
  put_states_away();
  // Until then it keeps rows that are superseded.
  if (reorder_.size() > order_.size() / 32 + reorder_min) refresh_order();
}

// Those that nothing was said about since the last time go first.
void Fold::put_states_away() {
  if (open_.size() <= limits_.open_states_max) return;
  std::erase_if(open_, [](const auto& item) { return !std::exchange(item.second->wanted, false); });
  for (auto at = open_.begin(); at != open_.end() && open_.size() > limits_.open_states_max;) at = open_.erase(at);
}

void Fold::publish_tracks(Picture::Delta& delta) {
  for (const auto& id : tracks_.take_changed()) {
    const auto* old = track_views_.find(id);
    if (old != nullptr) track_index_.remove({old->box(), old});
    auto view = tracks_.view(id);
    if (!view) {
      if (track_views_.erase(id)) delta.removed_tracks.push_back(id);
      continue;
    }
    if (const auto unit = units_of_.find(id); unit != units_of_.end()) view->unit = *unit->second.begin();
    track_index_.add({view->box(), view.get()});
    track_views_.put(std::move(view));
    delta.tracks.push_back(id);
  }
}

void Fold::continue_after(std::uint64_t seq) {
  publish();
  auto next = std::make_shared<Picture>(*published_);
  next->seq_ = std::max(seq, published_->seq_) + 1;
  next->deltas_.clear();
  delta_ids_ = 0;
  published_ = std::move(next);
}

PicturePtr Fold::publish() {
  make_rows();
  auto delta = std::make_shared<Picture::Delta>(std::exchange(delta_, {}));
  std::erase_if(gone_, [&](const EntityId& id) { return rows_.find(id) != nullptr; });
  delta->removed_entities = std::exchange(gone_, {});
  publish_tracks(*delta);
  if (delta->size() == 0 && !lists_changed_ && !roster_changed_) return published_;

  auto next = std::make_shared<Picture>();
  next->seq_ = delta->seq = published_->seq_ + 1;
  next->entities_ = rows_.freeze();
  next->keys_ = keys_;
  next->conflicts_ = conflicts_.freeze();
  next->linked_ = linked_.freeze();
  next->placeholders_ = placeholders_.freeze();
  next->deleted_ = deleted_.freeze();
  next->tracks_ = track_views_.freeze();
  next->entity_index_ = entity_index_.freeze();
  next->track_index_ = track_index_.freeze();
  next->roster_ = roster_changed_ ? std::make_shared<const trust::Roster>(roster_) : published_->roster_;
  next->withheld_ = published_->withheld_;
  next->forks_ = published_->forks_;

  auto& counts = next->counts_ = published_->counts_;
  if (lists_changed_) {
    auto withheld = std::make_shared<std::vector<WithheldEvent>>();
    for (const auto& [dot, in] : withheld_) {
      if (withheld->size() >= limits_.withheld_listed_max) break;
      const bool actor = in.event && roster_.may_write(dot.writer.author);
      withheld->push_back({dot, actor ? Withheld::ActorNotGranted : Withheld::NotGranted, in.arrival});
    }
    next->withheld_ = std::move(withheld);
    auto forks = std::make_shared<std::vector<Fork>>();
    counts.on_branches = 0;
    for (const auto& [base, state] : forks_) {
      if (state.from == 0) continue;
      Fork fork{base, state.from, {}};
      for (const auto& [stream, runs] : state.branches) {
        if (stream.branch.from != state.from) continue;
        fork.branches.push_back({stream, runs.count()});
        counts.on_branches += runs.count();
      }
      forks->push_back(std::move(fork));
    }
    next->forks_ = std::move(forks);
  }
  counts.folded = folded_.count();
  counts.withheld = withheld_.size();
  counts.unreadable = unreadable_.count();
  counts.entities = rows_.size();
  counts.placeholders = placeholders_.size();
  counts.deleted = deleted_.size();
  counts.with_conflict = conflicts_.size();
  counts.with_newer_fields = with_newer_;
  counts.tracks = track_views_.size();
  counts.private_lacking = private_lacking_;
  counts.own_conflicts = own_conflicts_;

  next->deltas_ = published_->deltas_;
  next->deltas_.push_back(delta);
  delta_ids_ += delta->size();
  std::size_t drop = 0;
  const bool is_cut = std::exchange(delta_is_cut_, false);  // who asks takes everything anew
  while (is_cut || next->deltas_.size() - drop > limits_.publishes_kept || delta_ids_ > limits_.delta_ids_max) {
    if (drop == next->deltas_.size()) break;
    delta_ids_ -= next->deltas_[drop++]->size();
  }
  next->deltas_.erase(next->deltas_.begin(), next->deltas_.begin() + static_cast<std::ptrdiff_t>(drop));
  lists_changed_ = roster_changed_ = false;
  published_ = std::move(next);
  return published_;
}

}  // namespace airbridge::picture
