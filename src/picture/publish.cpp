// Fold::publish(): from the folded states that changed to the views of a new Picture.
#include <algorithm>

#include "picture/fold.hpp"

namespace airbridge::picture {
namespace {
using model::EntityId;
constexpr std::size_t same_as_group_max = 64;  // members listed; a larger group is cut

using Reverse = std::unordered_map<EntityId, std::set<EntityId>>;
void link(Reverse& reverse, const EntityId& to, const EntityId& from) { reverse[to].insert(from); }
void unlink(Reverse& reverse, const EntityId& to, const EntityId& from) {
  const auto found = reverse.find(to);
  if (found == reverse.end()) return;
  found->second.erase(from);
  if (found->second.empty()) reverse.erase(found);
}

bool is_indexed(const EntityView& view) { return view.position.has_value() && !view.deleted; }
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
void Fold::add_context(const EntityState& state, EntityView& view) const {
  const auto awaited = [&](const model::Dot& dot) { return !folded_.contains(dot) && !unreadable_.contains(dot); };
  if (view.placeholder && awaited(*state.id.dot())) view.waiting_for.push_back(state.id.dot()->writer.author);
  for (const auto& dot : state.waits) {
    if (awaited(dot)) view.waiting_for.push_back(dot.writer.author);
  }
  std::sort(view.waiting_for.begin(), view.waiting_for.end());
  view.waiting_for.erase(std::unique(view.waiting_for.begin(), view.waiting_for.end()), view.waiting_for.end());

  const auto links = links_.find(state.id);
  if (links != links_.end()) {
    view.tracks = links->second.tracks;
    for (const auto& claim : links->second.claims) {
      const auto claimants = claimants_.find(claim.unit);
      if (claimants == claimants_.end()) continue;
      for (const auto& other : claimants->second) {
        if (other != state.id) view.clashes.push_back({claim.key, claim.unit, other});
      }
    }
  }
  if (const auto claimants = claimants_.find(state.id); claimants != claimants_.end() && claimants->second.size() > 1)
    view.claimed_by.assign(claimants->second.begin(), claimants->second.end());
  for (const auto& clash : view.clashes) {
    const auto field =
        std::find_if(view.fields.begin(), view.fields.end(), [&](const FieldView& f) { return f.key == clash.key; });
    if (field == view.fields.end() || field->conflict) continue;
    field->conflict = true;
    view.conflicts.push_back(clash.key);
  }
  if (linked_from_.contains(state.id) || (links != links_.end() && !links->second.same_as.empty())) {
    view.same_as = group_of(state.id);
    view.same_as.erase(view.same_as.begin());
    std::sort(view.same_as.begin(), view.same_as.end());
  }
}

void Fold::set_view(const EntityId& id, std::shared_ptr<const EntityView> view) {
  const auto old = views_.find_shared(id);
  if (old) {
    if (is_indexed(*old)) entity_index_.remove({old->box, old.get()});
    if (!view || view->record != old->record) by_record_[old->record].erase(id);
    with_newer_ -= old->newer.empty() ? 0 : 1;
    private_lacking_ -= old->private_lacking.size();
  }
  if (!view) {
    for (auto* table : {&views_, &conflicts_, &linked_, &placeholders_, &deleted_}) table->erase(id);
    return;
  }
  if (is_indexed(*view)) entity_index_.add({view->box, view.get()});
  by_record_[view->record].put(view);
  with_newer_ += view->newer.empty() ? 0 : 1;
  private_lacking_ += view->private_lacking.size();
  conflicts_.set(view, view->revived || (!view->conflicts.empty() && !view->deleted));
  linked_.set(view, !view->same_as.empty());
  placeholders_.set(view, view->placeholder);
  deleted_.set(view, view->deleted);
  views_.put(std::move(view));
}

void Fold::publish_entities(Picture::Delta& delta) {
  struct Fresh {
    EntityState* state;
    std::shared_ptr<EntityView> view;
  };
  std::vector<Fresh> fresh;
  std::vector<EntityId> also;  // some more than once
  fresh.reserve(changed_.size());
  for (auto* state : std::exchange(changed_, {})) {
    auto view = std::make_shared<EntityView>(resolve(*state));
    relink(state->id, links_of(*view), also);
    fresh.push_back({state, std::move(view)});
  }
  for (const auto& id : std::exchange(gone_, {})) {
    if (find_state(id) != nullptr) continue;  // is back, and among the changed
    relink(id, {}, also);
    set_view(id, nullptr);
    delta.removed_entities.push_back(id);
  }
  for (const auto& id : also) {
    auto* state = find_state(id);
    if (state == nullptr || std::exchange(state->changed, true)) continue;
    fresh.push_back({state, std::make_shared<EntityView>(resolve(*state))});
  }
  delta.entities.reserve(fresh.size());
  for (auto& [state, view] : fresh) {
    state->changed = false;
    add_context(*state, *view);
    delta.entities.push_back(state->id);
    set_view(state->id, std::move(view));
  }
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
  auto delta = std::make_shared<Picture::Delta>();
  publish_entities(*delta);
  publish_tracks(*delta);
  if (delta->size() == 0 && !lists_changed_ && !roster_changed_) return published_;

  auto next = std::make_shared<Picture>();
  next->seq_ = delta->seq = published_->seq_ + 1;
  next->entities_ = views_.freeze();
  next->conflicts_ = conflicts_.freeze();
  next->linked_ = linked_.freeze();
  next->placeholders_ = placeholders_.freeze();
  next->deleted_ = deleted_.freeze();
  for (auto& [record, table] : by_record_) next->by_record_[record] = table.freeze();
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
  counts.entities = views_.size();
  counts.placeholders = placeholders_.size();
  counts.deleted = deleted_.size();
  counts.with_conflict = conflicts_.size();
  counts.with_newer_fields = with_newer_;
  counts.tracks = track_views_.size();
  counts.private_lacking = private_lacking_;

  next->deltas_ = published_->deltas_;
  next->deltas_.push_back(delta);
  delta_ids_ += delta->size();
  std::size_t drop = 0;
  while (next->deltas_.size() - drop > limits_.publishes_kept || delta_ids_ > limits_.delta_ids_max) {
    if (drop == next->deltas_.size()) break;
    delta_ids_ -= next->deltas_[drop++]->size();
  }
  next->deltas_.erase(next->deltas_.begin(), next->deltas_.begin() + static_cast<std::ptrdiff_t>(drop));
  lists_changed_ = roster_changed_ = false;
  published_ = std::move(next);
  return published_;
}

}  // namespace airbridge::picture
