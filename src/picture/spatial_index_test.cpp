#include "picture/spatial_index.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/rng.hpp"

using namespace airbridge;
using namespace airbridge::picture;

namespace {
Position at(double lat, double lon) { return *Position::from_degrees(lat, lon); }

model::Geometry shape(model::Shape kind, std::vector<Position> points, double radius_m = 0) {
  return {kind, std::move(points), radius_m};
}

// Items in clumps, along the antimeridian, at the poles, and boxes of all sizes.
Box random_box(Rng& rng) {
  const auto pick = rng.below(10);
  const double lat = pick < 3 ? 47 + rng.unit() : pick == 3 ? 90 - 2 * rng.unit() : -90 + 180 * rng.unit();
  double lon = pick < 3 ? 11 + rng.unit() : pick < 6 ? 179 + 2 * rng.unit() : -180 + 360 * rng.unit();
  if (lon > 180) lon -= 360;
  const auto point = at(std::min(lat, 90.0), lon);
  if (rng.chance(0.7)) return box_of(point);
  return box_of(shape(model::Shape::Circle, {point}, 10 + rng.unit() * (rng.chance(0.2) ? 900'000 : 20'000)));
}

// The slow twin of everything the index answers.
struct Loop {
  std::vector<SpatialItem> items;
  std::set<const void*> in(const Box& box) const {
    std::set<const void*> out;
    for (const auto& item : items) {
      if (overlap(item.box, box)) out.insert(item.what);
    }
    return out;
  }
  std::vector<double> nearest(const Position& from, std::size_t k, double reach) const {
    std::vector<double> all;
    for (const auto& item : items) {
      const auto d = distance_to(item.box, from).value;
      if (d <= reach) all.push_back(d);
    }
    std::sort(all.begin(), all.end());
    if (all.size() > k) all.resize(k);
    return all;
  }
};

std::set<const void*> found_in(const SpatialIndex& index, const Box& box) {
  std::set<const void*> out;
  index.query(box, [&](const SpatialItem& item) { CHECK(out.insert(item.what).second); });
  return out;
}
}  // namespace

TEST_CASE("boxes refuse what is off the earth and may run across the antimeridian") {
  CHECK_FALSE(box_from_degrees(10, 0, 5, 1));
  CHECK_FALSE(box_from_degrees(-91, 0, 5, 1));
  CHECK_FALSE(box_from_degrees(0, 0, 5, 181));
  CHECK_FALSE(box_from_degrees(std::nan(""), 0, 5, 1));
  const auto pacific = *box_from_degrees(-20, 170, 20, -170);
  CHECK(pacific.wraps());
  CHECK(contains(pacific, at(0, 179.9)));
  CHECK(contains(pacific, at(0, -179.9)));
  CHECK_FALSE(contains(pacific, at(0, 0)));
  CHECK(contains(*box_from_degrees(-20, 170, 20, 180), at(0, 180)));  // 180 is -180
  CHECK(overlap(pacific, *box_from_degrees(0, -175, 1, -100)));
  CHECK_FALSE(overlap(pacific, *box_from_degrees(0, -165, 1, -100)));
}

TEST_CASE("a shape's box goes the short way round and a circle at a pole gets all longitudes") {
  const auto line = box_of(shape(model::Shape::Line, {at(-17, 179.5), at(-18, -179.5)}));
  CHECK(line.wraps());
  CHECK(contains(line, at(-17.5, 180)));
  CHECK_FALSE(contains(line, at(-17.5, 0)));
  const auto polar = box_of(shape(model::Shape::Circle, {at(89.99, 20)}, 5000));
  CHECK(contains(polar, at(90, -150)));
  CHECK(contains(polar, at(89.98, -150)));
  const auto circle = box_of(shape(model::Shape::Circle, {at(60, 10)}, 1000));
  CHECK(distance_between(at(60, 10), at(60, circle.east * 1e-7)).value == doctest::Approx(1000).epsilon(0.01));
}

