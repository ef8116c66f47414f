#include "picture/tracks.hpp"

#include <algorithm>
#include <tuple>

namespace airbridge::picture {
namespace {
using model::Observation;
using model::Via;

bool same_source(const Observation& a, const Observation& b) {
  return a.via == b.via && a.gateway == b.gateway && a.source == b.source;
}

// How far a source is trusted where two are about as new.
int trust_of(const Observation& o) {
  if (o.heard_only) return 0;
  switch (o.via) {
    case Via::Gnss:
      return 3;  // the node's own receiver
    case Via::Web:
    case Via::Cli:
    case Via::Node:
    case Via::Tak:
      return 2;  // a person or a device that says where it is
    default:
      return 1;
  }
}

void rank(std::vector<TrackSource>& sources) {
  if (sources.size() < 2) return;
  const auto newest = std::max_element(sources.begin(), sources.end(), [](const auto& a, const auto& b) {
                        return a.said->measured < b.said->measured;
                      })->said->measured;
  const auto key = [&](const TrackSource& s) {
    const bool fresh = s.said->measured + fusion_window >= newest;
    return std::tuple(fresh, fresh ? trust_of(*s.said) : 0, s.said->measured);
  };
  std::sort(sources.begin(), sources.end(), [&](const TrackSource& a, const TrackSource& b) {
    const auto x = key(a), y = key(b);
    if (x != y) return x > y;
    return std::tie(a.said->via, a.said->gateway, a.said->source) <
           std::tie(b.said->via, b.said->gateway, b.said->source);
  });
}

// Who is in distress is kept in the picture by any sign of life, others by their position.
UtcTime last_sign(const Observation& said) {
  return said.emergency.empty() ? said.measured : said.measured + said.heard_after;
}

UtcTime newest_of(const std::vector<TrackSource>& sources) {
  auto newest = last_sign(*sources.front().said);
  for (const auto& source : sources) newest = std::max(newest, last_sign(*source.said));
  return newest;
}

bool is_distressed(const std::vector<TrackSource>& sources) {
  return std::any_of(sources.begin(), sources.end(),
                     [](const auto& source) { return !source.said->emergency.empty(); });
}

template <class Member>
std::string_view first_filled(const std::vector<TrackSource>& sources, Member member) {
  for (const auto& source : sources) {
    const std::string& text = (*source.said).*member;
    if (!text.empty()) return text;
  }
  return {};
}
}  // namespace

std::string_view TrackView::callsign() const { return first_filled(sources, &Observation::callsign); }
std::string_view TrackView::team() const { return first_filled(sources, &Observation::team); }
std::string_view TrackView::role() const { return first_filled(sources, &Observation::role); }

UtcTime TrackView::stale_at() const {
  const auto& said = now();
  return said.measured + (said.stale_after.count() > 0 ? said.stale_after : model::stale_after(said.kind));
}
UtcTime TrackView::lost_at() const {
  const auto& said = now();
  return last_sign(said) + std::max(model::lost_after(said.kind), said.stale_after);
}

void Tracks::mark(State& state) {
  if (state.changed) return;
  state.changed = true;
  changed_.push_back(state.id);
}

std::vector<model::EntityId> Tracks::take_changed() {
  for (const auto& id : changed_) {
    if (const auto found = states_.find(id); found != states_.end()) found->second->changed = false;
  }
  return std::exchange(changed_, {});
}

void Tracks::touch(const model::EntityId& id) {
  if (const auto found = states_.find(id); found != states_.end()) mark(*found->second);
}

void Tracks::drop(Order::iterator at) {
  if (!at->changed) changed_.push_back(at->id);
  document_bytes_ -= at->document_bytes;
  states_.erase(at->id);
  order_.erase(at);
}

void Tracks::count_documents(State& state) {
  document_bytes_ -= state.document_bytes;
  state.document_bytes = 0;
  for (const auto& source : state.sources) state.document_bytes += source.said->document.size();
  document_bytes_ += state.document_bytes;
}

// A quarter more than need be, so that the walk is made seldom.
void Tracks::drop_documents() {
  if (document_bytes_ <= documents_bytes_max_) return;
  const auto goal = documents_bytes_max_ - documents_bytes_max_ / 4;
  for (auto& state : order_) {
    if (document_bytes_ <= goal) return;
    if (state.document_bytes == 0 || is_distressed(state.sources)) continue;
    for (auto& source : state.sources) {
      if (source.said->document.empty()) continue;
      auto without = *source.said;
      without.document = {};
      source.said = std::make_shared<const Observation>(std::move(without));
    }
    mark(state);
    count_documents(state);
  }
}

Observed Tracks::observe(Observation observation, UtcTime arrived) {
  TrackSource fresh;
  fresh.arrived = arrived;
  if (observation.measured > arrived + future_tolerance) {
    observation.measured = arrived;
    fresh.from_future = true;
  }
  auto found = states_.find(observation.subject);
  if (found != states_.end()) {
    auto& sources = found->second->sources;
    const auto same = std::find_if(sources.begin(), sources.end(),
                                   [&](const TrackSource& s) { return same_source(*s.said, observation); });
    const auto ahead = [&](const TrackSource& s) { return s.said->measured > arrived + future_tolerance; };
    // Of a position that is measured no more the rest may still be heard anew: an aircraft that squawks 7700.
    const auto age = [](const Observation& o) { return std::tuple(o.measured, o.heard_after); };
    if (same != sources.end() && age(observation) <= age(*same->said) && !ahead(*same)) return Observed::Late;
    if (observation.ended) {
      if (same == sources.end()) return Observed::Late;  // it never said anything here
      if (sources.size() == 1) {
        drop(found->second);
      } else {
        sources.erase(same);
        count_documents(*found->second);
        mark(*found->second);
      }
      return Observed::Taken;
    }
    const bool moved = fresh.from_future;
    fresh.said = std::make_shared<const Observation>(std::move(observation));
    if (same != sources.end()) {
      *same = std::move(fresh);
    } else {
      if (sources.size() >= sources_per_track_max) {
        sources.erase(std::min_element(sources.begin(), sources.end(),
                                       [](const auto& a, const auto& b) { return a.arrived < b.arrived; }));
      }
      sources.push_back(std::move(fresh));
    }
    // Stamped by a clock that was set back since: nobody can say how old it is, and it would hide what is new. Only a
    // call for help is kept, as if it came now.
    std::erase_if(sources, [&](const TrackSource& s) { return ahead(s) && s.said->emergency.empty(); });
    for (auto& source : sources) {
      if (!ahead(source)) continue;
      auto help = *source.said;
      help.measured = arrived;
      source.said = std::make_shared<const Observation>(std::move(help));
      source.from_future = true;
    }
    order_.splice(order_.end(), order_, found->second);
    mark(*found->second);
    count_documents(*found->second);
    drop_documents();
    return moved ? Observed::Moved : Observed::Taken;
  }
  if (tracks_max_ == 0 || observation.ended) return Observed::Late;
  if (states_.size() >= tracks_max_) drop(order_.begin());
  const bool moved = fresh.from_future;
  const auto id = observation.subject;
  fresh.said = std::make_shared<const Observation>(std::move(observation));
  order_.push_back({id, {std::move(fresh)}, false, 0});
  states_.emplace(id, std::prev(order_.end()));
  mark(order_.back());
  count_documents(order_.back());
  drop_documents();
  return moved ? Observed::Moved : Observed::Taken;
}

std::size_t Tracks::drop_lost(UtcTime now) {
  std::size_t dropped = 0;
  for (auto at = order_.begin(); at != order_.end();) {
    const auto next = std::next(at);
    const auto& kind = at->sources.front().said;
    const auto keep = std::max(model::lost_after(kind->kind), kind->stale_after);
    if (newest_of(at->sources) + keep <= now) {
      drop(at);
      ++dropped;
    }
    at = next;
  }
  return dropped;
}

std::shared_ptr<TrackView> Tracks::view(const model::EntityId& id) const {
  const auto found = states_.find(id);
  if (found == states_.end()) return nullptr;
  auto view = std::make_shared<TrackView>();
  view->id = id;
  view->sources = found->second->sources;
  rank(view->sources);
  return view;
}

}  // namespace airbridge::picture
