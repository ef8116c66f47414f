#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "picture/test_world.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::RecordKind;

namespace {
const auto start = utc_from_ms(1'700'000'000'000);
model::Observation at_place(int number, int second, double lat, double lon) {
  model::Observation o;
  o.subject = model::external_name("icao", std::to_string(number));
  o.kind = model::SubjectKind::Aircraft;
  o.via = model::Via::Adsb;
  o.source = "test";
  o.measured = start + Milliseconds(second * 1000);
  o.position = *Position::from_degrees(lat, lon);
  return o;
}
model::Value place(double lat, double lon) {
  return model::to_value(model::Place{*Position::from_degrees(lat, lon), {}});
}
}  // namespace

TEST_CASE("publishing without a change gives the same picture again") {
  World w;
  auto fold = w.fold();
  CHECK(fold.published()->seq() == 0);
  fold.apply(w.grant(2));
  const auto first = fold.publish();
  CHECK(first->seq() == 1);
  CHECK(fold.publish() == first);
  fold.apply(w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "A")}));
  CHECK(fold.publish()->seq() == 2);
}

TEST_CASE("a reader's picture stays as it was while the fold goes on") {
  World w;
  auto fold = w.fold();
  fold.apply(w.grant(2));
  std::vector<FoldEvent> sites;
  for (int i = 0; i < 200; ++i) {
    sites.push_back(w.create(2, RecordKind::Site,
                             {write(RecordKind::Site, "name", std::to_string(i)),
                              write(RecordKind::Site, "place", place(47 + i * 0.001, 11))}));
    fold.apply(sites.back());
    fold.observe(at_place(i, 0, 47, 11 + i * 0.001), start);
  }
  const auto old = fold.publish();
  const auto before = text(*old);
  const auto box = *box_from_degrees(40, 0, 50, 20);
  const auto* row = old->entities().find_row(sites[7].dot);
  for (int i = 0; i < 200; ++i) {
    const auto& site = sites[static_cast<std::size_t>(i)];
    fold.apply(w.change(2, RecordKind::Site, site.dot, {write(RecordKind::Site, "place", place(10, 10), {site.dot})}));
    fold.observe(at_place(i, 1, -30, 100), start);
    if (i % 20 == 0) fold.publish();
  }
  fold.begin_again();
  const auto next = fold.publish();
  CHECK(text(*old) == before);
  CHECK(old->entities().find_row(sites[7].dot) == row);
  CHECK(old->entities_in(box).size() == 200);
  CHECK(old->tracks_in(box).size() == 200);
  CHECK(next->tracks_in(box).empty());
  CHECK(next->entities().empty());  // nothing was fed again yet
  CHECK(next->changes_since(old->seq())->removed_entities.size() == 201);
}

TEST_CASE("a publish makes anew the rows of what changed and no others") {
  World w;
  auto fold = w.fold();
  fold.apply(w.grant(2));
  std::vector<FoldEvent> sites;
  for (int i = 0; i < 300; ++i) {
    sites.push_back(w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", std::to_string(i))}));
    fold.apply(sites.back());
  }
  const auto old = fold.publish();
  const auto changed = model::EntityId(sites[17].dot);
  fold.apply(w.change(2, RecordKind::Site, sites[17].dot, {write(RecordKind::Site, "name", "new", {sites[17].dot})}));
  const auto next = fold.publish();
  std::size_t anew = 0;
  for (const auto* row : next->entities().sorted_rows()) anew += old->entities().find_row(row->id) == row ? 0 : 1;
  CHECK(anew == 1);
  CHECK(next->entities().find_row(changed) != old->entities().find_row(changed));
  const auto changes = next->changes_since(old->seq());
  REQUIRE(changes);
  CHECK(changes->entities == std::vector<model::EntityId>{changed});
}

TEST_CASE("when the fold begins again, what does not come back leaves the picture") {
  World w;
  auto fold = w.fold();
  fold.apply(w.grant(2));
  const auto stays = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "stays")});
  const auto goes = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "goes")});
  for (const auto& e : w.log) fold.apply(e);
  const auto old = fold.publish();
  fold.fork(goes.dot.stream(), goes.dot.seq);
  CHECK(fold.needs_refold());
  fold.begin_again();
  for (const auto& e : w.log) fold.apply(e);
  const auto next = fold.publish();
  CHECK(next->find(stays.dot) != nullptr);
  CHECK(next->find(goes.dot) == nullptr);
  const auto changes = next->changes_since(old->seq());
  REQUIRE(changes);
  CHECK(changes->removed_entities == std::vector<model::EntityId>{model::EntityId(goes.dot)});
}