TEST_CASE("the distance to a box is that to its nearest point") {
  Rng rng(4);
  for (int i = 0; i < 300; ++i) {
    const double south = -80 + 150 * rng.unit(), west = -180 + 359 * rng.unit();
    const double tall = 10 * rng.unit(), wide = std::min(100 * rng.unit(), 180 - west);
    const auto box = *box_from_degrees(south, west, south + tall, west + wide);
    const auto from = at(-90 + 180 * rng.unit(), -180 + 360 * rng.unit());
    double best = 1e9;  // by trying points of a fine grid
    for (int y = 0; y <= 60; ++y) {
      for (int x = 0; x <= 60; ++x) {
        best = std::min(best, distance_between(from, at(south + tall * y / 60, west + wide * x / 60)).value);
      }
    }
    const auto got = distance_to(box, from).value;
    CAPTURE(i);
    CHECK(got <= best + 0.5);
    if (!contains(box, from)) CHECK(got >= best - 120'000);  // the grid is coarse, 1.7 degrees at most
    if (contains(box, from)) CHECK(got == 0);
  }
}

TEST_CASE("the index answers what a loop over all items answers, while items come and go") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    SpatialEditor index;
    Loop loop;
    std::vector<char> names(4000);
    std::size_t next = 0;
    for (int step = 0; step < 2500; ++step) {
      if (loop.items.empty() || (rng.chance(0.7) && step < 1800)) {
        loop.items.push_back({random_box(rng), &names[next++]});
        index.add(loop.items.back());
      } else {
        const auto at_item = loop.items.begin() + static_cast<std::ptrdiff_t>(rng.below(loop.items.size()));
        REQUIRE(index.remove(*at_item));
        CHECK_FALSE(index.remove(*at_item));
        loop.items.erase(at_item);
      }
      if (step % 50 != 0) continue;
      REQUIRE(index.size() == loop.items.size());
      const auto box = rng.chance(0.3)   ? *box_from_degrees(-60, 175, 60, -175)
                       : rng.chance(0.5) ? *box_from_degrees(47.2, 11.2, 47.6, 11.6)
                                         : random_box(rng);
      REQUIRE(found_in(index, box) == loop.in(box));
      const auto centre = random_box(rng);
      const auto from = *Position::from_e7(centre.south, centre.west);
      const double reach = rng.chance(0.5) ? 1e9 : 50'000;
      const auto near = index.nearest(from, 12, {reach});
      const auto want = loop.nearest(from, 12, reach);
      REQUIRE(near.size() == want.size());
      for (std::size_t i = 0; i < want.size(); ++i) CHECK(near[i].distance.value == doctest::Approx(want[i]));
    }
  }
}

TEST_CASE("what was frozen does not change") {
  Rng rng(9);
  SpatialEditor index;
  std::vector<char> names(600);
  std::vector<SpatialItem> items;
  for (int i = 0; i < 300; ++i) {
    items.push_back({random_box(rng), &names[static_cast<std::size_t>(i)]});
    index.add(items.back());
  }
  const auto whole = *box_from_degrees(-90, -180, 90, 180);
  const auto old = index.freeze();
  const auto before = found_in(old, whole);
  for (int i = 0; i < 250; ++i) index.remove(items[static_cast<std::size_t>(i)]);
  for (int i = 300; i < 600; ++i) index.add({random_box(rng), &names[static_cast<std::size_t>(i)]});
  CHECK(found_in(old, whole) == before);
  CHECK(before.size() == 300);
  CHECK(found_in(index, whole).size() == 350);
}

TEST_CASE("many items at one point are found") {
  SpatialEditor index;
  std::vector<char> names(500);
  for (auto& name : names) index.add({box_of(at(1, 2)), &name});
  CHECK(found_in(index, box_of(at(1, 2))).size() == 500);
  for (auto& name : names) CHECK(index.remove({box_of(at(1, 2)), &name}));
  CHECK(index.size() == 0);
  CHECK(index.nearest(at(1, 2), 3).empty());
}
