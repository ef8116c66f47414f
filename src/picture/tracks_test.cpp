#include "picture/tracks.hpp"

#include <doctest/doctest.h>

#include "picture/test_world.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::Observation;
using model::RecordKind;
using model::Via;

namespace {
const auto start = utc_from_ms(1'700'000'000'000);
UtcTime after(int seconds) { return start + Milliseconds(seconds * 1000); }

Observation heard(std::string_view icao, int seconds, double lat = 47, Via via = Via::Adsb) {
  Observation o;
  o.subject = model::external_name("icao", icao);
  o.kind = model::SubjectKind::Helicopter;
  o.via = via;
  o.source = model::name_of(via);
  o.measured = after(seconds);
  o.position = *Position::from_degrees(lat, 11);
  o.heard_only = via == Via::Adsb;
  return o;
}
struct Node {
  World world;
  Fold fold = world.fold();
  const TrackView* see(std::string_view icao) { return fold.publish()->find_track(model::external_name("icao", icao)); }
};
}  // namespace

TEST_CASE("the newest position of a source stands and a late one is ignored") {
  Node n;
  CHECK(n.fold.observe(heard("a", 10, 47.1), after(10)) == Observed::Taken);
  CHECK(n.fold.observe(heard("a", 5, 47.2), after(11)) == Observed::Late);
  CHECK(n.fold.observe(heard("a", 10, 47.3), after(11)) == Observed::Late);
  CHECK(n.see("a")->now().position.latitude.degrees() == doctest::Approx(47.1));
  CHECK(n.fold.observe(heard("a", 12, 47.4), after(12)) == Observed::Taken);
  CHECK(n.see("a")->now().position.latitude.degrees() == doctest::Approx(47.4));
}

TEST_CASE("a position from the future is set back to its arrival and flagged") {
  Node n;
  CHECK(n.fold.observe(heard("a", 299), after(0)) == Observed::Taken);
  CHECK_FALSE(n.see("a")->sources[0].from_future);
  CHECK(n.fold.observe(heard("b", 301), after(0)) == Observed::Moved);
  CHECK(n.see("b")->sources[0].from_future);
  CHECK(n.see("b")->measured() == after(0));
}

TEST_CASE("a source that takes back its position ends its track, or leaves it to the other sources") {
  Node n;
  n.fold.observe(heard("a", 10, 47.1), after(10));
  n.fold.observe(heard("a", 11, 47.2, Via::Tak), after(11));
  auto end = heard("a", 12, 47.2, Via::Tak);
  end.ended = true;
  CHECK(n.fold.observe(end, after(12)) == Observed::Taken);
  CHECK(n.see("a")->now().position.latitude.degrees() == doctest::Approx(47.1));
  CHECK(n.fold.observe(end, after(12)) == Observed::Late);
  auto last = heard("a", 13);
  last.ended = true;
  auto too_old = heard("a", 9);
  too_old.ended = true;
  CHECK(n.fold.observe(too_old, after(13)) == Observed::Late);
  CHECK(n.fold.observe(last, after(13)) == Observed::Taken);
  CHECK(n.see("a") == nullptr);
  CHECK(n.fold.observe(last, after(13)) == Observed::Late);
  CHECK(n.fold.observe(heard("a", 14), after(14)) == Observed::Taken);
}

TEST_CASE("a clock that is set back does not freeze positions") {
  Node n;
  CHECK(n.fold.observe(heard("a", 3600, 47.1), after(3600)) == Observed::Taken);
  CHECK(n.fold.observe(heard("a", 3601, 47.2, Via::Tak), after(3601)) == Observed::Taken);
  // The clock was an hour ahead and is right now.
  CHECK(n.fold.observe(heard("a", 10, 47.3), after(10)) == Observed::Taken);
  CHECK(n.see("a")->now().position.latitude.degrees() == doctest::Approx(47.3));
  CHECK(n.see("a")->sources.size() == 1);  // what only the wrong clock dated is forgotten
  CHECK(n.fold.observe(heard("a", 9, 47.4), after(11)) == Observed::Late);
  // A stamp a little ahead stands as before.
  CHECK(n.fold.observe(heard("b", 290, 47.1), after(0)) == Observed::Taken);
  CHECK(n.fold.observe(heard("b", 1, 47.2), after(1)) == Observed::Late);
}

TEST_CASE("one object heard by several sources is one track with all of them listed") {
  Node n;
  auto tak = heard("a", 10, 47.2, Via::Tak);
  tak.callsign = "RESCUE 1";
  n.fold.observe(heard("a", 12, 47.1), after(12));
  n.fold.observe(tak, after(12));
  REQUIRE(n.see("a")->sources.size() == 2);
  CHECK(n.see("a")->now().via == Via::Tak);  // about as new, and trusted more than a broadcast
  CHECK_FALSE(n.see("a")->now().heard_only);
  n.fold.observe(heard("a", 13, 47.3, Via::Gnss), after(13));
  CHECK(n.see("a")->now().via == Via::Gnss);
  n.fold.observe(heard("a", 40, 47.4), after(40));
  CHECK(n.see("a")->now().via == Via::Adsb);  // the others are old by now
  CHECK(n.see("a")->callsign() == "RESCUE 1");
}