TEST_CASE("things are found by place: boxes, nearest, lines and areas by their extent, deleted ones not") {
  World w;
  auto fold = w.fold();
  fold.apply(w.grant(2));
  const auto near_site = w.create(2, RecordKind::Site, {write(RecordKind::Site, "place", place(47.01, 11))});
  const auto far_site = w.create(2, RecordKind::Site, {write(RecordKind::Site, "place", place(48, 11))});
  const auto area = w.create(
      2, RecordKind::Hazard,
      {write(RecordKind::Hazard, "geometry",
             model::to_value(model::Geometry{model::Shape::Area,
                                             {*Position::from_degrees(46, 10), *Position::from_degrees(46, 12),
                                              *Position::from_degrees(49, 12), *Position::from_degrees(49, 10)},
                                             0}))});
  for (const auto& e : {near_site, far_site, area}) fold.apply(e);
  const auto from = *Position::from_degrees(47, 11);
  auto picture = fold.publish();
  CHECK(picture->entities_in(*box_from_degrees(46.5, 10.5, 46.6, 10.6)).size() == 1);
  const auto nearest = picture->nearest_entities(from, 2);
  REQUIRE(nearest.size() == 2);
  CHECK(nearest[0].view->id == model::EntityId(area.dot));
  CHECK(nearest[0].distance.value == 0);
  CHECK(nearest[1].view->id == model::EntityId(near_site.dot));
  CHECK(nearest[1].distance.value == doctest::Approx(1112).epsilon(0.01));
  fold.apply(w.change(2, RecordKind::Hazard, area.dot,
                      {write(RecordKind::Hazard, "deleted", true, picture->find(area.dot)->coverage)}));
  picture = fold.publish();
  CHECK(picture->entities_in(*box_from_degrees(46.5, 10.5, 46.6, 10.6)).empty());
  CHECK(picture->nearest_entities(from, 9).size() == 2);
  CHECK(picture->nearest_entities(from, 9, Metres{5000}).size() == 1);
}

TEST_CASE("a subscriber that applies the changes sees what the picture shows") {
  World w;
  Rng rng(5);
  auto fold = w.fold({.tracks_max = 30, .publishes_kept = 20});
  fold.apply(w.grant(2));
  std::map<model::EntityId, std::string> entities;
  std::map<model::EntityId, UtcTime> tracks;
  std::vector<FoldEvent> made;
  std::uint64_t seq = 0;
  int resyncs = 0;
  for (int round = 0; round < 400; ++round) {
    for (auto n = rng.below(4); n > 0; --n) {
      if (made.empty() || rng.chance(0.5)) {
        made.push_back(w.create(2, RecordKind::Task, {write(RecordKind::Task, "state", 1)}));
        fold.apply(made.back());
      } else {
        const auto& task = made[rng.below(made.size())];
        fold.apply(
            w.change(2, RecordKind::Task, task.dot,
                     {write(RecordKind::Task, "assignee", model::EntityId(made[rng.below(3) % made.size()].dot))}));
      }
    }
    fold.observe(at_place(static_cast<int>(rng.below(60)), round, 1, 1), start + Milliseconds(round * 1000));
    if (round % 50 == 49) fold.drop_lost_tracks(start + Milliseconds(round * 1000 + 570'000));
    if (round == 200) {
      fold.begin_again();
      for (const auto& e : w.log) {
        if (rng.chance(0.9)) fold.apply(e);
      }
    }
    const auto picture = fold.publish();
    if (rng.chance(0.8)) continue;
    if (round > 300 && round < 360) continue;  // away for long
    const auto changes = picture->changes_since(seq);
    if (!changes) {
      ++resyncs;
      entities.clear();
      tracks.clear();
      for (const auto& view : picture->entities().sorted()) entities[view->id] = text(*view);
      picture->tracks().for_each([&](const TrackView& t) { tracks[t.id] = t.measured(); });
    } else {
      for (const auto& id : changes->entities) entities[id] = text(*picture->find(id));
      for (const auto& id : changes->removed_entities) entities.erase(id);
      for (const auto& id : changes->tracks) tracks[id] = picture->find_track(id)->measured();
      for (const auto& id : changes->removed_tracks) tracks.erase(id);
    }
    seq = picture->seq();
    REQUIRE(entities.size() == picture->entities().size());
    for (const auto& [id, shown] : entities) REQUIRE(shown == text(*picture->find(id)));
    REQUIRE(tracks.size() == picture->tracks().size());
    for (const auto& [id, measured] : tracks) REQUIRE(picture->find_track(id)->measured() == measured);
  }
  CHECK(resyncs >= 1);
  CHECK_FALSE(fold.published()->changes_since(fold.published()->seq() + 1));  // of another life
  CHECK(fold.published()->changes_since(fold.published()->seq())->entities.empty());
}

TEST_CASE("the ids kept for subscribers are bounded") {
  World w;
  auto fold = w.fold({.delta_ids_max = 50});
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 10; ++i) fold.observe(at_place(i, round, 1, 1), start + Milliseconds(round * 1000));
    fold.publish();
  }
  CHECK(fold.published()->changes_since(16));
  CHECK_FALSE(fold.published()->changes_since(10));
}