TEST_CASE("staleness is a question with the time as argument, by kind or as the source says") {
  Node n;
  n.fold.observe(heard("a", 0), after(0));
  CHECK_FALSE(n.see("a")->is_stale(after(29)));
  CHECK(n.see("a")->is_stale(after(30)));
  auto slow = heard("b", 0);
  slow.stale_after = Milliseconds(3'600'000);
  n.fold.observe(slow, after(0));
  CHECK_FALSE(n.see("b")->is_stale(after(3599)));
  CHECK(n.fold.drop_lost_tracks(after(599)) == 0);
  CHECK(n.fold.drop_lost_tracks(after(600)) == 1);
  CHECK(n.see("a") == nullptr);
  CHECK(n.see("b") != nullptr);
}

TEST_CASE("at the limit the track heard longest ago goes") {
  World world;
  auto fold = world.fold({.tracks_max = 3});
  for (const auto* icao : {"a", "b", "c"}) fold.observe(heard(icao, 0), after(0));
  fold.observe(heard("a", 1), after(1));
  fold.publish();
  fold.observe(heard("d", 2), after(2));
  const auto picture = fold.publish();
  CHECK(picture->tracks().size() == 3);
  CHECK(picture->find_track(model::external_name("icao", "b")) == nullptr);
  CHECK(picture->find_track(model::external_name("icao", "a")) != nullptr);
  CHECK(picture->changes_since(1)->removed_tracks.size() == 1);
}

TEST_CASE("sources of one track are bounded") {
  Node n;
  for (int i = 0; i < 50; ++i) {
    auto o = heard("a", i, 47, Via::Tak);
    o.source = std::to_string(i);
    n.fold.observe(o, after(i));
  }
  CHECK(n.see("a")->sources.size() == sources_per_track_max);
  CHECK(n.see("a")->now().source == "49");
}

TEST_CASE("a unit that is linked to a live track shows as one with it") {
  Node n;
  n.fold.apply(n.world.grant(2));
  const auto subject = model::external_name("icao", "a");
  const auto unit = n.world.create(
      2, RecordKind::Unit,
      {write(RecordKind::Unit, "callsign", "HELI"), write(RecordKind::Unit, "track", model::EntityId(subject))});
  n.fold.observe(heard("a", 0, 47.5), after(0));
  CHECK_FALSE(n.see("a")->unit);
  n.fold.apply(unit);
  CHECK(n.see("a")->unit == model::EntityId(unit.dot));
  const auto picture = n.fold.publish();
  REQUIRE(picture->track_of(*picture->find(unit.dot)) != nullptr);
  CHECK(picture->position_of(*picture->find(unit.dot))->latitude.degrees() == doctest::Approx(47.5));
  n.fold.apply(
      n.world.change(2, RecordKind::Unit, unit.dot, {write(RecordKind::Unit, "track", model::Value(), {unit.dot})}));
  CHECK_FALSE(n.see("a")->unit);
}

TEST_CASE("tracks leave the state hash alone") {
  Node n;
  const auto before = n.fold.state_hash();
  n.fold.observe(heard("a", 0), after(0));
  n.fold.publish();
  CHECK(n.fold.state_hash() == before);
}

TEST_CASE("what is heard anew of a position that is measured no more is taken, in any order of arrival") {
  Node n;
  CHECK(n.fold.observe(heard("a", 10, 47.1), after(10)) == Observed::Taken);
  auto squawks = heard("a", 10, 47.1);
  squawks.heard_after = Milliseconds(4'000);
  squawks.squawk = "7700";
  squawks.emergency = "general";
  CHECK(n.fold.observe(squawks, after(14)) == Observed::Taken);
  CHECK(n.see("a")->now().emergency == "general");
  CHECK(n.fold.observe(squawks, after(15)) == Observed::Late);
  CHECK(n.fold.observe(heard("a", 10, 47.1), after(15)) == Observed::Late);  // by another way, later
  CHECK(n.see("a")->now().squawk == "7700");
  // Its last sign keeps it in the picture.
  CHECK(n.see("a")->lost_at() == after(14) + model::lost_after(model::SubjectKind::Helicopter));
}

TEST_CASE("source documents are bounded in bytes, those heard longest ago go, those in distress stay") {
  Tracks tracks(1'000, 100'000);
  const auto say = [&](const std::string& name, int seconds, std::size_t size, std::string_view emergency = {}) {
    auto o = heard(name, seconds, 47.1, Via::Tak);
    o.document = Bytes(size);
    o.emergency = emergency;
    CHECK(tracks.observe(o, after(seconds)) == Observed::Taken);
  };
  const auto document_of = [&](const std::string& name) {
    return tracks.view(model::external_name("icao", name))->now().document.size();
  };
  say("distress", 0, 10'000, "general");
  for (int i = 1; i <= 100; ++i) {
    say("t" + std::to_string(i), i, 5'000);
    CHECK(tracks.document_bytes() <= 100'000);
  }
  CHECK(tracks.size() == 101);
  CHECK(document_of("distress") == 10'000);
  CHECK(document_of("t1") == 0);
  CHECK(document_of("t100") == 5'000);
  say("t100", 200, 100);
  say("t99", 200, 0);
  tracks.drop_lost(after(2'000'000));
  CHECK(tracks.document_bytes() == 0);
}
